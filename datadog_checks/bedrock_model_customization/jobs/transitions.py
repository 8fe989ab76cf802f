"""Transitions (what happened to a job), derived from AWS's timestamps and never from the time of a poll."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from .job import Job
from .vocabulary import COMPLETED, FAILED, KNOWN_STATUSES, STOPPED, STOPPING, TERMINAL_STATUSES

CREATED: Final = 'created'
PHASE_STARTED: Final = 'phase_started'
PHASE_ENDED: Final = 'phase_ended'
UNKNOWN_STATUS: Final = 'unknown_status'

STATUS_KINDS: Final = {STOPPING: 'stopping', COMPLETED: 'completed', FAILED: 'failed', STOPPED: 'stopped'}
KINDS: Final = (CREATED, *STATUS_KINDS.values(), PHASE_STARTED, PHASE_ENDED, UNKNOWN_STATUS)
ENDS: Final = frozenset(STATUS_KINDS[status] for status in TERMINAL_STATUSES)


class Transition(NamedTuple):
    """Something that happened to a job once. `at` is its time from AWS, or None if AWS sent none.

    `subject` is the phase of a phase transition, the status of an `unknown_status` transition, and otherwise empty.
    """

    kind: str
    subject: str
    at: datetime | None

    @property
    def key(self) -> str:
        """A key that is unique among the job's transitions, and stable across polls and restarts."""
        return f'{self.kind}:{self.subject}' if self.subject else self.kind


def transitions_of(job: Job) -> list[Transition]:
    """Return all transitions that the job's present state implies, in the order in which they happened.

    Transitions that AWS does not keep are missing: a Stopped job no longer shows when it was Stopping.
    """
    found = [Transition(CREATED, '', job.creation_time)]
    for phase in job.phases:
        if phase.has_started:
            found.append(Transition(PHASE_STARTED, phase.name, phase.created))
        if phase.has_ended:
            found.append(Transition(PHASE_ENDED, phase.name, phase.modified))
    if job.status in STATUS_KINDS:
        at = job.end_time if job.is_terminal else None
        found.append(Transition(STATUS_KINDS[job.status], '', at or job.last_modified_time))
    elif job.status and job.status not in KNOWN_STATUSES:
        found.append(Transition(UNKNOWN_STATUS, job.status, job.last_modified_time))
    return found


def unreported(job: Job, reported: Collection[str]) -> list[Transition]:
    """Return the job's transitions whose keys are not in `reported`."""
    return [transition for transition in transitions_of(job) if transition.key not in reported]
