"""Where the dataset commands get their jobs, and how they report progress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ToolError
from ._ending import extra, say, stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    from datadog_checks.bedrock_model_customization.jobs.job import Job

Config = Annotated[
    Path | None,
    typer.Option('--config', '-c', exists=True, dir_okay=False, help="The check's conf.yaml: look at AWS now."),
]
SnapshotFile = Annotated[
    Path | None, typer.Option('--snapshot', exists=True, dir_okay=False, help="A file of 'dataset snapshot'.")
]
Days = Annotated[
    float | None,
    typer.Option(
        '--days', min=0, help='With --config: jobs created in so many days, and those that run; all without it.'
    ),
]
Demo = Annotated[bool, typer.Option('--demo', help="The demo's jobs.")]


def one_source(config: Path | None, snapshot: Path | None, demo: bool) -> None:
    """Reject more than one source of jobs."""
    if sum((config is not None, snapshot is not None, demo)) > 1:
        raise typer.BadParameter('--config, --snapshot and --demo exclude one another')


def read_jobs(config: Path | None, snapshot: Path | None, days: float | None = None) -> tuple[Iterable[Job], list[str]]:
    """Return the jobs of the source (the demo's if none is given), and messages about what is missing."""
    from ..dataset.snapshot import read_snapshot
    from ..dataset.source import demo_jobs, live_jobs, lookback

    if config:
        live = live_jobs(config, lookback(days), lambda scope: say(f'looking at {scope}'))
        if not live.reached:
            raise ToolError('\n'.join(live.problems))
        return live.jobs, live.problems
    if snapshot:
        return read_snapshot(snapshot), []
    with extra('simulator'):
        return demo_jobs(), []


@contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error; yields a function that takes the progress so far."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr(), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda seen: bar.update(task, completed=seen)
