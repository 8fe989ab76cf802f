"""What goes wrong around the check: AWS that throttles, hangs, lies or is gone, disks, clocks, time that runs out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bedrock_jobs.simulator import (
    MISSING,
    AccessDenied,
    RawBody,
    ReplaceMember,
    ServerError,
    ServiceError,
    TokenLoops,
    completes,
    fails,
)
from datadog_checks.bedrock_model_customization.aws.bedrock import MAX_EMPTY_PAGES
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.polling.scope import Pace

from ..harness import HOUR, MINUTE, REGION, T0, World, keys, kinds, world

LIST, DESCRIBE = 'ListModelCustomizationJobs', 'GetModelCustomizationJob'


@pytest.fixture
def scope(aws_environment: None) -> Iterator[World]:
    with world() as made:
        yield made


@pytest.mark.parametrize('time', ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', -62135596800, 253402300799, 0])
@pytest.mark.parametrize('member', ['creationTime', 'endTime', 'lastModifiedTime', 'statusDetails'])
def test_a_time_at_the_edge_of_the_calendar_hides_nothing(scope: World, member: str, time: object) -> None:
    scope.poll()
    scope.add('good', completes(T0 + MINUTE, training=HOUR))
    scope.add('bad', completes(T0 + 2 * MINUTE, training=HOUR))
    phases = {
        phase: {'status': 'Completed', 'creationTime': time, 'lastModifiedTime': time}
        for phase in ('validationDetails', 'trainingDetails')
    }
    value = phases if member == 'statusDetails' else time
    scope.simulator.faults.add(ReplaceMember(job='bad', member=member, value=value))
    for _ in range(5):
        scope.poll(HOUR)
    assert [key for name, key in kinds(scope.told) if name == 'good'] == ['created', 'completed']
    # A creation that can be read and lies years back looks like a job that was always there.
    told = [key for name, key in kinds(scope.told) if name == 'bad']
    assert told == ['created', 'completed'] or (member == 'creationTime' and told == ['completed'])


@pytest.mark.parametrize(
    'name',
    [
        b'"b\xff\xfed"',
        b'"b\nd"',
        b'9' * 5000,
        b'-' + b'9' * 5000,
        b'1' + b'0' * 400 + b'.5',
        b'"\\ud800"',
        b'"b\x00d"',
        b'[' * 900 + b']' * 900,
        b'[' * 100_000 + b'"]"' + b']' * 100_000,
        b'{"a":' * 100_000 + b'"\\"}"' + b'}' * 100_000,
    ],
)
def test_a_text_or_number_that_json_forbids_hides_no_other_job(scope: World, name: bytes) -> None:
    good = scope.add('good', completes(T0 - HOUR))
    bad = good.replace(good[-12:], 'x' * 12)
    body = b'{"modelCustomizationJobSummaries":[{"jobArn":"%s","status":"InProgress"},' % good.encode()
    body += b'{"jobArn":"%s","statusDetails":{"x":%s},"status":"InProgress"}]}' % (bad.encode(), name)
    scope.simulator.faults.add(RawBody(operation=LIST, body=body))
    scope.simulator.faults.add(ServerError(operation=DESCRIBE))
    for _ in range(2):
        assert {job.job_arn for job in scope.poll(MINUTE).jobs} == {good, bad}


@pytest.mark.parametrize('is_new', [False, True])
def test_a_listing_that_leads_in_circles_ends_and_is_none(scope: World, is_new: bool) -> None:
    scope.add('one', fails(T0 - HOUR))
    with scope.simulator.faults.during(TokenLoops(operation=LIST, is_new=is_new)):
        poll = scope.poll()
        assert poll.broken_off and poll.broken_off.kind is Kind.MALFORMED
        assert not poll.is_complete and not poll.transitions
        # The ranges of jobs that run have none, and it takes long to find out that more pages have none either.
        assert scope.requests()[LIST] <= 2 + 2 * (MAX_EMPTY_PAGES + 1)
    assert scope.poll().counts == {'Failed': 1}


@pytest.mark.parametrize('is_new', [False, True])
def test_a_listing_of_nothing_that_goes_on_for_ever_ends(scope: World, is_new: bool) -> None:
    with scope.simulator.faults.during(TokenLoops(operation=LIST, is_new=is_new)):
        with pytest.raises(AwsError) as raised:
            scope.poll()
        assert raised.value.kind is Kind.MALFORMED
        assert scope.requests()[LIST] <= 3 * (MAX_EMPTY_PAGES + 1)


def test_an_end_is_told_where_no_job_may_be_described(scope: World) -> None:
    scope.poll()
    for number in range(20):
        scope.add(f'job-{number}', fails(T0 + MINUTE, after=10 * MINUTE))
    scope.simulator.faults.add(AccessDenied(operation=DESCRIBE))
    for _ in range(5):
        scope.poll(5 * MINUTE)
    assert sorted({key for _, key in kinds(scope.told)}) == ['created', 'failed']
    assert len(kinds(scope.told)) == 40


@pytest.mark.parametrize('status', [404, 400, 403, 502])
def test_a_job_is_not_forgotten_for_what_a_proxy_answers(scope: World, status: int) -> None:
    """A stand-in for a proxy's error page: a status and a body that are none of Bedrock's."""
    scope.pace = Pace(full_list_interval=timedelta(days=9))
    scope.restart()
    scope.add('running', completes(T0 - HOUR, training=3 * HOUR))
    scope.poll()
    empty = RawBody(operation=LIST, body=b'{"modelCustomizationJobSummaries":[]}')
    page = RawBody(operation=DESCRIBE, body=b'<html>no</html>', status=status, content_type='text/html')
    with scope.simulator.faults.during(empty), scope.simulator.faults.during(page):
        for _ in range(3):
            scope.poll(HOUR)
    for _ in range(3):
        scope.poll(HOUR)
    assert kinds(scope.told) == [('running', 'completed')]


def test_a_job_that_cannot_be_looked_for_leaves_the_others_alone(scope: World) -> None:
    scope.add('hidden', completes(T0 - HOUR, training=30 * HOUR))
    scope.poll()
    scope.add('new', fails(T0 + MINUTE))
    refusal = ServiceError(operation=DESCRIBE, job='hidden', code='ValidationException')
    skipped = ReplaceMember(operation=LIST, job='hidden', member='jobArn')
    search = ServerError(operation=LIST, skip=1)
    during = scope.simulator.faults.during
    with during(search), during(skipped), during(refusal):
        poll = scope.poll(10 * MINUTE)
    assert search.hits
    assert [(error.operation, error.kind) for error in poll.problems] == [
        (DESCRIBE, Kind.INVALID),
        (LIST, Kind.SERVER),
    ]
    assert kinds(scope.told) == [('new', 'created'), ('new', 'failed')]
    scope.poll(40 * HOUR)
    assert kinds(scope.told)[-1] == ('hidden', 'completed')


def test_a_foreign_arn_on_a_page_does_not_make_the_scope_start_anew(scope: World) -> None:
    scope.add('running', completes(T0 - HOUR, training=3 * HOUR))
    scope.add('odd', fails(T0))
    scope.poll()
    foreign = f'arn:aws:bedrock:{REGION}:210987654321:model-customization-job/amazon.nova-lite-v1:0:300k/abcdefghijkl'
    with scope.simulator.faults.during(ReplaceMember(operation=LIST, job='odd', member='jobArn', value=foreign)):
        scope.poll(3 * HOUR)
    assert ('running', 'completed') in kinds(scope.told)
    assert scope.collector.account_id == '123456789012'


def remember(scope: World, now: datetime) -> None:
    """Poll, report and remember by a clock that is not AWS's."""
    poll = scope.collector.poll(now)
    scope.told += keys(poll)
    scope.collector.remember(poll, poll.transitions, poll.changed, now)


