"""`bedrock-jobs dataset`: keeps the table in PostgreSQL, saves jobs in files, and compares with Datadog's table."""

from __future__ import annotations

import time
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ToolError
from ._ending import ERROR, extra, say
from ._jobs import Config, Days, Demo, SnapshotFile, one_source, progress_bar, read_jobs
from .dataset_compare import compare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datadog_checks.bedrock_model_customization.jobs.job import Job

    from ..dataset.sync import Synced

commands = typer.Typer(no_args_is_help=True, help='The jobs as the table aws.bedrock_model_customization_job.')


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands.command('compare')(compare)
    app.add_typer(commands, name='dataset')


@commands.command('sync')
def sync_command(
    dsn: Annotated[str, typer.Option('--dsn', envvar='BEDROCK_JOBS_DSN', help='The PostgreSQL to write to.')],
    config: Config = None,
    snapshot: SnapshotFile = None,
    demo: Demo = False,
    days: Days = None,
    loop: Annotated[
        float | None, typer.Option('--loop', min=1, help='Look again every so many seconds (with --config).')
    ] = None,
) -> None:
    """Bring the table in a PostgreSQL up to date; makes it at first. Rows of what cannot be reached stay.

    Exit codes: 0 all was seen, 1 something could not be reached, or nothing was written.
    """
    one_source(config, snapshot, demo)
    if not (config or snapshot or demo):
        raise typer.BadParameter('one of --config, --snapshot and --demo is needed')
    if loop is not None and not config:
        raise typer.BadParameter('--loop needs --config: nothing else changes')
    with extra('sql'):
        if loop is not None and config:
            _loop(dsn, config, days, loop)
            return
        jobs, problems = read_jobs(config, snapshot, days)
        _report(_write(dsn, jobs), problems)
    if problems:
        raise typer.Exit(ERROR)


@commands.command('snapshot')
def snapshot_command(
    file: Annotated[Path, typer.Argument(help='The file to write, as JSON lines.')],
    config: Config = None,
    demo: Demo = False,
    days: Days = None,
) -> None:
    """Save the jobs in a file, for 'sql --snapshot' and 'dataset sync --snapshot'."""
    one_source(config, None, demo)
    if not (config or demo):
        raise typer.BadParameter('one of --config and --demo is needed')
    with extra('sql'):
        from ..dataset.snapshot import write_snapshot

        jobs, problems = read_jobs(config, None, days)
        count = write_snapshot(file, jobs)
        for problem in problems:
            say(problem, 'yellow')
        say(f'{count} jobs in {file}')
    if problems:
        raise typer.Exit(ERROR)


def _write(dsn: str, jobs: Iterable[Job]) -> Synced:
    """Write the jobs. Raises ToolError if the database refuses."""
    import psycopg

    try:
        return _sync(dsn, jobs)
    except psycopg.Error as error:
        raise ToolError(str(error).strip()) from error


def _sync(dsn: str, jobs: Iterable[Job]) -> Synced:
    from ..dataset.sync import connect, sync

    with connect(dsn) as connection, progress_bar('jobs', len(jobs) if isinstance(jobs, Sized) else None) as progress:
        return sync(connection, jobs, progress)


def _report(synced: Synced, problems: list[str]) -> None:
    for problem in problems:
        say(problem, 'yellow')
    say(f'{synced.seen} jobs seen, {synced.written} rows written')


def _loop(dsn: str, config: Path, days: float | None, seconds: float) -> None:
    import psycopg

    from ..conf_yaml import load
    from ..dataset.source import LiveSource, lookback

    source = LiveSource(load(config), lookback(days))
    waiting: dict[str, Job] = {}
    while True:
        started = time.monotonic()
        live = source.look()
        # Each look returns only changes since the last one, so keep what a failed write missed for the next try.
        waiting.update({job.key: job for job in live.jobs})
        try:
            _report(_sync(dsn, list(waiting.values())), live.problems)
            waiting.clear()
        except psycopg.OperationalError as error:
            say(f'{str(error).strip()}; {len(waiting)} jobs wait for the next try', 'red')
        except psycopg.Error as error:
            raise ToolError(str(error).strip()) from error
        time.sleep(max(seconds - (time.monotonic() - started), 0))
