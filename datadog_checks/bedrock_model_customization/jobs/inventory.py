"""The jobs of one scope: which are new, which changed, which can be forgotten, and where the next listing begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from .job import Job
from .tracking import Tracked, keys_before
from .transitions import transitions_of

# Listings are not promised to show a job the moment it exists: look this far behind the newest one seen.
OVERLAP: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the inventory reaches. A job that still runs is never beyond a limit."""

    lookback: timedelta = timedelta(hours=168)
    terminal_retention: timedelta = timedelta(hours=24)
    max_tracked_jobs: int = 10_000
    events_since: timedelta = timedelta()
    describe_all: bool = False
    tag_all: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What must outlive the process so that no transition is lost: small, as it holds no terminal job for long.

    `reported` has, for each job that can still change, that is recent or of which something is still unreported, the
    keys of the transitions that were reported. `first_look_at` is None once everything has been listed.
    """

    account_id: str | None = None
    newest_creation: datetime | None = None
    reported: Mapping[str, frozenset[str]] = field(default_factory=dict)
    first_look_at: datetime | None = None


class Settled:
    """The terminal jobs of which nothing more will be reported but their number: a status and a time for each."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[datetime, str, bool]] = {}

    def __contains__(self, job_arn: str) -> bool:
        return job_arn in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def status(self, job_arn: str) -> str:
        return self._jobs[job_arn][1]

    def add(self, job_arn: str, created: datetime, status: str, *, wanted: bool) -> None:
        self._jobs[job_arn] = (created, status, wanted)

    def forget(self, job_arn: str) -> None:
        del self._jobs[job_arn]

    def forget_before(self, moment: datetime) -> None:
        self._jobs = {arn: job for arn, job in self._jobs.items() if job[0] >= moment}

    def forget_oldest(self, count: int) -> list[str]:
        oldest = sorted(self._jobs, key=lambda arn: self._jobs[arn][0])[:count]
        for arn in oldest:
            del self._jobs[arn]
        return oldest

    def created_since(self, moment: datetime) -> int:
        return sum(created >= moment for created, _, _ in self._jobs.values())

    def counts(self) -> Counter[str]:
        return Counter(status for _, status, wanted in self._jobs.values() if wanted)


