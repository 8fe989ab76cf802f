"""Polls one account in one Region: lists and describes jobs, reads tags and files, decides what is news, remembers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zlib import crc32

from ..aws.bedrock import BedrockScope
from ..aws.errors import AwsError, Kind
from ..curves.summary import CurveSummary
from ..jobs.filters import JobFilter
from ..jobs.job import Job
from ..jobs.reading import job_arn_of, read_summary
from ..jobs.transitions import ENDS, STATUS_KINDS, Transition
from ..jobs.vocabulary import COMPLETED, FAILED
from .answers import Answers
from .describing import Describer
from .files import ArtifactReader
from .inventory import Inventory, Limits
from .ledger import Ledger, Memory, has_ended
from .listing import Listing, earlier
from .selection import TAGGING_TIME, Selection
from .tagging import TagReader, Tags

OLDEST: Final = datetime.min.replace(tzinfo=UTC)
# The margin before and after a creation time within which a listing shows the job created then.
MOMENT: Final = timedelta(seconds=1)
# A running job is forgotten when this many full listings did not show it and it cannot be found in another way.
LISTINGS_WITHOUT: Final = 24
COMPLETION: Final = STATUS_KINDS[COMPLETED]


@dataclass(frozen=True, slots=True)
class Pace:
    """How much work one poll does. The intervals are how old a full listing, or a job's tags, may become."""

    max_describes: int = 200
    max_concurrency: int = 8
    full_list_interval: timedelta = timedelta(hours=1)
    tag_refresh_interval: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopePoll:
    """What one poll of one scope found.

    `until` is the moment up to which every job that is new or can still change was shown; it is None if the listing was
    not accepted. `broken_off` is the error that cut the listing short, if any. `jobs` are those for the per-job gauges,
    newest first: they are running, or ended within the retention. `counts` is the number of jobs by known status.
    `transitions` are to be reported now, in the order in which they happened; `counted` holds the ARN and key of those
    that were counted earlier. `changed` are the jobs that differ from their last record. `dropped` holds, by ARN, the
    keys of transitions that a filter does not want.

    `tracked` is the number of known jobs, `not_counted` the number of ended jobs there was no room for, `given_up` the
    number of ranges missing from the listing. `awaiting_description` is the number of jobs still to be described,
    `awaiting_filter` the number for which the filter has no decision yet. `unreadable` is the number of listing entries
    that are not about any job; `malformed` holds, by ARN, the members that could not be read. `problems` are errors
    that did not stop the poll but left something out; `shortfalls` are sentences that say what is left out. `curves`
    holds, by ARN, what was found in S3.
    """

    account_id: str | None
    until: datetime | None
    broken_off: AwsError | None
    jobs: Sequence[Job]
    counts: Counter[str]
    transitions: Sequence[tuple[Job, Transition]]
    counted: Set[tuple[str, str]]
    changed: Sequence[Job]
    dropped: Mapping[str, Set[str]]
    tracked: int
    not_counted: int
    given_up: int
    awaiting_description: int
    awaiting_filter: int
    unreadable: int
    malformed: Mapping[str, set[str]]
    problems: Sequence[AwsError]
    curves: Mapping[str, CurveSummary]
    shortfalls: Sequence[str]

    @property
    def is_complete(self) -> bool:
        return self.until is not None

    @property
    def left_out(self) -> int:
        """How many jobs are left out. A missing range counts as one, since its number of jobs is unknown."""
        return self.not_counted + self.given_up


@dataclass(slots=True)
class _Decided:
    """What is to be reported, collected job by job."""

    wanted: list[Job] = field(default_factory=list)
    gauges: list[Job] = field(default_factory=list)
    transitions: list[tuple[Job, Transition]] = field(default_factory=list)
    dropped: dict[str, set[str]] = field(default_factory=dict)
    changed: list[Job] = field(default_factory=list)
    undecided: int = 0


