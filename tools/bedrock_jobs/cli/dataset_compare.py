"""`bedrock-jobs dataset compare`: compares Datadog's own table with the jobs that we see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._ending import DIFFERENT, extra, say
from ._jobs import Config, Demo, SnapshotFile, one_source, read_jobs

if TYPE_CHECKING:
    from datadog_checks.bedrock_model_customization.jobs.job import Job

    from ..datadog_client import Datadog
    from ..dataset.compare import Comparison

SHOWN = 20


def compare(
    config: Config = None,
    snapshot: SnapshotFile = None,
    demo: Demo = False,
    as_json: Annotated[bool, typer.Option('--json', help='Write JSON to standard output.')] = False,
) -> None:
    """Tell where Datadog's own aws.bedrock_model_customization_job and the jobs that we see differ, and its lag.

    Exit codes: 0 the same, 2 different, 1 error.
    """
    jobs, problems = _jobs(config, snapshot, demo)
    with _datadog() as datadog:
        from ..dataset.compare import compare as compare_with

        found = compare_with(datadog, jobs)
    for problem in problems:
        say(problem, 'yellow')
    if as_json:
        typer.echo(json.dumps(_document(found), indent=2, ensure_ascii=False, default=str))
    else:
        _show(found)
    if not found.is_same:
        raise typer.Exit(DIFFERENT)


def _jobs(config: Path | None, snapshot: Path | None, demo: bool) -> tuple[list[Job], list[str]]:
    one_source(config, snapshot, demo)
    if not (config or snapshot or demo):
        raise typer.BadParameter('one of --config, --snapshot and --demo is needed')
    with extra('sql'):
        jobs, problems = read_jobs(config, snapshot)
        return list(jobs), problems


@contextmanager
def _datadog() -> Iterator[Datadog]:
    with extra('api'):
        from ..datadog_client import Datadog, from_environment

        datadog = Datadog(from_environment())
        try:
            yield datadog
        finally:
            datadog.close()


def _show(found: Comparison) -> None:
    from rich.console import Console

    from ..dataset.output import printable

    console = Console(highlight=False, markup=False, soft_wrap=True)
    for job in found.missing[:SHOWN]:
        age = f', created {_words(job.age)} ago' if job.age is not None else ''
        console.print(printable(f'missing in Datadog: {job.job_arn} ({job.status}{age})'))
    for one in found.differing[:SHOWN]:
        lag = f', behind by at least {_words(one.lag)}' if one.lag is not None else ''
        console.print(printable(f'differs{lag}: {one.job_arn}'))
        for name, (theirs, ours) in one.columns.items():
            console.print(printable(f'    {name}: Datadog {_short(theirs)}, here {_short(ours)}'))
    hidden = max(len(found.missing) - SHOWN, 0) + max(len(found.differing) - SHOWN, 0)
    if hidden:
        console.print(f'and {hidden} more (--json shows all)')
    stale = sum(one.has_stale_status for one in found.differing)
    console.print(
        f'{found.alike} alike, {len(found.differing)} differ ({stale} with a stale status), '
        f'{len(found.missing)} missing in Datadog, {len(found.only_there)} only there'
    )
    if found.lags:
        middle = found.median_lag or found.lags[0]
        console.print(f'Datadog is behind: median {_words(middle)}, most {_words(found.lags[-1])}')


def _document(found: Comparison) -> dict[str, Any]:
    return {
        'is_same': found.is_same,
        'alike': found.alike,
        'differing': [
            {
                'job_arn': one.job_arn,
                'lag_seconds': one.lag.total_seconds() if one.lag is not None else None,
                'columns': {name: {'datadog': theirs, 'here': ours} for name, (theirs, ours) in one.columns.items()},
            }
            for one in found.differing
        ],
        'missing': [
            {
                'job_arn': one.job_arn,
                'status': one.status,
                'age_seconds': one.age.total_seconds() if one.age is not None else None,
            }
            for one in found.missing
        ],
        'only_there': list(found.only_there),
        'median_lag_seconds': found.median_lag.total_seconds() if found.median_lag is not None else None,
    }


def _words(span: timedelta) -> str:
    from datadog_checks.bedrock_model_customization.telemetry.words import duration_in_words

    return duration_in_words(span)


def _short(value: Any) -> str:
    text = 'nothing' if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + '...'