class Inventory:
    """What is known of one scope's jobs. `memory` is what an earlier process remembered, None for a first look."""

    def __init__(self, limits: Limits, memory: Memory | None = None) -> None:
        self.limits = limits
        self.is_baseline = memory is None
        self.remembered = dict(memory.reported) if memory else {}
        self.newest_creation = memory.newest_creation if memory else None
        self.tracked: dict[str, Tracked] = {}
        self.settled = Settled()
        # The terminal jobs that a limit has left out since everything was last begun to be listed.
        self.left_out: set[str] = set()
        self.listed_newest: datetime | None = None
        # From here on every job is known; None while that cannot be told.
        self._complete_since: datetime | None = None
        # What happened before the first look is old, also to a job that a later poll of the first walk shows.
        self.first_look_at = memory.first_look_at if memory else None
        self._is_walked = False

    @property
    def active(self) -> list[Tracked]:
        return [tracked for tracked in self.tracked.values() if not tracked.job.is_terminal]

    def new_since(self) -> datetime | None:
        """The creation time from which a job that is not known is a new one."""
        return self.newest_creation - OVERLAP if self.newest_creation else None

    def _known_from(self, now: datetime) -> datetime | None:
        """The creation time from which a job must stay known: the next listings show it, and would make news of it."""
        new_since = self.new_since()
        if new_since or self.listed_newest is None:
            return new_since
        # What the cursor will be, see `reached`.
        return max(self.listed_newest - OVERLAP, self.lookback_start(now))

    def lookback_start(self, now: datetime) -> datetime:
        return now - self.limits.lookback

    def walk_start(self, now: datetime) -> datetime:
        """Where a full listing may end: the look-back, or further where more may have happened since we last knew."""
        lookback, new_since = self.lookback_start(now), self.new_since()
        return min(lookback, new_since) if new_since and not self.is_baseline else lookback

    def window_start(self, now: datetime) -> datetime:
        """The creation time from which a listing shows every job that is new or can still change."""
        start = self.new_since() or self.lookback_start(now)
        created = [tracked.job.creation_time for tracked in self.active]
        return min([start, *(moment - OVERLAP for moment in created if moment)])

    def created_since(self, moment: datetime) -> int:
        """How many known jobs a listing from `moment` on would show."""
        tracked = (job.job.creation_time for job in self.tracked.values())
        return self.settled.created_since(moment) + sum(created is None or created >= moment for created in tracked)

    def is_known_terminal(self, job_arn: str, status: object) -> bool:
        """Whether a listed job is one of which nothing can be learned from the listing any more."""
        return job_arn in self.settled and self.settled.status(job_arn) == status

    def observe(self, job: Job, now: datetime) -> Tracked | None:
        """Take in a listed or described job; return what is kept of it, None for one beyond the limits."""
        tracked = self.tracked.get(job.job_arn)
        if tracked:
            tracked.learn(job)
            return tracked
        if job.job_arn in self.settled:
            self.settled.forget(job.job_arn)
        reported = self._reported_at_first_sight(job, now)
        tracked = Tracked(job, reported)
        self.remembered.pop(job.job_arn, None)
        if job.is_terminal and not tracked.unreported() and self._is_beyond_limits(job, now):
            return None
        self.tracked[job.job_arn] = tracked
        return tracked

    def forget(self, job_arn: str) -> None:
        """Forget a job that AWS no longer has, or that can no longer be seen."""
        self.tracked.pop(job_arn, None)
        self.remembered.pop(job_arn, None)

    def _reported_at_first_sight(self, job: Job, now: datetime) -> set[str]:
        if job.job_arn in self.remembered:
            return set(self.remembered[job.job_arn])
        everything = transitions_of(job)
        if job.job_arn in self.left_out:
            # Of what a limit left out, nothing was left to tell.
            return {news.key for news in everything}
        if self.is_baseline:
            self.looked(now)
        else:
            new_since = self.new_since()
            if new_since and self._complete_since:
                new_since = min(new_since, self._complete_since)
            if job.creation_time is None or new_since is None or job.creation_time >= new_since:
                return set()
        first_look = self.first_look_at
        if first_look and (self.is_baseline or (job.creation_time and job.creation_time < first_look)):
            return keys_before(everything, first_look - self.limits.events_since)
        # The cursor has passed it: it was told, be it by the process before.
        return {news.key for news in everything}

    def _is_beyond_limits(self, job: Job, now: datetime) -> bool:
        known_from = self._known_from(now)
        if known_from and job.creation_time and job.creation_time >= known_from:
            return False
        if self.is_old(job, now):
            return True
        if len(self.tracked) + len(self.settled) < self.limits.max_tracked_jobs:
            return False
        self._leave_out([job.job_arn])
        return True

    def _leave_out(self, job_arns: Iterable[str]) -> None:
        self.left_out.update(job_arns)
        self._complete_since = None

    def is_old(self, job: Job, now: datetime) -> bool:
        """Whether a job has ended and was created before the look-back."""
        return job.is_terminal and job.creation_time is not None and job.creation_time < self.lookback_start(now)

    def is_reported(self, tracked: Tracked, now: datetime) -> bool:
        """Whether a job belongs in the per-job gauges: it runs, or ended within the retention."""
        return tracked.ended_since(now - self.limits.terminal_retention)

    def wants_description(self, tracked: Tracked, now: datetime) -> bool:
        """Whether a description is lacking that something would use."""
        if not tracked.lacks_description(now):
            return False
        return self.limits.describe_all or self.is_reported(tracked, now) or bool(tracked.unreported())

    def wants_tags(self, tracked: Tracked, now: datetime, max_age: timedelta) -> bool:
        """Whether tags are lacking, or older than `max_age`, that something would use."""
        if tracked.tags_at is not None and now - tracked.tags_at < max_age:
            return False
        limits = self.limits
        return limits.describe_all or limits.tag_all or self.is_reported(tracked, now) or bool(tracked.unreported())

    def settle(self, now: datetime, wants: Callable[[Job], bool]) -> None:
        """Forget what is old, and keep no more than a status of terminal jobs that nothing is left to say about.

        `wants` tells of a job whether it counts.
        """
        lookback, known_from = self.lookback_start(now), self._known_from(now)
        if self._complete_since:
            # What is older is forgotten now, also where the listing did not come to its end.
            self._complete_since = max(self._complete_since, lookback)
        for arn, tracked in list(self.tracked.items()):
            created = tracked.job.creation_time
            if not tracked.job.is_terminal or created is None or (known_from and created >= known_from):
                continue
            if self.is_reported(tracked, now) or tracked.unreported() or self.wants_description(tracked, now):
                continue
            if tracked.tags_at is None and (self.limits.tag_all or self.limits.describe_all):
                continue
            if tracked.changed and self.limits.describe_all:
                continue
            del self.tracked[arn]
            if created >= lookback or self.first_look_at:
                self.settled.add(arn, created, tracked.job.known_status, wanted=wants(tracked.job))
        if not self.first_look_at:
            # Until all that is old has been told from what is new, what was told must be known to have been.
            self.settled.forget_before(lookback)
        excess = len(self.tracked) + len(self.settled) - self.limits.max_tracked_jobs
        if excess > 0:
            self._leave_out(self.settled.forget_oldest(excess))

    def looked(self, now: datetime) -> None:
        """Note that a listing was answered, be it without any job: what happens from now on is news."""
        if self.is_baseline:
            self.first_look_at = self.first_look_at or now

    def listed(self, created: datetime) -> None:
        """Note the creation time of a listed job."""
        self.listed_newest = max(self.listed_newest or created, created)

    def walked(self, back_to: datetime | None, now: datetime) -> None:
        """Note that everything was listed: all of the look-back, or what was created since `back_to`.

        A job that appears late is then still told from one that was forgotten. Where a limit cut the inventory short,
        only those created after the newest one known can be told to be new.
        """
        self._is_walked = True
        if not self.left_out:
            self._complete_since = max(self.lookback_start(now), back_to or self.lookback_start(now))

    def reached(self, newest: datetime | None, now: datetime) -> None:
        """Note that all that is new up to the creation time `newest`, or can still change, is reported."""
        if self.is_baseline:
            # What is older than the look-back was not taken in, and is not new when a later listing shows it.
            floor = self.lookback_start(now) + OVERLAP
            newest = max(newest or floor, floor)
        self.is_baseline = False
        if newest and (self.newest_creation is None or newest > self.newest_creation):
            self.newest_creation = newest
        if self._is_walked:
            self.first_look_at = None

    def counts(self, wanted: Iterable[Job]) -> Counter[str]:
        """Count jobs by known status: the settled ones, and the `wanted` ones among the tracked."""
        return self.settled.counts() + Counter(job.known_status for job in wanted)

    def remember(self, account_id: str | None) -> Memory:
        """Return what must outlive the process."""
        new_since = self.new_since()
        reported = dict(self.remembered)
        for arn, tracked in self.tracked.items():
            created = tracked.job.creation_time
            is_recent = created is None or new_since is None or created >= new_since
            if is_recent or not tracked.job.is_terminal or tracked.unreported():
                reported[arn] = frozenset(tracked.reported)
        return Memory(account_id, self.newest_creation, reported, self.first_look_at)
