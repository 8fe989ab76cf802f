"""Phases, and what must have happened for a job to be as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.phases import current_phase, read_phases
from datadog_checks.bedrock_model_customization.jobs.transitions import transitions_of, unreported

ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'
T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)


def at(minutes: float) -> str:
    return (T0 + timedelta(minutes=minutes)).isoformat()


def phase(status: str, created: float | None = None, modified: float | None = None) -> dict[str, str]:
    times = {'creationTime': created, 'lastModifiedTime': modified}
    return {'status': status} | {name: at(minutes) for name, minutes in times.items() if minutes is not None}


STUCK = {'validationDetails': phase('Completed', 1, 4), 'trainingDetails': phase('NotStarted', 0, 0)}


def test_a_job_stuck_before_training_waits_since_validation_ended() -> None:
    current = current_phase(read_phases(STUCK), T0)
    assert current is not None
    assert (current.name, current.status, current.since) == ('training', 'NotStarted', T0 + timedelta(minutes=4))


def test_a_phase_that_was_skipped_is_not_current() -> None:
    details = {
        'validationDetails': phase('Completed', 1, 4),
        'dataProcessingDetails': phase('NotStarted', 0, 0),
        'trainingDetails': phase('InProgress', 6, 7),
    }
    assert current_phase(read_phases(details), T0) == ('training', 'InProgress', T0 + timedelta(minutes=6))
    details['trainingDetails'] = phase('Completed', 6, 70)
    assert current_phase(read_phases(details), T0) == ('training', 'Completed', T0 + timedelta(minutes=70))
    details['trainingDetails'] = phase('NotStarted')
    assert current_phase(read_phases(details), T0) == ('data_processing', 'NotStarted', T0 + timedelta(minutes=4))


def test_a_phase_in_progress_counts_since_it_began() -> None:
    details = {'validationDetails': phase('Completed', 1, 4), 'trainingDetails': phase('InProgress', 6, 7)}
    phases = read_phases(details)
    current = current_phase(phases, T0)
    assert current is not None
    assert current.since == T0 + timedelta(minutes=6)
    assert [found.duration(T0 + timedelta(minutes=16)) for found in phases] == [
        timedelta(minutes=3),
        timedelta(minutes=10),
    ]


def test_a_job_whose_phases_all_ended_waits_since_the_last_one() -> None:
    current = current_phase(read_phases({'trainingDetails': phase('Completed', 1, 9)}), T0)
    assert current is not None
    assert (current.name, current.status, current.since) == ('training', 'Completed', T0 + timedelta(minutes=9))


@pytest.mark.parametrize('details', [None, {}, {'trainingDetails': None}, {'trainingDetails': 'x'}, 'x', {'other': {}}])
def test_no_phase(details: object) -> None:
    assert read_phases(details) == ()  # type: ignore[arg-type]
    assert current_phase((), T0) is None


def test_data_processing_stands_between_validation_and_training() -> None:
    details = {
        name: phase('Completed', 1, 2) for name in ('trainingDetails', 'validationDetails', 'dataProcessingDetails')
    }
    assert [found.name for found in read_phases(details)] == ['validation', 'data_processing', 'training']


def test_transitions_of_a_stopped_job() -> None:
    job = Job(
        job_arn=ARN,
        status='Stopped',
        creation_time=T0,
        end_time=T0 + timedelta(hours=1),
        last_modified_time=T0 + timedelta(hours=1, seconds=1),
        status_details=STUCK,
    )
    assert [(news.key, news.at) for news in transitions_of(job)] == [
        ('created', T0),
        ('phase_started:validation', T0 + timedelta(minutes=1)),
        ('phase_ended:validation', T0 + timedelta(minutes=4)),
        ('stopped', T0 + timedelta(hours=1)),
    ]
    assert [news.key for news in unreported(job, {'created', 'phase_started:validation'})] == [
        'phase_ended:validation',
        'stopped',
    ]


def test_an_unknown_status_is_news_and_no_success() -> None:
    job = Job(job_arn=ARN, status='Paused', creation_time=T0, last_modified_time=T0)
    assert not job.is_terminal
    assert job.known_status == 'Unknown'
    assert [news.key for news in transitions_of(job)] == ['created', 'unknown_status:Paused']


def test_a_job_that_is_being_stopped_was_last_modified_then() -> None:
    job = Job(job_arn=ARN, status='Stopping', creation_time=T0, last_modified_time=T0 + timedelta(minutes=3))
    assert transitions_of(job)[-1] == ('stopping', '', T0 + timedelta(minutes=3))
