from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from http.client import IncompleteRead
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    PaginationError,
    ReadTimeoutError,
)

from bedrock_jobs.simulator import (
    AccessDenied,
    ConnectionReset,
    EmptyDocument,
    ExpiredCredentials,
    Fault,
    HalfBody,
    Hang,
    Latency,
    MalformedJson,
    RawBody,
    ReplaceMember,
    ServerError,
    ServiceError,
    SimulatedJob,
    Simulator,
    Slow,
    TaggingLags,
    Throttle,
    TokenExpires,
    TokenLoops,
    Unreachable,
    completes,
    fails,
)

from .conftest import NOW

GET = 'GetModelCustomizationJob'
LIST = 'ListModelCustomizationJobs'


@pytest.fixture
def jobs(simulator: Simulator) -> list[SimulatedJob]:
    at = NOW - timedelta(days=1)
    return [
        simulator.add_job('us-east-1', name=name, timeline=make(at), tags={'team': 'a'})
        for name, make in (('one', completes), ('two', fails), ('three', completes))
    ]


def outcome(action: Callable[[], Any]) -> str:
    """Return how a call ended: 'ok', AWS's error code, or the name of botocore's exception."""
    try:
        action()
    except ClientError as error:
        return error.response['Error']['Code']
    except Exception as error:
        return type(error).__name__
    return 'ok'


def outcomes(client: Any, count: int = 1, job: str = 'one') -> list[str]:
    return [outcome(lambda: client.get_model_customization_job(jobIdentifier=job)) for _ in range(count)]


@pytest.mark.parametrize(
    ('fault', 'codes'),
    [
        (Throttle, ['ThrottlingException', 'ThrottledException', 'Throttling', 'SlowDown']),
        (AccessDenied, ['AccessDeniedException', 'AccessDeniedException', 'AccessDenied', 'AccessDenied']),
        (ServerError, ['InternalServerException', 'InternalServiceException', 'InternalFailure', 'InternalError']),
        (ExpiredCredentials, ['ExpiredTokenException', 'ExpiredTokenException', 'ExpiredToken', 'ExpiredToken']),
    ],
)
def test_each_service_refuses_in_its_own_words(
    simulator: Simulator, connect: Callable[..., Any], fault: type[Fault], codes: list[str]
) -> None:
    simulator.faults.add(fault())
    actions = [
        connect('bedrock').list_model_customization_jobs,
        connect('resourcegroupstaggingapi').get_resources,
        connect('sts').get_caller_identity,
        lambda: connect('s3').list_objects_v2(Bucket='example-bucket'),
    ]
    assert [outcome(action) for action in actions] == codes
    assert [request.error for request in simulator.requests] == codes


def test_where_a_fault_strikes(simulator: Simulator, connect: Callable[..., Any], jobs: list[SimulatedJob]) -> None:
    east, west, other = connect('bedrock'), connect('bedrock', 'us-west-2'), connect('bedrock', account='210987654321')

    def struck(**where: Any) -> list[str]:
        with simulator.faults.during(AccessDenied(**where)):
            calls = [
                east.list_model_customization_jobs,
                west.list_model_customization_jobs,
                other.list_model_customization_jobs,
                lambda: east.get_model_customization_job(jobIdentifier='one'),
                lambda: east.get_model_customization_job(jobIdentifier=jobs[1].arn),
                lambda: east.list_tags_for_resource(resourceARN=jobs[1].arn),
            ]
            return ''.join('.' if outcome(call) == 'ok' else 'x' for call in calls)

    assert struck(operation=LIST) == 'xxx...'
    assert struck(region='us-west-2') == '.x....'
    assert struck(account='210987654321') == '..x...'
    assert struck(job='one') == '...x..'
    assert struck(job=jobs[1].id) == '....xx'
    assert struck(job=jobs[1].arn, operation='ListTagsForResource') == '.....x'
    assert struck(job='absent') == '......'


def test_how_often_a_fault_strikes(simulator: Simulator, bedrock: Any, jobs: list[SimulatedJob]) -> None:
    with simulator.faults.during(ServerError(skip=1, times=2)) as fault:
        assert [result == 'ok' for result in outcomes(bedrock, 5)] == [True, False, False, True, True]
        assert fault.hits == 2
    with simulator.faults.during(ServerError(probability=0.5)) as fault:
        outcomes(bedrock, 40)
        assert 8 < fault.hits < 32
    assert outcomes(bedrock) == ['ok']


