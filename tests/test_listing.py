"""Listings that do not come to their end: what they showed is reported, and they go on where they were broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from datadog_checks.bedrock_model_customization import collector
from datadog_checks.bedrock_model_customization.aws import bedrock
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.aws.session import AwsSettings
from datadog_checks.bedrock_model_customization.collector import ScopePoll
from datadog_checks.bedrock_model_customization.jobs.inventory import Limits
from datadog_checks.bedrock_model_customization.simulator import (
    AccessDenied,
    Fault,
    ReplaceMember,
    ServerError,
    Throttle,
    completes,
    fails,
    stopped,
)
from datadog_checks.bedrock_model_customization.state import decode

from .harness import HOUR, MINUTE, T0, World, kinds, world

LIST, DESCRIBE = 'ListModelCustomizationJobs', 'GetModelCustomizationJob'
DAY = timedelta(days=1)
JOBS = 60


@pytest.fixture
def scope(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Sixty jobs, one an hour, on six pages; the oldest one runs."""
    small_pages(monkeypatch)
    with world(aws=AwsSettings(max_attempts=1)) as made:
        made.add('oldest', completes(T0 - JOBS * HOUR, training=20 * DAY))
        for number in range(1, JOBS):
            made.add(f'job-{number}', fails(T0 - number * HOUR, after=MINUTE))
        yield made


def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bedrock, collector):
        monkeypatch.setattr(module, 'PAGE_SIZE', 10)


@contextmanager
def refused_after(scope: World, requests: int, fault: type[Fault] = ServerError) -> Iterator[None]:
    """Answer so many listings; refuse the others."""
    with scope.simulator.faults.during(fault(operation=LIST, skip=requests)):
        yield


def polls_until_complete(scope: World, requests: int) -> list[ScopePoll]:
    polls: list[ScopePoll] = []
    while not polls or polls[-1].broken_off:
        assert len(polls) < 20
        with refused_after(scope, requests):
            polls.append(scope.poll(MINUTE))
    return polls


def test_a_first_listing_goes_on_where_it_was_broken_off(scope: World) -> None:
    polls = polls_until_complete(scope, 5)
    # Five pages, and at the next poll what runs and what is new before the rest.
    assert [poll.tracked for poll in polls] == [50, JOBS]
    assert [poll.is_complete for poll in polls] == [False, True]
    assert polls[0].counts == {'Failed': 50}
    assert polls[1].counts == {'Failed': JOBS - 1, 'InProgress': 1}
    assert scope.told == []
    scope.requests()
    scope.poll(MINUTE)
    assert scope.requests()[LIST] <= 4


def test_a_listing_by_few_requests_ends_whatever_happens_meanwhile(scope: World) -> None:
    with refused_after(scope, 1):
        scope.poll()
    born = scope.clock.now()
    scope.add('brief', fails(born + MINUTE / 2, after=MINUTE))
    scope.add('halted', stopped(born + MINUTE / 2, after=3 * MINUTE, takes=2 * HOUR))
    polls = polls_until_complete(scope, 4)
    assert [poll.tracked for poll in polls][-1] == JOBS + 2 and len(polls) > 3
    # Nothing was known at first: what was seen to happen is told, and what is older is not made news of.
    assert kinds(scope.told) == [('brief', 'failed'), ('halted', 'stopping')]
    scope.add('after', fails(scope.clock.now() + MINUTE))
    scope.poll(3 * HOUR)
    assert kinds(scope.told)[-3:] == [('after', 'created'), ('after', 'failed'), ('halted', 'stopped')]


def test_a_restart_loses_nothing_while_no_listing_comes_to_its_end(scope: World) -> None:
    scope.poll()
    scope.poll(MINUTE)
    born = scope.clock.now()
    for number in range(30):
        scope.add(f'new-{number}', fails(born + number * MINUTE))
    scope.clock.advance(5 * HOUR)
    scope.restart()
    for _ in range(2):
        with refused_after(scope, 4):
            assert not scope.poll(MINUTE).is_complete
    # The process ends before it knew everything; what it told is told again.
    scope.restart()
    polls = polls_until_complete(scope, 5)
    assert polls[0].tracked < JOBS
    news = {name for name, key in kinds(scope.told) if key == 'failed'}
    assert news == {f'new-{number}' for number in range(30)}
    scope.told.clear()
    scope.poll(2 * HOUR)
    assert scope.told == []


