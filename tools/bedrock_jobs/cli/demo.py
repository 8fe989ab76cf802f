"""`bedrock-jobs demo`: runs the real check against a simulated AWS, poll by poll, in half a minute."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from datadog_checks.bedrock_model_customization.jobs.vocabulary import TERMINAL_STATUSES

from ..private_files import open_text
from ._ending import extra

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from ._agent import Submission

EVERY = timedelta(minutes=3)
SHOWN_EVENTS = 9
PICTURE = (120, 36)
"""Columns and lines of the picture."""
PICTURE_AT = datetime(2026, 11, 23, 16, tzinfo=UTC)
"""When the story ends in the picture, so that it is always the same."""


def register(app: typer.Typer) -> None:
    app.command('demo')(demo)


def demo(
    as_json: Annotated[
        bool, typer.Option('--json', help='Print one JSON object for each poll, and a summary.')
    ] = False,
    record: Annotated[
        Path | None, typer.Option('--record', help='Write each poll to this file, as JSON lines.')
    ] = None,
    picture: Annotated[
        Path | None, typer.Option('--picture', help='Draw the last screen to this file, as SVG.')
    ] = None,
    seconds: Annotated[float, typer.Option('--seconds', min=0, help='How long the show lasts, about.')] = 18.0,
) -> None:
    """Follow several teams' jobs for seven hours, in half a minute: what Datadog would receive, as it happens."""
    from rich.console import Console

    from . import _tables

    console = Console(stderr=True) if as_json else _tables.console()
    with ExitStack() as stack:
        file = stack.enter_context(open_text(record)) if record else None
        polls = _recorded(_polls(0 if as_json else seconds, PICTURE_AT if picture else datetime.now(UTC)), file)
        summary = _print_json(polls) if as_json else _show(polls, console)
    if picture:
        _draw(summary, picture)
    if as_json:
        typer.echo(json.dumps({'summary': summary.as_json()}))
    else:
        console.print(summary.totals())


def _polls(seconds: float, end: datetime) -> Iterator[Submission]:
    """Yield what each poll of the story sends, which ends at `end`.

    The clock stops during a poll, so that every run is the same.
    """
    from .. import conf_yaml
    from . import _agent

    with extra('simulator'):
        from ..simulator import Clock, Simulator, story
        from ..simulator.environment import made_up_credentials

    _agent.quiet()
    start = end.replace(second=0, microsecond=0) - story.LASTS
    clock = Clock.manual(start)
    steps = int(story.LASTS / EVERY)
    with Simulator(clock) as simulator, made_up_credentials():
        story.tell(simulator, start)
        checks = conf_yaml.checks(conf_yaml.ConfYaml({}, story.instances(simulator.endpoint_url)))
        for check in checks:
            check.clock = clock.now
        for step in range(steps + 1):
            began = time.monotonic()
            submission = _agent.run(checks, clock.now())
            yield submission
            if step < steps:
                time.sleep(max(seconds / steps - (time.monotonic() - began), 0))
                clock.advance(EVERY)


def _recorded(polls: Iterator[Submission], file: TextIO | None) -> Iterator[Submission]:
    for submission in polls:
        if file:
            file.write(json.dumps(submission.as_json()) + '\n')
        yield submission


