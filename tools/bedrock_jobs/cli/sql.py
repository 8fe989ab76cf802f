"""`bedrock-jobs sql`: runs SQL queries about jobs, with or without a database."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..dataset.output import Format
from ..errors import ToolError
from ..private_files import open_bytes, open_text, write_text
from ._ending import ERROR, extra, say
from ._jobs import Config, Days, Demo, SnapshotFile, one_source, read_jobs
from ._recordings import ReplayFolder, configured

if TYPE_CHECKING:
    from ..dataset.engine import Engine
    from ..dataset.query import QueryError, TimeFrame
    from ..dataset.result import Result


class DialectName(StrEnum):
    """The values of `dataset.query.Dialect`, repeated here so that the help needs no database driver."""

    DDSQL = 'ddsql'
    POSTGRES = 'postgres'


@dataclass(frozen=True, slots=True)
class Local:
    """Where a local engine gets the table, and how it interprets a query."""

    dsn: str | None
    config: Path | None
    snapshot: Path | None
    demo: bool
    days: float | None
    dialect: DialectName
    start: datetime | None
    end: datetime | None
    limit: int | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command('sql')(sql)


def sql(
    context: typer.Context,
    query: Annotated[str | None, typer.Argument(help='The query; without any, a prompt.')] = None,
    file: Annotated[
        Path | None, typer.Option('--file', '-f', help="Read the query from a file ('-': standard input).")
    ] = None,
    saved: Annotated[str | None, typer.Option('--saved', help='Run a saved query.')] = None,
    list_saved: Annotated[bool, typer.Option('--list-saved', help='Show the saved queries.')] = False,
    dsn: Annotated[
        str | None, typer.Option('--dsn', envvar='BEDROCK_JOBS_DSN', help="A PostgreSQL that 'dataset sync' fills.")
    ] = None,
    config: Config = None,
    snapshot: SnapshotFile = None,
    demo: Demo = False,
    replay: ReplayFolder = None,
    remote: Annotated[
        bool, typer.Option('--remote', help="Ask Datadog's own tables (DD_API_KEY, DD_APP_KEY).")
    ] = False,
    days: Days = None,
    dialect: Annotated[
        DialectName, typer.Option('--dialect', help='ddsql refuses what Datadog does not document.')
    ] = DialectName.DDSQL,
    as_format: Annotated[
        Format | None, typer.Option('--format', help="[default: as the file's name ends, or a table]")
    ] = None,
    output: Annotated[Path | None, typer.Option('--output', '-o', help='Write the result into a file.')] = None,
    spreadsheet: Annotated[
        bool, typer.Option('--spreadsheet', help='In CSV, keep texts such as =1+1 from being formulas.')
    ] = False,
    start: Annotated[datetime | None, typer.Option('--from', help="dd.time_frame_start, UTC; an hour ago.")] = None,
    end: Annotated[datetime | None, typer.Option('--to', help='dd.time_frame_end, UTC; now.')] = None,
    limit: Annotated[int | None, typer.Option('--limit', min=1, help='Show at most so many rows.')] = None,
) -> None:
    """Ask about jobs in SQL (table aws.bedrock_model_customization_job).

    With --remote the same text is run in Datadog, through its DDSQL API. Without it and --dsn, the jobs of --config,
    --snapshot or --demo (the default) are put into a PostgreSQL of our own: an installed one, or the one that comes
    with the extra 'sql'. It is gone when the command ends.
    """
    if list_saved:
        _list_saved()
        return
    text = _query_text(query, file, saved)
    output_format = as_format or Format.of_file(output.name if output else '')
    if dsn and str(context.get_parameter_source('dsn')).endswith('ENVIRONMENT'):
        # What was typed wins.
        dsn = None if config or snapshot or demo or remote or replay else dsn
        say('asking the table in BEDROCK_JOBS_DSN' if dsn else '', 'dim')
    if replay and (config or snapshot or demo or dsn or remote):
        raise typer.BadParameter('--replay is a source of its own: it goes with no other')
    one_source(config, snapshot, demo)
    if remote and (dsn or config or snapshot or demo or dialect is not DialectName.DDSQL):
        raise typer.BadParameter("--remote asks Datadog's own tables, in DDSQL: it goes with no source of ours")
    if dsn and (config or snapshot or demo):
        raise typer.BadParameter("--dsn asks the table as it is: fill it with 'bedrock-jobs dataset sync'")
    if output_format is Format.PARQUET and output is None and sys.stdout.isatty():
        raise typer.BadParameter('Parquet is not for a terminal: use --output')
    if spreadsheet and output_format is not Format.CSV:
        raise typer.BadParameter('--spreadsheet is for --format csv')
    with configured(None, replay) if replay else nullcontext((config, None)) as (source, _):
        local = Local(dsn, source, snapshot, demo, days, dialect, start, end, limit)
        with extra('api' if remote else 'sql'), remote_engine(local) if remote else open_engine(local) as engine:
            if text is None:
                _prompt(engine)
            elif not _answer(engine, text, output_format, output, for_spreadsheets=spreadsheet):
                raise typer.Exit(ERROR)


@contextmanager
def remote_engine(local: Local) -> Iterator[Engine]:
    """Yield an engine that runs queries in Datadog over one connection."""
    from ..datadog_client import Datadog, from_environment
    from ..dataset.remote import ask

    frame = _time_frame(local.start, local.end)
    since, until = (frame.start, frame.end) if frame else (None, None)
    datadog = Datadog(from_environment())
    try:
        yield lambda query: ask(datadog, query, local.limit, since, until)
    finally:
        datadog.close()


@contextmanager
def open_engine(local: Local) -> Iterator[Engine]:
    """Yield an engine that runs queries, and print what the user should know."""
    import psycopg

    from ..dataset.engine import database_engine, local_engine
    from ..dataset.query import Dialect

    dialect, frame = Dialect(local.dialect), _time_frame(local.start, local.end)
    try:
        if local.dsn:
            with database_engine(local.dsn, dialect, frame, local.limit) as engine:
                yield engine
            return
        if not (local.config or local.snapshot or local.demo):
            say("the demo's jobs (choose others with --config, --snapshot or --dsn)", 'dim')
        jobs, problems = read_jobs(local.config, local.snapshot, local.days)
        for problem in problems:
            say(problem, 'yellow')
        with local_engine(jobs, dialect, frame, local.limit) as engine:
            yield engine
    except psycopg.Error as error:
        raise ToolError(str(error).strip()) from error


def _query_text(query: str | None, file: Path | None, saved: str | None) -> str | None:
    if sum(one is not None for one in (query, file, saved)) > 1:
        raise typer.BadParameter('a query, --file and --saved exclude one another')
    if file is not None:
        try:
            return sys.stdin.read() if str(file) == '-' else file.read_text(encoding='utf-8')
        except UnicodeDecodeError as error:
            raise ToolError(f'{file} is no text in UTF-8: {error}') from error
    if saved is not None:
        from ..dataset.saved import saved_query

        try:
            return saved_query(saved).sql
        except KeyError as error:
            raise ToolError(f'{error.args[0]} (--list-saved shows all)') from error
    return query if query is not None or sys.stdin.isatty() else sys.stdin.read()


def _list_saved() -> None:
    from rich.console import Console
    from rich.table import Table

    from ..dataset.saved import saved_queries

    table = Table('name', 'title', 'description', box=None, header_style='bold')
    for saved in saved_queries().values():
        table.add_row(saved.name, saved.title, saved.description)
    Console().print(table)


def _time_frame(start: datetime | None, end: datetime | None) -> TimeFrame | None:
    from ..dataset.query import TimeFrame

    if start is None and end is None:
        return None
    until = end.replace(tzinfo=UTC) if end else datetime.now(UTC)
    since = start.replace(tzinfo=UTC) if start else until - (TimeFrame.last().end - TimeFrame.last().start)
    return TimeFrame(since, until)


def _prompt(engine: Engine) -> None:
    from ..dataset.shell import read_loop

    history = Path(typer.get_app_dir('bedrock-jobs')) / 'sql_history'
    read_loop(lambda query: _answer(engine, query, Format.TABLE, None), say, history)


def _answer(
    engine: Engine, query: str, output_format: Format, output: Path | None, *, for_spreadsheets: bool = False
) -> bool:
    """Run one query and write its result or its errors; return whether it succeeded."""
    from ..dataset.query import QueryError

    try:
        result = engine(query)
    except QueryError as error:
        show_error(query, error)
        return False
    except ToolError as error:
        say(str(error), 'red')
        return False
    for warning in result.warnings:
        say(warning, 'yellow')
    write(result, output_format, output, for_spreadsheets=for_spreadsheets)
    return True


def show_error(query: str, error: QueryError) -> None:
    """Show the errors in a query, each below the line it occurs in."""
    lines = query.splitlines()
    for finding in error.findings:
        say(str(finding), 'red')
        if 0 < finding.line <= len(lines):
            say(f'    {lines[finding.line - 1]}\n    {" " * (finding.column - 1)}^', 'dim')


def write(result: Result, output_format: Format, output: Path | None, *, for_spreadsheets: bool = False) -> None:
    """Write a result to a file or to standard output, where a terminal gets no control characters."""
    from ..dataset import output as writers

    if output_format is Format.PARQUET:
        if output:
            with open_bytes(output) as file:
                writers.write_parquet(result, file)
        else:
            writers.write_parquet(result, sys.stdout.buffer)
    elif output_format is Format.TABLE:
        from rich.console import Console

        if output:
            with open_text(output) as text:
                Console(file=text, width=200).print(writers.to_table(result))
        else:
            Console().print(writers.to_table(result))
    else:
        made_by: dict[Format, Callable[[Result], str]] = {
            Format.CSV: partial(writers.to_csv, for_spreadsheets=for_spreadsheets),
            Format.JSON: writers.to_json,
            Format.RECORDS: writers.to_records,
            Format.JSONL: writers.to_jsonl,
        }
        made = made_by[output_format](result)
        if output:
            write_text(output, made)
        else:
            sys.stdout.write(writers.printable(made) if sys.stdout.isatty() else made)
