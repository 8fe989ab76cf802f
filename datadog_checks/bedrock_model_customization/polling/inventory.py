"""The known jobs of one scope. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from ..jobs.job import Job
from ..jobs.reading import merge
from ..jobs.vocabulary import IN_PROGRESS, STOPPING, TERMINAL_STATUSES
from .ledger import has_ended

LATEST: Final = datetime.max.replace(tzinfo=UTC)
# An answer with a lower rank than the known status lags behind, and never moves a job back.
RANKS: Final = {IN_PROGRESS: 0, STOPPING: 1} | dict.fromkeys(TERMINAL_STATUSES, 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on which jobs the inventory keeps. A running job is always kept."""

    lookback: timedelta = timedelta(hours=168)
    terminal_retention: timedelta = timedelta(hours=24)
    max_tracked_jobs: int = 10_000
    events_since: timedelta = timedelta()
    describe_all: bool = False
    tag_all: bool = False


class Settled:
    """Ended jobs that are only counted: each with its creation time, its status, and whether a filter wants it."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[datetime, str, bool]] = {}
        # The earliest creation time. It saves a scan of thousands of jobs when, as usual, none is to be forgotten.
        self._since = LATEST

    def __contains__(self, job_arn: str) -> bool:
        return job_arn in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def status(self, job_arn: str) -> str:
        return self._jobs[job_arn][1]

    def add(self, job_arn: str, created: datetime, status: str, *, wanted: bool) -> None:
        self._jobs[job_arn] = (created, status, wanted)
        self._since = min(self._since, created)

    def forget(self, job_arn: str) -> None:
        self._jobs.pop(job_arn, None)

    def forget_before(self, moment: datetime) -> None:
        if moment > self._since:
            self._jobs = {arn: job for arn, job in self._jobs.items() if job[0] >= moment}
            self._since = min((created for created, _, _ in self._jobs.values()), default=LATEST)

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
    """What is known of one scope's jobs.

    `jobs` are followed, `changed` holds those of them that differ from their last record, `settled` the ended jobs that
    are only counted, and `left_out` the ended jobs within the look-back for which there was no room.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.jobs: dict[str, Job] = {}
        self.changed: set[str] = set()
        self.settled = Settled()
        self.left_out: set[str] = set()

    def __len__(self) -> int:
        return len(self.jobs) + len(self.settled)

    def is_settled(self, job: Job) -> bool:
        """Whether a listed job is settled and still has the same status, so that it holds nothing new."""
        return job.job_arn in self.settled and self.settled.status(job.job_arn) == job.status

    def learn(self, news: Job, now: datetime, *, is_needed: bool) -> None:
        """Merge what AWS says about a job into what is known. Unless `is_needed`, the limits apply to a new job."""
        known = self.jobs.get(news.job_arn)
        if known is None:
            if not is_needed and self.is_before_lookback(news, now):
                return
            if not is_needed and not self.has_room(news.job_arn):
                self.left_out.add(news.job_arn)
                return
            self.settled.forget(news.job_arn)
            self.left_out.discard(news.job_arn)
        merged = merge(known, _without_lagging_status(known, news))
        if merged != known:
            self.jobs[news.job_arn] = merged
            self.changed.add(news.job_arn)

    def tag(self, job_arn: str, tags: dict[str, str]) -> None:
        job = self.jobs[job_arn]
        if tags != job.tags:
            self.jobs[job_arn] = replace(job, tags=tags)
            self.changed.add(job_arn)

    def forget(self, job_arn: str) -> None:
        self.jobs.pop(job_arn, None)
        self.changed.discard(job_arn)

    def lookback_start(self, now: datetime) -> datetime:
        return now - self.limits.lookback

    def is_before_lookback(self, job: Job, now: datetime) -> bool:
        return job.creation_time is not None and job.creation_time < self.lookback_start(now)

    def has_gauges(self, job: Job, now: datetime) -> bool:
        """Whether a job belongs in the per-job gauges: it is running, or ended within the retention."""
        return not has_ended(job, now) or ended_since(job, now - self.limits.terminal_retention)

    def has_room(self, job_arn: str) -> bool:
        """Whether the limits leave room to keep a job that has ended."""
        is_known = job_arn in self.jobs or job_arn in self.settled
        return is_known or len(self) < self.limits.max_tracked_jobs

    def is_counted(self, job: Job, now: datetime) -> bool:
        """Whether a job belongs in the job counts: it is running, or was created within the look-back."""
        return not has_ended(job, now) or not self.is_before_lookback(job, now)

    def oldest_running(self, now: datetime) -> datetime | None:
        """Return the creation time of the oldest job that may still change."""
        created = (job.creation_time for job in self.jobs.values() if job.creation_time and not has_ended(job, now))
        return min(created, default=None)

    def created_since(self, moment: datetime) -> int:
        """Return how many known jobs a listing from `moment` on would show."""
        jobs = (job.creation_time for job in self.jobs.values())
        return self.settled.created_since(moment) + sum(created is None or created >= moment for created in jobs)

    def settle(self, is_needed: Callable[[Job], bool], wants: Callable[[Job], bool], now: datetime) -> None:
        """Settle the jobs that are not needed, and forget those created before the look-back.

        `wants` says whether a job is included in the counts.
        """
        for arn, job in [(arn, job) for arn, job in self.jobs.items() if not is_needed(job)]:
            if job.creation_time is None:
                # Without a creation time, a settled job could never be forgotten.
                continue
            self.forget(arn)
            if not self.is_before_lookback(job, now):
                self.settled.add(arn, job.creation_time, job.known_status, wanted=wants(job))
        self.settled.forget_before(self.lookback_start(now))
        excess = len(self) - self.limits.max_tracked_jobs
        if excess > 0:
            self.left_out.update(self.settled.forget_oldest(excess))

    def keep_left_out(self, seen: Collection[str]) -> None:
        """After a full listing, drop from `left_out` the jobs that are not among the `seen` ones."""
        self.left_out.intersection_update(seen)

    def counts(self, wanted: Iterable[Job], now: datetime) -> Counter[str]:
        """Count jobs by known status: the wanted settled ones, and the `wanted` ones that are followed."""
        return self.settled.counts() + Counter(job.known_status for job in wanted if self.is_counted(job, now))


def is_younger(job: Job, age: timedelta, now: datetime) -> bool:
    """Whether a job was created less than `age` ago, or at an unknown time."""
    return job.creation_time is None or now - job.creation_time < age


def ended_since(job: Job, moment: datetime) -> bool:
    """Whether an ended job did so at or after `moment`; False if it has neither an end nor a modification time."""
    ended = job.end_time or job.last_modified_time
    return ended is not None and ended >= moment


def is_behind(known: Job | None, news: Job) -> bool:
    """Whether an answer about a job lags behind what is known of it."""
    if known is None or news.status is None or known.status not in RANKS:
        return False
    return RANKS.get(news.status, 0) < RANKS[known.status]


def _without_lagging_status(known: Job | None, news: Job) -> Job:
    if known is None or not is_behind(known, news):
        return news
    # What belongs to the status is kept as well.
    return replace(
        news,
        status=known.status,
        status_details=known.status_details,
        end_time=known.end_time,
        last_modified_time=known.last_modified_time,
    )
