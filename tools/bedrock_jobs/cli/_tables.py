"""Shows what the check would send as terminal tables. Text from outside is never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from datadog_checks.bedrock_model_customization.jobs.vocabulary import (
    ACTIVE_STATUSES,
    COMPLETED,
    CUSTOMIZATION_TYPES,
    FAILED,
    IN_PROGRESS,
    NOT_STARTED,
    STOPPED,
    STOPPING,
)

from ._agent import Metric, Submission, tag_value

STYLES = {IN_PROGRESS: 'cyan', COMPLETED: 'green', FAILED: 'bold red', STOPPING: 'yellow', STOPPED: 'yellow'}
ALERT_STYLES = {'error': 'bold red', 'warning': 'yellow', 'success': 'green', 'info': 'cyan'}
STUCK_AFTER = 3600
# Columns to hide on terminals narrower than this many characters, least useful first.
NEEDED_WIDTH = {'account': 205, 'type': 180, 'base model': 150, 'Region': 125}
COLUMNS = ('job', 'team', 'account', 'Region', 'type', 'base model', 'status', 'phase')
NUMBERS = ('in phase', 'duration', 'loss', 'val. loss')


def clock(seconds: float) -> str:
    """Return a number of seconds as `2 d 03:04`, or `03:04:05` below a day."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f'{days} d {hour:02}:{minute:02}' if days else f'{hour:02}:{minute:02}:{second:02}'


def jobs_table(submission: Submission, title: str, width: int) -> Table:
    """Return the jobs that have their own gauges, running ones first, for a terminal of `width` characters."""
    shown = [header for header in (*COLUMNS, *NUMBERS) if width >= NEEDED_WIDTH.get(header, 0)]
    table = Table(title=Text(title), title_justify='left', box=SIMPLE_HEAD, pad_edge=False)
    for header in shown:
        justify: JustifyMethod = 'right' if header in NUMBERS else 'left'
        table.add_column(header, justify=justify, overflow='ellipsis', no_wrap=True)
    phases = {metric.tag('job_name'): metric for metric in submission.select('job.time_in_phase')}
    losses = {metric.tag('job_name'): metric.value for metric in submission.select('job.training_loss')}
    validation = {metric.tag('job_name'): metric.value for metric in submission.select('job.validation_loss')}
    for job in sorted(submission.select('job.duration'), key=_running_first):
        name, status = job.tag('job_name'), job.tag('status')
        phase, in_phase = _phase(phases.get(name))
        cells = {
            'job': Text(name),
            'team': Text(job.tag('team')),
            'account': Text(job.tag('aws_account')),
            'Region': Text(job.tag('region')),
            'type': Text(CUSTOMIZATION_TYPES.get(job.tag('customization_type'), job.tag('customization_type'))),
            'base model': Text(job.tag('base_model').partition(':')[0].partition('.')[2]),
            'status': Text(status, STYLES.get(status, 'magenta')),
            'phase': phase,
            'in phase': in_phase,
            'duration': Text(clock(job.value)),
            'loss': Text(f'{losses[name]:.4f}' if name in losses else ''),
            'val. loss': Text(f'{validation[name]:.4f}' if name in validation else ''),
        }
        table.add_row(*(cells[header] for header in shown))
    return table


def _running_first(job: Metric) -> tuple[bool, float]:
    return job.tag('status') not in ACTIVE_STATUSES, job.value


def stuck(submission: Submission) -> list[Metric]:
    """Return the time-in-phase values of jobs that have waited longer than `STUCK_AFTER` for a phase to start."""
    return [metric for metric in submission.select('job.time_in_phase') if _is_stuck(metric)]


def stuck_line(metric: Metric) -> Text:
    """Return one line that says where a job is stuck."""
    where = f'phase {metric.tag("phase")} {metric.tag("phase_status")} for {clock(metric.value)}'
    return Text.assemble(f'{metric.tag("job_name")}: {metric.tag("status")}, ', (where, 'bold yellow'))


def _is_stuck(metric: Metric) -> bool:
    return metric.tag('phase_status') == NOT_STARTED and metric.value >= STUCK_AFTER


def _phase(metric: Metric | None) -> tuple[Text, Text]:
    if metric is None:
        return Text(), Text()
    status = metric.tag('phase_status')
    style = 'bold yellow' if _is_stuck(metric) else ''
    phase = f'{metric.tag("phase")} {status}'
    return Text(phase, style), Text(clock(metric.value), style)


def event_line(event: dict[str, Any]) -> Text:
    """Return an event as one line, with its failure message if it has one."""
    at = datetime.fromtimestamp(event['timestamp'], UTC)
    style = ALERT_STYLES.get(event['alert_type'], '')
    line = Text.assemble((f'{at:%m-%d %H:%M} ', 'dim'), (event['alert_type'].ljust(8), style), event['msg_title'])
    message = failure_message(event)
    return line.append(f'\n{" " * 20}{message}', 'red') if message else line


def failure_message(event: dict[str, Any]) -> str:
    """Return the failure message from an event's text, where it is an indented block."""
    lines = [line.strip() for line in event['msg_text'].splitlines() if line.startswith('    ')]
    return ' '.join(lines) if tag_value(event['tags'], 'transition') == 'failed' else ''


def metrics_table(metrics: Iterable[Metric]) -> Table:
    """Return a table of every submitted value."""
    table = Table(title='Metrics', title_justify='left', expand=True)
    table.add_column('metric', no_wrap=True)
    table.add_column('type')
    table.add_column('value', justify='right')
    table.add_column('tags', overflow='fold')
    for metric in metrics:
        table.add_row(Text(metric.name), metric.type, f'{metric.value:g}', Text(', '.join(metric.tags)))
    return table


def events_block(events: Sequence[dict[str, Any]], title: str) -> RenderableType:
    """Return events, one per line."""
    return Group(Text(title, 'italic'), *(event_line(event) for event in events))
