"""The usual courses of jobs, with durations seen in real ones. Each function returns a `Timeline`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from .timeline import (
    COMPLETED,
    DATA_PROCESSING,
    FAILED,
    IN_PROGRESS,
    SETTLING,
    TRAINING,
    VALIDATION,
    Step,
    Timeline,
)

STARTING: Final = timedelta(seconds=2)
VALIDATING: Final = timedelta(minutes=3)
PROCESSING: Final = timedelta(minutes=40)
FINE_TUNING: Final = timedelta(hours=2, minutes=14)
REINFORCING: Final = timedelta(hours=9)

S3_MESSAGE: Final = (
    'Could not validate GetObject permissions to access Amazon S3 bucket: example-training-data at key train.jsonl. '
    'Check the permissions of the role and the bucket policy, then try again.'
)


class Leg(NamedTuple):
    """One phase of a plan: how long the job queues before it, and how long the phase takes."""

    phase: str
    takes: timedelta
    waits: timedelta = timedelta()


def runs(legs: Sequence[Leg]) -> list[Step]:
    """Return the steps of consecutive phases, each completed."""
    steps, at = [], timedelta()
    for leg in legs:
        steps.append(Step(at := at + leg.waits, phases={leg.phase: IN_PROGRESS}))
        steps.append(Step(at := at + leg.takes, phases={leg.phase: COMPLETED}))
    return steps


def completes(
    created_at: datetime,
    *,
    validation: timedelta = VALIDATING,
    queue: timedelta = timedelta(seconds=5),
    training: timedelta = FINE_TUNING,
    training_loss: float | None = 0.8421,
    validation_losses: tuple[float, ...] = (),
    metrics_delay: timedelta = timedelta(),
) -> Timeline:
    """A job that succeeds. `queue` is the wait for a training slot; `metrics_delay` lets losses appear after the end.

    `training_loss` None gives a completed job without `trainingMetrics`, which does occur.
    """
    legs = [Leg(VALIDATION, validation, STARTING), Leg(TRAINING, training, queue)]
    return _completed(created_at, legs, training_loss, validation_losses, metrics_delay)


def distillation(
    created_at: datetime,
    *,
    validation: timedelta = VALIDATING,
    data_processing: timedelta = PROCESSING,
    training: timedelta = FINE_TUNING,
    training_loss: float | None = 1.1203,
    validation_losses: tuple[float, ...] = (),
) -> Timeline:
    """A distillation that succeeds; the only kind with a data processing phase."""
    legs = [
        Leg(VALIDATION, validation, STARTING),
        Leg(DATA_PROCESSING, data_processing, STARTING),
        Leg(TRAINING, training, STARTING),
    ]
    return _completed(created_at, legs, training_loss, validation_losses, timedelta())


def rft(created_at: datetime, *, validation: timedelta = VALIDATING, training: timedelta = REINFORCING) -> Timeline:
    """A reinforcement fine-tuning that succeeds: long, and without the losses of supervised training."""
    return completes(created_at, validation=validation, training=training, training_loss=None)


def fails(
    created_at: datetime,
    message: str = S3_MESSAGE,
    *,
    phase: str = VALIDATION,
    after: timedelta = timedelta(seconds=90),
    phases: Sequence[str] = (VALIDATION, TRAINING),
    validation: timedelta = VALIDATING,
    data_processing: timedelta = PROCESSING,
) -> Timeline:
    """A job that fails in `phase`, `after` that phase began; later phases stay NotStarted."""
    takes = {VALIDATION: validation, DATA_PROCESSING: data_processing}
    before = [Leg(name, takes[name], STARTING) for name in phases[: phases.index(phase)]]
    steps = runs(before)
    began = (steps[-1].after if steps else timedelta()) + STARTING
    steps += [
        Step(began, phases={phase: IN_PROGRESS}),
        Step(began + after, status=FAILED, phases={phase: FAILED}, failure_message=message),
        Step(began + after + SETTLING),
    ]
    return Timeline(created_at, tuple(steps), tuple(phases))


def stuck(created_at: datetime, *, validation: timedelta = VALIDATING) -> Timeline:
    """A job that passes validation and then waits forever: InProgress, training NotStarted, no message."""
    return Timeline(created_at, tuple(runs([Leg(VALIDATION, validation, STARTING)])))


def stopped(
    created_at: datetime,
    *,
    after: timedelta = timedelta(minutes=30),
    takes: timedelta = timedelta(seconds=40),
    life: Timeline | None = None,
) -> Timeline:
    """A job stopped by hand `after` its creation; `life` is its timeline without the stop (default: a success)."""
    whole = life or completes(created_at, training=max(FINE_TUNING, after * 2))
    return whole.stop(whole.created_at + after, takes)


def _completed(
    created_at: datetime,
    legs: Sequence[Leg],
    training_loss: float | None,
    validation_losses: tuple[float, ...],
    metrics_delay: timedelta,
) -> Timeline:
    *steps, last = runs(legs)
    late = metrics_delay > timedelta()
    losses = (training_loss, validation_losses)
    steps.append(Step(last.after, COMPLETED, last.phases, None, *(() if late else losses)))
    steps.append(Step(last.after + SETTLING))
    if late:
        steps.append(Step(last.after + SETTLING + metrics_delay, None, {}, None, *losses))
    return Timeline(created_at, tuple(steps), tuple(leg.phase for leg in legs))
