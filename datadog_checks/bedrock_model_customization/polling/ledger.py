"""The rule of news: what happened to each job, and which of it is still to be reported. No I/O.

A scope remembers three things:

- `first` is the moment of the first answer. Nothing dated before it is counted, and nothing dated before
  `first - events_since` is news.
- `floor` begins at `first - events_since` and follows the last complete listing at a distance of `SPAN`. It never moves
  back, and stands still while listings are incomplete.
- `reported` holds, for each job of which more may have to be reported, the keys of what was reported, is old, or was
  dropped by a filter.

What happened to a job before `floor` is old when the job is first seen. From then on every transition whose key is not
in `reported` is news. Only times that never move decide: the creation, the end, the start and end of a phase; for a
transition without one, the job's creation. `tests/polling/news_model.py` runs this rule against a hostile world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from ..jobs.job import Job
from ..jobs.phases import PHASE_MEMBERS
from ..jobs.transitions import (
    CREATED,
    PHASE_ENDED,
    PHASE_STARTED,
    STATUS_KINDS,
    UNKNOWN_STATUS,
    Transition,
    transitions_of,
)
from ..jobs.vocabulary import ACTIVE_STATUSES, STOPPING

# How much later than it happened AWS may show something.
SPAN: Final = timedelta(hours=1)
# A job in a status that nobody knows, which was not modified for so long, has ended.
SILENCE: Final = timedelta(days=1)
# Of a later status AWS does not say that the job had these before.
PASSING: Final = (STATUS_KINDS[STOPPING], UNKNOWN_STATUS)
PHASE_KEYS: Final = frozenset(
    Transition(kind, phase, None).key for kind in (PHASE_STARTED, PHASE_ENDED) for phase in PHASE_MEMBERS
)
NO_TIMES: Final[Mapping[str, datetime]] = MappingProxyType({})


class Entry(NamedTuple):
    """What is remembered of one job: when it was created (None where unknown), and the keys that are not news.

    `times` has, by key, the time of those transitions whose time moves in AWS, as it was first seen. `counted` are keys
    that were counted already: the event is to be repeated, and not the count.
    """

    created: datetime | None
    keys: frozenset[str] = frozenset()
    times: Mapping[str, datetime] = NO_TIMES
    counted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Memory:
    """What must outlive the process. `first` and `floor` None are those of the next answer.

    `cursor` comes from state version 1 and lasts until the first complete listing: jobs created since then are new,
    unless they are in `reported`.
    """

    first: datetime | None = None
    floor: datetime | None = None
    reported: Mapping[str, Entry] = field(default_factory=dict)
    cursor: datetime | None = None


class Ledger:
    """What was reported of one scope's jobs. `memory` is that of an earlier process."""

    def __init__(self, events_since: timedelta = timedelta(), memory: Memory | None = None) -> None:
        memory = memory or Memory()
        self.first, self.floor, self.cursor = memory.first, memory.floor, memory.cursor
        self.reported = dict(memory.reported)
        self._events_since = events_since
        # By ARN, the keys that were reported at the last poll: the Agent may not have sent the events yet.
        self._unsent: dict[str, frozenset[str]] = {}
        # By ARN, what `news` found last, and for which job and entry: most jobs have no news.
        self._found: dict[str, tuple[Job, Entry, list[Transition]]] = {}

    @property
    def known_until(self) -> datetime | None:
        """The moment up to which everything that happened is known, None before the first answer."""
        return min((moment for moment in (self.floor, self.cursor) if moment), default=None)

    def begin(self, now: datetime) -> None:
        """Note that AWS answered, whatever the answer holds."""
        if self.floor is None:
            # Version 1 lists every job of which it still had something to report.
            self.floor = now if self.first else now - self._events_since
        self.first = self.first or now

    def take(self, job: Job, now: datetime, *, is_kept: bool) -> None:
        """Note what is known of a job. At first sight, decide what about it is old.

        `is_kept` says that a job must be remembered although nothing more may be reported of it.
        """
        entry = self.reported.get(job.job_arn)
        if entry is None:
            entry = self._at_first_sight(job, now, is_kept=is_kept)
            if entry is None:
                return
        elif entry.created is None and job.creation_time:
            entry = entry._replace(created=job.creation_time)
        self.reported[job.job_arn] = _with_moving_times(entry, job)

    def _at_first_sight(self, job: Job, now: datetime, *, is_kept: bool) -> Entry | None:
        assert self.floor
        if self.cursor and job.creation_time and job.creation_time >= self.cursor:
            return Entry(job.creation_time)
        transitions = transitions_of(job)
        old = frozenset(news.key for news in transitions if self._is_old(job, news))
        if not has_ended(job, now) or len(old) < len(transitions):
            return Entry(job.creation_time, old)
        # Phases of a job that ended, which only a description will show, are old as well.
        later = PHASE_KEYS if job.is_terminal else frozenset[str]()
        return Entry(job.creation_time, old | later) if is_kept else None

    def _is_old(self, job: Job, news: Transition) -> bool:
        assert self.first and self.floor
        decisive = fixed_time(job, news) or job.creation_time or job.last_modified_time or self.first
        return decisive < self.floor

    def news(self, job: Job) -> list[Transition]:
        """Return what is to be reported of a job, in the order of its life."""
        entry = self.reported.get(job.job_arn)
        if entry is None or self.first is None:
            return []
        found = self._found.get(job.job_arn)
        if found is None or found[0] is not job or found[1] is not entry:
            found = self._found[job.job_arn] = (job, entry, self._find_news(job, entry, self.first))
        return found[2]

    def _find_news(self, job: Job, entry: Entry, first: datetime) -> list[Transition]:
        news = []
        for transition in transitions_of(job):
            fixed = fixed_time(job, transition)
            if transition.key in entry.keys or (fixed and fixed < first - self._events_since):
                continue
            news.append(transition if fixed else transition._replace(at=entry.times.get(transition.key, transition.at)))
        return [*_passed(entry, job), *news]

    def is_counted(self, job: Job, news: Transition) -> bool:
        """Whether a transition was counted already, maybe by a process whose state is lost."""
        assert self.first
        return (news.at is not None and news.at < self.first) or news.key in self.reported[job.job_arn].counted

    def settle(self, reported: Mapping[str, Set[str]], dropped: Mapping[str, Set[str]]) -> None:
        """Note, by ARN, the keys that were reported at this poll, and those that a filter does not want."""
        self._unsent = {arn: frozenset(keys) for arn, keys in reported.items()}
        for arn, keys in (*reported.items(), *dropped.items()):
            entry = self.reported.get(arn)
            if entry and keys:
                self.reported[arn] = entry._replace(keys=entry.keys | keys)

    def advance(self, until: datetime, jobs: Mapping[str, Job], now: datetime, is_kept: Callable[[Job], bool]) -> None:
        """Move the floor after a listing that showed everything up to `until`; forget what nothing more can be said of.

        Jobs for which `is_kept` holds stay.
        """
        assert self.floor
        if until - SPAN > self.floor:
            self.floor, self.cursor = until - SPAN, None
        for arn in [] if self.cursor else list(self.reported):
            job = jobs.get(arn)
            if job and arn not in self._unsent and has_ended(job, now) and not is_kept(job) and self._is_over(job):
                self.forget(arn)

    def _is_over(self, job: Job) -> bool:
        """Whether everything that happened to a job was reported, and lies before the floor."""
        assert self.floor
        if job.creation_time and job.creation_time >= self.floor:
            return False
        if self.news(job):
            return False
        return all(news.at is None or news.at < self.floor for news in transitions_of(job))

    def forget(self, job_arn: str) -> None:
        self.reported.pop(job_arn, None)
        self._found.pop(job_arn, None)

    def memory(self) -> Memory:
        """Return what must outlive the process.

        What was reported at the last poll is not in it as reported: a process that is killed now reports it again, and
        loses nothing.
        """
        reported = dict(self.reported)
        for arn, keys in self._unsent.items():
            entry = reported.get(arn)
            if entry:
                reported[arn] = entry._replace(keys=entry.keys - keys, counted=entry.counted | keys)
        return Memory(self.first, self.floor, reported, self.cursor)


