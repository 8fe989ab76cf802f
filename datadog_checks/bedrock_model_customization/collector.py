"""One scope, one poll: list the jobs, describe those that changed, work out what happened to each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from zlib import crc32

from .aws.artifacts import ArtifactReader
from .aws.bedrock import ARNS_PER_TAG_REQUEST, BedrockScope, account_of
from .aws.errors import AwsError, Kind
from .aws.fan_out import REFUSALS_BEFORE_STOP, fan_out
from .aws.tags import TagReader
from .jobs.curves import CurveSummary
from .jobs.filters import JobFilter
from .jobs.inventory import Inventory, Limits, Memory
from .jobs.job import COMPLETED, FAILED, Job
from .jobs.reading import job_arn_of, read_description, read_summary
from .jobs.tracking import Tracked
from .jobs.transitions import STATUS_KINDS, Transition
from .listing import Listing, Taken
from .state import StateStore

# Tags of a job this young may not have reached the tagging API yet: ask Bedrock itself.
TAG_DELAY: Final = timedelta(minutes=15)
NEVER: Final = datetime.min.replace(tzinfo=UTC)
# The listing that shows the job created at one moment.
MOMENT: Final = timedelta(seconds=1)
COMPLETION: Final = STATUS_KINDS[COMPLETED]


class AnotherAccountError(Exception):
    """The credentials now lead to another account: what is listed of it must be listed anew."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much one poll does. Intervals are how old a full listing, or a job's tags, may become."""

    max_describes: int = 200
    max_concurrency: int = 8
    full_list_interval: timedelta = timedelta(hours=1)
    tag_refresh_interval: timedelta = timedelta(hours=1)


@dataclass(slots=True)
class ScopePoll:
    """What one poll of one scope found.

    `is_complete`, `newest` and `broken_off` are those of `Listed`.
    `jobs` are those for the per-job gauges: they run, or ended within the retention; newest first. `counts` has the
    number of jobs by known status. `transitions` are to be reported now, in the order of the jobs' lives. `changed`
    are the jobs that differ from when they were last reported. `tracked` is the number of known jobs, `left_out` how
    many terminal ones the cap left out, `awaiting_description` how many descriptions are left for later polls, and
    `unreadable` how many entries of the listing could not be told to be about any job; `malformed` has by ARN the
    members that could not be read of those that could. `problems` did not stop the poll, but something is missing
    because of them. `curves` has by ARN what was found in S3 of the jobs, and `shortfalls` says in words what of that
    is left out.
    """

    account_id: str | None
    broken_off: AwsError | None = None
    is_complete: bool = False
    newest: datetime | None = None
    jobs: list[Job] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    transitions: list[tuple[Job, Transition]] = field(default_factory=list)
    changed: list[Job] = field(default_factory=list)
    tracked: int = 0
    left_out: int = 0
    awaiting_description: int = 0
    unreadable: int = 0
    malformed: dict[str, set[str]] = field(default_factory=dict)
    problems: list[AwsError] = field(default_factory=list)
    curves: dict[str, CurveSummary] = field(default_factory=dict)
    shortfalls: list[str] = field(default_factory=list)
    filtered_out: list[tuple[Tracked, list[Transition]]] = field(default_factory=list)


