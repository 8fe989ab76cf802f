"""Reads jobs' tags: in bulk from the Resource Groups Tagging API, or one by one from Bedrock where bulk falls short."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from ..aws.bedrock import ARNS_PER_TAG_REQUEST, BedrockScope
from ..aws.errors import AwsError, Kind
from ..aws.fan_out import fan_out
from ..jobs.job import Job
from .answers import Answers
from .inventory import is_younger

Tags = dict[str, str]

# The tags of a job younger than this may not have reached the tagging API yet: ask Bedrock itself.
BULK_DELAY: Final = timedelta(minutes=15)
# If more jobs than this have news, their tags are requested in bulk, although that answer may lag behind.
MAX_FRESH: Final = 20
# News stops waiting for tags that have not arrived after this many polls.
POLLS_TO_WAIT: Final = 3
# The tagging API is taken not to answer after this many polls in a row that ended while it was asked.
BULK_CUT_OFF: Final = 2


@dataclass(slots=True)
class _Reading:
    """The state of one request for tags. `found` is by ARN, with None for tags that may not be read.

    `single_left` is the number of jobs that may still be asked about one by one.
    """

    found: dict[str, Tags | None] = field(default_factory=dict)
    problems: list[AwsError] = field(default_factory=list)
    single_left: int = 0


class TagReader:
    """Reads the tags of one scope's jobs: first those without an answer yet, then the oldest answers again.

    `max_single` limits the jobs that one call asks about one by one; `refresh` is how old tags may become.
    """

    def __init__(self, scope: BedrockScope, max_concurrency: int, max_single: int, refresh: timedelta) -> None:
        self._scope, self._max_concurrency, self._max_single = scope, max_concurrency, max_single
        self._refresh = refresh
        self._asked_at: dict[str, datetime] = {}
        self._waited: dict[str, int] = {}
        self._bulk_works, self._bulk_cut_off = True, 0

    def retry(self) -> None:
        """Try the tagging API again, if it did not answer or did not know the jobs."""
        self._bulk_works, self._bulk_cut_off = True, 0

    def is_due(self, job: Job, now: datetime) -> bool:
        """Whether a job's tags are missing, or older than `refresh`."""
        asked_at = self._asked_at.get(job.job_arn)
        return asked_at is None or now - asked_at >= self._refresh

    def is_asked(self, job: Job) -> bool:
        """Whether AWS has ever returned a job's tags, or refused to."""
        return job.job_arn in self._asked_at

    def forget_all_but(self, jobs: Collection[str]) -> None:
        for known in (self._asked_at, self._waited):
            for arn in known.keys() - jobs:
                del known[arn]

    def read(self, jobs: Sequence[Job], now: datetime) -> Answers[Tags]:
        """Request the tags of jobs that are due: all without an answer yet, and one batch of the others.

        Raises AwsError if the credentials are refused.
        """
        due = [job for job in jobs if self.is_due(job, now)]
        lacking = [job for job in due if job.job_arn not in self._asked_at]
        stale = sorted(
            (job for job in due if job.job_arn in self._asked_at), key=lambda job: self._asked_at[job.job_arn]
        )
        return self._ask([*lacking, *stale[:ARNS_PER_TAG_REQUEST]], now, is_single=False)

    def read_fresh(self, jobs: Sequence[Job], now: datetime, *, are_decisive: bool) -> Answers[Tags]:
        """Request the tags of jobs whose news is about to be reported: jobs are often tagged after their creation.

        `are_decisive` is True if a filter needs tags: news of jobs that may just have been tagged then waits for an
        answer. Raises AwsError if the credentials are refused.
        """
        answers = self._ask(jobs, now, is_single=len(jobs) <= MAX_FRESH)
        young = {job.job_arn for job in jobs if is_younger(job, BULK_DELAY, now) and job.job_arn not in answers.found}
        return replace(answers, pending=answers.pending | young) if are_decisive else answers

    def _ask(self, jobs: Sequence[Job], now: datetime, *, is_single: bool) -> Answers[Tags]:
        reading = self._gather(jobs, now, is_single=is_single)
        self._asked_at.update(dict.fromkeys(reading.found, now))
        unanswered = {job.job_arn for job in jobs} - reading.found.keys()
        for arn in reading.found:
            self._waited.pop(arn, None)
        for arn in unanswered:
            self._waited[arn] = self._waited.get(arn, 0) + 1
        return Answers(
            found={arn: tags for arn, tags in reading.found.items() if tags is not None},
            unanswered=unanswered,
            pending={arn for arn in unanswered if self._waited[arn] < POLLS_TO_WAIT},
            problems=[error for error in reading.problems if error.kind is not Kind.INTERRUPTED],
        )

    def _gather(self, jobs: Sequence[Job], now: datetime, *, is_single: bool) -> _Reading:
        reading = _Reading(single_left=max(self._max_single, MAX_FRESH))
        young = {job.job_arn for job in jobs if is_younger(job, BULK_DELAY, now)}
        one_by_one: list[str] = []
        for start in range(0, len(jobs), ARNS_PER_TAG_REQUEST):
            batch = [job.job_arn for job in jobs[start : start + ARNS_PER_TAG_REQUEST]]
            is_bulk = self._bulk_works and not is_single and self._scope.has_bulk_tags
            one_by_one += self._read_batch(batch, young, reading) if is_bulk else batch
        self._read_one_by_one(one_by_one, reading)
        return reading

    def _read_batch(self, batch: Sequence[str], young: Collection[str], reading: _Reading) -> Iterable[str]:
        """Request a batch from the tagging API; return the ARNs to request one by one."""
        try:
            found = self._scope.tags_of(batch)
        except AwsError as error:
            self._note_bulk_failure(error, reading)
            return () if error.kind is Kind.INTERRUPTED else batch
        self._bulk_cut_off = 0
        if found or self._knows_nothing_for_good(batch, reading):
            for arn in [arn for arn in batch if arn in found or arn not in young]:
                reading.found.setdefault(arn, found.get(arn, {}))
        elif self._bulk_works:
            return ()
        return [arn for arn in batch if arn not in reading.found]

    def _note_bulk_failure(self, error: AwsError, reading: _Reading) -> None:
        """Ask one by one until `retry`, whatever kept the tagging API from answering."""
        reading.problems.append(error)
        if error.kind is Kind.CREDENTIALS:
            raise error
        # The poll's end is no fault of the tagging API, unless it always comes while that is asked.
        self._bulk_cut_off += error.kind is Kind.INTERRUPTED
        self._bulk_works = error.kind is Kind.INTERRUPTED and self._bulk_cut_off < BULK_CUT_OFF

    def _knows_nothing_for_good(self, batch: Sequence[str], reading: _Reading) -> bool:
        """Whether an empty answer from the tagging API can be believed.

        Nothing guarantees that the tagging API knows these jobs, so Bedrock is asked about the first one.
        """
        self._read_one_by_one(batch[:1], reading)
        if batch[0] not in reading.found:
            # Undecided: all of them are requested again at a later poll.
            return False
        first = reading.found[batch[0]]
        if first is None:
            reading.found.update(dict.fromkeys(batch))
            return False
        self._bulk_works = not first
        return self._bulk_works

    def _read_one_by_one(self, job_arns: Sequence[str], reading: _Reading) -> None:
        guard, region = self._scope.session.guard, self._scope.region
        asked = job_arns[: reading.single_left]
        reading.single_left -= len(asked)
        for arn, answer in fan_out(guard, region, self._scope.job_tags, asked, self._max_concurrency):
            if not isinstance(answer, AwsError):
                reading.found[arn] = answer
                continue
            reading.problems.append(answer)
            if answer.kind is Kind.CREDENTIALS:
                raise answer
            if answer.is_refusal:
                reading.found[arn] = None
