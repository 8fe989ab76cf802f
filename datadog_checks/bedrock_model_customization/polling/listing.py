"""Lists the jobs of one scope: at every poll those that may have changed, once an hour all of them.

A queue of ranges of creation times holds what is still to be listed. If AWS answers slowly or rarely, the queue may
take several polls; a range then continues after the last page that was read. When the queue is empty the listing is
complete: every job that is new or can still change has been shown since the queue was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ..aws import bedrock
from ..aws.bedrock import BedrockScope
from ..aws.errors import AwsError, Kind
from ..jobs.job import Job
from ..jobs.reading import job_arn_of, read_summary
from ..jobs.vocabulary import ACTIVE_STATUSES
from .inventory import LATEST
from .ledger import SPAN

# Listing by status costs three small requests, however many jobs there are. It pays once a listing has more pages.
REQUESTS_BY_STATUS: Final = 3
# A listing that continues after a job overlaps by this much, so as not to miss jobs created at the same moment.
TOGETHER: Final = timedelta(seconds=1)
# If a range has not been answered for this long, its running jobs are described one by one.
STUCK: Final = timedelta(minutes=3)
# A range that has not been answered for this long is given up; otherwise the floor would never move again.
PATIENCE: Final = timedelta(days=1)
# AWS refuses requests whose clock is off by more than a few minutes. A Date header further off is not from AWS.
BELIEVABLE: Final = timedelta(days=7)
SECOND: Final = timedelta(seconds=1)
# After these errors no other listing would be answered.
REFUSALS: Final = (Kind.CREDENTIALS, Kind.DENIED)
# After these errors no further range is requested at this poll.
FINAL: Final = (Kind.INTERRUPTED, *REFUSALS)


class Page(NamedTuple):
    """One page of a listing.

    `jobs` are in AWS's order, newest first. `malformed` holds, by ARN, the members that could not be read. `unreadable`
    is the number of entries that are not about any job.
    """

    jobs: list[Job]
    malformed: Mapping[str, set[str]]
    unreadable: int


@dataclass(slots=True, eq=False)
class Range:
    """A range to list: jobs created between two moments, with one status or any. Each page moves `before` back.

    `unanswered_since` is when AWS first failed to answer at the range's current position.
    """

    after: datetime | None = None
    before: datetime | None = None
    status: str | None = None
    is_newest: bool = False
    unanswered_since: datetime | None = None


class Listing:
    """What is still to be listed of one scope, and how far the last complete listing reached.

    `interval` is the time between full listings. The first full listing counts as `head_start` older than it is, so
    that many scopes do not all list everything at the same time. `began` is when the queue was made, and `seen` the
    ARNs shown since. `complete_at` is when the queue of the last accepted listing was made, `given_up` the ranges that
    it lacks. `broken_off` is the first error of the last poll; `failure` is that error if listing was refused or the
    poll learned nothing from AWS, None otherwise.
    """

    def __init__(self, scope: BedrockScope, lookback: timedelta, interval: timedelta, head_start: timedelta) -> None:
        self._scope, self._lookback, self._interval = scope, lookback, interval
        self._head_start = head_start
        self.queue: list[Range] = []
        self.seen: set[str] = set()
        self.is_full = False
        self.began: datetime | None = None
        self.complete_at: datetime | None = None
        self.broken_off: AwsError | None = None
        self.failure: AwsError | None = None
        self.given_up: list[Range] = []
        self._full_at: datetime | None = None
        self._newest: datetime | None = None
        self._newest_goes_first = True
        self._window_is_long = False
        self._seen_now: set[str] = set()
        self._given_up_now: list[Range] = []
        self._after: datetime | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything in the queue has been listed."""
        return not self.queue

    def has_shown(self, job_arn: str) -> bool:
        """Whether AWS has shown a job since the queue was made or, if the listing is incomplete, at this poll."""
        return job_arn in (self.seen if self.is_complete else self._seen_now)

    def is_stuck(self, now: datetime) -> bool:
        """Whether a range has gone unanswered for `STUCK`, so that the end of its jobs could go unnoticed."""
        return any(known.unanswered_since and now - known.unanswered_since >= STUCK for known in self.queue)

    def is_full_due(self, now: datetime) -> bool:
        """Whether the queue is empty and the next one will be a full listing."""
        if self.queue:
            return False
        # A negative age means that the clock was set back.
        return self._full_at is None or not timedelta() <= now - self._full_at < self._interval

    def plan(
        self,
        known_until: datetime | None,
        oldest_running: datetime | None,
        created_since: Callable[[datetime], int],
        now: datetime,
    ) -> None:
        """Queue what this poll is to list.

        `known_until` is the moment up to which everything that happened is known, `oldest_running` the creation time of
        the oldest job that can still change. `created_since` counts the known jobs created since a given moment.
        """
        if self.queue:
            self._add_newest()
            return
        is_full = self.is_full_due(now)
        self.seen, self.began, self.is_full = set(), now, is_full
        if is_full:
            self._window_is_long = False
            self._full_at = now if self._full_at else now - self._head_start
            self.queue = [Range(min(known_until or now, now) - self._lookback - TOGETHER), *_by_status()]
        else:
            since = min(self.complete_at or known_until or now, now) - SPAN
            self.queue = self._what_may_have_changed(since, oldest_running, created_since)
        self._after = self.queue[0].after

    def _add_newest(self) -> None:
        """Add the newest jobs to an unfinished queue, alternately at its front and at its end."""
        if self._newest and not any(known.is_newest for known in self.queue):
            place = 0 if self._newest_goes_first else len(self.queue)
            self.queue.insert(place, Range(self._newest - SPAN, is_newest=True))
        self._newest_goes_first = not self._newest_goes_first

    def _what_may_have_changed(
        self, since: datetime, oldest_running: datetime | None, created_since: Callable[[datetime], int]
    ) -> list[Range]:
        window = min(since, oldest_running - TOGETHER) if oldest_running else since
        if window == since:
            return [Range(since)]
        if self._window_is_long or created_since(window) > REQUESTS_BY_STATUS * bedrock.PAGE_SIZE:
            return [Range(since), *_by_status()]
        return [Range(window)]

    def pages(self, now: datetime) -> Iterator[Page]:
        """Yield the pages that AWS returns for the queue. If it does not get to the end, `broken_off` says why."""
        self.broken_off, self._seen_now = None, set()
        pages = 0
        turns = list(self.queue)
        while turns:
            wanted = turns.pop(0)
            began_at = wanted.before
            try:
                for page in self._pages_of(wanted, now):
                    pages += 1
                    yield page
                self.queue.remove(wanted)
            except AwsError as error:
                self.broken_off = self.broken_off or error
                is_in_vain = wanted.is_newest and wanted.before == began_at is not None
                if is_in_vain:
                    # A page that AWS never returns must not hide the jobs that are newer than it.
                    wanted.before = None
                    if error.kind not in FINAL:
                        turns.insert(0, wanted)
                        continue
                self._pass_over(wanted, error, now)
                if error.kind in FINAL:
                    break
        self._conclude(pages, now)

    def _pass_over(self, wanted: Range, error: AwsError, now: datetime) -> None:
        """Record that a range failed, and move it to the end of the queue unless listing was refused."""
        wanted.unanswered_since = wanted.unanswered_since or now
        if error.kind not in REFUSALS:
            self.queue.remove(wanted)
            self.queue.append(wanted)

    def _conclude(self, pages: int, now: datetime) -> None:
        """Work out the result of this poll's listing, which read `pages` pages."""
        self.seen |= self._seen_now
        if pages:
            self._give_up(now)
        if all(known.is_newest for known in self.queue):
            # The next listing shows the newest jobs anyway.
            self.queue.clear()
        if self.is_complete:
            # A full listing has asked again for the ranges given up before.
            self.given_up = self._given_up_now + ([] if self.is_full else self.given_up)
            self._given_up_now = []
            self._window_is_long = self._window_is_long or (not self.is_full and pages > REQUESTS_BY_STATUS)
        self.failure = self._why_nothing_was_answered(pages)

    def _why_nothing_was_answered(self, pages: int) -> AwsError | None:
        """Return the error because of which this poll tells nothing, None if it tells something."""
        # If some ranges failed and the others showed no jobs, the empty pages are not to be trusted.
        error = self.broken_off
        tells_something = self._seen_now or (pages and error and error.kind is Kind.INTERRUPTED)
        is_failure = error and not self.is_complete and (error.kind in REFUSALS or not tells_something)
        return error if is_failure else None

    def covers(self, job: Job) -> bool:
        """Whether the listing is complete, nothing was given up, and its range includes the job's creation time."""
        if not self.is_complete or self.given_up or self._after is None or job.creation_time is None:
            return False
        return job.creation_time > self._after + TOGETHER

    def accept(self) -> None:
        """Record that a complete listing contradicts nothing that is known. The next listing starts from it."""
        self.complete_at = self.began

    def _pages_of(self, wanted: Range, now: datetime) -> Iterator[Page]:
        for summaries in self._scope.list_jobs(
            created_after=wanted.after, created_before=wanted.before, status=wanted.status
        ):
            page = read_page(summaries)
            wanted.unanswered_since = None
            self.began = earlier(min(self.began or now, now), self._scope.answered_at)
            yield page
            self._seen_now.update(job.job_arn for job in page.jobs)
            created = [job.creation_time for job in page.jobs if job.creation_time]
            # A creation time in the future would hide the jobs still to come.
            past = [moment for moment in created if moment <= now]
            self._newest = max(filter(None, [*past, self._newest]), default=None)
            if created:
                # Not simply the earliest: a single job with a much older time must not end the range.
                wanted.before = min(wanted.before or LATEST, max(created[-2:]) + TOGETHER)

    def _give_up(self, now: datetime) -> None:
        """Give up the ranges that AWS has not answered for a day although it answers others."""
        for wanted in list(self.queue):
            if wanted.unanswered_since and now - wanted.unanswered_since >= PATIENCE:
                self.queue.remove(wanted)
                self._given_up_now.append(wanted)


def earlier(ours: datetime, theirs: datetime | None) -> datetime:
    """Return the earlier of our clock's time and AWS's, to which a second is added as it is in whole seconds.

    A time from AWS that is more than `BELIEVABLE` behind ours is ignored.
    """
    if theirs is None or ours - theirs > BELIEVABLE:
        return ours
    return min(ours, theirs + SECOND)


def read_page(summaries: list[Any]) -> Page:
    """Read one page of AWS's answer. Entries that are not about any job are counted as unreadable."""
    jobs: list[Job] = []
    malformed: dict[str, set[str]] = {}
    for summary in summaries:
        arn = job_arn_of(summary)
        if arn is not None:
            unread: set[str] = set()
            jobs.append(read_summary(summary, unread))
            if unread:
                malformed[arn] = unread
    return Page(jobs, malformed, len(summaries) - len(jobs))


def _by_status() -> list[Range]:
    return [Range(status=status) for status in ACTIVE_STATUSES]
