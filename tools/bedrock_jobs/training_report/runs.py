"""Collects the runs of a report: jobs, and what they left in S3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from datadog_checks.bedrock_model_customization.aws.advice import advise
from datadog_checks.bedrock_model_customization.aws.bedrock import BedrockScope
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.aws.session import AwsSession
from datadog_checks.bedrock_model_customization.curves.curve import Curve
from datadog_checks.bedrock_model_customization.curves.series import Point
from datadog_checks.bedrock_model_customization.curves.summary import CurveSummary
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.reading import read_description
from datadog_checks.bedrock_model_customization.polling.collector import Collector
from datadog_checks.bedrock_model_customization.polling.files import ArtifactReader, ArtifactSettings
from datadog_checks.bedrock_model_customization.settings import Settings
from datadog_checks.bedrock_model_customization.telemetry.losses import FinalLosses, final_losses

# A report reads everything at once: there is no later poll to continue in.
NO_LIMIT: Final = 1_000_000
MAX_RUNS: Final = 500
# The libraries that draw multiply the distance of two values.
MAX_DRAWN: Final = 1e290

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Run:
    """One job and its curves, if it left any. `validation` has a curve for each validator that left one."""

    job: Job
    summary: CurveSummary | None = None
    training: Curve | None = None
    validation: Sequence[Curve] = ()

    @property
    def losses(self) -> FinalLosses:
        return final_losses(self.job, self.summary)

    @property
    def has_curve(self) -> bool:
        """Whether there is a loss to draw."""
        return any(curve.loss.count for curve in (self.training, *self.validation) if curve)


@dataclass(slots=True)
class Report:
    """What a report shows. `problems` describes what is missing from it."""

    made_at: datetime
    runs: list[Run] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def look(
    instances: Iterable[Settings],
    now: datetime,
    *,
    since: timedelta | None = None,
    job_name: str | None = None,
    progress: Say = lambda scope: None,
) -> Report:
    """Query every scope once: for one job by its name or ARN, or else for jobs created `since` and those still running.

    Files in S3 are read if an instance's settings have `artifacts`. Does not raise AwsError: a scope that cannot be
    queried is listed in the report's problems.
    """
    report = Report(now)
    for settings in instances:
        session = AwsSession(settings.aws)
        for region in settings.regions:
            progress(region)
            scope = BedrockScope(session, region)
            reader = _reader(scope, settings)
            try:
                if job_name is not None:
                    _find(scope, reader, job_name, report)
                else:
                    _list(scope, reader, settings, since or timedelta(days=7), report)
            except AwsError as error:
                report.problems.append(f'{region}: {advise(error)}')
    report.runs.sort(key=lambda run: run.job.creation_time.timestamp() if run.job.creation_time else 0.0, reverse=True)
    if len(report.runs) > MAX_RUNS:
        report.problems.append(
            f'{len(report.runs) - MAX_RUNS} older jobs are left out: a report has at most {MAX_RUNS}'
        )
        del report.runs[MAX_RUNS:]
    return report


def drawable(points: Iterable[Point]) -> list[Point]:
    """Return points as charts can draw them: the distance of two of them must be a finite number too."""
    return [Point(_within(point.step), _within(point.value)) for point in points]


def _within(value: float) -> float:
    return max(min(value, MAX_DRAWN), -MAX_DRAWN)


def _reader(scope: BedrockScope, settings: Settings) -> ArtifactReader | None:
    artifacts = settings.artifacts
    if artifacts is None:
        return None
    return ArtifactReader(scope, artifacts, settings.pace.max_concurrency, NO_LIMIT, keep_curves=True)


def allow_artifacts(settings: Settings, allow: bool | None) -> Settings:
    """Return settings that do or do not read files in S3; None leaves the settings unchanged."""
    if allow is None or (allow and settings.artifacts):
        return settings
    return replace(settings, artifacts=ArtifactSettings() if allow else None)


def _find(scope: BedrockScope, reader: ArtifactReader | None, name: str, report: Report) -> None:
    try:
        description = scope.describe_job(name)
    except AwsError as error:
        if error.kind in (Kind.NOT_FOUND, Kind.INVALID):
            return
        raise
    job = read_description(description)
    try:
        job = replace(job, tags=scope.job_tags(job.job_arn))
    except AwsError as error:
        report.problems.append(f'{scope.region}: {advise(error)}')
    if reader:
        artifacts = reader.read([job], report.made_at)
        _note(scope.region, artifacts.problems, artifacts.shortfalls, report)
        report.runs.append(_run(job, artifacts.found.get(job.job_arn), reader))
    else:
        report.runs.append(Run(job))


def _list(
    scope: BedrockScope, reader: ArtifactReader | None, settings: Settings, since: timedelta, report: Report
) -> None:
    collector = Collector(
        scope,
        None,
        replace(
            settings.limits,
            lookback=since,
            terminal_retention=since,
            max_tracked_jobs=NO_LIMIT,
            describe_all=True,
        ),
        settings.job_filter,
        replace(settings.pace, max_describes=NO_LIMIT),
        reader,
    )
    poll = collector.poll(report.made_at)
    _note(scope.region, poll.problems, poll.shortfalls, report)
    report.runs += [_run(job, poll.curves.get(job.job_arn), reader) for job in poll.changed]


def _note(region: str, problems: Iterable[AwsError], shortfalls: Iterable[str], report: Report) -> None:
    distinct = dict.fromkeys([*(advise(problem) for problem in problems), *shortfalls])
    report.problems += [f'{region}: {text}' for text in distinct]


def _run(job: Job, summary: CurveSummary | None, reader: ArtifactReader | None) -> Run:
    files = reader.files_of(job.job_arn) if reader else None
    if files is None:
        return Run(job, summary)
    return Run(job, summary, files.training, [files.validation[key] for key in sorted(files.validation)])
