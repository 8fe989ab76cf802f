"""Gauges and counts made from jobs. Every name here has a row in metadata.csv, and every row a name here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from ..jobs.job import FAILED, KNOWN_STATUSES, UNKNOWN, Job
from ..jobs.phases import current_phase
from ..jobs.transitions import CREATED, STATUS_KINDS
from .tags import tag

JOBS: Final = 'jobs'
JOB_DURATION: Final = 'job.duration'
JOB_PHASE_DURATION: Final = 'job.phase.duration'
JOB_TIME_IN_PHASE: Final = 'job.time_in_phase'
JOB_TRAINING_LOSS: Final = 'job.training_loss'
JOB_VALIDATION_LOSS: Final = 'job.validation_loss'
JOBS_TRACKED: Final = 'jobs.tracked'
JOBS_LEFT_OUT: Final = 'jobs.left_out'
JOBS_UNREADABLE: Final = 'jobs.unreadable'
JOBS_AWAITING_DESCRIPTION: Final = 'jobs.awaiting_description'
CAN_CONNECT: Final = 'can_connect'
COLLECTION_DURATION: Final = 'collection.duration'
COLLECTION_TIME_SINCE_SUCCESS: Final = 'collection.time_since_success'
API_REQUESTS: Final = 'api.requests'
API_ERRORS: Final = 'api.errors'
API_THROTTLES: Final = 'api.throttles'

TRANSITION_COUNTS: Final = {CREATED: 'jobs.started'} | {
    kind: f'jobs.{kind}' for status, kind in STATUS_KINDS.items() if kind != 'stopping'
}
"""The count that each kind of transition adds to."""


class Sample(NamedTuple):
    """One value to submit, with the tags that it has beyond those of its job or scope."""

    name: str
    value: float
    tags: Sequence[str] = ()


def job_gauges(job: Job, now: datetime) -> Iterator[Sample]:
    """Yield a job's gauges; what AWS has not told is not sent. Times are in seconds."""
    duration = job.duration(now)
    if duration is not None:
        yield Sample(JOB_DURATION, duration.total_seconds())
    phases = job.phases
    for phase in phases:
        spent = phase.duration(now)
        if spent is not None:
            yield Sample(JOB_PHASE_DURATION, spent.total_seconds(), [tag('phase', phase.name)])
    current = None if job.is_terminal else current_phase(phases, job.creation_time)
    if current:
        tags = [tag('phase', current.name), tag('phase_status', current.status)]
        yield Sample(JOB_TIME_IN_PHASE, max((now - current.since).total_seconds(), 0.0), tags)
    if job.training_loss is not None:
        yield Sample(JOB_TRAINING_LOSS, job.training_loss)
    for position, loss in job.validation_losses.items():
        yield Sample(JOB_VALIDATION_LOSS, loss, [tag('validator', str(position))])


def status_gauges(counts: dict[str, int]) -> Iterator[Sample]:
    """Yield the number of jobs of each known status, zeros too, so that a monitor never lacks data."""
    for status in (*KNOWN_STATUSES, UNKNOWN):
        yield Sample(JOBS, counts.get(status, 0), [tag('status', status)])


def within_cap(jobs: Iterable[Job], cap: int) -> Sequence[Job]:
    """Return at most `cap` jobs for the per-job gauges: running ones first, then failed ones, then the others.

    Within each the order stays as it was.
    """
    return sorted(jobs, key=lambda job: (job.is_terminal, job.status != FAILED))[:cap]
