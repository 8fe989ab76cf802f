"""Listings that do not come to their end: what they showed is reported, and they go on where they were broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bedrock_jobs.simulator import (
    AccessDenied,
    Fault,
    RawBody,
    ReplaceMember,
    ServerError,
    ServiceError,
    Throttle,
    completes,
    fails,
    stopped,
)
from bedrock_jobs.simulator.wire import Answer, Call
from datadog_checks.bedrock_model_customization.aws import bedrock
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, InterruptedPollError, Kind
from datadog_checks.bedrock_model_customization.aws.session import AwsSettings
from datadog_checks.bedrock_model_customization.polling.inventory import Limits
from datadog_checks.bedrock_model_customization.polling.scope import ScopePoll

from ..harness import HOUR, MINUTE, T0, World, kinds, world

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
    monkeypatch.setattr(bedrock, 'PAGE_SIZE', 10)


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
    scope.poll(2 * MINUTE)
    assert [poll.tracked for poll in polls][-1] == JOBS + 2 and len(polls) >= 3
    # What happened since the first look is told, and what is older is not made news of.
    born = [('brief', 'created'), ('halted', 'created')]
    assert sorted(kinds(scope.told)) == [*born[:1], ('brief', 'failed'), *born[1:], ('halted', 'stopping')]
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
        assert poll.left_out == 0
    scope.poll(MINUTE)
    assert kinds(scope.told) == [(f'new-{number}', key) for number in range(5) for key in ('created', 'failed')]


def test_a_page_that_is_not_answered_for_a_day_is_given_up_and_said_to_be(scope: World) -> None:
    scope.poll()
    bad = scope.simulator.faults.add(BadPage(operation=LIST, name='job-47'))
    polls = [scope.poll(HOUR) for _ in range(27)]
    assert [poll.left_out for poll in polls] == [0] * 24 + [1] * 3
    assert 'were not answered for a day' in polls[-1].shortfalls[0]
    # The floor has moved, and the next full listing asks for it again.
    assert polls[24].is_complete and not polls[25].is_complete
    scope.simulator.faults.remove(bad)
    for _ in range(3):
        poll = scope.poll(HOUR)
    assert poll.is_complete and poll.left_out == 0
    assert scope.told == []


def test_the_end_of_a_job_behind_a_page_that_is_not_answered_is_told(scope: World) -> None:
    scope.add('running', completes(T0 - 50 * HOUR, training=60 * HOUR))
    scope.poll()
    scope.simulator.faults.add(BadPage(operation=LIST, name='job-47'))
    for _ in range(12):
        scope.poll(HOUR)
    assert kinds(scope.told) == [('running', 'completed')]


def test_a_listing_that_lacks_what_is_known_moves_nothing(scope: World) -> None:
    """An empty answer after some hours of downtime: what happened meanwhile is still told."""
    scope.poll()
    scope.poll(MINUTE)
    scope.add('meanwhile', fails(scope.clock.now() + MINUTE))
    scope.clock.advance(5 * HOUR)
    scope.restart()
    nothing = RawBody(operation=LIST, body=b'{"modelCustomizationJobSummaries":[]}')
    gone = ServiceError(operation=DESCRIBE, code='ResourceNotFoundException', status=404)
    with scope.simulator.faults.during(nothing), scope.simulator.faults.during(gone):
        assert not scope.poll().is_complete
    assert scope.poll(MINUTE).is_complete
    assert kinds(scope.told) == [('meanwhile', 'created'), ('meanwhile', 'failed')]


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


# --- polls that run out of time


@contextmanager
def out_of_time_after(scope: World, requests: int) -> Iterator[None]:
    """Let the time for a poll be up after so many requests."""
    guard, left = scope.collector.scope.session.guard, requests

    def stop(**_: object) -> None:
        nonlocal left
        if not left:
            raise InterruptedPollError('the time for this poll is up')
        left -= 1

    guard.stop = stop  # type: ignore[method-assign]
    try:
        yield
    finally:
        del guard.stop  # type: ignore[method-assign]


@pytest.mark.parametrize('requests', [1, 2, 4])
@pytest.mark.parametrize('active', [0, 30])
def test_time_for_few_requests_is_enough_in_the_end(scope: World, requests: int, active: int) -> None:
    for number in range(active):
        scope.add(f'active-{number}', completes(T0 - HOUR / 2 - number * MINUTE / 2, training=20 * DAY))
    scope.poll()
    scope.poll(MINUTE)
    expected = set()
    scope.clock.advance(2 * HOUR)
    for number in range(60):
        if number < 12:
            expected |= {(f'brief-{number}', 'created'), (f'brief-{number}', 'failed')}
            scope.add(f'brief-{number}', fails(scope.clock.now() + MINUTE / 6, after=MINUTE / 6))
        with out_of_time_after(scope, requests):
            scope.poll(MINUTE)
    # The hourly listing has come to its end, too, and what was found meanwhile was told once.
    listing = scope.collector._current.listing
    assert listing.is_full or listing.complete_at > T0 + 2 * HOUR
    assert set(kinds(scope.told)) == expected
    assert len(kinds(scope.told)) == len(expected)


@pytest.mark.parametrize('requests', [1, 2, 4])
def test_a_first_listing_with_time_for_few_requests_is_enough_in_the_end(scope: World, requests: int) -> None:
    scope.collector.scope.prepare()
    scope.collector.scope.account_id()
    for number in range(60):
        with out_of_time_after(scope, requests):
            poll = scope.poll(MINUTE)
        if number < 12:
            scope.add(f'brief-{number}', fails(scope.clock.now() + MINUTE / 6, after=MINUTE / 6))
    assert poll.tracked == JOBS + 12
    expected = {(f'brief-{number}', kind) for number in range(12) for kind in ('created', 'failed')}
    assert set(kinds(scope.told)) == expected
    assert len(kinds(scope.told)) == len(expected)


@dataclass(kw_only=True)
class BadPage(Fault):
    """The page with a certain job is never answered."""

    name: str

    def after(self, call: Call, answer: Answer) -> Answer:
        return Answer(500, b'{}') if f'"{self.name}"'.encode() in answer.body else answer


def test_a_page_of_the_first_listing_that_is_never_answered_holds_back_no_news(scope: World) -> None:
    bad = scope.simulator.faults.add(BadPage(operation=LIST, name='job-47'))
    expected = []
    for number in range(30):
        assert scope.poll(10 * MINUTE).broken_off
        expected += [(f'new-{number}', 'created'), (f'new-{number}', 'failed')]
        scope.add(f'new-{number}', fails(scope.clock.now() + MINUTE))
    assert kinds(scope.told) == expected[:-2]
    scope.restart()
    scope.told.clear()
    scope.poll(10 * MINUTE)
    # What the last poll before told may be told once more, and no more than that.
    assert expected[-2:] == kinds(scope.told)[-2:] and len(kinds(scope.told)) <= 4
    scope.simulator.faults.remove(bad)
    polls_until_complete(scope, 30)
    assert scope.poll(MINUTE).counts['Failed'] == JOBS - 1 + 30


def test_a_page_that_is_never_answered_delays_nothing_on_those_before_it(scope: World) -> None:
    """What may have changed takes several pages, and the second of them is the bad one."""
    scope.poll()
    for number in range(20):
        scope.add(f'new-{number}', fails(scope.clock.now() + MINUTE))
    scope.poll(2 * MINUTE)
    scope.simulator.faults.add(BadPage(operation=LIST, name='new-5'))
    for number in range(8):
        scope.add(f'later-{number}', fails(scope.clock.now() + MINUTE))
        poll = scope.poll(5 * MINUTE)
        assert kinds(scope.told)[-2:] == [(f'later-{number}', 'created'), (f'later-{number}', 'failed')]
        assert poll.broken_off


def test_limits_make_no_news_of_what_is_old(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pages(monkeypatch)
    with world(limits=Limits(max_tracked_jobs=20)) as scope:
        for number in range(JOBS):
            scope.add(f'job-{number}', fails(T0 - (number + 1) * HOUR))
        scope.add('active', completes(T0 - 24.5 * HOUR, training=20 * DAY))
        left_out = [scope.poll(MINUTE).left_out for _ in range(30)]
        assert scope.told == []
        # The same ones are not counted again at every poll.
        assert max(left_out) <= JOBS + 1 - 20


def test_what_is_remembered_of_long_ago_is_not_asked_for_for_ever(scope: World) -> None:
    scope.poll()
    scope.poll(MINUTE)
    scope.clock.advance(8 * DAY)
    scope.restart()
    scope.poll()
    scope.add('new', completes(scope.clock.now() + MINUTE, training=MINUTE))
    for _ in range(30):
        scope.poll(MINUTE)
    scope.requests()
    scope.poll(MINUTE)
    assert scope.requests().keys() == {LIST}
