"""Files in S3 over HTTP: which are asked for, when, by whom they may be read, and what goes wrong without harm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bedrock_jobs.simulator import (
    AccessDenied,
    ExpiredCredentials,
    Fault,
    HalfBody,
    ReplaceMember,
    ServerError,
    SimulatedJob,
    Throttle,
    completes,
    fails,
)
from bedrock_jobs.simulator.artifacts import leave_artifacts, length
from bedrock_jobs.simulator.wire import Answer, Call
from datadog_checks.bedrock_model_customization.aws.advice import advise
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.curves.data_check import RecordCounts
from datadog_checks.bedrock_model_customization.curves.summary import CurveSummary
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.output import Folder, folder_of
from datadog_checks.bedrock_model_customization.polling.files import ArtifactSettings
from datadog_checks.bedrock_model_customization.telemetry.losses import final_losses

from ..harness import HOUR, MINUTE, REGION, T0, kinds
from .curve_world import (
    MANIFEST,
    MANIFEST_CSV,
    NESTED_VALIDATION,
    TRAINING,
    TRAINING_CSV,
    VALIDATION,
    VALIDATION_CSV,
    CurveWorld,
    curve_world,
)

DONE = completes(T0 - HOUR, training=30 * MINUTE, training_loss=0.5)
LONG = completes(T0 - HOUR, training=10 * HOUR, training_loss=0.5)
ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'


@pytest.fixture
def scope(aws_environment: None) -> Iterator[CurveWorld]:
    with curve_world() as made:
        yield made


def full(scope: CurveWorld, name: str = 'bot', **spec: str) -> SimulatedJob:
    """A completed job with every file."""
    job = scope.job(name, DONE, **spec)
    for file, body in ((TRAINING, TRAINING_CSV), (VALIDATION, VALIDATION_CSV), (MANIFEST, MANIFEST_CSV)):
        scope.put(job, file, body)
    return job


def curves_of(scope: CurveWorld, later: timedelta = timedelta()) -> CurveSummary:
    (curves,) = scope.poll(later).curves.values()
    return curves


# --- what is read


def test_everything_that_a_job_left(scope: CurveWorld) -> None:
    full(scope)
    curves = curves_of(scope)
    assert curves.training is not None
    assert (curves.training.step, curves.training.loss) == (4, 1.0)
    (validation,) = curves.validation
    assert validation is not None
    assert (validation.best_loss, validation.best_step, validation.has_risen, validation.gap) == (1.25, 2, True, 0.5)
    assert curves.records == RecordCounts(100, 97, 1, 2)
    assert scope.s3_requests() == {'ListObjectsV2': 1, 'GetObject': 3}


@pytest.mark.parametrize(
    'uri', ['s3://example-model-output', 's3://example-model-output/', 's3://example-model-output/a/b']
)
def test_every_way_to_write_the_output_uri(scope: CurveWorld, uri: str) -> None:
    full(scope, output_s3_uri=uri)
    assert curves_of(scope).training is not None


def test_both_layouts_of_validation_files(scope: CurveWorld) -> None:
    job = full(scope)
    scope.put(job, NESTED_VALIDATION, b'step_number,epoch_number,validation_loss\n4,1,0.75\n')
    assert [found and found.loss for found in curves_of(scope).validation] == [0.75, 1.5]


def test_nothing_is_read_without_the_option(aws_environment: None) -> None:
    with curve_world(artifacts=None) as scope:
        full(scope)
        assert scope.poll().curves == {}
        assert scope.s3_requests() == {}


def test_a_steady_state_asks_nothing_of_s3(scope: CurveWorld) -> None:
    for number in range(5):
        full(scope, f'done-{number}')
    scope.job('running', LONG)
    scope.job('bare', DONE)
    first = scope.poll()
    assert scope.s3_requests()['ListObjectsV2'] == 7
    scope.poll(11 * MINUTE)
    assert scope.s3_requests() == {'ListObjectsV2': 1}, 'the completed job without files is looked at once more'
    for _ in range(30):
        poll = scope.poll(MINUTE)
        assert {arn: poll.curves[arn] for arn in first.curves} == poll.curves
    assert scope.s3_requests() == {}


def test_only_what_changed_is_read_again(scope: CurveWorld) -> None:
    scope.artifacts = ArtifactSettings(refresh_interval=5 * MINUTE)
    scope.restart()
    job = scope.job('running', LONG)
    scope.put(job, TRAINING, TRAINING_CSV[:-10])
    first = curves_of(scope)
    assert first.training and first.training.step == 2, 'the last line is still being written'
    assert scope.s3_requests() == {'ListObjectsV2': 1, 'GetObject': 1}
    scope.poll(MINUTE)
    assert scope.s3_requests() == {}
    scope.poll(5 * MINUTE)
    assert scope.s3_requests() == {'ListObjectsV2': 1}
    scope.put(job, TRAINING, TRAINING_CSV)
    second = curves_of(scope, 5 * MINUTE)
    assert second.training and second.training.step == 4
    assert scope.s3_requests() == {'ListObjectsV2': 1, 'GetObject': 1}
    scope.put(job, VALIDATION, VALIDATION_CSV)
    third = curves_of(scope, 5 * MINUTE)
    assert third.validation[0] and third.validation[0].gap == 0.5
    assert scope.s3_requests() == {'ListObjectsV2': 1, 'GetObject': 2}, 'the gap needs both files'


def test_without_a_listing_files_are_asked_for_by_name_and_etag(scope: CurveWorld) -> None:
    scope.artifacts = ArtifactSettings(refresh_interval=5 * MINUTE)
    scope.restart()
    job = scope.job('running', LONG)
    scope.put(job, TRAINING, TRAINING_CSV)
    scope.put(job, NESTED_VALIDATION, VALIDATION_CSV)
    scope.simulator.faults.add(AccessDenied(operation='ListObjectsV2'))
    curves = curves_of(scope)
    assert curves.training and curves.validation[0] and curves.validation[0].gap == 0.5
    scope.requests()
    scope.poll(5 * MINUTE)
    answers = [request.status for request in scope.simulator.requests if request.operation == 'GetObject']
    assert sorted(answers) == [304, 304, 404]
    footprint = scope.collector.scope.footprint()
    assert not any(reason == Kind.OTHER.value for _, reason in footprint.errors)


def test_a_job_followed_from_its_creation_to_its_end(scope: CurveWorld) -> None:
    scope.artifacts = ArtifactSettings(refresh_interval=5 * MINUTE)
    scope.restart()
    life = completes(T0 + MINUTE, training=2 * HOUR, training_loss=0.625, validation_losses=(1.5,))
    job = scope.job(
        'bot', life, validators=('s3://example-training-data/v.jsonl',), hyper_parameters={'epochCount': '5'}
    )
    leave_artifacts(scope.simulator, [job], grows=True)
    steps: list[float] = []
    for _ in range(30):
        poll = scope.poll(5 * MINUTE)
        steps += [found.training.step for found in poll.curves.values() if found.training]
    (found,) = poll.curves.values()
    assert steps == sorted(steps)
    assert len(set(steps)) > 5
    assert (steps[-1], found.training and found.training.loss) == (length(job)[0], 0.625)
    assert found.validation[0] and found.validation[0].has_risen
    assert found.validation[0].gap == pytest.approx(1.5 - 0.625)


# --- events


def test_the_news_of_a_completion_wait_for_the_curve_and_not_for_ever(scope: CurveWorld) -> None:
    scope.poll()
    life = completes(T0 + MINUTE, training=HOUR)
    job = scope.job('bot', life)
    scope.put(job, TRAINING, TRAINING_CSV)
    with scope.simulator.faults.during(ServerError(operation='ListObjectsV2')):
        scope.poll(2 * HOUR)
    assert ('bot', 'completed') not in kinds(scope.told)
    poll = scope.poll(MINUTE)
    assert [news.kind for _, news in poll.transitions] == ['completed']
    assert poll.curves[job.arn].training
    scope.job('other', completes(scope.clock.now() + MINUTE, training=HOUR))
    with scope.simulator.faults.during(ServerError(operation='ListObjectsV2')):
        for _ in range(5):
            scope.poll(HOUR)
    assert ('other', 'completed') in kinds(scope.told)


# --- where a loss comes from


def test_a_loss_from_the_custom_model(scope: CurveWorld) -> None:
    scope.simulator.faults.add(
        ReplaceMember(operation='GetModelCustomizationJob', member='trainingMetrics', value=None)
    )
    full(scope)
    poll = scope.poll()
    (job,) = poll.jobs
    assert final_losses(job, poll.curves[job.job_arn])[:2] == (0.5, 'custom_model')
    scope.requests()
    scope.poll(MINUTE)
    assert 'GetCustomModel' not in scope.requests()


@pytest.mark.parametrize('is_denied', [True, False])
def test_a_loss_from_the_curve(scope: CurveWorld, is_denied: bool) -> None:
    job = scope.job('bot', completes(T0 - HOUR, training=30 * MINUTE, training_loss=None))
    scope.put(job, TRAINING, TRAINING_CSV)
    scope.put(job, VALIDATION, VALIDATION_CSV)
    if is_denied:
        scope.simulator.faults.add(AccessDenied(operation='GetCustomModel'))
    poll = scope.poll()
    (found,) = poll.jobs
    assert final_losses(found, poll.curves[job.arn]) == (1.0, 'artifact', {0: 1.5}, 'artifact')
    assert [error.iam_action for error in poll.problems] == (['bedrock:GetCustomModel'] if is_denied else [])


# --- what is refused, missing, too large or elsewhere


def test_denied_files_are_said_once_and_asked_for_once_an_hour(scope: CurveWorld) -> None:
    for number in range(10):
        full(scope, f'bot-{number}')
    fault = scope.simulator.faults.add(AccessDenied(operation='GetObject'))
    poll = scope.poll()
    (problem,) = poll.problems
    assert (problem.kind, problem.iam_action) == (Kind.DENIED, 's3:GetObject')
    assert 's3://example-model-output/' in str(problem)
    assert 'allow the IAM action s3:GetObject' in advise(problem)
    assert len(poll.jobs) == 10
    scope.requests()
    for _ in range(20):
        assert scope.poll(MINUTE).problems == [problem] or scope.poll().problems[0].code == problem.code
    assert scope.s3_requests() == {}
    scope.simulator.faults.remove(fault)
    scope.poll(HOUR)
    poll = scope.poll(MINUTE)
    assert (len(poll.curves), poll.problems) == (10, [])
    assert all(curves.training for curves in poll.curves.values())


def test_a_denied_place_does_not_hide_another_in_the_same_bucket(scope: CurveWorld) -> None:
    full(scope, 'theirs', output_s3_uri='s3://example-model-output/theirs')
    full(scope, 'ours', output_s3_uri='s3://example-model-output/ours')

    @dataclass(kw_only=True)
    class Theirs(AccessDenied):
        def matches(self, call: Call) -> bool:
            return call.service == 's3' and 'theirs' in call.path + call.query_string

    scope.simulator.faults.add(Theirs())
    curves = {arn: found.training is not None for arn, found in scope.poll().curves.items()}
    assert sorted(curves.values()) == [False, True]


def test_a_failed_job_without_files_is_no_problem(scope: CurveWorld) -> None:
    scope.job('bad', fails(T0 - HOUR))
    scope.simulator.faults.add(AccessDenied(operation='ListObjectsV2'))
    scope.simulator.faults.add(AccessDenied(operation='GetObject'))
    poll = scope.poll()
    assert (poll.problems, poll.shortfalls) == ([], [])


def test_a_completed_job_without_files_is_counted(scope: CurveWorld) -> None:
    scope.put(full(scope), 'x', b'')
    scope.job('bare', DONE)
    poll = scope.poll()
    assert poll.problems == []
    assert poll.shortfalls == ['1 completed jobs have no loss curve in S3']


def test_a_bucket_that_is_not_there(scope: CurveWorld) -> None:
    scope.job('bot', DONE, output_s3_uri='s3://example-gone/')
    poll = scope.poll()
    assert [(error.operation, error.code) for error in poll.problems] == [('ListObjectsV2', 'NoSuchBucket')]


def test_buckets_beyond_the_allow_list_are_not_asked(aws_environment: None) -> None:
    with curve_world(artifacts=ArtifactSettings(buckets=('example-model-*',))) as scope:
        full(scope, 'ours')
        full(scope, 'theirs', output_s3_uri='s3://example-elsewhere/')
        scope.requests()
        poll = scope.poll()
        assert [found.training is not None for found in poll.curves.values()].count(True) == 1
        assert poll.shortfalls == [
            '1 jobs write to buckets that artifact_buckets does not allow, and have no loss curve'
        ]
        assert scope.s3_requests() == {'ListObjectsV2': 1, 'GetObject': 3}


@pytest.mark.parametrize('is_listed', [True, False])
def test_a_file_that_is_too_large(aws_environment: None, is_listed: bool) -> None:
    with curve_world(artifacts=ArtifactSettings(max_size=len(TRAINING_CSV) - 1)) as scope:
        full(scope)
        if not is_listed:
            scope.simulator.faults.add(AccessDenied(operation='ListObjectsV2'))
        poll = scope.poll()
        (curves,) = poll.curves.values()
        assert curves.training is None
        assert curves.validation[0] and curves.validation[0].loss == 1.5
        assert poll.shortfalls == ['1 jobs have files in S3 that are larger than max_artifact_size and are not read']


@dataclass(kw_only=True)
class ElsewhereBucket(Fault):
    """Answers as S3 does to a request for a bucket of another Region, unless it is signed for that Region."""

    home: str
    asked: list[str] = field(default_factory=list)

    def matches(self, call: Call) -> bool:
        return call.service == 's3'

    def before(self, call: Call) -> Answer | None:
        self.asked.append(call.region)
        if call.region == self.home:
            return None
        body = (
            '<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed '
            f'using the specified endpoint.</Message><Bucket>b</Bucket><Region>{self.home}</Region></Error>'
        )
        return Answer(301, body.encode(), {'x-amz-bucket-region': self.home}, 'application/xml')


def test_a_bucket_in_another_region(scope: CurveWorld) -> None:
    full(scope, 'one')
    full(scope, 'two')
    fault = ElsewhereBucket(home='eu-central-1')
    scope.simulator.faults.add(fault)
    poll = scope.poll()
    assert all(curves.training for curves in poll.curves.values())
    assert poll.problems == []
    assert fault.asked.count(REGION) <= 2 * 3, 'the Region is learned, not asked for with each request'


@pytest.mark.parametrize('fault', [ServerError, Throttle, ExpiredCredentials, HalfBody])
@pytest.mark.parametrize('operation', ['ListObjectsV2', 'GetObject'])
def test_what_goes_wrong_goes_better_the_next_time(scope: CurveWorld, fault: type[Fault], operation: str) -> None:
    full(scope)
    with scope.simulator.faults.during(fault(operation=operation)):
        poll = scope.poll(MINUTE)
        assert len(poll.jobs) == 1
        assert [error.operation for error in poll.problems] == [operation]
    curves = curves_of(scope, MINUTE)
    assert curves.training and curves.validation[0] and curves.records
    assert scope.poll(MINUTE).problems == []


def test_a_file_that_is_no_curve_is_harmless(scope: CurveWorld) -> None:
    job = scope.job('bot', DONE)
    for name in (TRAINING, VALIDATION, MANIFEST):
        scope.put(job, name, b'\x00\xff' * 1000 + b'<html>')
    curves = curves_of(scope)
    assert (curves.training, curves.validation, curves.records) == (None, (None,), RecordCounts())


@pytest.mark.parametrize(
    ('uri', 'folder'),
    [
        ('s3://example-b/p', Folder('example-b', 'p/model-customization-job-miee4df3g2vt/')),
        ('s3://example-b/', Folder('example-b', 'model-customization-job-miee4df3g2vt/')),
        ('https://example-b/p', None),
        ('s3://EXAMPLE/../x', None),
        ('s3://', None),
        (7, None),
        (None, None),
    ],
)
def test_where_a_job_writes(uri: object, folder: Folder | None) -> None:
    assert folder_of(Job(job_arn=ARN, output_data_config={'s3Uri': uri})) == folder
    assert folder_of(Job(job_arn=ARN)) is None


def test_an_error_says_which_object(scope: CurveWorld) -> None:
    error = AwsError(Kind.DENIED, 'ListObjectsV2', 'AccessDenied', 'no')
    assert 's3:ListBucket' in advise(error)
