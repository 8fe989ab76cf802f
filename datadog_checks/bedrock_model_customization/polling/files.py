"""Decides which jobs' files in S3 to read, and when: once each time a job changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ..aws.bedrock import BedrockScope
from ..aws.errors import AwsError, Kind
from ..aws.fan_out import fan_out
from ..aws.s3 import ObjectReader
from ..curves.summary import CurveSummary
from ..jobs.filters import matches
from ..jobs.job import Job
from ..jobs.output import Folder, folder_of
from ..jobs.reading import read_description
from ..jobs.vocabulary import COMPLETED
from .answers import Answers
from .job_files import JobFiles

DEFAULT_MAX_SIZE: Final = 10 * 1024 * 1024
ATTEMPTS: Final = 3
# News of a job's completion waits at most this many polls for its loss curve.
POLLS_TO_WAIT: Final = 5
# A completed job's files have been seen to appear after its status. Look for them once more, this much later.
FILES_GRACE: Final = timedelta(minutes=10)

NO_CURVE: Final = 'completed jobs have no loss curve in S3'
TOO_LARGE: Final = 'jobs have files in S3 that are larger than max_artifact_size and are not read'
NOT_ALLOWED: Final = 'jobs write to buckets that artifact_buckets does not allow, and have no loss curve'


@dataclass(frozen=True, slots=True)
class ArtifactSettings:
    """Which files may be read: `buckets` holds shell-style patterns, `max_size` is the limit per file in bytes.

    A running job's files are read again when AWS shows that the job changed and, unless `refresh_interval` is None,
    also at that interval.
    """

    buckets: Sequence[str] = ('*',)
    max_size: int = DEFAULT_MAX_SIZE
    refresh_interval: timedelta | None = None


@dataclass(slots=True)
class _Known:
    """One job's files, and the state of the job when they were last read."""

    files: JobFiles
    fingerprint: object = None
    read_at: datetime | None = None
    attempts: int = 0
    polls_waited: int = 0
    looked_again: bool = False
    problem: AwsError | None = None
    model: Job | None = None

    def summary(self) -> CurveSummary:
        files, model = self.files, self.model
        return CurveSummary(
            training=files.training_summary,
            validation=files.validation_summaries,
            records=files.records,
            model_training_loss=model.training_loss if model else None,
            model_validation_losses=model.validation_losses if model else {},
        )


class _Done(NamedTuple):
    """The result of reading a job's files; `refusal` is an error that a retry would meet again, or None."""

    refusal: AwsError | None


