"""Describes jobs that are new, that have ended since their last description, or that a listing failed to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from ..aws.bedrock import BedrockScope
from ..aws.errors import AwsError, Kind
from ..aws.fan_out import REFUSALS_BEFORE_STOP, fan_out
from ..jobs.job import Job
from ..jobs.reading import read_description
from ..jobs.vocabulary import COMPLETED
from .answers import Answers
from .inventory import ended_since, is_behind

# News stops waiting for a description after three polls at which the request failed, or nine at which the job had no
# turn: late news beats none.
PATIENCE: Final = 9
COST_OF_TURN: Final = 3
ATTEMPTS: Final = 10
# A completed job's metrics have been seen to appear after its status. Describe it once more, this much later, if it had
# ended within the hour before its description.
METRICS_GRACE: Final = timedelta(minutes=10)


@dataclass(slots=True)
class _Described:
    """The history of one job's descriptions.

    `attempts`, `waited` (see PATIENCE) and `is_refused` refer to the job's current `status`. `described_status` and
    `at` are the status and time of the last description; `is_asked_again` is True if that description was a second
    request, made because metrics were missing.
    """

    status: str | None
    described_status: str | None = None
    at: datetime | None = None
    is_asked_again: bool = False
    attempts: int = 0
    waited: int = 0
    is_refused: bool = False

    def fail(self, *, is_final: bool) -> None:
        self.attempts += 1
        self.is_refused = is_final or self.attempts >= ATTEMPTS


class Describer:
    """Describes one scope's jobs, at most `max_jobs` per poll. A job that does not change costs no request."""

    def __init__(self, scope: BedrockScope, max_concurrency: int, max_jobs: int) -> None:
        self._scope, self._max_concurrency, self._max_jobs = scope, max_concurrency, max_jobs
        self._known: dict[str, _Described] = {}
        self.is_refused = False

    def retry(self) -> None:
        """Try descriptions again after they were refused for all jobs: permission may have been granted since."""
        self.is_refused = False

    def is_described(self, job: Job) -> bool:
        """Whether a job has ever been described."""
        known = self._known.get(job.job_arn)
        return known is not None and known.at is not None

    def is_due(self, job: Job, now: datetime) -> bool:
        """Whether to describe a job: it has no description yet, one from before it ended, or one without metrics."""
        known = self._known.get(job.job_arn)
        if self.is_refused or (known and known.is_refused and known.status == job.status):
            return False
        if known is None or known.at is None or (job.is_terminal and known.described_status != job.status):
            return True
        return not known.is_refused and self._lacks_metrics(job, known.at, known.is_asked_again, now)

    @staticmethod
    def _lacks_metrics(job: Job, described_at: datetime, is_asked_again: bool, now: datetime) -> bool:
        if job.status != COMPLETED or is_asked_again or job.training_loss is not None:
            return False
        return now - described_at >= METRICS_GRACE and ended_since(job, described_at - METRICS_GRACE * 6)

    def read(
        self, jobs: Sequence[Job], missing: Sequence[Job], urgency: Callable[[Job], Any], now: datetime
    ) -> Answers[Job]:
        """Describe the `missing` jobs, then those of `jobs` that are due, by `urgency`; forget jobs not in `jobs`.

        Raises AwsError if the credentials are refused.
        """
        self._known = {job.job_arn: self._of(job) for job in jobs}
        due = {job.job_arn: job for job in sorted((job for job in jobs if self.is_due(job, now)), key=urgency)}
        # The caller limits the number of missing jobs.
        queue = list(({job.job_arn: job for job in missing} | due).values())[: self._max_jobs]
        answers: Answers[Job] = Answers(found={}, failures={}, malformed={})
        for job, answer in self._ask(queue):
            self._note(job, answer, answers, now)
        refusals = sum(error.kind is Kind.DENIED for error in answers.failures.values())
        self.is_refused = self.is_refused or (refusals >= REFUSALS_BEFORE_STOP and not answers.found)
        return self._with_unanswered(answers, due.values(), {job.job_arn for job in queue}, now)

    def _with_unanswered(
        self, answers: Answers[Job], due: Iterable[Job], had_turn: Set[str], now: datetime
    ) -> Answers[Job]:
        """Return the answers with the jobs that are still to be described, and those of them worth waiting for."""
        unanswered = [job for job in due if is_unanswered(job, answers)]
        for job in unanswered:
            self._known[job.job_arn].waited += COST_OF_TURN if job.job_arn in had_turn else 1
        left = {job.job_arn for job in unanswered if self.is_due(job, now)}
        pending = {arn for arn in left if self._known[arn].waited < PATIENCE}
        return replace(answers, unanswered=left, pending=pending, problems=list(answers.failures.values()))

    def _ask(self, queue: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any] | AwsError]]:
        jobs = {job.job_arn: job for job in queue}
        guard, region = self._scope.session.guard, self._scope.region
        for arn, answer in fan_out(guard, region, self._scope.describe_job, list(jobs), self._max_concurrency):
            if isinstance(answer, AwsError) and answer.kind is Kind.CREDENTIALS:
                raise answer
            if not isinstance(answer, AwsError) or answer.kind is not Kind.INTERRUPTED:
                yield jobs[arn], answer

    def _note(self, job: Job, answer: dict[str, Any] | AwsError, answers: Answers[Job], now: datetime) -> None:
        arn, known = job.job_arn, self._of(job)
        self._known[arn] = known
        if isinstance(answer, AwsError):
            answers.failures[arn] = answer
            known.fail(is_final=answer.is_refusal)
            return
        answers.malformed[arn] = set()
        description = answers.found[arn] = read_description({**answer, 'jobArn': arn}, answers.malformed[arn])
        if is_behind(job, description):
            # A description that lags behind the listing lacks what belongs to the job's end.
            known.fail(is_final=False)
            return
        status, is_asked_again = description.status or job.status, known.described_status == COMPLETED
        self._known[arn] = _Described(status, status, now, is_asked_again)

    def _of(self, job: Job) -> _Described:
        known = self._known.get(job.job_arn)
        if known is None:
            return _Described(job.status)
        if known.status != job.status:
            known.status, known.attempts, known.waited, known.is_refused = job.status, 0, 0, False
        return known


def is_unanswered(job: Job, answers: Answers[Job]) -> bool:
    """Whether a job has no description, or only one that lags behind what is known of it."""
    found = answers.found.get(job.job_arn)
    return found is None or is_behind(job, found)