class Summary:
    """Totals of what was sent: samples by metric, events by kind, and the final state of the jobs."""

    def __init__(self) -> None:
        self.polls = 0
        self.samples: Counter[str] = Counter()
        self.transitions: Counter[str] = Counter()
        self.requests = 0
        self.failures: list[dict[str, Any]] = []
        self.last: Submission | None = None
        self.recent: list[dict[str, Any]] = []

    def add(self, submission: Submission) -> None:
        from ._agent import tag_value

        self.polls += 1
        self.last = submission
        self.recent = [*self.recent, *submission.events][-SHOWN_EVENTS:]
        self.samples.update(metric.name for metric in submission.metrics)
        self.requests += int(sum(metric.value for metric in submission.select('api.requests')))
        for event in submission.events:
            self.transitions[tag_value(event['tags'], 'transition')] += 1
            if event['alert_type'] == 'error':
                self.failures.append(event)

    def as_json(self) -> dict[str, Any]:
        from . import _tables

        return {
            'polls': self.polls,
            'requests': self.requests,
            'samples': dict(sorted(self.samples.items())),
            'events': dict(sorted(self.transitions.items())),
            'jobs': self._jobs(),
            'stuck': [metric.tag('job_name') for metric in _tables.stuck(self.last)] if self.last else [],
        }

    def totals(self) -> RenderableType:
        """Return what was sent, in two lines. Jobs that ended before the first poll sent no event."""
        from rich.console import Group
        from rich.text import Text

        events = ', '.join(f'{count} {kind}' for kind, count in sorted(self.transitions.items()))
        ended = sum(count for status, count in self._jobs().items() if status in TERMINAL_STATUSES)
        before = ended - sum(self.transitions[status.lower()] for status in TERMINAL_STATUSES)
        samples = f'{sum(self.samples.values())} values of {len(self.samples)} metrics'
        return Group(
            Text(f'{self.polls} polls: {self.requests} requests to AWS, {samples}', 'bold'),
            Text(f'{sum(self.transitions.values())} events: {events}'),
            *([Text(f'{before} jobs had ended before the first poll')] if before else []),
        )

    def problems(self) -> RenderableType:
        """Return the failures and what is stuck, each in a line."""
        from rich.console import Group
        from rich.text import Text

        from . import _tables

        failures = [_tables.event_line(event) for event in self.failures]
        stuck = [_tables.stuck_line(metric) for metric in _tables.stuck(self.last)] if self.last else []
        return Group(
            *([Text('Failed:', 'bold'), *failures] if failures else []),
            *([Text('Stuck:', 'bold'), *stuck] if stuck else []),
        )

    def _jobs(self) -> dict[str, int]:
        jobs: Counter[str] = Counter()
        for metric in self.last.select('jobs') if self.last else ():
            jobs[metric.tag('status')] += int(metric.value)
        return dict(jobs)


def _print_json(polls: Iterator[Submission]) -> Summary:
    summary = Summary()
    for submission in polls:
        summary.add(submission)
        typer.echo(json.dumps(submission.as_json()))
    return summary


def _draw(summary: Summary, picture: Path) -> None:
    """Draw the last screen and the summary as an SVG without external resources."""
    from io import StringIO
    from re import DOTALL, sub

    from rich.console import Console

    width, height = PICTURE
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True, color_system='truecolor')
    if summary.last:
        console.print(_screen(summary.last, summary, width, height))
    console.print(summary.totals())
    drawing = console.export_svg(title='bedrock-jobs demo')
    picture.write_text(sub(r'@font-face \{.*?\}', '', drawing, flags=DOTALL), encoding='utf-8')


def _show(polls: Iterator[Submission], console: Console) -> Summary:
    """Show a live table on a terminal; elsewhere, print each event as it happens."""
    from rich.live import Live

    from . import _tables

    summary = Summary()
    if not console.is_terminal:
        for submission in polls:
            summary.add(submission)
            for event in submission.events:
                console.print(_tables.event_line(event))
        if summary.last:
            console.print(_tables.jobs_table(summary.last, _title(summary.last), console.width))
        console.print(summary.problems())
        return summary
    with Live(console=console, auto_refresh=False) as live:
        for submission in polls:
            summary.add(submission)
            live.update(_screen(submission, summary, console.width, console.height), refresh=True)
    return summary


def _screen(submission: Submission, summary: Summary, width: int, height: int) -> RenderableType:
    """Return what fits on a screen, with room for the totals that follow: jobs, their number, the newest events."""
    from rich.console import Group
    from rich.text import Text

    from . import _tables

    counts = Counter({metric.tag('status'): 0 for metric in submission.select('jobs')})
    for metric in submission.select('jobs'):
        counts[metric.tag('status')] += int(metric.value)
    bar = Text('  ').join(
        Text(f'{status} {count}', _tables.STYLES.get(status, 'dim')) for status, count in counts.items() if count
    )
    # Title, header, the jobs left out, the bar, the events' title, three totals, and the prompt.
    room = max(height - 9, 6)
    events = min(SHOWN_EVENTS, room // 3 + 1)
    return Group(
        _tables.jobs_table(submission, _title(submission), width, room - events),
        bar,
        _tables.events_block(reversed(summary.recent[-events:]), 'Events, the newest first'),
    )


def _title(submission: Submission) -> str:
    return f'Amazon Bedrock model customization jobs at {submission.at:%Y-%m-%d %H:%M} (simulated)'
