"""Divides a job's life into stretches of time, which the phase timeline draws."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.telemetry.words import duration_in_words

WAITING: Final = 'waiting'
# Shorter gaps are bookkeeping between phases, not a wait.
SHORTEST_WAIT: Final = timedelta(seconds=1)


class Stretch(NamedTuple):
    """Time spent in a phase, or waiting. `status` is the phase's status, or empty for a wait."""

    name: str
    status: str
    start: datetime
    end: datetime

    @property
    def words(self) -> str:
        """A description such as "training 2 h 14 min (Completed)"."""
        return f'{self.name} {duration_in_words(self.end - self.start)}' + (f' ({self.status})' if self.status else '')


def stretches(job: Job, now: datetime) -> list[Stretch]:
    """Return how a job spent its time from its creation until its end or `now`, in order and without overlaps.

    A job for which AWS reports no phases is one stretch, named after its status.
    """
    return list(_stretches(job, now))


def _stretches(job: Job, now: datetime) -> Iterator[Stretch]:
    if job.creation_time is None:
        return
    at = job.creation_time
    duration = job.duration(now)
    end = at + duration if duration is not None else at
    started = [phase for phase in job.phases if phase.has_started and phase.created]
    if not job.phases:
        yield Stretch(job.known_status, '', at, end)
        return
    for phase in started:
        start = max(phase.created or at, at)
        if start - at > SHORTEST_WAIT:
            yield Stretch(WAITING, '', at, start)
        stop = max((phase.modified if phase.has_ended else end) or start, start)
        yield Stretch(phase.name, phase.status, start, stop)
        at = stop
    if end - at > SHORTEST_WAIT:
        yield Stretch(WAITING, '', at, end)
