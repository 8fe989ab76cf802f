"""A job's phases, from `statusDetails`. They reveal a stuck job whose status is still InProgress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from .times import parse_time
from .vocabulary import ACTIVE_STATUSES, TERMINAL_STATUSES

PHASE_MEMBERS: Final = {
    'validation': 'validationDetails',
    'data_processing': 'dataProcessingDetails',
    'training': 'trainingDetails',
}


class Phase(NamedTuple):
    """One phase of a job. `created` and `modified` are the phase's times from AWS, or None if it sent none."""

    name: str
    status: str
    created: datetime | None
    modified: datetime | None

    @property
    def has_started(self) -> bool:
        """Whether work in this phase has begun. An unknown status does not count as started."""
        return self.status in ACTIVE_STATUSES or self.status in TERMINAL_STATUSES

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL_STATUSES

    def duration(self, now: datetime) -> timedelta | None:
        """Return the time spent in this phase until it ended, or until `now`; None if it has not started."""
        if not self.has_started or self.created is None:
            return None
        end = self.modified if self.has_ended else now
        return max(end - self.created, timedelta()) if end else None


class CurrentPhase(NamedTuple):
    """The phase that a job is in, and since when."""

    name: str
    status: str
    since: datetime


def read_phases(status_details: Mapping[str, Any] | None) -> tuple[Phase, ...]:
    """Read `statusDetails`, skipping phases without a readable status."""
    phases = []
    for name, member in PHASE_MEMBERS.items():
        details = status_details.get(member) if isinstance(status_details, Mapping) else None
        status = details.get('status') if isinstance(details, Mapping) else None
        if isinstance(details, Mapping) and isinstance(status, str) and status:
            created, modified = parse_time(details.get('creationTime')), parse_time(details.get('lastModifiedTime'))
            phases.append(Phase(name, status, created, modified))
    return tuple(phases)


def current_phase(phases: Sequence[Phase], job_created: datetime | None) -> CurrentPhase | None:
    """Return the first phase that has not ended, or the last one if all have.

    A phase before one that has started is over: AWS skips phases, so that validation is Completed, data_processing
    NotStarted and training InProgress. None if AWS reports no phase, or no time to count from. For a phase that has not
    started, `since` is the end of the phase before it, or the job's creation: AWS sends creation times for NotStarted
    phases only on some jobs, so they are not used.
    """
    waiting_since = job_created
    last_started = max((place for place, phase in enumerate(phases) if phase.has_started), default=0)
    for place, phase in enumerate(phases):
        if place < last_started and not phase.has_ended:
            continue
        if not phase.has_ended:
            since = (phase.created or waiting_since) if phase.has_started else waiting_since
            return CurrentPhase(phase.name, phase.status, since) if since else None
        waiting_since = phase.modified or waiting_since
    if phases and waiting_since:
        return CurrentPhase(phases[-1].name, phases[-1].status, waiting_since)
    return None
