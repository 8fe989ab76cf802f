"""The command line of the benchmarks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.figures import Report, save, show
from benchmarks.memory import measure_memory
from benchmarks.poll import everything, measure_polls
from benchmarks.scopes import measure_scopes
from benchmarks.stuck import measure_stuck
from benchmarks.throttled import measure_throttled

app = typer.Typer(help=__doc__, add_completion=False)
# Use a fixed width when the output is not a terminal.
console = Console(width=None if sys.stdout.isatty() else 140)

Latency = Annotated[float, typer.Option(help='How late each request is answered, in milliseconds.')]
Json = Annotated[Path | None, typer.Option('--json', help='Write the figures here, too.')]

DEFAULT_JOBS = [100, 1000, 10_000]
DEFAULT_ACCOUNTS = [1, 10, 100]
ALL_ACCOUNTS = 1000
DEFAULT_SCOPE_JOBS = 100


def present(reports: Iterator[Report], json: Path | None) -> None:
    """Show each report as soon as it is available."""
    shown = []
    for report in reports:
        show(console, report)
        shown.append(report)
    if json:
        save(json, shown)


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Measure the check against the simulator; `poll` where nothing else is asked for."""
    if context.invoked_subcommand is None:
        context.invoke(poll)


@app.command()
def poll(
    jobs: Annotated[list[int] | None, typer.Option(help='How many jobs there are; may be given again.')] = None,
    latency_ms: Latency = 30,
    repeats: Annotated[int, typer.Option(help='How often all is measured anew, for medians.')] = 3,
    defaults: Annotated[bool, typer.Option(help='Measure with the default options, too.')] = True,
    naive_threads: Annotated[int, typer.Option(help='Threads of the plain boto3 loop.')] = 8,
    naive_jobs: Annotated[
        int | None, typer.Option(help='Jobs that the plain loop describes at most; 0: no loop.')
    ] = 1000,
    json: Json = None,
) -> None:
    """First, unchanged and changed polls of one scope, beside a plain boto3 loop."""

    def reports() -> Iterator[Report]:
        for number in jobs or DEFAULT_JOBS:
            for options in [everything(number), {}][: 1 + defaults]:
                yield measure_polls(
                    number,
                    latency_ms / 1000,
                    options,
                    repeats=repeats,
                    naive_threads=naive_threads,
                    naive_jobs=naive_jobs if options else 0,
                )

    present(reports(), json)


@app.command()
def throttled(
    jobs: Annotated[int, typer.Option(help='How many jobs there are.')] = 1000,
    rate: Annotated[float, typer.Option(help='Requests a second that are allowed.')] = 5,
    json: Json = None,
) -> None:
    """A first poll where AWS refuses most requests: is it complete in the end? Takes minutes."""
    present(iter([measure_throttled(jobs, rate)]), json)


@app.command()
def scopes(
    accounts: Annotated[list[int] | None, typer.Option(help='How many accounts; may be given again.')] = None,
    full: Annotated[bool, typer.Option('--full', help='1,000 accounts, too.')] = False,
    jobs: Annotated[
        list[int] | None, typer.Option(help='Jobs of each account in each of two Regions; may be given again.')
    ] = None,
    latency_ms: Latency = 30,
    json: Json = None,
) -> None:
    """Many accounts in one Agent, through AssumeRole."""
    numbers = accounts or [*DEFAULT_ACCOUNTS, *([ALL_ACCOUNTS] if full else [])]
    grid = product(numbers, jobs or [DEFAULT_SCOPE_JOBS])
    present((measure_scopes(number, each, latency_ms / 1000) for number, each in grid), json)


@app.command()
def memory(
    jobs: Annotated[int, typer.Option(help='How many jobs there are.')] = 1000,
    polls: Annotated[int, typer.Option(help='How many polls.')] = 500,
    json: Json = None,
) -> None:
    """Memory over many polls, with 1 % of the jobs changed before each."""
    present(iter([measure_memory(jobs, polls)]), json)


@app.command()
def stuck(
    jobs: Annotated[int, typer.Option(help='How many jobs there are.')] = 10_000,
    latency_ms: Latency = 30,
    json: Json = None,
) -> None:
    """Quiet polls where one job is stuck since the oldest day."""
    present(iter([measure_stuck(jobs, latency_ms / 1000)]), json)
