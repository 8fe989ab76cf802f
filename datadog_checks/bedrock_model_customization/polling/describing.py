"""Describes jobs: those that are new, that have ended since, or that a listing should have shown and did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from ..aws.bedrock import BedrockScope
from ..aws.errors import AwsError, Kind
from ..aws.fan_out import REFUSALS_BEFORE_STOP, fan_out
from ..jobs.job import COMPLETED, Job
from ..jobs.reading import read_description
from .answers import Answers
from .inventory import ended_since, is_behind

# A description that did not come in so many polls no longer holds back the news: late news beats none.
POLLS_TO_WAIT: Final = 3
ATTEMPTS: Final = 10
# Metrics of a completed job have been seen to appear after its status: ask once more, this much later, where the job
# had ended within the hour before.
METRICS_GRACE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of describing one job.

    `attempts`, `waited` (polls) and `is_refused` are about its present status, `status` and `at` about the last
    description. `is_asked_again` says that one more was asked for because the metrics were missing.
    """

    seen_status: str | None = None
    status: str | None = None
    at: datetime | None = None
    is_asked_again: bool = False
    attempts: int = 0
    waited: int = 0
    is_refused: bool = False


class Describer:
    """Describes one scope's jobs, at most `max_jobs` at each poll. A job that does not change costs no request."""

    def __init__(self, scope: BedrockScope, max_concurrency: int, max_jobs: int) -> None:
        self._scope, self._max_concurrency, self._max_jobs = scope, max_concurrency, max_jobs
        self._known: dict[str, Described] = {}
        self.is_refused = False

    def retry(self) -> None:
        """Try again what was refused for all jobs: somebody may have allowed it meanwhile."""
        self.is_refused = False

    def is_described(self, job: Job) -> bool:
        """Whether a job was described at any time."""
        known = self._known.get(job.job_arn)
        return known is not None and known.at is not None

    def is_due(self, job: Job, now: datetime) -> bool:
        """Whether a description would tell more: none yet, one from before the job ended, or one without metrics."""
        if self.is_refused:
            return False
        known = self._known.get(job.job_arn)
        if known is None:
            return True
        if known.seen_status != job.status:
            return known.at is None or job.is_terminal
        if known.is_refused:
            return False
        if known.at is None or (job.is_terminal and known.status != job.status):
            return True
        return (
            job.status == COMPLETED
            and not known.is_asked_again
            and now - known.at >= METRICS_GRACE
            and job.training_loss is None
            and ended_since(job, known.at - METRICS_GRACE * 6)
        )

    def read(self, jobs: Sequence[Job], missing: Sequence[Job], now: datetime) -> Answers[Job]:
        """Describe the `missing` jobs, and those of `jobs` that are due, first ones first; forget all others.

        Raises AwsError where the credentials are refused.
        """
        self._known = {job.job_arn: self._of(job) for job in jobs}
        due = [job for job in jobs if self.is_due(job, now)]
        queue = list({job.job_arn: job for job in (*missing, *due)}.values())[: self._max_jobs]
        found: dict[str, Job] = {}
        malformed: dict[str, set[str]] = {}
        failures: dict[str, AwsError] = {}
        for job, answer in self._ask(queue):
            if isinstance(answer, AwsError):
                failures[job.job_arn] = answer
                self._note_failure(job, is_final=answer.is_refusal)
                continue
            malformed[job.job_arn] = set()
            description = read_description({**answer, 'jobArn': job.job_arn}, malformed[job.job_arn])
            found[job.job_arn] = description
            self._note(job, description, now)
        refusals = sum(error.kind is Kind.DENIED for error in failures.values())
        self.is_refused = self.is_refused or (refusals >= REFUSALS_BEFORE_STOP and not found)
        unanswered = [job for job in due if job.job_arn not in found or is_behind(job, found[job.job_arn])]
        had_turn = {job.job_arn for job in queue}
        for arn in [job.job_arn for job in unanswered if job.job_arn in had_turn]:
            # Whatever keeps it away, no time at its turn included: the news do not wait for ever.
            self._known[arn] = replace(self._known[arn], waited=self._known[arn].waited + 1)
        left = [job for job in unanswered if self.is_due(job, now)]
        pending = {job.job_arn for job in left if self._known[job.job_arn].waited < POLLS_TO_WAIT}
        return Answers(found, pending, len(left), failures, list(failures.values()), malformed)

    def _ask(self, queue: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any] | AwsError]]:
        jobs = {job.job_arn: job for job in queue}
        guard, region = self._scope.session.guard, self._scope.region
        for arn, answer in fan_out(guard, region, self._scope.describe_job, list(jobs), self._max_concurrency):
            if isinstance(answer, AwsError) and answer.kind is Kind.CREDENTIALS:
                raise answer
            if not isinstance(answer, AwsError) or answer.kind is not Kind.INTERRUPTED:
                yield jobs[arn], answer

    def _note(self, job: Job, description: Job, now: datetime) -> None:
        if is_behind(job, description):
            # One that lags behind the listing tells nothing of the job's end.
            self._note_failure(job, is_final=False)
            return
        status, known = description.status or job.status, self._of(job)
        self._known[job.job_arn] = Described(status, status, now, is_asked_again=known.status == COMPLETED)

    def _note_failure(self, job: Job, *, is_final: bool) -> None:
        known = self._of(job)
        attempts = known.attempts + 1
        self._known[job.job_arn] = replace(known, attempts=attempts, is_refused=is_final or attempts >= ATTEMPTS)

    def _of(self, job: Job) -> Described:
        known = self._known.get(job.job_arn)
        if known is None:
            return Described(seen_status=job.status)
        if known.seen_status == job.status:
            return known
        return replace(known, seen_status=job.status, attempts=0, waited=0, is_refused=False)