def test_throttling_at_a_rate(simulator: Simulator, connect: Callable[..., Any], jobs: list[SimulatedJob]) -> None:
    simulator.faults.add(Throttle(operation=GET, rate_per_second=5, burst=3))
    bedrock, west = connect('bedrock'), connect('bedrock', 'us-west-2')
    assert outcomes(bedrock, 5) == ['ok'] * 3 + ['ThrottlingException'] * 2
    assert outcome(bedrock.list_model_customization_jobs) == 'ok'
    assert outcomes(west) == ['ResourceNotFoundException'], 'another Region has an allowance of its own'
    time.sleep(0.25)
    assert outcomes(bedrock) == ['ok']
    assert len(simulator.requests.select(GET, error='ThrottlingException')) == 2


def test_an_error_can_be_damaged_too(simulator: Simulator, raw: Callable[..., Any]) -> None:
    simulator.faults.add(HalfBody())
    simulator.faults.add(AccessDenied())
    with pytest.raises(IncompleteRead):
        raw('bedrock', 'GET', '/model-customization-jobs')
    simulator.faults.clear()
    simulator.faults.add(ConnectionReset())
    simulator.faults.add(HalfBody())
    with pytest.raises(ConnectionError):
        raw('bedrock', 'GET', '/model-customization-jobs')
    assert [(request.status, request.error) for request in simulator.requests] == [
        (403, 'AccessDeniedException'),
        (0, None),
    ]


def test_statuses(simulator: Simulator, bedrock: Any, jobs: list[SimulatedJob]) -> None:
    simulator.faults.add(Throttle(times=1))
    simulator.faults.add(ServerError(status=503, times=1, skip=0))
    simulator.faults.add(ServiceError(code='ValidationException', message='No.'))
    assert outcomes(bedrock, 3) == ['ThrottlingException', 'ServiceUnavailableException', 'ValidationException']
    assert [request.status for request in simulator.requests] == [429, 503, 400]


@pytest.mark.parametrize(
    ('fault', 'error'),
    [
        (ConnectionReset(), ConnectionClosedError),
        (Unreachable(region='us-east-1'), ConnectionClosedError),
        (Hang(), ReadTimeoutError),
        (Latency(seconds=3), ReadTimeoutError),
    ],
)
def test_no_answer(
    simulator: Simulator, connect: Callable[..., Any], jobs: list[SimulatedJob], fault: Fault, error: type[Exception]
) -> None:
    bedrock = connect('bedrock', config={'read_timeout': 0.2})
    simulator.faults.add(fault)
    with pytest.raises(error):
        bedrock.get_model_customization_job(jobIdentifier='one')
    simulator.faults.clear()
    assert outcomes(bedrock) == ['ok']


@pytest.mark.parametrize('fault', [MalformedJson(), RawBody(body=b'<html>'), RawBody(body=b'')])
def test_botocore_reads_a_garbled_answer_as_an_empty_one(
    simulator: Simulator, bedrock: Any, raw: Callable[..., Any], jobs: list[SimulatedJob], fault: Fault
) -> None:
    """The trap these faults are for: no error is raised, so a listing without its member must not pass for no jobs."""
    simulator.faults.add(fault)
    assert bedrock.list_model_customization_jobs().keys() == {'ResponseMetadata'}
    with pytest.raises(ValueError, match=r'Expecting|Unterminated'):
        raw('bedrock', 'GET', '/model-customization-jobs').json()