def test_a_page_that_is_never_answered_holds_back_no_news(scope: World) -> None:
    scope.poll()
    scope.poll(2 * MINUTE)
    with refused_after(scope, 4):
        # The hourly listing of everything. Its last pages are those of jobs that are known.
        poll = scope.poll(2 * HOUR)
    assert poll.broken_off and not poll.is_complete
    for number in range(5):
        scope.add(f'new-{number}', fails(scope.clock.now() + MINUTE))
        with refused_after(scope, 3):
            poll = scope.poll(HOUR)
        assert poll.broken_off and poll.broken_off.kind is Kind.SERVER
        assert poll.is_complete
    assert kinds(scope.told) == [(f'new-{number}', key) for number in range(5) for key in ('created', 'failed')]
    # And the cursor has moved: of what ended, only the newest job is still written down.
    for _ in range(2):
        with refused_after(scope, 3):
            scope.poll(HOUR)
    assert {len(decode(text)[1].reported) for text in scope.disk.files.values()} == {2}


def test_what_ended_is_found_while_the_listing_goes_on(scope: World) -> None:
    scope.add('running', completes(T0 - MINUTE, training=3 * HOUR))
    scope.poll()
    for _ in range(2):
        with refused_after(scope, 4):
            scope.poll(2 * HOUR)
    scope.poll(MINUTE)
    assert kinds(scope.told) == [('running', 'completed')]


def test_where_nothing_can_be_listed_the_poll_fails(scope: World) -> None:
    with refused_after(scope, 0, Throttle), pytest.raises(AwsError) as raised:
        scope.poll()
    assert raised.value.kind is Kind.THROTTLED
    with refused_after(scope, 2, AccessDenied), pytest.raises(AwsError) as raised:
        scope.poll()
    assert raised.value.kind is Kind.DENIED


@pytest.mark.parametrize('time', ['1970-01-02T00:00:00Z', '2999-01-01T00:00:00Z', 'never', None])
@pytest.mark.parametrize('name', ['job-10', 'job-7'])
def test_one_job_with_a_time_from_long_ago_ends_no_listing(scope: World, name: str, time: str | None) -> None:
    scope.simulator.faults.add(ReplaceMember(operation=LIST, job=name, member='creationTime', value=time))
    polls = polls_until_complete(scope, 5)
    assert polls[-1].tracked >= JOBS - 1
    assert sum(polls[-1].counts.values()) >= JOBS - 1


def test_jobs_that_were_created_together_are_not_skipped(
    aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    with world() as scope:
        for number in range(15):
            scope.add(f'twin-{number}', fails(T0 - HOUR))
        for number in range(15):
            scope.add(f'older-{number}', fails(T0 - 2 * HOUR))
        with refused_after(scope, 1):
            assert scope.poll().tracked == 10
        assert polls_until_complete(scope, 20)[-1].tracked == 30


def test_another_account_is_listed_from_its_beginning(scope: World) -> None:
    scope.poll()
    # As if all that is known were another account's.
    scope.collector.account_id = '210987654321'
    poll = scope.poll(MINUTE)
    assert (poll.account_id, poll.tracked) == ('123456789012', JOBS)
    scope.poll(2 * HOUR)
    assert scope.told == []


def test_limits_hold_over_several_polls(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pages(monkeypatch)
    with world(limits=Limits(max_tracked_jobs=25)) as scope:
        for number in range(JOBS):
            scope.add(f'job-{number}', fails(T0 - (number + 1) * HOUR))
        with refused_after(scope, 2):
            scope.poll()
        poll = polls_until_complete(scope, 6)[-1]
        assert poll.tracked <= 30 and poll.left_out > 0
        scope.add('new', fails(scope.clock.now() + MINUTE))
        scope.poll(HOUR)
        assert kinds(scope.told) == [('new', 'created'), ('new', 'failed')]