class Scope:
    """Follows the jobs of one account in one Region from poll to poll.

    `poll` may be called again at any time. Only `remember`, called with what was submitted, marks a transition as
    reported. If a crash or an error prevents that call, the next poll finds the same transitions again.
    """

    def __init__(
        self,
        bedrock: BedrockScope,
        memory: Memory | None,
        limits: Limits,
        job_filter: JobFilter,
        pace: Pace,
        artifacts: ArtifactReader | None = None,
    ) -> None:
        self.account_id: str | None = None
        self.limits = limits
        self.ledger = Ledger(limits.events_since, memory)
        self.inventory = Inventory(limits)
        self._bedrock, self._artifacts, self._pace = bedrock, artifacts, pace
        place = crc32(f'{bedrock.session.settings.assume_role} {bedrock.region}'.encode()) / 2**32
        interval = pace.full_list_interval
        self.listing = Listing(bedrock, limits.lookback, interval, interval * place)
        self._describer = Describer(bedrock, pace.max_concurrency, pace.max_describes)
        self._tags = TagReader(bedrock, pace.max_concurrency, pace.max_describes, pace.tag_refresh_interval)
        self._selection = Selection(job_filter)
        # About jobs that AWS no longer shows: the number of full listings without them, those searched for
        # in vain since the last full listing, and when each missing job was last searched for.
        self._full_listings_without: Counter[str] = Counter()
        self._not_found: set[str] = set()
        self._looked_for_at: dict[str, datetime] = {}
        # Unreadable members by ARN and operation, kept until they can be read: ended jobs are not listed at every poll.
        self._malformed: dict[tuple[str, str], set[str]] = {}
        self._tags_first = False

    def poll(self, now: datetime) -> ScopePoll:
        """Poll the scope once. Raises AwsError if listing failed altogether; nothing is forgotten in that case."""
        unreadable = self._list(now)
        now = earlier(now, self._bedrock.answered_at)
        problems: list[AwsError] = []
        try:
            described, tagged, is_everything_found = self._ask_about_jobs(problems, now)
        except AwsError as error:
            self._bedrock.reset()
            problems.append(error)
            # The news of all jobs waits, since none was asked about.
            waiting = frozenset(self.inventory.jobs)
            described, tagged, is_everything_found = Answers(), Answers(unanswered=waiting, pending=waiting), False
        is_accepted = self.listing.is_complete and is_everything_found
        if is_accepted:
            self.listing.accept()
        files = self._read_files(now)
        decided = self._decide(described.pending, tagged, files.pending, now)
        inventory, listing = self.inventory, self.listing
        return ScopePoll(
            account_id=self.account_id,
            until=listing.began if is_accepted else None,
            broken_off=listing.broken_off,
            jobs=sorted(decided.gauges, key=lambda job: job.creation_time or OLDEST, reverse=True),
            counts=inventory.counts(decided.wanted, now),
            transitions=sorted(decided.transitions, key=lambda pair: pair[1].at or now),
            counted={(job.job_arn, news.key) for job, news in decided.transitions if self.ledger.is_counted(job, news)},
            changed=decided.changed,
            dropped=decided.dropped,
            tracked=len(inventory),
            not_counted=len(inventory.left_out),
            given_up=len(listing.given_up),
            awaiting_description=len(described.unanswered),
            awaiting_filter=decided.undecided,
            unreadable=unreadable,
            malformed=self._members_not_read(),
            problems=[*problems, *files.problems],
            curves=files.found,
            shortfalls=[*files.shortfalls, *self._shortfalls(now)],
        )

    def remember(
        self,
        poll: ScopePoll,
        transitions: Iterable[tuple[Job, Transition]],
        changed: Iterable[Job],
        now: datetime,
    ) -> Memory:
        """Record which parts of a poll were reported, so that this process does not report them again.

        Return the memory to save.
        """
        inventory, reported = self.inventory, dict[str, set[str]]()
        for job, news in transitions:
            reported.setdefault(job.job_arn, set()).add(news.key)
        self.ledger.settle(reported, poll.dropped)
        inventory.changed.difference_update(poll.dropped, (job.job_arn for job in changed))
        if poll.until:
            self.ledger.advance(poll.until, inventory.jobs, now, lambda job: inventory.has_gauges(job, now))
        inventory.settle(lambda job: self._is_needed(job, now), self._selection.wants, now)
        self._tags.forget_all_but(inventory.jobs)
        self._selection.forget_all_but(inventory.jobs)
        return self.ledger.memory()

    def _is_needed(self, job: Job, now: datetime) -> bool:
        """Whether a job must be followed, rather than only counted."""
        arn, limits = job.job_arn, self.limits
        if arn in self.ledger.reported or self.inventory.has_gauges(job, now):
            return True
        if limits.describe_all and arn in self.inventory.changed:
            return True
        if (limits.describe_all or limits.tag_all) and not self._tags.is_asked(job):
            return True
        return self._selection.is_waiting(job, now) or (self._wants_more(job, now) and self._describer.is_due(job, now))

    # --- list

    def _list(self, now: datetime) -> int:
        """List the jobs and take in what is shown; return the number of entries that are not about any job.

        Raises AwsError if listing failed altogether.
        """
        listing, unreadable = self.listing, 0
        if listing.is_full_due(now):
            # With each full listing, try again what was refused.
            self._bedrock.session.ask_again()
            self._not_found.clear()
            for reader in (self._describer, self._tags, self._artifacts):
                if reader:
                    reader.retry()
        listing.plan(self.ledger.known_until, self.inventory.oldest_running(now), self.inventory.created_since, now)
        for page in listing.pages(now):
            self.ledger.begin(earlier(now, self._bedrock.answered_at))
            unreadable += page.unreadable
            for job in page.jobs:
                self._take(job, 'list', page.malformed.get(job.job_arn), now)
        if listing.failure:
            raise listing.failure
        if listing.is_complete and listing.is_full:
            self.inventory.keep_left_out(listing.seen)
        return unreadable

    def _take(self, job: Job, how: str, malformed: set[str] | None, now: datetime) -> None:
        """Take in a listed or described job. `how` is `list` or `describe`, `malformed` its unreadable members."""
        arn, inventory = job.job_arn, self.inventory
        self.account_id = self.account_id or job.account_id
        if malformed:
            self._malformed[arn, how] = malformed
        elif self._malformed:
            self._malformed.pop((arn, how), None)
        if self._full_listings_without:
            self._full_listings_without.pop(arn, None)
            self._not_found.discard(arn)
        if inventory.is_settled(job):
            return
        if arn in inventory.jobs:
            inventory.learn(job, now, is_needed=True)
            job = inventory.jobs[arn]
        is_kept = inventory.has_gauges(job, now) and (inventory.has_room(arn) or not job.is_terminal)
        self.ledger.take(job, now, is_kept=is_kept)
        if arn not in inventory.jobs:
            inventory.learn(job, now, is_needed=arn in self.ledger.reported)

    def _members_not_read(self) -> dict[str, set[str]]:
        members: dict[str, set[str]] = {}
        for (arn, how), unread in list(self._malformed.items()):
            if arn in self.inventory.jobs or arn in self.inventory.settled:
                members.setdefault(arn, set()).update(unread)
            else:
                del self._malformed[arn, how]
        return members

    def _shortfalls(self, now: datetime) -> Iterable[str]:
        waiting = self._selection.waiting_for(TAGGING_TIME, now)
        if waiting:
            yield f'{waiting} jobs are not reported yet: AWS has not given what include or exclude asks for'
        if self._not_found:
            yield f'{len(self._not_found)} jobs that AWS has shown before are missing in its answers'
        if self.listing.given_up:
            yield (
                f'{len(self.listing.given_up)} ranges of the listing were not answered for a day: jobs are missing '
                'until a full listing shows them'
            )

    # --- ask about single jobs

    def _ask_about_jobs(self, problems: list[AwsError], now: datetime) -> tuple[Answers[Job], Answers[Tags], bool]:
        """Describe jobs and read their tags.

        Return the descriptions, the tags of jobs with news, and whether all jobs that the listing should have shown
        were found. Raises AwsError if the credentials are refused.
        """
        # Tags and descriptions take turns to go first: if AWS throttles, the first may take all the available time.
        self._tags_first = not self._tags_first
        if self._tags_first:
            self._read_tags(problems, now)
        missing = self._missing(now) if self.listing.is_complete or self.listing.is_stuck(now) else []
        described = self._describe(missing, now)
        problems += described.problems
        is_everything_found = self._look_for(missing, described, problems, now)
        if missing or not self._tags_first:
            self._read_tags(problems, now)
        return described, self._read_tags_of_news(described, problems, now), is_everything_found

    def _missing(self, now: datetime) -> list[Job]:
        """Return jobs that the listing should have shown and did not, those searched for longest ago first.

        AWS deletes no jobs, so an answer without a known job is incomplete. At most `_max_missing` jobs are returned.
        """
        known, listing, missing = self.inventory.jobs, self.listing, []
        for arn, entry in self.ledger.reported.items():
            job = known.get(arn) or Job(job_arn=arn, creation_time=entry.created)
            is_needed = arn not in known or not has_ended(job, now) or listing.covers(job)
            if is_needed and not listing.has_shown(arn):
                missing.append(job)
        asked_at = {job.job_arn: self._looked_for_at.get(job.job_arn, OLDEST) for job in missing}
        missing.sort(key=lambda job: asked_at[job.job_arn])
        missing = missing[: self._max_missing]
        self._looked_for_at = asked_at | {job.job_arn: now for job in missing}
        return missing

    @property
    def _max_missing(self) -> int:
        """The most missing jobs to search for at one poll: half of `max_describes`, to leave room for descriptions."""
        return max(self._pace.max_describes // 2, 1)

    def _describe(self, missing: Sequence[Job], now: datetime) -> Answers[Job]:
        wanted = [job for job in self.inventory.jobs.values() if self._wants_more(job, now)]
        described = self._describer.read(wanted, missing, self._urgency, now)
        for arn, description in described.found.items():
            self._take(description, 'describe', described.malformed.get(arn), now)
        return described

    def _urgency(self, job: Job) -> tuple[bool, bool, float]:
        """Order in which jobs are described: what failed, what has news, what is newest."""
        return job.status != FAILED, not self.ledger.news(job), _newest_first(job)

    def _wants_more(self, job: Job, now: datetime) -> bool:
        """Whether anything would use a job's description."""
        if self.limits.describe_all or self.inventory.has_gauges(job, now) or self.ledger.news(job):
            return True
        return self._selection.needs_description(job) and self.inventory.is_counted(job, now)

    def _look_for(
        self, missing: Sequence[Job], described: Answers[Job], problems: list[AwsError], now: datetime
    ) -> bool:
        """Search for missing jobs that were not described; return whether all were found.

        A job that was not found for `LISTINGS_WITHOUT` full listings, a day by default, is forgotten. Raises AwsError
        if the credentials are refused.
        """
        is_everything_found = True
        for job in missing:
            if job.job_arn in described.found:
                continue
            is_found = self._is_found_otherwise(job, described.failures.get(job.job_arn), problems, now)
            if is_found is False:
                self._note_missing(job.job_arn)
            is_everything_found = is_everything_found and bool(is_found)
        return is_everything_found and len(missing) < self._max_missing

    def _is_found_otherwise(
        self, job: Job, error: AwsError | None, problems: list[AwsError], now: datetime
    ) -> bool | None:
        """Search by creation time for a job that could not be described; None if that is not known or failed.

        Raises AwsError if the credentials are refused.
        """
        if error and error.kind is Kind.NOT_FOUND:
            return False
        is_refused = self._describer.is_refused or (error and error.is_refusal)
        # With each full listing, once an hour by default, also search for jobs whose description fails otherwise.
        if not is_refused and not (error and self.listing.is_full):
            return None
        if job.job_arn in self._not_found:
            return False
        try:
            return self._find_by_creation(job, now)
        except AwsError as failure:
            if failure.kind is Kind.CREDENTIALS:
                raise
            if failure.kind is not Kind.INTERRUPTED:
                problems.append(failure)
            return None

    def _find_by_creation(self, job: Job, now: datetime) -> bool:
        """List the moment at which a job was created, and return whether it is there.

        This finds jobs that may be listed but not described.
        """
        if job.creation_time is None:
            return False
        is_found = False
        for page in self._bedrock.list_jobs(
            created_after=job.creation_time - MOMENT, created_before=job.creation_time + MOMENT
        ):
            for summary in page:
                if job_arn_of(summary) == job.job_arn:
                    self._take(read_summary(summary), 'list', None, now)
                    is_found = True
        return is_found

    def _note_missing(self, arn: str) -> None:
        if arn in self._not_found:
            return
        self._not_found.add(arn)
        self._full_listings_without[arn] += 1
        if self._full_listings_without[arn] >= LISTINGS_WITHOUT:
            del self._full_listings_without[arn]
            self._not_found.discard(arn)
            self.ledger.forget(arn)
            self.inventory.forget(arn)

    def _read_tags(self, problems: list[AwsError], now: datetime) -> None:
        """Read the tags of jobs without news whose tags are missing or too old."""
        limits = self.limits
        wanting = [
            job
            for job in self.inventory.jobs.values()
            if self._tags.is_due(job, now)
            and (limits.describe_all or limits.tag_all or self.inventory.has_gauges(job, now))
            and not self.ledger.news(job)
        ]
        self._note_tags(self._tags.read(wanting, now), problems)

    def _read_tags_of_news(self, described: Answers[Job], problems: list[AwsError], now: datetime) -> Answers[Tags]:
        """Read the tags of jobs with news just before it is reported: jobs are often tagged after their creation."""
        with_news = [job for job in self.inventory.jobs.values() if self._is_news(job, described)]
        tagged = self._tags.read_fresh(with_news, now, are_decisive=self._selection.asks_for_tags)
        self._note_tags(tagged, problems)
        return tagged

    def _is_news(self, job: Job, described: Answers[Job]) -> bool:
        """Whether a job has news for which its tags are needed at this poll."""
        news = self.ledger.news(job)
        if not news or not self._selection.may_want(job):
            return False
        return not self._tags.is_asked(job) or not all(_waits(one, job, described.pending) for one in news)

    def _note_tags(self, answers: Answers[Tags], problems: list[AwsError]) -> None:
        for arn, tags in answers.found.items():
            self.inventory.tag(arn, tags)
        problems += answers.problems

    def _read_files(self, now: datetime) -> Answers[CurveSummary]:
        """Read the files of described and wanted jobs in S3."""
        if self._artifacts is None:
            return Answers()
        wanted = [
            job
            for job in self.inventory.jobs.values()
            if self._describer.is_described(job)
            and self._selection.wants(job)
            and (self.inventory.has_gauges(job, now) or self.ledger.news(job))
        ]
        return self._artifacts.read(sorted(wanted, key=_newest_first), now)

    # --- decide

    def _decide(self, undescribed: Set[str], tagged: Answers[Tags], unread: Set[str], now: datetime) -> _Decided:
        """Decide what to report about each job; news waits for pending answers."""
        decided = _Decided()
        for arn, job in self.inventory.jobs.items():
            is_described, is_tagged = self._describer.is_described(job), arn not in tagged.unanswered
            is_wanted = self._selection.decide(job, now, is_described=is_described, is_tagged=is_tagged)
            waits = arn in tagged.pending
            news = [one for one in self.ledger.news(job) if not (waits or _waits(one, job, undescribed))]
            if is_wanted is None:
                decided.undecided += 1
            elif not is_wanted:
                decided.dropped[arn] = {one.key for one in news}
            else:
                # A completion waits for the job's files: its event says how the run went.
                news = [one for one in news if one.kind != COMPLETION or arn not in unread]
                self._want(job, news, decided, undescribed, now)
        return decided

    def _want(
        self, job: Job, news: Iterable[Transition], decided: _Decided, undescribed: Set[str], now: datetime
    ) -> None:
        decided.wanted.append(job)
        decided.transitions += [(job, one) for one in news]
        # A record sent before its description arrives would be sent a second time after it.
        if job.job_arn in self.inventory.changed and job.job_arn not in undescribed:
            decided.changed.append(job)
        if self.inventory.has_gauges(job, now):
            decided.gauges.append(job)


def _waits(news: Transition, job: Job, pending: Set[str]) -> bool:
    """Whether a transition waits for its job's description.

    The description says why the job ended and how well, when the transition happened, and what the event's title needs.
    """
    if job.job_arn not in pending:
        return False
    return news.kind in ENDS or None in (news.at, job.job_name, job.customization_type)


def _newest_first(job: Job) -> float:
    return -job.creation_time.timestamp() if job.creation_time else 0.0
