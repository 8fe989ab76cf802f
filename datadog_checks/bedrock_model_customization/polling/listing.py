"""Lists the jobs of one scope: at every poll what may have changed, once an hour everything.

What is still to be listed is one queue of ranges of creation times. AWS may answer so slowly, or so seldom, that the
queue takes several polls; a range then goes on behind the last page that was taken. An empty queue is a complete
listing: every job that is new or can still change was shown since the queue was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from ..aws import bedrock
from ..aws.bedrock import BedrockScope
from ..aws.errors import AwsError, Kind
from ..jobs.job import Job
from ..jobs.reading import job_arn_of, read_summary
from ..jobs.vocabulary import ACTIVE_STATUSES
from .ledger import SPAN

# Listing by status costs three small requests, whatever the number of jobs: worth it beyond as many pages.
REQUESTS_BY_STATUS: Final = 3
# A listing that goes on behind a job shows once more those that were created together with it.
TOGETHER: Final = timedelta(seconds=1)
# The running jobs in a range that was not answered for so long are asked for one by one.
STUCK: Final = timedelta(minutes=3)
# A range that was not answered for so long is given up, or it would hold back the floor for ever.
PATIENCE: Final = timedelta(days=1)
# AWS refuses requests whose time is further from its own than some minutes: such a Date is not AWS's.
BELIEVABLE: Final = timedelta(days=7)
SECOND: Final = timedelta(seconds=1)
LAST: Final = datetime.max.replace(tzinfo=UTC)
# No other listing would be answered.
REFUSALS: Final = (Kind.CREDENTIALS, Kind.DENIED)
# Nor is anything more asked at this poll.
FINAL: Final = (Kind.INTERRUPTED, *REFUSALS)


class Page(NamedTuple):
    """The jobs on one page, newest first, by ARN the members of them that could not be read, and how many were none."""

    jobs: list[Job]
    malformed: Mapping[str, set[str]]
    unreadable: int


@dataclass(slots=True, eq=False)
class Range:
    """Jobs of one status, or of any, created between two moments. `before` moves back with each page taken.

    `unanswered_since` is when AWS first failed to answer where the range now begins.
    """

    after: datetime | None = None
    before: datetime | None = None
    status: str | None = None
    is_newest: bool = False
    unanswered_since: datetime | None = None


class Listing:
    """What is still to be listed of one scope, and how far the last complete listing goes.

    `interval` is how old a full listing may become. `head_start` counts as passed when the first one is done, so that
    many scopes do not list everything at the same time. `began` is when the queue was made, and `seen` are the
    jobs shown since. `complete_at` is when the queue of the last accepted listing was made, `given_up` what it lacks.
    Of the last poll, `broken_off` is the first error, and `failure` the one because of which AWS told nothing at all.
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
        """Whether everything was shown that was to be listed."""
        return not self.queue

    def has_shown(self, job_arn: str) -> bool:
        """Whether AWS has shown a job: since the queue was made if the listing is complete, otherwise at this poll."""
        return job_arn in (self.seen if self.is_complete else self._seen_now)

    def is_stuck(self, now: datetime) -> bool:
        """Whether AWS has not answered a part of the listing for some minutes, so that nobody sees its jobs end."""
        return any(known.unanswered_since and now - known.unanswered_since >= STUCK for known in self.queue)

    def is_full_due(self, now: datetime) -> bool:
        """Whether the next queue is a full listing."""
        if self.queue:
            return False
        # Later than now is a clock that was set back.
        return self._full_at is None or not timedelta() <= now - self._full_at < self._interval

    def plan(
        self,
        known_until: datetime | None,
        oldest_running: datetime | None,
        created_since: Callable[[datetime], int],
        now: datetime,
    ) -> None:
        """Queue what this poll is to list.

        `known_until` is up to when everything that happened is known, `oldest_running` the creation of the oldest job
        that can still change, and `created_since` counts the known jobs that were created since a moment.
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
        """Queue the newest jobs beside what is still to be listed, first and last by turns."""
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
        """Yield what AWS answers to the queue, as far as it does: `broken_off` is then why it did not to its end."""
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
                    # A page that is never answered must not hide jobs that are newer than it.
                    wanted.before = None
                    if error.kind not in FINAL:
                        turns.insert(0, wanted)
                        continue
                self._pass_over(wanted, error, now)
                if error.kind in FINAL:
                    break
        self._conclude(pages, now)

    def _pass_over(self, wanted: Range, error: AwsError, now: datetime) -> None:
        """Let the other ranges have their turn first at the next poll."""
        wanted.unanswered_since = wanted.unanswered_since or now
        if error.kind not in REFUSALS:
            self.queue.remove(wanted)
            self.queue.append(wanted)

    def _conclude(self, pages: int, now: datetime) -> None:
        """Note what so many pages of this poll are worth."""
        self.seen |= self._seen_now
        if pages:
            self._give_up(now)
        if all(known.is_newest for known in self.queue):
            # The next listing shows them as well.
            self.queue.clear()
        if self.is_complete:
            # A full listing asks for what was given up before.
            self.given_up = self._given_up_now + ([] if self.is_full else self.given_up)
            self._given_up_now = []
            self._window_is_long = self._window_is_long or (not self.is_full and pages > REQUESTS_BY_STATUS)
        # Where some ranges failed and the others had no jobs, the empty pages may not be the truth.
        error = self.broken_off
        tells_something = self._seen_now or (pages and error and error.kind is Kind.INTERRUPTED)
        is_failure = error and not self.is_complete and (error.kind in REFUSALS or not tells_something)
        self.failure = error if is_failure else None

    def _end_early(self, place: int, error: AwsError, now: datetime) -> None:
        """Note that nothing more is asked at this poll."""
        wanted = self.queue[place]
        wanted.unanswered_since = wanted.unanswered_since or now
        if error.kind is Kind.INTERRUPTED:
            # The others have their turn at the next poll.
            self.queue.append(self.queue.pop(place))

    def covers(self, job: Job) -> bool:
        """Whether the listing has shown everything that was created when the job was."""
        if not self.is_complete or self.given_up or self._after is None or job.creation_time is None:
            return False
        return job.creation_time > self._after + TOGETHER

    def accept(self) -> None:
        """Note that a complete listing contradicts nothing that is known: the next one begins behind it."""
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
            # One in the future would hide those to come.
            past = [moment for moment in created if moment <= now]
            self._newest = max([*past, self._newest], default=None) if self._newest else max(past, default=None)
            if created:
                # Not the earliest: one job with a time from long ago must not end a range.
                wanted.before = min(wanted.before or LAST, max(created[-2:]) + TOGETHER)

    def _give_up(self, now: datetime) -> None:
        """Give up the ranges that AWS does not answer for a day, although it answers others."""
        for wanted in list(self.queue):
            if wanted.unanswered_since and now - wanted.unanswered_since >= PATIENCE:
                self.queue.remove(wanted)
                self._given_up_now.append(wanted)


def earlier(ours: datetime, theirs: datetime | None) -> datetime:
    """Return the earlier of our clock's time and AWS's, which is in whole seconds."""
    if theirs is None or ours - theirs > BELIEVABLE:
        return ours
    return min(ours, theirs + SECOND)


def read_page(summaries: list[Any]) -> Page:
    """Read a page of what AWS sent, of which no entry is promised to be about any job."""
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