def test_half_a_body(simulator: Simulator, bedrock: Any, raw: Callable[..., Any], jobs: list[SimulatedJob]) -> None:
    whole = raw('bedrock', 'GET', '/model-customization-jobs').body
    simulator.faults.add(HalfBody())
    with pytest.raises(IncompleteRead) as caught:
        raw('bedrock', 'GET', '/model-customization-jobs')
    assert caught.value.partial == whole[: len(whole) // 2]
    # botocore does not notice what is missing either.
    assert bedrock.list_model_customization_jobs().keys() == {'ResponseMetadata'}


def test_late_and_slow(simulator: Simulator, bedrock: Any, jobs: list[SimulatedJob]) -> None:
    outcomes(bedrock)
    for fault in (Latency(seconds=0.1, jitter=0.05), Slow(bytes_per_second=10_000)):
        with simulator.faults.during(fault):
            started = time.monotonic()
            assert outcomes(bedrock) == ['ok']
            assert 0.08 < time.monotonic() - started < 10


def test_a_hang_does_not_outlive_the_simulator(connect: Callable[..., Any], simulator: Simulator) -> None:
    simulator.faults.add(Hang())
    outcome(connect('bedrock', config={'read_timeout': 0.05}).list_model_customization_jobs)
    started = time.monotonic()
    simulator.stop()
    assert time.monotonic() - started < 10


def test_one_member_of_one_job(simulator: Simulator, bedrock: Any, jobs: list[SimulatedJob]) -> None:
    def listed() -> dict[str, dict[str, Any]]:
        page = bedrock.list_model_customization_jobs()['modelCustomizationJobSummaries']
        return {job['jobName']: job for job in page}

    with simulator.faults.during(ReplaceMember(job='one', member='status', value='Queued')):
        assert {name: job['status'] for name, job in listed().items()} == {
            'one': 'Queued',
            'two': 'Failed',
            'three': 'Completed',
        }
        assert bedrock.get_model_customization_job(jobIdentifier='one')['status'] == 'Queued'
        assert bedrock.get_model_customization_job(jobIdentifier='two')['status'] == 'Failed'
    with simulator.faults.during(ReplaceMember(job=jobs[1].arn, member='statusDetails')):
        assert [name for name, job in listed().items() if 'statusDetails' not in job] == ['two']
    with simulator.faults.during(ReplaceMember(member='endTime', value=None)):
        assert all('endTime' not in job for job in listed().values())
    with simulator.faults.during(ReplaceMember(member='trainingMetrics.trainingLoss', value=math.nan)):
        job = bedrock.get_model_customization_job(jobIdentifier='one')
        assert math.isnan(job['trainingMetrics']['trainingLoss'])
    for member, value in (('creationTime', 'yesterday'), ('statusDetails', 'Completed')):
        with simulator.faults.during(ReplaceMember(job='one', member=member, value=value)):
            assert outcome(bedrock.list_model_customization_jobs) != 'ok'


def test_a_document_without_members(simulator: Simulator, bedrock: Any, tagging: Any, jobs: list[SimulatedJob]) -> None:
    calls = [
        lambda: bedrock.list_tags_for_resource(resourceARN=jobs[0].arn),
        lambda: tagging.get_resources(ResourceARNList=[jobs[0].arn]),
    ]
    with simulator.faults.during(EmptyDocument()):
        assert [call().keys() - {'ResponseMetadata'} for call in calls] == [set(), set()]
    assert all(call().keys() - {'ResponseMetadata'} for call in calls)


def test_tags_that_the_tagging_api_has_not_heard_of(
    simulator: Simulator, bedrock: Any, tagging: Any, jobs: list[SimulatedJob]
) -> None:
    def found() -> set[str]:
        return {one['ResourceARN'] for one in tagging.get_resources()['ResourceTagMappingList']}

    with simulator.faults.during(TaggingLags(job=jobs[0].arn)):
        assert found() == {jobs[1].arn, jobs[2].arn}
        assert bedrock.list_tags_for_resource(resourceARN=jobs[0].arn)['tags'] == [{'key': 'team', 'value': 'a'}]
    with simulator.faults.during(TaggingLags()):
        assert found() == set()
    assert found() == {job.arn for job in jobs}


def test_tokens_that_loop(simulator: Simulator, bedrock: Any, jobs: list[SimulatedJob]) -> None:
    paginator = bedrock.get_paginator('list_model_customization_jobs')
    with simulator.faults.during(TokenLoops(operation=LIST)), pytest.raises(PaginationError, match='same next token'):
        list(paginator.paginate())
    with simulator.faults.during(TokenLoops(operation=LIST, is_new=True)):
        pages = iter(paginator.paginate(PaginationConfig={'PageSize': 2}))
        names = [[job['jobName'] for job in next(pages)['modelCustomizationJobSummaries']] for _ in range(5)]
    assert len(names[0]) == 2
    assert names == names[:1] * 5


def test_tokens_that_expire(simulator: Simulator, bedrock: Any, tagging: Any, jobs: list[SimulatedJob]) -> None:
    simulator.faults.add(TokenExpires())
    pages = bedrock.get_paginator('list_model_customization_jobs').paginate(PaginationConfig={'PageSize': 2})
    assert outcome(lambda: list(pages)) == 'ValidationException'
    pages = tagging.get_paginator('get_resources').paginate(PaginationConfig={'PageSize': 2})
    assert outcome(lambda: list(pages)) == 'PaginationTokenExpiredException'
    assert [request.status for request in simulator.requests] == [200, 400, 200, 400]


def test_faults_compose(simulator: Simulator, bedrock: Any, jobs: list[SimulatedJob]) -> None:
    simulator.faults.add(Latency(seconds=0.05))
    simulator.faults.add(ReplaceMember(member='status', value='Queued'))
    simulator.faults.add(ReplaceMember(member='failureMessage', value='odd'))
    job = bedrock.get_model_customization_job(jobIdentifier='one')
    assert (job['status'], job['failureMessage']) == ('Queued', 'odd')
    assert next(iter(simulator.requests)).seconds >= 0.05
