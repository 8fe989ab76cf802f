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

from ._ending import extra

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from ._agent import Submission

EVERY = timedelta(minutes=3)
SHOWN_EVENTS = 9
WIDTH_DRAWN = 150


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

    console = Console(stderr=as_json)
    with ExitStack() as stack:
        file = stack.enter_context(record.open('w', encoding='utf-8')) if record else None
        polls = _recorded(_polls(0 if as_json else seconds), file)
        summary = _print_json(polls) if as_json else _show(polls, console)
    if picture:
        _draw(summary, picture)
    if as_json:
        typer.echo(json.dumps({'summary': summary.as_json()}))
    else:
        console.print(summary.render())


def _polls(seconds: float) -> Iterator[Submission]:
    """Yield what each poll of the story sends. The clock stops during a poll, so that every run is the same."""
    from .. import conf_yaml
    from . import _agent

    with extra('simulator'):
        from ..simulator import Clock, Simulator, story
        from ..simulator.environment import made_up_credentials

    _agent.quiet()
    start = datetime.now(UTC).replace(second=0, microsecond=0) - story.LASTS
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

    def render(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        from . import _tables

        events = ', '.join(f'{count} {kind}' for kind, count in sorted(self.transitions.items()))
        jobs = ', '.join(f'{count} {status}' for status, count in sorted(self._jobs().items()) if count)
        lines = [
            Text(f'{self.polls} polls sent {self.requests} requests to AWS; Datadog would have received', 'bold'),
            Text(f'  {sum(self.samples.values())} samples of {len(self.samples)} metrics'),
            Text(f'  {sum(self.transitions.values())} events: {events}'),
            Text(f'Jobs at the end: {jobs}'),
        ]
        failures = [_tables.event_line(event) for event in self.failures]
        stuck = [_tables.stuck_line(metric) for metric in _tables.stuck(self.last)] if self.last else []
        return Group(
            *lines,
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

    console = Console(record=True, width=WIDTH_DRAWN, file=StringIO(), force_terminal=True, color_system='truecolor')
    if summary.last:
        console.print(_screen(summary.last, summary, console.width))
    console.print(summary.render())
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
        return summary
    with Live(console=console, auto_refresh=False) as live:
        for submission in polls:
            summary.add(submission)
            live.update(_screen(submission, summary, console.width), refresh=True)
    return summary


def _screen(submission: Submission, summary: Summary, width: int) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from . import _tables

    counts = {metric.tag('status'): 0.0 for metric in submission.select('jobs')}
    for metric in submission.select('jobs'):
        counts[metric.tag('status')] += metric.value
    bar = Text('  ').join(
        Text(f'{status} {count:.0f}', _tables.STYLES.get(status, 'dim')) for status, count in counts.items()
    )
    sent = Text(
        f'{len(submission.metrics)} samples and {len(submission.events)} events in this poll, '
        f'{summary.requests} requests to AWS so far',
        'dim',
    )
    return Group(
        _tables.jobs_table(submission, _title(submission), width),
        bar,
        sent,
        _tables.events_block(summary.recent, 'Events'),
    )


def _title(submission: Submission) -> str:
    return f'Amazon Bedrock model customization jobs at {submission.at:%Y-%m-%d %H:%M} (simulated)'