class ArtifactReader:
    """Reads the files that one scope's jobs leave in S3. A job that does not change costs no request.

    `max_jobs` limits the number of jobs per call of `read`; `keep_curves` keeps whole curves for `files_of`.
    """

    def __init__(
        self,
        scope: BedrockScope,
        settings: ArtifactSettings,
        max_concurrency: int,
        max_jobs: int,
        *,
        keep_curves: bool = False,
    ) -> None:
        self.scope, self.settings, self.max_concurrency, self.max_jobs = scope, settings, max_concurrency, max_jobs
        self._objects = ObjectReader(scope)
        self._keep_curves = keep_curves
        self._known: dict[str, _Known] = {}
        # Keyed by the parent of the job's folder: permissions are often granted by prefix.
        self._denied: dict[tuple[str, str], AwsError] = {}
        self._model_denied: AwsError | None = None

    def retry(self) -> None:
        """Try again what was refused or given up: permission may have been granted since."""
        self._denied.clear()
        self._model_denied = None
        for known in self._known.values():
            if known.problem:
                known.fingerprint = None

    def files_of(self, job_arn: str) -> JobFiles | None:
        """Return a job's files as they were last read."""
        known = self._known.get(job_arn)
        return known.files if known else None

    def read(self, jobs: Sequence[Job], now: datetime) -> Answers[CurveSummary]:
        """Read the files of jobs that changed and return what is known of all `jobs`; forget others. Never raises."""
        by_arn = {job.job_arn: job for job in jobs if job.output_data_config or job.output_model_arn}
        self._known = {arn: self._known.get(arn) or _Known(JobFiles(keep_curve=self._keep_curves)) for arn in by_arn}
        due = [arn for arn, job in by_arn.items() if self._is_due(job, now)]
        problems: list[AwsError | None] = []
        unread = set(due)
        if due:
            try:
                self._objects.prepare()
                unread -= self._read_due(by_arn, due[: self.max_jobs], now)
            except AwsError as error:
                problems.append(error)
        for arn in unread:
            self._known[arn].polls_waited += 1
        return self._answers(by_arn, unread, problems)

    def _answers(
        self, jobs: Mapping[str, Job], unread: Set[str], problems: Sequence[AwsError | None]
    ) -> Answers[CurveSummary]:
        return Answers(
            found={arn: known.summary() for arn, known in self._known.items() if known.read_at},
            unanswered=unread,
            pending={arn for arn in unread if self._known[arn].polls_waited <= POLLS_TO_WAIT},
            problems=_distinct([*problems, *(known.problem for known in self._known.values())]),
            shortfalls=self._shortfalls(jobs),
        )

    def _is_due(self, job: Job, now: datetime) -> bool:
        known, refresh = self._known[job.job_arn], self.settings.refresh_interval
        if known.fingerprint != _fingerprint(job) or known.read_at is None:
            return True
        age = now - known.read_at
        if job.status == COMPLETED and known.files.training_summary is None and not known.problem:
            return not known.looked_again and age >= FILES_GRACE
        return refresh is not None and not job.is_terminal and age >= refresh

    def _read_due(self, by_arn: Mapping[str, Job], due: Sequence[str], now: datetime) -> set[str]:
        """Read the files of `due` jobs; return the ARNs of those not to be read again until the job changes."""
        done: set[str] = set()

        def read(arn: str) -> _Done:
            return _Done(self._read_job(by_arn[arn]))

        for arn, outcome in fan_out(self.scope.session.guard, self.scope.region, read, due, self.max_concurrency):
            known = self._known[arn]
            if isinstance(outcome, AwsError):
                if outcome.kind is Kind.INTERRUPTED:
                    continue
                known.attempts += 1
                known.problem = outcome
                if known.attempts < ATTEMPTS:
                    known.fingerprint = None
                    continue
            else:
                known.attempts, known.problem = 0, outcome.refusal
            known.looked_again = known.fingerprint == _fingerprint(by_arn[arn])
            known.fingerprint, known.read_at = _fingerprint(by_arn[arn]), now
            known.polls_waited = 0
            done.add(arn)
        return done

    def _read_job(self, job: Job) -> AwsError | None:
        """Read one job's files, and its model if its description has no loss.

        Return the error of a request that would be refused again, if any. Raises AwsError for one worth a retry.
        """
        known = self._known[job.job_arn]
        problem = self._ask_model(job, known)
        folder = folder_of(job)
        if folder is None or not self._is_allowed(folder):
            return problem
        if folder.parent in self._denied:
            return self._denied[folder.parent]
        files = known.files
        files.update(self._objects, folder, max_size=self.settings.max_size, is_complete=job.is_terminal)
        if not files.refusals:
            return problem
        if job.status != COMPLETED and all(error.kind is Kind.NOT_FOUND for error in files.refusals):
            return problem
        refusal = files.refusals[-1]
        if files.is_denied:
            if job.status != COMPLETED:
                # Without s3:ListBucket, S3 answers "denied" for a missing file too: the job may have no files yet.
                return problem
            self._denied[folder.parent] = refusal
        return refusal

    def _ask_model(self, job: Job, known: _Known) -> AwsError | None:
        """Ask for the losses of a completed job's model if the job itself has none.

        Return the error if models may not be read. Raises AwsError for an error worth a retry.
        """
        if job.status != COMPLETED or job.training_loss is not None or not job.output_model_arn:
            return None
        if self._model_denied:
            return self._model_denied
        try:
            known.model = _losses_of(job, self.scope.custom_model(job.output_model_arn))
        except AwsError as error:
            if not error.is_refusal:
                raise
            if error.kind is not Kind.NOT_FOUND:
                self._model_denied = error
                return error
        return None

    def _is_allowed(self, folder: Folder) -> bool:
        return matches(folder.bucket, self.settings.buckets)

    def _shortfalls(self, jobs: Mapping[str, Job]) -> list[str]:
        left_out: Counter[str] = Counter()
        for arn, job in jobs.items():
            known, folder = self._known[arn], folder_of(job)
            if folder and not self._is_allowed(folder):
                left_out[NOT_ALLOWED] += 1
            elif known.files.too_large:
                left_out[TOO_LARGE] += 1
            elif known.read_at and job.status == COMPLETED and not known.files.training_summary and not known.problem:
                left_out[NO_CURVE] += 1
        return [f'{count} {text}' for text, count in left_out.items()]


def _fingerprint(job: Job) -> object:
    """Return a value that differs whenever the job has changed."""
    return job.status, job.phases, job.last_modified_time


def _losses_of(job: Job, model: Mapping[str, Any]) -> Job:
    """Read a custom model's losses, which have the same format as a job's."""
    metrics = {name: model.get(name) for name in ('trainingMetrics', 'validationMetrics')}
    return read_description({**metrics, 'jobArn': job.job_arn})


def _distinct(problems: Iterable[AwsError | None]) -> list[AwsError]:
    """Return one problem per operation and error code: the others repeat it for other jobs."""
    return list({(problem.operation, problem.code): problem for problem in problems if problem}.values())