class Collector:
    """Follows the jobs of one scope from poll to poll.

    `poll` looks, and may be called again at any time; only `remember`, called once what it found was submitted, moves
    the cursor. What a crash, a failure or an exception leaves unremembered is found again.
    """

    def __init__(
        self,
        scope: BedrockScope,
        store: StateStore,
        limits: Limits,
        job_filter: JobFilter,
        pace: Pace,
        artifacts: ArtifactReader | None = None,
    ) -> None:
        self.scope, self.limits, self.job_filter, self.pace = scope, limits, job_filter, pace
        self._store, self._artifacts = store, artifacts
        memory, self.state_problems = store.load(scope.region)
        self.account_id = memory.account_id if memory else None
        self.inventory = Inventory(limits, memory)
        self._unsent: Memory | None = None
        self._to_save: Memory | None = None
        self._listing = self._new_listing()
        self._describes_refused = self._tags_last = False
        # By ARN and operation, until it is read well: what has ended is not listed at every poll.
        self._malformed: dict[tuple[str, str], set[str]] = {}
        self._tags = TagReader(scope, pace.max_concurrency, pace.max_describes)

    def poll(self, now: datetime) -> ScopePoll:
        """Look at the scope once. Raises AwsError where no job can be listed; nothing is forgotten then."""
        try:
            self.scope.prepare()
            poll = ScopePoll(self.account_id)
            missing = self._list(poll, now)
            # First the tags: few requests, and where AWS throttles, descriptions take all the time that there is. After
            # a poll whose time the tags took, it is the other way round.
            took_all = not self._tags_last and not self._tag(poll, now)
            self._describe(poll, missing, now)
            if missing or self._tags_last:
                self._tag(poll, now)
            self._tags_last = took_all
            awaited = self._read_artifacts(poll, now)
        except AwsError as error:
            if error.kind is Kind.CREDENTIALS:
                self.scope.reset()
            raise
        return self._conclude(poll, awaited, now)

    def remember(self, poll: ScopePoll, now: datetime) -> None:
        """Note that a poll was reported: nothing of it is reported again by this process.

        The Agent sends what it was given some seconds later. So what was told now is written down one poll later, when
        it must have been sent: a process that is killed in between tells it again, and loses nothing.

        Raises what the persistent cache raises; the memory is then still good for the life of this process.
        """
        for job, news in poll.transitions:
            self.inventory.tracked[job.job_arn].reported.add(news.key)
        for tracked, transitions in poll.filtered_out:
            tracked.reported.update(news.key for news in transitions)
            tracked.changed = False
        for job in poll.changed:
            self.inventory.tracked[job.job_arn].changed = False
        if poll.is_complete:
            self.inventory.reached(poll.newest, now)
        self.inventory.settle(now, self.job_filter.wants)
        if self.inventory.is_baseline:
            # To the next process, a memory would make news of what was not listed yet.
            return
        memory = self.inventory.remember(self.account_id)
        sent, self._unsent = (self._unsent, memory) if poll.transitions else (memory, None)
        self._to_save = sent or self._to_save
        if self._to_save:
            self._store.save(self.scope.region, self._to_save)

    # --- list

    def _new_listing(self) -> Listing:
        scope, interval = self.scope, self.pace.full_list_interval
        place = crc32(f'{scope.session.settings.assume_role} {scope.region}'.encode()) / 2**32
        return Listing(scope, self.inventory, interval, interval * place)

    def _list(self, poll: ScopePoll, now: datetime) -> list[str]:
        """List the jobs; return those that should have been listed and were not."""
        if self._listing.renew(now):
            # Now and then, what was refused is tried anew.
            self._describes_refused = False
            self._tags.retry_bulk()
            if self._artifacts:
                self._artifacts.retry()
        try:
            listed = self._listing.look(partial(self._take, poll, now), now)
        except AnotherAccountError:
            return self._list(poll, now)
        poll.is_complete, poll.newest, poll.broken_off = listed.is_complete, listed.newest, listed.broken_off
        if listed.is_everything:
            self.account_id = self.account_id or self._ask_account(poll, self.scope.account_id)
        poll.account_id = self.account_id
        return self._missing(listed.seen) if listed.is_complete else []

    def _take(self, poll: ScopePoll, now: datetime, page: list[Any]) -> Taken:
        """Take in one page of a listing, newest job first."""
        self._recognise_account(account_of(page), poll)
        self.inventory.looked(now)
        arns: set[str] = set()
        creations: list[datetime] = []
        newest: datetime | None = None
        for summary in page:
            arn = job_arn_of(summary)
            if arn is None:
                poll.unreadable += 1
                continue
            arns.add(arn)
            job = self._read(read_summary, 'list', arn, summary)
            if job.creation_time:
                creations.append(job.creation_time)
                # One ahead of our clock would push the cursor past jobs to come.
                if job.creation_time <= now:
                    newest = max(newest or job.creation_time, job.creation_time)
                    self.inventory.listed(newest)
            if not self.inventory.is_known_terminal(arn, job.status):
                self.inventory.observe(job, now)
        # Not the earliest: one job with a time from long ago must not end a listing.
        return Taken(arns, max(creations[-2:], default=None), newest)

    def _read(self, read: Callable[[Any, set[str]], Job], how: str, arn: str, answer: Any) -> Job:
        """Read a listed or described job, and note which of its members could not be read."""
        malformed: set[str] = set()
        job = read(answer, malformed)
        if malformed:
            self._malformed[arn, how] = malformed
        elif self._malformed:
            self._malformed.pop((arn, how), None)
        return job

    def _recognise_account(self, account_id: str | None, poll: ScopePoll) -> None:
        """Start anew where the credentials now lead to another account than the one that is remembered.

        That costs all that is known, so an ARN alone does not decide it: STS must say the same.
        """
        if account_id and self.account_id and account_id != self.account_id:
            if self._ask_account(poll, self.scope.caller_account_id) != account_id:
                return
            self.inventory, self.account_id = Inventory(self.limits), account_id
            self._listing = self._new_listing()
            raise AnotherAccountError
        self.account_id = account_id or self.account_id

    def _ask_account(self, poll: ScopePoll, ask: Callable[[], str]) -> str | None:
        try:
            return ask()
        except AwsError as error:
            poll.problems.append(error)
            return None

    def _missing(self, seen: set[str]) -> list[str]:
        """Return the jobs that could still change and were not listed: they ended, and are older than the listing."""
        active = [tracked.job.job_arn for tracked in self.inventory.active]
        return sorted({*active, *self.inventory.remembered} - seen)

    # --- describe

    def _describe(self, poll: ScopePoll, missing: list[str], now: datetime) -> None:
        wanted = [tracked for tracked in self.inventory.tracked.values() if self._wants_description(tracked, now)]
        wanted.sort(key=_urgency)
        queue = list(dict.fromkeys([*missing, *(tracked.job.job_arn for tracked in wanted)]))
        guard, region, describe = self.scope.session.guard, self.scope.region, self.scope.describe_job
        answered = refused = 0
        queue = queue[: self.pace.max_describes]
        for arn, answer in fan_out(guard, region, describe, queue, self.pace.max_concurrency):
            if not isinstance(answer, AwsError):
                answered += 1
                self._take_description(arn, answer, now)
            elif answer.kind is not Kind.INTERRUPTED:
                refused += answer.kind is Kind.DENIED
                poll.problems.append(answer)
                self._take_refusal(poll, arn, answer, now, is_missing=arn in missing)
        self._describes_refused = self._describes_refused or (refused >= REFUSALS_BEFORE_STOP and not answered)
        in_vain, had_turn = [tracked for tracked in wanted if self._wants_description(tracked, now)], set(queue)
        for tracked in in_vain:
            # Whatever kept it away, a turn that did not come included: the news do not wait for ever.
            tracked.polls_waited += tracked.job.job_arn in had_turn
        poll.awaiting_description = len(in_vain)

    def _wants_description(self, tracked: Tracked, now: datetime) -> bool:
        return not self._describes_refused and self.inventory.wants_description(tracked, now)

    def _take_description(self, arn: str, answer: dict[str, Any], now: datetime) -> None:
        job = self._read(read_description, 'describe', arn, {**answer, 'jobArn': arn})
        tracked = self.inventory.observe(job, now)
        if tracked:
            tracked.describe(job, now)

    def _take_refusal(self, poll: ScopePoll, arn: str, error: AwsError, now: datetime, *, is_missing: bool) -> None:
        if error.kind is Kind.CREDENTIALS:
            raise error
        tracked = self.inventory.tracked.get(arn)
        if tracked:
            tracked.description_failed(refused=error.is_refusal)
        if not is_missing or not error.is_refusal:
            return
        try:
            found = error.kind is not Kind.NOT_FOUND and tracked and self._find_by_creation(tracked.job, now)
        except AwsError as failure:
            if failure.kind is Kind.CREDENTIALS:
                raise
            if failure.kind is not Kind.INTERRUPTED:
                poll.problems.append(failure)
            return
        if not found:
            self.inventory.forget(arn)

    def _find_by_creation(self, job: Job, now: datetime) -> bool:
        """List the moment in which a job was created, where it may be listed and not described."""
        if job.creation_time is None:
            return False
        found = False
        for page in self.scope.list_jobs(
            created_after=job.creation_time - MOMENT, created_before=job.creation_time + MOMENT
        ):
            for summary in page:
                if job_arn_of(summary) == job.job_arn:
                    self.inventory.observe(read_summary(summary), now)
                    found = True
        return found

    # --- tag

    def _tag(self, poll: ScopePoll, now: datetime) -> bool:
        """Ask for the tags of jobs that have none yet, and again for one batch of those asked for longest ago.

        Return whether there was time for all of them.
        """
        refresh = self.pace.tag_refresh_interval
        wanting = [
            tracked for tracked in self.inventory.tracked.values() if self.inventory.wants_tags(tracked, now, refresh)
        ]
        untagged = [tracked for tracked in wanting if tracked.tags_at is None]
        stale = sorted((tracked for tracked in wanting if tracked.tags_at), key=lambda tracked: tracked.tags_at or now)
        asked = [tracked.job for tracked in (*untagged, *stale[:ARNS_PER_TAG_REQUEST])]
        young = {job.job_arn for job in asked if job.creation_time is None or now - job.creation_time < TAG_DELAY}
        answers = self._tags.read([job.job_arn for job in asked], young)
        for arn, tags in answers.tags.items():
            self.inventory.tracked[arn].tag(tags, now)
        problems = [error for error in answers.problems if error.kind is not Kind.INTERRUPTED]
        poll.problems += problems
        return len(problems) == len(answers.problems)

    # --- read what the jobs left in S3

    def _read_artifacts(self, poll: ScopePoll, now: datetime) -> set[str]:
        """Read the files of jobs that changed; return the jobs whose files are still to be read."""
        if self._artifacts is None:
            return set()
        wanted = [tracked.job for tracked in self.inventory.tracked.values() if self._wants_artifacts(tracked, now)]
        artifacts = self._artifacts.read(sorted(wanted, key=_newest_first), now)
        poll.curves, poll.shortfalls = artifacts.curves, artifacts.shortfalls
        poll.problems += artifacts.problems
        return artifacts.pending

    def _wants_artifacts(self, tracked: Tracked, now: datetime) -> bool:
        """Whether something would use a job's files: its description is known, and it is reported."""
        if tracked.described_status is None or not self.job_filter.wants(tracked.job):
            return False
        return self.inventory.is_reported(tracked, now) or bool(tracked.unreported())

    # --- conclude

    def _conclude(self, poll: ScopePoll, awaited: set[str], now: datetime) -> ScopePoll:
        inventory = self.inventory
        for (arn, how), members in list(self._malformed.items()):
            if arn in inventory.tracked or arn in inventory.settled:
                poll.malformed.setdefault(arn, set()).update(members)
            else:
                del self._malformed[arn, how]
        wanted = []
        for tracked in self.inventory.tracked.values():
            if self.job_filter.needs_tags and tracked.job.tags is None and not self.inventory.is_old(tracked.job, now):
                # Nobody can tell yet whether the job is wanted.
                continue
            due = tracked.due(now, may_wait=not self._describes_refused)
            if tracked.job.job_arn in awaited:
                # The event of a completion tells how the run went.
                due = [news for news in due if news.kind != COMPLETION]
            if not self.job_filter.wants(tracked.job):
                poll.filtered_out.append((tracked, due))
                continue
            wanted.append(tracked.job)
            poll.transitions += [(tracked.job, news) for news in due]
            # A record without its description would be sent again with it at the next poll.
            if tracked.changed and (tracked.polls_waited or not self._wants_description(tracked, now)):
                poll.changed.append(tracked.job)
            if self.inventory.is_reported(tracked, now):
                poll.jobs.append(tracked.job)
        poll.jobs.sort(key=lambda job: job.creation_time or NEVER, reverse=True)
        poll.transitions.sort(key=lambda pair: pair[1].at or now)
        poll.counts = self.inventory.counts(wanted)
        poll.tracked = len(self.inventory.tracked) + len(self.inventory.settled)
        poll.left_out = len(self.inventory.left_out)
        return poll


def _newest_first(job: Job) -> float:
    return -job.creation_time.timestamp() if job.creation_time else 0.0


def _urgency(tracked: Tracked) -> tuple[bool, bool, float]:
    """Order in which jobs are described: what failed, what has news, what is newest."""
    return tracked.job.status != FAILED, not tracked.unreported(), _newest_first(tracked.job)
