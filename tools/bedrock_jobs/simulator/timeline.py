"""The life of one job as data: what AWS would report at any time. Pure: it has no clock of its own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, Literal, NamedTuple

IN_PROGRESS: Final = 'InProgress'
COMPLETED: Final = 'Completed'
FAILED: Final = 'Failed'
STOPPING: Final = 'Stopping'
STOPPED: Final = 'Stopped'
NOT_STARTED: Final = 'NotStarted'
TERMINAL: Final = frozenset({COMPLETED, FAILED, STOPPED})

VALIDATION: Final = 'validation'
DATA_PROCESSING: Final = 'data_processing'
TRAINING: Final = 'training'

# Real jobs have a lastModifiedTime 0.1 to 0.6 s after their endTime.
SETTLING: Final = timedelta(milliseconds=300)

Kind = Literal['created', 'phase_started', 'phase_ended', 'stopping', 'completed', 'failed', 'stopped']
_KIND_OF_STATUS: Final[Mapping[str, Kind]] = {
    STOPPING: 'stopping',
    COMPLETED: 'completed',
    FAILED: 'failed',
    STOPPED: 'stopped',
}


class Transition(NamedTuple):
    """A change of a job, and its time according to AWS's timestamps; `phase` is set only for phase kinds."""

    at: datetime
    kind: Kind
    phase: str | None = None


class PhaseState(NamedTuple):
    """One phase at one time. A phase that has not started may have no times."""

    name: str
    status: str
    created: datetime | None = None
    modified: datetime | None = None


class Snapshot(NamedTuple):
    """What AWS reports for a job at one time. Losses are those in `trainingMetrics` and `validationMetrics`."""

    status: str
    phases: tuple[PhaseState, ...]
    last_modified: datetime
    end_time: datetime | None = None
    failure_message: str | None = None
    training_loss: float | None = None
    validation_losses: tuple[float, ...] = ()

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended for good."""
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a job, `after` its creation. None means unchanged; an empty step only moves lastModifiedTime."""

    after: timedelta
    status: str | None = None
    phases: Mapping[str, str] = field(default_factory=dict)
    failure_message: str | None = None
    training_loss: float | None = None
    validation_losses: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Timeline:
    """A job's creation and the ordered steps of its life, which alone determine its state at any time.

    `phases` are the phases that `statusDetails` shows, in order; empty means no `statusDetails`, as in jobs of 2024.
    `not_started_times` gives phases that have not started the job's creation time, instead of no times.
    Raises ValueError for steps out of order, phases that are not shown, or a change of status after the end.
    """

    created_at: datetime
    steps: tuple[Step, ...] = ()
    phases: tuple[str, ...] = (VALIDATION, TRAINING)
    not_started_times: bool = False

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError('created_at needs a time zone')
        object.__setattr__(self, 'created_at', _milliseconds(self.created_at.astimezone(UTC)))
        previous, status = timedelta(), IN_PROGRESS
        for step in self.steps:
            if step.after < previous:
                raise ValueError(f'step at {step.after} comes after one at {previous}')
            if unknown := set(step.phases) - set(self.phases):
                raise ValueError(f'step changes phases that are not shown: {sorted(unknown)}')
            if status in TERMINAL and step.status not in (None, status):
                raise ValueError(f'{status} is final, it cannot become {step.status}')
            previous, status = step.after, step.status or status

    @cached_property
    def times(self) -> tuple[datetime, ...]:
        """The time of each step, in UTC and whole milliseconds (AWS's resolution)."""
        return tuple(_milliseconds(self.created_at + step.after) for step in self.steps)

    @property
    def settled_at(self) -> datetime:
        """The time of the last change; the state stays the same after it."""
        return self.times[-1] if self.steps else self.created_at

    def position(self, now: datetime) -> int:
        """Return how many steps have happened by `now`, or -1 before the creation. Equal positions, equal states."""
        return bisect_right(self.times, now) if now >= self.created_at else -1

    def at(self, now: datetime) -> Snapshot | None:
        """Return the state at `now`, or None before the creation."""
        position = self.position(now)
        return self.snapshot(position) if position >= 0 else None

    @property
    def final(self) -> Snapshot:
        """The state after the last step."""
        return self.snapshot(len(self.steps))

    def snapshot(self, position: int) -> Snapshot:
        """Return the state after the first `position` steps."""
        snapshot = self._first
        for step, at in zip(self.steps[:position], self.times, strict=False):
            snapshot = _apply(snapshot, step, at)
        return snapshot

    def transitions(self, until: datetime | None = None) -> list[Transition]:
        """Return all changes of the job, in order; with `until`, those up to then."""
        snapshot, found = self._first, [Transition(self.created_at, 'created')]
        for step, at in zip(self.steps, self.times, strict=True):
            before, snapshot = snapshot, _apply(snapshot, step, at)
            for old, new in zip(before.phases, snapshot.phases, strict=True):
                if old.status == NOT_STARTED != new.status:
                    found.append(Transition(at, 'phase_started', new.name))
                if new.status in TERMINAL and old.status not in TERMINAL:
                    found.append(Transition(at, 'phase_ended', new.name))
            if before.status != snapshot.status and (kind := _KIND_OF_STATUS.get(snapshot.status)):
                found.append(Transition(at, kind))
        return [transition for transition in found if until is None or transition.at <= until]

    def stop(self, at: datetime, takes: timedelta = timedelta(seconds=40)) -> Timeline:
        """Return this timeline cut at `at` by StopModelCustomizationJob: Stopping, then Stopped after `takes`.

        Raises ValueError if the job is not running at `at`.
        """
        position = self.position(at)
        if position < 0 or self.snapshot(position).status != IN_PROGRESS:
            raise ValueError('only a job in progress can be stopped')
        running = [phase.name for phase in self.snapshot(position).phases if phase.status == IN_PROGRESS]
        since = at - self.created_at
        steps = (
            Step(since, status=STOPPING, phases=dict.fromkeys(running, STOPPING)),
            Step(since + takes, status=STOPPED, phases=dict.fromkeys(running, STOPPED)),
            Step(since + takes + SETTLING),
        )
        return Timeline(self.created_at, self.steps[:position] + steps, self.phases, self.not_started_times)

    @cached_property
    def _first(self) -> Snapshot:
        times = (self.created_at, self.created_at) if self.not_started_times else (None, None)
        phases = tuple(PhaseState(name, NOT_STARTED, *times) for name in self.phases)
        return Snapshot(IN_PROGRESS, phases, self.created_at)


def _apply(before: Snapshot, step: Step, at: datetime) -> Snapshot:
    """Return the state after `step`."""
    status = step.status or before.status
    phases = before.phases
    if step.phases:
        phases = tuple(_move(phase, step.phases.get(phase.name), at) for phase in phases)
    return Snapshot(
        status=status,
        phases=phases,
        last_modified=at,
        end_time=before.end_time or (at if status in TERMINAL else None),
        failure_message=step.failure_message or before.failure_message,
        training_loss=before.training_loss if step.training_loss is None else step.training_loss,
        validation_losses=before.validation_losses if step.validation_losses is None else step.validation_losses,
    )


def _move(phase: PhaseState, status: str | None, at: datetime) -> PhaseState:
    """Return the phase after its status changed at `at`; its creation time is when it started."""
    if status is None or status == phase.status:
        return phase
    created = at if phase.status == NOT_STARTED else phase.created
    return PhaseState(phase.name, status, created, at)


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
