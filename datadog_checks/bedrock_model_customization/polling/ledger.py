"""The rule of news: which of a job's transitions are still to be reported. No I/O.

A scope remembers three things:

- `first` is the time of AWS's first answer. Transitions dated before it are not counted, and transitions dated before
  `first - events_since` are not news.
- `floor` starts at `first - events_since` and then stays `SPAN` behind the last accepted listing. It never moves back,
  and does not move while listings are incomplete.
- `reported` holds, for each job that may still have something to report, the keys of the transitions that were
  reported, are old, or were dropped by a filter.

When a job is first seen, its transitions from before `floor` are old. From then on, every transition whose key is not
in `reported` is news. Only times that never move are compared: the job's creation and end, and the start and end of a
phase. A transition without such a time uses the job's creation. `tests/polling/news_model.py` tests this rule against a
simulated AWS that shows things late, wrongly or not at all.
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
from ..jobs.vocabulary import ACTIVE_STATUSES, IN_PROGRESS, STOPPING

# The longest expected delay until AWS shows something that has happened.
SPAN: Final = timedelta(hours=1)
# A job in an unknown status that has not been modified for this long counts as ended.
SILENCE: Final = timedelta(days=1)
# Statuses that leave no trace in AWS: once a job has a later status, nothing shows that it had these before.
PASSING: Final = (STATUS_KINDS[STOPPING], UNKNOWN_STATUS)
PHASE_KEYS: Final = frozenset(
    Transition(kind, phase, None).key for kind in (PHASE_STARTED, PHASE_ENDED) for phase in PHASE_MEMBERS
)
NO_TIMES: Final[Mapping[str, datetime]] = MappingProxyType({})


class Entry(NamedTuple):
    """What is remembered of one job: its creation time (None if unknown), and the keys that are not news.

    `times` holds, by key, the first time seen for transitions whose time moves in AWS. `counted` holds the keys that
    were already counted: for these the event is repeated, but not the count.
    """

    created: datetime | None
    keys: frozenset[str] = frozenset()
    times: Mapping[str, datetime] = NO_TIMES
    counted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Memory:
    """The state that must outlive the process. If `first` or `floor` is None, AWS's next answer sets it.

    `cursor` comes from state version 1 and lasts until the first accepted listing: jobs created at or after it are new,
    unless they are in `reported`.
    """

    first: datetime | None = None
    floor: datetime | None = None
    reported: Mapping[str, Entry] = field(default_factory=dict)
    cursor: datetime | None = None


class Ledger:
    """Keeps track of what was reported about one scope's jobs. `memory` comes from an earlier process."""

    def __init__(self, events_since: timedelta = timedelta(), memory: Memory | None = None) -> None:
        memory = memory or Memory()
        self.first, self.floor, self.cursor = memory.first, memory.floor, memory.cursor
        self.reported = dict(memory.reported)
        self._events_since = events_since
        # By ARN, the keys reported at the last poll, whose events the Agent may not have sent yet.
        self._unsent: dict[str, frozenset[str]] = {}
        # By ARN, the last result of `news` and the job and entry it is for. Most jobs do not change between polls.
        self._found: dict[str, tuple[Job, Entry, list[Transition]]] = {}

    @property
    def known_until(self) -> datetime | None:
        """The moment up to which everything that happened is known; None before the first answer."""
        return min((moment for moment in (self.floor, self.cursor) if moment), default=None)

    def begin(self, now: datetime) -> None:
        """Record that AWS answered at `now`, whatever the answer contains."""
        if self.floor is None:
            # State version 1 lists every job that still had something to report.
            self.floor = now if self.first else now - self._events_since
        self.first = self.first or now

    def take(self, job: Job, now: datetime, *, is_kept: bool) -> None:
        """Record what is known of a job. When it is first seen, decide which of its transitions are old.

        `is_kept` is True if the job must be remembered even when nothing about it is left to report.
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
        # The phases of an ended job are old as well, although only a description will show them.
        later = PHASE_KEYS if job.is_terminal else frozenset[str]()
        return Entry(job.creation_time, old | later) if is_kept else None

    def _is_old(self, job: Job, news: Transition) -> bool:
        assert self.first and self.floor
        decisive = fixed_time(job, news) or job.creation_time or job.last_modified_time or self.first
        return decisive < self.floor

    def news(self, job: Job) -> list[Transition]:
        """Return the transitions of a job that are to be reported, in the order in which they happen."""
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
        """Whether a transition was already counted, possibly by an earlier process whose state is lost."""
        assert self.first
        return (news.at is not None and news.at < self.first) or news.key in self.reported[job.job_arn].counted

    def settle(self, reported: Mapping[str, Set[str]], dropped: Mapping[str, Set[str]]) -> None:
        """Record, by ARN, the keys that were reported at this poll and those that a filter dropped."""
        self._unsent = {arn: frozenset(keys) for arn, keys in reported.items()}
        for arn, keys in (*reported.items(), *dropped.items()):
            entry = self.reported.get(arn)
            if entry and keys:
                self.reported[arn] = entry._replace(keys=entry.keys | keys)

    def advance(self, until: datetime, jobs: Mapping[str, Job], now: datetime, is_kept: Callable[[Job], bool]) -> None:
        """Move the floor after a listing that showed everything up to `until`; forget jobs with nothing to report.

        Jobs for which `is_kept` returns True stay.
        """
        assert self.floor
        if until - SPAN > self.floor:
            self.floor, self.cursor = until - SPAN, None
        for arn in [] if self.cursor else list(self.reported):
            job = jobs.get(arn)
            if job and arn not in self._unsent and has_ended(job, now) and not is_kept(job) and self._is_over(job):
                self.forget(arn)

    def _is_over(self, job: Job) -> bool:
        """Whether everything that happened to a job was reported and is dated before the floor."""
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
        """Return the state that must outlive the process.

        It leaves out what was reported at the last poll: if the process is killed now, the next one reports that again
        instead of losing it. The counts are not repeated.
        """
        reported = dict(self.reported)
        for arn, keys in self._unsent.items():
            entry = reported.get(arn)
            if entry:
                reported[arn] = entry._replace(keys=entry.keys - keys, counted=entry.counted | keys)
        return Memory(self.first, self.floor, reported, self.cursor)


def has_ended(job: Job, now: datetime) -> bool:
    """Whether a job has ended, as far as is known.

    A job in an unknown status counts as running until it has an end time, or was not modified for a day.
    """
    if job.is_terminal or job.status in ACTIVE_STATUSES:
        return job.is_terminal
    modified = job.last_modified_time or job.creation_time
    return job.end_time is not None or (modified is not None and now - modified > SILENCE)


def fixed_time(job: Job, transition: Transition) -> datetime | None:
    """Return a transition's time if it is plausible and never moves, unlike `lastModifiedTime`; None otherwise."""
    if transition.kind in (CREATED, PHASE_STARTED, PHASE_ENDED):
        return transition.at
    is_impossible = job.end_time and job.creation_time and job.end_time < job.creation_time
    return job.end_time if job.is_terminal and not is_impossible else None


def _passed(entry: Entry, job: Job) -> Iterator[Transition]:
    """Yield unreported transitions that AWS no longer shows, such as the Stopping of a job that is now Stopped."""
    for key, at in entry.times.items():
        kind, _, subject = key.partition(':')
        is_present = (STATUS_KINDS.get(job.status or ''), '') == (kind, subject) or job.status == subject
        if key not in entry.keys and kind in PASSING and not is_present:
            yield Transition(kind, subject, at)


def _with_moving_times(entry: Entry, job: Job) -> Entry:
    if job.status == IN_PROGRESS or (job.is_terminal and job.end_time):
        return entry
    moving = {
        news.key: news.at
        for news in transitions_of(job)
        if news.at and news.key not in entry.times and fixed_time(job, news) is None
    }
    return entry._replace(times={**entry.times, **moving}) if moving else entry
