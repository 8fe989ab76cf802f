"""Phases of a job, from `statusDetails`: the place to see a job that is stuck while its status says InProgress."""

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
    """One phase of a job. `created` and `modified` are AWS's times of the phase, None where it gave none."""

    name: str
    status: str
    created: datetime | None
    modified: datetime | None

    @property
    def has_started(self) -> bool:
        """Whether work in this phase has begun. An unknown status is not taken for a start."""
        return self.status in ACTIVE_STATUSES or self.status in TERMINAL_STATUSES

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL_STATUSES

    def duration(self, now: datetime) -> timedelta | None:
        """The time spent in this phase until it ended, or until `now`; None before it started."""
        if not self.has_started or self.created is None:
            return None
        end = self.modified if self.has_ended else now
        return max(end - self.created, timedelta()) if end else None


class CurrentPhase(NamedTuple):
    """Where a job is now, and since when it is there."""

    name: str
    status: str
    since: datetime


def read_phases(status_details: Mapping[str, Any] | None) -> tuple[Phase, ...]:
    """Read `statusDetails`; a phase without a readable status is left out, whatever else it holds."""
    phases = []
    for name, member in PHASE_MEMBERS.items():
        details = status_details.get(member) if isinstance(status_details, Mapping) else None
        status = details.get('status') if isinstance(details, Mapping) else None
        if isinstance(details, Mapping) and isinstance(status, str) and status:
            created, modified = parse_time(details.get('creationTime')), parse_time(details.get('lastModifiedTime'))
            phases.append(Phase(name, status, created, modified))
    return tuple(phases)


def current_phase(phases: Sequence[Phase], job_created: datetime | None) -> CurrentPhase | None:
    """Return the first phase that has not ended, or the last one where all have; None where AWS reports no phase.

    A phase that waits (NotStarted) is waited for since the phase before it ended, or since the job's creation: AWS
    gives a NotStarted phase a creation time of its own on some jobs and none on others, so it is not used.
    """
    waiting_since = job_created
    for phase in phases:
        if not phase.has_ended:
            since = (phase.created or waiting_since) if phase.has_started else waiting_since
            return CurrentPhase(phase.name, phase.status, since) if since else None
        waiting_since = phase.modified or waiting_since
    if phases and waiting_since:
        return CurrentPhase(phases[-1].name, phases[-1].status, waiting_since)
    return None
