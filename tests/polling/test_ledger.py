"""What is news, what is old, and what is not known: the rule of news, without any I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.vocabulary import COMPLETED, FAILED, IN_PROGRESS, STOPPING
from datadog_checks.bedrock_model_customization.polling.ledger import Entry, Ledger, Memory, has_ended

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/'


def running(created: datetime, name: str = 'a') -> Job:
    return Job(job_arn=ARN + name, creation_time=created, last_modified_time=created, status=IN_PROGRESS)


def failed(created: datetime, after: timedelta = HOUR / 2, name: str = 'a') -> Job:
    return replace(running(created, name), end_time=created + after, status=FAILED)


def begun(**options: timedelta) -> Ledger:
    ledger = Ledger(**options)
    ledger.begin(NOW)
    return ledger


def news(ledger: Ledger, job: Job, now: datetime = NOW) -> list[str]:
    ledger.take(job, now, is_kept=False)
    return [transition.key for transition in ledger.news(job)]


def tell(ledger: Ledger, job: Job) -> None:
    ledger.settle({job.job_arn: {transition.key for transition in ledger.news(job)}}, {})


def restarted(ledger: Ledger) -> Ledger:
    ledger = Ledger(memory=ledger.memory())
    ledger.begin(NOW + 100 * HOUR)
    return ledger


def test_what_happened_before_the_first_answer_is_old() -> None:
    ledger = begun()
    assert news(ledger, failed(NOW - 9 * HOUR, name='old')) == []
    assert news(ledger, failed(NOW - 9 * HOUR, after=10 * HOUR, name='ended since')) == ['failed']
    assert news(ledger, failed(NOW + HOUR, name='created since')) == ['created', 'failed']
    assert set(ledger.reported) == {f'{ARN}ended since', f'{ARN}created since'}


def test_events_reach_back_and_counts_do_not() -> None:
    ledger, job = begun(events_since=2 * HOUR), failed(NOW - HOUR, after=HOUR + HOUR)
    assert news(ledger, job) == ['created', 'failed']
    assert [ledger.is_counted(job, one) for one in ledger.news(job)] == [True, False]


def test_what_was_reported_is_repeated_by_a_process_that_was_killed_and_not_counted_again() -> None:
    ledger, job = begun(), failed(NOW + HOUR)
    assert news(ledger, job) == ['created', 'failed']
    tell(ledger, job)
    assert ledger.news(job) == []
    again = restarted(ledger)
    assert news(again, job) == ['created', 'failed']
    assert all(again.is_counted(job, one) for one in again.news(job))
    # A poll later the events were sent.
    ledger.settle({}, {})
    assert news(restarted(ledger), job) == []


def test_what_a_filter_drops_stays_dropped() -> None:
    ledger, job = begun(), running(NOW + HOUR)
    assert news(ledger, job) == ['created']
    ledger.settle({}, {job.job_arn: {'created'}})
    assert news(restarted(ledger), failed(NOW + HOUR)) == ['failed']


def test_the_time_of_a_stop_is_the_one_first_seen() -> None:
    ledger = begun()
    stopping = replace(running(NOW + HOUR), status=STOPPING, last_modified_time=NOW + 2 * HOUR)
    news(ledger, stopping)
    tell(ledger, stopping)
    again, later = restarted(ledger), replace(stopping, last_modified_time=NOW + 3 * HOUR)
    assert news(again, later) == ['created', 'stopping']
    assert again.news(later)[-1].at == NOW + 2 * HOUR


def test_a_job_is_forgotten_once_the_floor_has_passed_it() -> None:
    ledger, job = begun(), failed(NOW + HOUR)
    news(ledger, job)
    tell(ledger, job)
    jobs = {job.job_arn: job}
    for later, is_kept in ((2 * HOUR, True), (3 * HOUR, False)):
        ledger.settle({}, {})
        ledger.advance(NOW + later, jobs, NOW + later, [lambda _: False, lambda _: True][is_kept])
        assert (job.job_arn in ledger.reported) == is_kept
    assert news(ledger, job) == []
    # The floor never moves back.
    ledger.advance(NOW, jobs, NOW, lambda _: False)
    assert ledger.floor == NOW + 2 * HOUR


def test_state_of_version_1_is_carried_over() -> None:
    cursor = NOW - HOUR
    known = {f'{ARN}known': Entry(None, frozenset({'created'}))}
    ledger = Ledger(5 * HOUR, Memory(cursor - 24 * HOUR, None, known, cursor))
    ledger.begin(NOW)
    assert news(ledger, failed(cursor - 50 * HOUR, after=50 * HOUR, name='known')) == ['failed']
    assert ledger.reported[f'{ARN}known'].created == cursor - 50 * HOUR
    assert news(ledger, failed(cursor + HOUR / 4, name='created during the upgrade')) == ['created', 'failed']
    assert news(ledger, failed(cursor - 2 * HOUR, name='settled')) == []
    ledger.advance(NOW + HOUR / 2, {}, NOW, lambda _: False)
    assert ledger.cursor == cursor
    ledger.advance(NOW + 2 * HOUR, {}, NOW, lambda _: False)
    assert ledger.cursor is None


@pytest.mark.parametrize(
    ('status', 'changes', 'expected'),
    [
        (IN_PROGRESS, {'last_modified_time': NOW - 99 * HOUR}, False),
        (COMPLETED, {}, True),
        ('Queued', {'last_modified_time': NOW - 23 * HOUR}, False),
        ('Queued', {'last_modified_time': NOW - 25 * HOUR}, True),
        ('Deleted', {'end_time': NOW}, True),
        (None, {}, False),
    ],
)
def test_a_status_that_nobody_knows_runs_until_it_has_an_end_or_is_silent_for_a_day(
    status: str | None, changes: dict[str, datetime], expected: bool
) -> None:
    job = replace(running(NOW - HOUR), status=status, **changes)
    assert has_ended(job, NOW) is expected


def test_an_end_before_the_creation_is_not_believed() -> None:
    ledger = begun()
    impossible = replace(failed(NOW + HOUR), end_time=datetime(1970, 1, 1, tzinfo=UTC))
    assert news(ledger, impossible) == ['created', 'failed']
