"""`bedrock-jobs check`: shows what the check would send for a conf.yaml, from AWS or any endpoint, without an Agent."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ._ending import ERROR, OK
from ._recordings import ReplayFolder, configured


def register(app: typer.Typer) -> None:
    app.command('check')(check)


def check(
    config: Annotated[
        Path | None, typer.Option('--config', '-c', help='A conf.yaml, as the Agent would have it.')
    ] = None,
    replay: ReplayFolder = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print one JSON object for each run.')] = False,
    every: Annotated[
        bool, typer.Option('--all', help='Print every value with its tags, not a line for each metric.')
    ] = False,
    times: Annotated[int, typer.Option('--times', '-n', min=1, help='How often to run.')] = 1,
    pause: Annotated[float, typer.Option('--pause', min=0, help='Seconds between two runs.')] = 1.0,
) -> None:
    """Run the check as the Agent would, and print what it would send. Nothing is sent, and no state is kept.

    Exits with 1 where an account or Region could not be polled.
    """
    from rich.text import Text

    from .. import conf_yaml
    from . import _agent, _tables

    _agent.quiet()
    with configured(config, replay) as (path, recorded_at):
        checks = conf_yaml.checks(conf_yaml.read(path))
        if recorded_at:
            for one in checks:
                one.clock = partial(_same, recorded_at)
        console = _tables.console()
        has_failed = False
        for number in range(times):
            if number:
                time.sleep(pause)
            submission = _agent.run(checks, recorded_at or datetime.now(UTC))
            has_failed |= bool(submission.errors) or any(
                metric.value == 0 for metric in submission.select('can_connect')
            )
            if as_json:
                typer.echo(json.dumps(submission.as_json()))
                continue
            run = f', run {number + 1} of {times}' if times > 1 else ''
            console.print(_tables.jobs_table(submission, f'Jobs{run}', console.width))
            console.print(_tables.events_block(submission.events, f'{len(submission.events)} events'))
            if every:
                for line in _tables.metric_lines(submission.metrics, console.width):
                    console.print(line, soft_wrap=True)
            else:
                console.print(_tables.metrics_summary(submission.metrics))
            for problem in (*submission.warnings, *submission.errors):
                console.print(Text(problem, 'yellow'))
    raise typer.Exit(ERROR if has_failed else OK)


def _same(moment: datetime) -> datetime:
    return moment