@pytest.mark.parametrize('hours', [-30, -3, 3, 30])
def test_a_clock_that_is_hours_off_loses_and_invents_nothing(scope: World, hours: int) -> None:
    """AWS ahead of our clock, or behind it. (Beyond five minutes real AWS refuses signatures, which is an error.)"""
    skew = timedelta(hours=hours)
    scope.add('before', completes(T0 - 40 * HOUR, training=HOUR))
    remember(scope, T0 + skew)
    lives = {name: fails(T0 + start * HOUR, after=HOUR) for start, name in enumerate('abc', 1)}
    for name, life in lives.items():
        scope.add(name, life)
    for _ in range(30):
        now = scope.clock.advance(10 * MINUTE) + skew
        remember(scope, now)
        if now.minute == 0:
            scope.restart()
    # A kill right after a poll tells its news again, and the same.
    told = list(dict.fromkeys(scope.told))
    assert [(name, at) for name, key, at in told if key == 'failed'] == [
        (name, life.final.end_time) for name, life in lives.items()
    ]
    assert len(kinds(told)) == 6


def test_a_clock_that_is_set_back_does_not_stop_the_full_listings(scope: World) -> None:
    scope.add('known', fails(T0 - MINUTE))
    remember(scope, T0 + 48 * HOUR)
    scope.requests()
    scope.poll()
    assert scope.requests() == {LIST: 3}


def test_an_address_that_is_not_there_is_said_to_be_unreachable(aws_environment: None) -> None:
    with world() as scope:
        scope.aws = replace(scope.aws, connect_timeout=1, max_attempts=1)
        scope.simulator.stop()
        scope.restart()
        with pytest.raises(AwsError) as raised:
            scope.poll()
        assert raised.value.kind is Kind.UNREACHABLE


def test_missing_times_wait_for_the_description_that_has_them(scope: World) -> None:
    scope.poll()
    scope.add('a', completes(T0 + MINUTE))
    scope.simulator.faults.add(ReplaceMember(operation=LIST, member='creationTime', value=MISSING))
    with scope.simulator.faults.during(ServerError(operation=DESCRIBE)):
        assert kinds([(str(job.job_name), news.key, None) for job, news in scope.poll(HOUR).transitions]) == []
    scope.poll(MINUTE)
    assert [at for _, key, at in scope.told if key == 'created'] == [T0 + MINUTE]
