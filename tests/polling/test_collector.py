"""One scope polled over HTTP: what is asked of AWS, what is told of each job, and what a crash cannot lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bedrock_jobs.simulator import (
    MISSING,
    AccessDenied,
    Fault,
    Fleet,
    RawBody,
    ReplaceMember,
    ServerError,
    Throttle,
    Unreachable,
    completes,
    fails,
    stopped,
    stuck,
)
from datadog_checks.bedrock_model_customization.aws import bedrock
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.aws.session import AwsSettings
from datadog_checks.bedrock_model_customization.jobs.filters import Criteria, JobFilter
from datadog_checks.bedrock_model_customization.polling.inventory import Limits
from datadog_checks.bedrock_model_customization.polling.scope import Pace

from ..harness import HOUR, MINUTE, REGION, T0, World, keys, kinds, world

DAY = timedelta(days=1)


@pytest.fixture
def scope(aws_environment: None) -> Iterator[World]:
    with world() as made:
        yield made


@pytest.mark.parametrize(
    'fault',
    [
        Throttle(operation='GetResources'),
        ServerError(operation='GetResources'),
        Unreachable(operation='GetResources'),
        RawBody(operation='GetResources', body=b'<html>no</html>', status=403, content_type='text/html'),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_tags_are_read_one_by_one_whatever_keeps_the_tagging_api_from_answering(fault: Fault, scope: World) -> None:
    scope.add('bot', completes(T0 - HOUR), {'team': 'search'})
    with scope.simulator.faults.during(fault):
        (job,) = scope.poll().jobs
        assert job.tags == {'team': 'search'}
        asked = scope.requests()
        assert 1 <= asked['GetResources'] <= 2
        scope.simulator.tag(job.job_arn, {'team': 'risk'})
        # Until the next full listing, which tries it again.
        scope.add('another', completes(T0 - HOUR), {'team': 'search'})
        (one, other) = scope.poll(10 * MINUTE).jobs
        assert {one.tags['team'], other.tags['team']} == {'search'}
        assert 'GetResources' not in scope.requests()
    # Both complete, and so are asked about one by one.
    scope.poll(2 * HOUR)
    scope.requests()
    scope.poll(2 * HOUR)
    assert scope.requests()['GetResources'] == 1


def test_the_first_look_is_silent(scope: World) -> None:
    scope.add('done', completes(T0 - DAY))
    scope.add('running', completes(T0 - MINUTE))
    poll = scope.poll()
    assert poll.transitions == []
    assert poll.counts == {'Completed': 1, 'InProgress': 1}
    assert scope.told == []


def test_the_first_look_can_tell_what_is_recent(aws_environment: None) -> None:
    with world(limits=Limits(events_since=timedelta(hours=2))) as scope:
        scope.add('old', fails(T0 - DAY))
        scope.add('recent', fails(T0 - HOUR))
        scope.add('lasting', completes(T0 - 3 * HOUR, training=timedelta(hours=2)))
        scope.poll()
        assert kinds(scope.told) == [('recent', 'created'), ('recent', 'failed'), ('lasting', 'completed')]


def test_a_job_from_creation_to_completion(scope: World) -> None:
    scope.poll()
    life = completes(T0 + MINUTE, validation=3 * MINUTE, queue=2 * MINUTE, training=HOUR, training_loss=0.25)
    scope.add('bot', life, {'team': 'search'})
    for _ in range(100):
        scope.poll(MINUTE)
    assert [(key, at) for _, key, at in scope.told] == [
        (f'{news.kind}:{news.phase}' if news.phase else news.kind, news.at) for news in life.transitions()
    ]
    (job,) = scope.poll().jobs
    assert (job.status, job.training_loss, job.tags) == ('Completed', 0.25, {'team': 'search'})


def test_a_failure_comes_with_its_message(scope: World) -> None:
    scope.poll()
    scope.add('bad', fails(T0 + MINUTE, 'line 17 is not JSON'))
    poll = scope.poll(HOUR)
    job, news = poll.transitions[-1]
    assert (job.failure_message, news.kind, news.at) == ('line 17 is not JSON', 'failed', job.end_time)


def test_a_stopped_job_was_stopping_first(scope: World) -> None:
    scope.poll()
    scope.add('halted', stopped(T0 + MINUTE, after=10 * MINUTE, takes=2 * MINUTE))
    for _ in range(20):
        scope.poll(MINUTE)
    assert kinds(scope.told) == [('halted', 'created'), ('halted', 'stopping'), ('halted', 'stopped')]


# --- what is asked of AWS


def test_requests_of_the_first_and_of_quiet_polls(aws_environment: None) -> None:
    with world(limits=Limits(lookback=90 * DAY, terminal_retention=90 * DAY), pace=Pace(max_describes=1000)) as scope:
        scope.simulator.add_jobs(Fleet(until=T0, jobs=1000, span=60 * DAY, active=0.01, tagged=1).build())
        scope.poll()
        assert scope.requests() == {
            'GetCallerIdentity': 1,
            'ListModelCustomizationJobs': 3,
            'GetModelCustomizationJob': 1000,
            'GetResources': 10,
        }
        scope.poll(timedelta(seconds=1))
        assert scope.requests() == {'ListModelCustomizationJobs': 1}


def test_quiet_polls_of_ten_thousand_jobs_ask_once(aws_environment: None) -> None:
    with world(limits=Limits(lookback=400 * DAY, max_tracked_jobs=20_000)) as scope:
        scope.simulator.add_jobs(Fleet(until=T0, jobs=10_000, span=300 * DAY, active=0.001).build())
        first = scope.poll()
        assert first.tracked == sum(first.counts.values()) == 10_000
        assert scope.requests()['ListModelCustomizationJobs'] == 12
        quiet = scope.poll(timedelta(seconds=1))
        assert scope.requests() == {'ListModelCustomizationJobs': 1}
        assert quiet.counts == first.counts


def test_scopes_that_began_together_list_everything_at_different_times(
    aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bedrock, 'PAGE_SIZE', 1)
    minutes = []
    for name in ('one', 'another'):
        with world() as scope:
            scope.aws = AwsSettings(assume_role=scope.simulator.account('210987654321').add_role(name))
            scope.restart()
            for number in range(2):
                born = T0 - number * 10 * DAY - HOUR
                scope.simulator.add_job(REGION, name=f'job-{number}', timeline=fails(born), account='210987654321')
            listings = []
            for minute in range(0, 240, 3):
                scope.poll(3 * MINUTE)
                # A page for each of the two jobs; what may have changed is on one.
                if scope.requests()['ListModelCustomizationJobs'] > 1:
                    listings.append(minute)
            minutes.append(listings)
            first, second, *others = listings
            assert first == 0 and second <= 60
            assert others == [second + 60 * (number + 1) for number in range(len(others))] and len(others) >= 2
    assert minutes[0] != minutes[1]


def test_one_job_stuck_since_long_ago_does_not_drag_the_listing_along(aws_environment: None) -> None:
    with world(limits=Limits(lookback=400 * DAY)) as scope:
        scope.add('ancient', stuck(T0 - 350 * DAY))
        scope.simulator.add_jobs(Fleet(until=T0, jobs=5_000, span=300 * DAY, active=0.001).build())
        scope.poll()
        scope.requests()
        scope.poll(timedelta(seconds=1))
        assert scope.requests() == {'ListModelCustomizationJobs': 3}
        scope.add('new', completes(T0 + MINUTE, training=HOUR))
        scope.poll(10 * MINUTE)
        scope.poll(2 * HOUR)
        assert kinds(scope.told)[-2:] == [('new', 'created'), ('new', 'completed')]


def test_an_active_job_from_before_the_look_back_is_found_and_followed(scope: World) -> None:
    scope.limits = Limits(lookback=DAY)
    scope.restart()
    scope.add('ancient', stopped(T0 - 30 * DAY, after=30 * DAY + HOUR, life=stuck(T0 - 30 * DAY)))
    for number in range(1001):
        scope.add(f'old-{number}', fails(T0 - 2 * DAY))
    assert scope.poll().counts == {'InProgress': 1}
    scope.poll(2 * HOUR)
    assert kinds(scope.told) == [('ancient', 'stopped')]


def test_descriptions_are_spread_over_polls(aws_environment: None) -> None:
    with world(pace=Pace(max_describes=10)) as scope:
        for number in range(25):
            scope.add(f'job-{number}', fails(T0 - 2 * HOUR + number * MINUTE))
        waiting = [scope.poll(timedelta(seconds=1)).awaiting_description for _ in range(4)]
        assert waiting == [15, 5, 0, 0]
        assert scope.requests()['GetModelCustomizationJob'] == 25


def test_an_end_waits_for_its_description_and_not_for_ever(scope: World) -> None:
    scope.poll()
    scope.add('bad', fails(T0 + MINUTE, 'why'))
    with scope.simulator.faults.during(ServerError(operation='GetModelCustomizationJob')):
        first = scope.poll(HOUR)
        assert [key for _, key, _ in keys(first)][-1] != 'failed'
        assert first.counts == {'Failed': 1}
        scope.poll(MINUTE)
    poll = scope.poll(MINUTE)
    assert [(job.failure_message, news.kind) for job, news in poll.transitions] == [('why', 'failed')]
    scope.add('worse', fails(scope.clock.now() + MINUTE, 'never known'))
    with scope.simulator.faults.during(ServerError(operation='GetModelCustomizationJob')):
        for _ in range(4):
            scope.poll(10 * MINUTE)
    assert kinds(scope.told)[-2:] == [('worse', 'created'), ('worse', 'failed')]


def test_metrics_that_appear_late_are_asked_for_once_more(scope: World) -> None:
    scope.add('late', completes(T0 - HOUR, training=30 * MINUTE, training_loss=0.5, metrics_delay=35 * MINUTE))
    scope.add('never', completes(T0 - HOUR, training=30 * MINUTE, training_loss=None))
    for _ in range(6):
        poll = scope.poll(5 * MINUTE)
    assert {job.job_name: job.training_loss for job in poll.jobs} == {'late': 0.5, 'never': None}
    assert scope.requests()['GetModelCustomizationJob'] == 4


# --- tags


def test_tags_come_in_bulk_and_are_refreshed(scope: World) -> None:
    for number in range(150):
        scope.add(f'job-{number}', completes(T0 - HOUR), {'number': str(number)})
    arn = scope.add('untagged', completes(T0 - HOUR))
    poll = scope.poll()
    assert scope.requests()['GetResources'] == 2
    assert {job.job_name: job.tags for job in poll.jobs}['job-7'] == {'number': '7'}
    scope.simulator.tag(arn, {'team': 'late'})
    scope.poll(HOUR)
    assert scope.requests()['GetResources'] == 1
    poll = scope.poll(MINUTE)
    assert {job.job_name: job.tags for job in poll.jobs}['untagged'] == {'team': 'late'}


def test_tags_one_by_one_where_the_tagging_api_is_denied(scope: World) -> None:
    scope.simulator.faults.add(AccessDenied(operation='GetResources'))
    scope.add('a', completes(T0 - HOUR), {'team': 'x'})
    scope.add('b', completes(T0 - HOUR))
    poll = scope.poll()
    assert {job.job_name: job.tags for job in poll.jobs} == {'a': {'team': 'x'}, 'b': {}}
    assert [(error.operation, error.kind) for error in poll.problems] == [('GetResources', Kind.DENIED)]
    scope.requests()
    scope.poll(MINUTE)
    assert scope.requests() == {'ListModelCustomizationJobs': 1}


def test_a_filter_on_tags_waits_for_the_tags(aws_environment: None) -> None:
    wanted = JobFilter(Criteria(tags=('team:search',)))
    with world(job_filter=wanted, limits=Limits(tag_all=True)) as scope:
        scope.poll()
        scope.add('ours', fails(T0 + MINUTE), {'team': 'search'})
        scope.add('theirs', fails(T0 + MINUTE), {'team': 'risk'})
        failures = [ServerError(operation=name) for name in ('GetResources', 'ListTagsForResource')]
        with scope.simulator.faults.during(failures[0]), scope.simulator.faults.during(failures[1]):
            assert scope.poll(HOUR).transitions == []
        scope.poll(MINUTE)
        assert kinds(scope.told) == [('ours', 'created'), ('ours', 'failed')]


@pytest.mark.parametrize('fault', [ServerError, Throttle, AccessDenied])
def test_no_answer_about_one_job_makes_none_of_a_hundred_untagged(
    aws_environment: None, fault: Callable[..., Fault]
) -> None:
    """Where the tagging API knows no such jobs, Bedrock is asked about the first one, and then about all."""
    wanted = JobFilter(Criteria(tags=('team:search',)))
    with world(job_filter=wanted, limits=Limits(tag_all=True), aws=AwsSettings(max_attempts=1)) as scope:
        nothing = b'{"ResourceTagMappingList":[]}'
        scope.simulator.faults.add(
            RawBody(operation='GetResources', body=nothing, content_type='application/x-amz-json-1.1')
        )
        for number in range(5):
            scope.add(f'job-{number}', completes(T0 - 2 * HOUR, training=4 * HOUR), {'team': 'search'})
        assert scope.poll().counts == {'InProgress': 5}
        with scope.simulator.faults.during(fault(operation='ListTagsForResource', times=1)):
            # Tags are refreshed, and the tagging API is tried anew.
            assert scope.poll(HOUR).counts == {'InProgress': 5}
        scope.poll(2 * HOUR)
        assert sorted(kinds(scope.told)) == [(f'job-{number}', 'completed') for number in range(5)]


def test_news_of_jobs_whose_tags_may_not_be_read_yet_wait_for_them(aws_environment: None) -> None:
    wanted = JobFilter(Criteria(), Criteria(tags=('team:risk',)))
    with world(job_filter=wanted, limits=Limits(tag_all=True)) as scope:
        scope.poll()
        scope.add('ours', fails(T0 + MINUTE), {'team': 'search'})
        scope.add('theirs', fails(T0 + MINUTE), {'team': 'risk'})
        denials = [AccessDenied(operation=name) for name in ('GetResources', 'ListTagsForResource')]
        with scope.simulator.faults.during(denials[0]), scope.simulator.faults.during(denials[1]):
            for _ in range(3):
                assert scope.poll(HOUR).transitions == []
        scope.poll(2 * HOUR)
        assert kinds(scope.told) == [('ours', 'created'), ('ours', 'failed')]


# --- descriptions


def test_a_description_that_lags_behind_is_asked_for_again(scope: World) -> None:
    scope.poll()
    scope.add('bad', fails(T0 + MINUTE, 'line 17'))
    lag = ReplaceMember(operation='GetModelCustomizationJob', member='status', value='InProgress', times=2)
    no_message = ReplaceMember(operation='GetModelCustomizationJob', member='failureMessage', value=MISSING, times=2)
    with scope.simulator.faults.during(lag), scope.simulator.faults.during(no_message):
        for _ in range(2):
            assert ('bad', 'failed') not in kinds(keys(scope.poll(HOUR)))
        poll = scope.poll(MINUTE)
    assert [(news.key, job.failure_message) for job, news in poll.transitions][-1] == ('failed', 'line 17')


def test_a_description_without_a_status_tells_the_rest(scope: World) -> None:
    scope.poll()
    scope.add('bad', fails(T0 + MINUTE, 'line 17'))
    scope.simulator.faults.add(ReplaceMember(operation='GetModelCustomizationJob', member='status', value=MISSING))
    poll = scope.poll(HOUR)
    assert [(news.key, job.failure_message) for job, news in poll.transitions][-1] == ('failed', 'line 17')


# --- failures and crashes


@pytest.mark.parametrize('operation', ['ListModelCustomizationJobs', 'GetModelCustomizationJob', 'GetResources'])
def test_nothing_is_lost_while_an_operation_fails(scope: World, operation: str) -> None:
    scope.poll()
    life = fails(T0 + MINUTE)
    scope.add('bad', life, {'team': 'x'})
    with scope.simulator.faults.during(ServerError(operation=operation)):
        for _ in range(2):
            try:
                scope.poll(MINUTE)
            except AwsError as error:
                assert error.kind is Kind.SERVER
    for _ in range(3):
        scope.poll(MINUTE)
    assert [(key, at) for _, key, at in scope.told] == [
        (f'{news.kind}:{news.phase}' if news.phase else news.kind, news.at) for news in life.transitions()
    ]


def test_a_poll_that_was_not_remembered_is_told_again_the_same(scope: World) -> None:
    scope.poll()
    scope.add('bad', fails(T0 + MINUTE))
    scope.clock.advance(HOUR)
    once = keys(scope.look())
    again = keys(scope.look())
    scope.restart()
    after = keys(scope.look())
    assert once and once == again == after


def test_what_the_agent_may_not_have_sent_yet_is_told_again_after_a_kill(scope: World) -> None:
    scope.poll()
    scope.add('bad', fails(T0 + MINUTE))
    told = keys(scope.poll(HOUR))
    scope.restart()
    assert keys(scope.poll(MINUTE)) == told
    scope.poll(MINUTE)
    scope.restart()
    assert scope.poll(MINUTE).transitions == []


def test_what_happened_while_the_process_was_down_is_told(scope: World) -> None:
    lives = {
        'running': completes(T0 - HOUR, training=5 * HOUR),
        'born-and-dead': fails(T0 + HOUR),
        'born': completes(T0 + 9 * HOUR),
    }
    for name, life in lives.items():
        scope.add(name, life)
    scope.poll()
    scope.clock.advance(10 * HOUR)
    scope.restart()
    scope.poll()
    assert kinds(scope.told) == [
        ('born-and-dead', 'created'),
        ('born-and-dead', 'failed'),
        ('running', 'completed'),
        ('born', 'created'),
    ]


def test_a_restart_after_longer_than_the_look_back_loses_nothing(aws_environment: None) -> None:
    with world(limits=Limits(lookback=DAY)) as scope:
        scope.add('running', completes(T0 - HOUR, training=5 * HOUR))
        scope.poll()
        scope.add('meanwhile', fails(T0 + HOUR))
        scope.clock.advance(10 * DAY)
        scope.restart()
        scope.poll()
        assert kinds(scope.told) == [('meanwhile', 'created'), ('meanwhile', 'failed'), ('running', 'completed')]
        scope.poll(MINUTE)
        scope.restart()
        assert scope.poll().transitions == []


def test_a_quiet_poll_writes_nothing_to_the_disk(scope: World) -> None:
    scope.add('running', completes(T0 - HOUR))
    scope.poll()
    writes = scope.disk.writes
    scope.poll(timedelta(seconds=15))
    assert scope.disk.writes == writes
    assert all(len(text) < 2000 for text in scope.disk.files.values())


def test_the_state_stays_small(aws_environment: None) -> None:
    with world(limits=Limits(lookback=400 * DAY)) as scope:
        scope.simulator.add_jobs(Fleet(until=T0, jobs=2_000, span=300 * DAY, active=0.005).build())
        scope.poll()
        assert all(len(text) < 5_000 for text in scope.disk.files.values())


def test_credentials_that_lead_to_another_account_start_anew(scope: World) -> None:
    scope.add('here', completes(T0 - HOUR))
    scope.poll()
    document = next(iter(scope.disk.files.values())).replace('123456789012', '210987654321')
    scope.disk.files = dict.fromkeys(scope.disk.files, document)
    scope.restart()
    assert scope.poll().transitions == []
    assert scope.collector.account_id == '123456789012'


def test_jobs_beyond_the_cap_are_left_out_and_said_to_be(aws_environment: None) -> None:
    with world(limits=Limits(max_tracked_jobs=5)) as scope:
        for number in range(8):
            scope.add(f'job-{number}', fails(T0 - DAY + number * HOUR))
        scope.add('running', completes(T0 - 2 * DAY, training=5 * DAY))
        poll = scope.poll()
        assert poll.counts['InProgress'] == 1
        assert poll.left_out >= 3
        scope.add('new', fails(T0 + MINUTE))
        scope.poll(HOUR)
        assert kinds(scope.told) == [('new', 'created'), ('new', 'failed')]


def test_a_job_that_may_not_be_described_is_still_followed(scope: World) -> None:
    scope.add('hidden', completes(T0 - HOUR, training=2 * HOUR))
    scope.simulator.faults.add(AccessDenied(operation='GetModelCustomizationJob'))
    scope.poll()
    scope.poll(3 * HOUR)
    assert kinds(scope.told) == [('hidden', 'completed')]


def test_where_nothing_may_be_described_it_is_not_tried_for_each_job(scope: World) -> None:
    scope.simulator.faults.add(AccessDenied(operation='GetModelCustomizationJob'))
    for number in range(100):
        scope.add(f'job-{number}', fails(T0 - HOUR + timedelta(seconds=number)))
    scope.poll()
    assert scope.requests()['GetModelCustomizationJob'] < 30
    scope.poll(MINUTE)
    assert scope.requests() == {'ListModelCustomizationJobs': 1}


@pytest.mark.parametrize(
    ('member', 'value'),
    [
        ('statusDetails', 'a string'),
        ('creationTime', 'garbage'),
        ('creationTime', MISSING),
        ('status', MISSING),
        ('status', 'Paused'),
        ('baseModelArn', 7),
        ('jobName', None),
        ('customizationType', {'a': 1}),
        ('endTime', float('nan')),
        ('jobArn', MISSING),
        ('jobArn', 'not an ARN'),
    ],
)
def test_one_malformed_job_hides_no_other(scope: World, member: str, value: Any) -> None:
    scope.poll()
    scope.add('good', completes(T0 + MINUTE, training=HOUR))
    scope.add('bad', completes(T0 + 2 * MINUTE, training=HOUR))
    scope.simulator.faults.add(
        ReplaceMember(operation='ListModelCustomizationJobs', job='bad', member=member, value=value)
    )
    for _ in range(5):
        scope.poll(HOUR)
    assert [key for name, key in kinds(scope.told) if name == 'good'] == ['created', 'completed']


@pytest.mark.parametrize('body', [b'', b'{}', b'{"modelCustomizationJobSummaries":[', b'<html>', b'[]', b'null'])
def test_an_answer_that_is_none_is_no_empty_listing(scope: World, body: bytes) -> None:
    scope.poll()
    scope.add('bad', fails(T0 + MINUTE))
    scope.clock.advance(HOUR)
    with scope.simulator.faults.during(RawBody(operation='ListModelCustomizationJobs', body=body)):
        with pytest.raises(AwsError) as raised:
            scope.poll()
        assert raised.value.kind is Kind.MALFORMED
    scope.poll()
    assert kinds(scope.told) == [('bad', 'created'), ('bad', 'failed')]


def test_a_listing_by_five_requests_a_second_ends_complete(aws_environment: None) -> None:
    from datadog_checks.bedrock_model_customization.aws.session import AwsSettings

    with world(aws=AwsSettings(), pace=Pace(max_describes=20)) as scope:
        for number in range(30):
            scope.add(f'job-{number}', fails(T0 - HOUR + timedelta(seconds=number)))
        scope.simulator.faults.add(Throttle(rate_per_second=5))
        polls = 0
        while scope.poll(MINUTE).awaiting_description:
            polls += 1
            assert polls < 10
        poll = scope.poll()
        assert len(poll.jobs) == 30
        assert all(job.failure_message and job.tags is not None for job in poll.jobs)