def has_ended(job: Job, now: datetime) -> bool:
    """Whether a job can change no more, as far as anyone can tell.

    A status that nobody knows counts as running until it has an end time, or was not modified for a day.
    """
    if job.is_terminal or job.status in ACTIVE_STATUSES:
        return job.is_terminal
    modified = job.last_modified_time or job.creation_time
    return job.end_time is not None or (modified is not None and now - modified > SILENCE)


def fixed_time(job: Job, transition: Transition) -> datetime | None:
    """Return the time of a transition if it never moves, as `lastModifiedTime` does, and can be believed."""
    if transition.kind in (CREATED, PHASE_STARTED, PHASE_ENDED):
        return transition.at
    is_impossible = job.end_time and job.creation_time and job.end_time < job.creation_time
    return job.end_time if job.is_terminal and not is_impossible else None


def _passed(entry: Entry, job: Job) -> Iterator[Transition]:
    """Yield what was seen and is not reported yet, and AWS shows no more: a job that is Stopped was Stopping first."""
    for key, at in entry.times.items():
        kind, _, subject = key.partition(':')
        is_present = (STATUS_KINDS.get(job.status or ''), '') == (kind, subject) or job.status == subject
        if key not in entry.keys and kind in PASSING and not is_present:
            yield Transition(kind, subject, at)


def _with_moving_times(entry: Entry, job: Job) -> Entry:
    if job.status in ACTIVE_STATUSES[:1] or (job.is_terminal and job.end_time):
        return entry
    moving = {
        news.key: news.at
        for news in transitions_of(job)
        if news.at and news.key not in entry.times and fixed_time(job, news) is None
    }
    return entry._replace(times={**entry.times, **moving}) if moving else entry
