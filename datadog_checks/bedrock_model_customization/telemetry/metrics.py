"""Gauges and counts computed from jobs. The names here and the rows of metadata.csv correspond one to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from ..curves.summary import CurveSummary, TrainingSummary, ValidationSummary
from ..jobs.job import Job
from ..jobs.phases import current_phase
from ..jobs.transitions import CREATED, STATUS_KINDS
from ..jobs.vocabulary import FAILED, KNOWN_STATUSES, UNKNOWN
from .losses import final_losses
from .tags import normalised, tag

JOBS: Final = 'jobs'
JOB_DURATION: Final = 'job.duration'
JOB_PHASE_DURATION: Final = 'job.phase.duration'
JOB_TIME_IN_PHASE: Final = 'job.time_in_phase'
JOB_TRAINING_LOSS: Final = 'job.training_loss'
JOB_VALIDATION_LOSS: Final = 'job.validation_loss'
CURVE_STEP: Final = 'job.curve.step'
CURVE_EPOCH: Final = 'job.curve.epoch'
CURVE_TRAINING_LOSS: Final = 'job.curve.training_loss'
CURVE_TRAINING_LOSS_SLOPE: Final = 'job.curve.training_loss_slope'
CURVE_NON_FINITE_LOSSES: Final = 'job.curve.non_finite_losses'
CURVE_VALIDATION_LOSS: Final = 'job.curve.validation_loss'
CURVE_BEST_VALIDATION_LOSS: Final = 'job.curve.best_validation_loss'
CURVE_BEST_VALIDATION_STEP: Final = 'job.curve.best_validation_step'
CURVE_VALIDATION_HAS_RISEN: Final = 'job.curve.validation_has_risen'
CURVE_GENERALIZATION_GAP: Final = 'job.curve.generalization_gap'
CURVE_PERPLEXITY: Final = 'job.curve.perplexity'
CURVE_REWARD: Final = 'job.curve.reward'
RECORDS_ACCEPTED: Final = 'job.records.accepted'
RECORDS_PARTIALLY_ACCEPTED: Final = 'job.records.partially_accepted'
RECORDS_REJECTED: Final = 'job.records.rejected'
JOBS_TRACKED: Final = 'jobs.tracked'
JOBS_LEFT_OUT: Final = 'jobs.left_out'
JOBS_UNREADABLE: Final = 'jobs.unreadable'
JOBS_AWAITING_DESCRIPTION: Final = 'jobs.awaiting_description'
JOBS_AWAITING_FILTER: Final = 'jobs.awaiting_filter'
CAN_CONNECT: Final = 'can_connect'
COLLECTION_DURATION: Final = 'collection.duration'
COLLECTION_TIME_SINCE_SUCCESS: Final = 'collection.time_since_success'
API_REQUESTS: Final = 'api.requests'
API_ERRORS: Final = 'api.errors'
API_THROTTLES: Final = 'api.throttles'

TRANSITION_COUNTS: Final = {CREATED: 'jobs.started'} | {
    kind: f'jobs.{kind}' for status, kind in STATUS_KINDS.items() if kind != 'stopping'
}
"""The count metric that each kind of transition increments."""


class Sample(NamedTuple):
    """One value to submit, with its tags in addition to those of its job or scope."""

    name: str
    value: float
    tags: Sequence[str] = ()


def job_gauges(job: Job, now: datetime, curves: CurveSummary | None = None) -> Iterator[Sample]:
    """Yield a job's gauges, without those whose values are unknown. Times are in seconds.

    `curves` is what was found about the job beyond its description; it provides a completed job's losses if the
    description has none.
    """
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
    losses = final_losses(job, curves)
    if losses.training is not None:
        yield Sample(JOB_TRAINING_LOSS, losses.training, [tag('loss_source', str(losses.training_source))])
    for position, loss in losses.validation.items():
        source = tag('loss_source', str(losses.validation_source))
        yield Sample(JOB_VALIDATION_LOSS, loss, [tag('validator', str(position)), source])
    if curves is not None:
        yield from curve_gauges(curves)


def curve_gauges(curves: CurveSummary) -> Iterator[Sample]:
    """Yield the gauges from a job's files in S3. docs/loss-curves.md has the definitions, formulas and units."""
    training = curves.training
    if training:
        yield Sample(CURVE_STEP, training.step)
        yield Sample(CURVE_NON_FINITE_LOSSES, training.not_finite)
        yield from _if_known(CURVE_EPOCH, training.epoch)
        yield from _if_known(CURVE_TRAINING_LOSS, training.loss)
        yield from _if_known(CURVE_TRAINING_LOSS_SLOPE, training.trend.slope if training.trend else None)
        yield from _other_gauges(training, [tag('curve', 'training')])
    for position, validation in enumerate(curves.validation):
        if validation is None:
            continue
        tags = [tag('validator', str(position))]
        yield Sample(CURVE_VALIDATION_LOSS, validation.loss, tags)
        yield Sample(CURVE_BEST_VALIDATION_LOSS, validation.best_loss, tags)
        yield Sample(CURVE_BEST_VALIDATION_STEP, validation.best_step, tags)
        yield from _if_known(CURVE_VALIDATION_HAS_RISEN, validation.has_risen, tags)
        yield from _if_known(CURVE_GENERALIZATION_GAP, validation.gap, tags)
        yield from _other_gauges(validation, [tag('curve', 'validation'), *tags])
    if curves.records:
        yield from _if_known(RECORDS_ACCEPTED, curves.records.accepted)
        yield from _if_known(RECORDS_PARTIALLY_ACCEPTED, curves.records.partially_accepted)
        yield from _if_known(RECORDS_REJECTED, curves.records.rejected)


def _other_gauges(summary: TrainingSummary | ValidationSummary, tags: Sequence[str]) -> Iterator[Sample]:
    yield from _if_known(CURVE_PERPLEXITY, summary.perplexity, tags)
    for column, value in summary.rewards.items():
        yield Sample(CURVE_REWARD, value, [*tags, tag('column', normalised(column))])


def _if_known(name: str, value: float | None, tags: Sequence[str] = ()) -> Iterator[Sample]:
    if value is not None:
        yield Sample(name, float(value), tags)


def status_gauges(counts: dict[str, int]) -> Iterator[Sample]:
    """Yield the number of jobs of each known status and of `Unknown`, including zeros, so monitors always have data."""
    for status in (*KNOWN_STATUSES, UNKNOWN):
        yield Sample(JOBS, counts.get(status, 0), [tag('status', status)])


def within_cap(jobs: Iterable[Job], cap: int) -> Sequence[Job]:
    """Return at most `cap` jobs for the per-job gauges: running ones first, then failed ones, then the others.

    The order within each group is preserved.
    """
    return sorted(jobs, key=lambda job: (job.is_terminal, job.status != FAILED))[:cap]
