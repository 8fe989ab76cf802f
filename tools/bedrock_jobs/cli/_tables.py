"""Shows what the check would send in a terminal. Text from outside is never read as markup.

Nothing that identifies a job is cut: where a terminal is too narrow, the least important columns are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from rich.console import Console, Group, RenderableType
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
PREFIX: Final = 'bedrock_model_customization.'
COLUMNS: Final = (
    'job', 'team', 'account', 'Region', 'type', 'base model', 'status', 'phase', 'in phase', 'duration', 'loss',
    'val. loss',
)  # fmt: skip
IMPORTANCE: Final = (
    'job', 'status', 'phase', 'in phase', 'duration', 'loss', 'team', 'val. loss', 'base model', 'Region', 'type',
    'account',
)  # fmt: skip
NUMBERS: Final = ('in phase', 'duration', 'loss', 'val. loss')
GAP: Final = 2
PIPED_WIDTH: Final = 100_000


def console() -> Console:
    """Return a console for standard output that breaks lines for a terminal only: in a pipe, a row is one line."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=PIPED_WIDTH)


def clock(seconds: float) -> str:
    """Return a number of seconds as `2 d 03:04`, or `03:04:05` below a day."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f'{days} d {hour:02}:{minute:02}' if days else f'{hour:02}:{minute:02}:{second:02}'


def fitting(rows: Sequence[Mapping[str, Text]], width: int) -> list[str]:
    """Return the columns that fit into `width` without a cell being cut, by `IMPORTANCE`, in the order of `COLUMNS`."""
    kept: list[str] = []
    left = width
    for name in IMPORTANCE:
        needed = max([len(name), *(row[name].cell_len for row in rows)]) + (GAP if kept else 0)
        if needed <= left or not kept:
            kept.append(name)
            left -= needed
    return [name for name in COLUMNS if name in kept]


def jobs_table(submission: Submission, title: str, width: int, most: int | None = None) -> RenderableType:
    """Return the jobs that have their own gauges, those that need a look first: stuck, failed, then running.

    At most `most` of them, with the number of the others below.
    """
    rows = job_rows(submission)
    shown = rows[:most]
    table = _table(title)
    for name in fitting(shown, width):
        right = name in NUMBERS
        table.add_column(name, justify='right' if right else 'left', no_wrap=True, overflow='ellipsis')
    for row in shown:
        table.add_row(*(row[str(column.header)] for column in table.columns))
    left_out = len(rows) - len(shown)
    return Group(table, Text(f'… and {left_out} more', 'dim')) if left_out else table


def _table(title: str) -> Table:
    table = Table(title=Text(title), title_justify='left', box=None, header_style='bold underline')
    table.padding, table.pad_edge = (0, GAP, 0, 0), False
    return table


class _Key(NamedTuple):
    """What tells jobs of the same name apart, as far as their tags do."""

    account: str
    region: str
    name: str

    @classmethod
    def of(cls, metric: Metric) -> _Key:
        return cls(metric.tag('aws_account'), metric.tag('region'), metric.tag('job_name'))


def job_rows(submission: Submission) -> list[dict[str, Text]]:
    """Return a row for each job that has its own gauges, with a cell for each of `COLUMNS`."""
    phases = {_Key.of(metric): metric for metric in submission.select('job.time_in_phase')}
    losses = {_Key.of(metric): metric.value for metric in submission.select('job.training_loss')}
    validation = {_Key.of(metric): metric.value for metric in submission.select('job.validation_loss')}
    rows = []
    for job in sorted(submission.select('job.duration'), key=lambda job: _urgency(job, phases.get(_Key.of(job)))):
        key, status = _Key.of(job), job.tag('status')
        phase, in_phase = _phase(phases.get(key))
        row = {
            'job': Text(key.name),
            'team': Text(job.tag('team')),
            'account': Text(key.account),
            'Region': Text(key.region),
            'type': Text(CUSTOMIZATION_TYPES.get(job.tag('customization_type'), job.tag('customization_type'))),
            'base model': Text(job.tag('base_model').partition(':')[0].partition('.')[2]),
            'status': Text(status, STYLES.get(status, 'magenta')),
            'phase': phase,
            'in phase': in_phase,
            'duration': Text(clock(job.value)),
            'loss': Text(f'{losses[key]:.4f}' if key in losses else ''),
            'val. loss': Text(f'{validation[key]:.4f}' if key in validation else ''),
        }
        rows.append(row)
    return rows


def _urgency(job: Metric, phase: Metric | None) -> tuple[bool, bool, bool, float]:
    """Return what sorts jobs that need a look first."""
    status = job.tag('status')
    is_stuck = phase is not None and _is_stuck(phase)
    return not is_stuck, status != FAILED, status not in ACTIVE_STATUSES, job.value


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
    phase = metric.tag('phase') if status == IN_PROGRESS else f'{metric.tag("phase")} {status}'
    return Text(phase, style), Text(clock(metric.value), style)


def event_line(event: dict[str, Any]) -> Text:
    """Return an event as one line: when, what, which job, and its failure message if it has one."""
    at = datetime.fromtimestamp(event['timestamp'], UTC)
    style = ALERT_STYLES.get(event['alert_type'], '')
    what = tag_value(event['tags'], 'transition').ljust(9)
    line = Text.assemble((f'{at:%m-%d %H:%M}  ', 'dim'), (what, style), f'  {tag_value(event["tags"], "job_name")}')
    message = failure_message(event)
    return line.append(f'  {message}', 'red') if message else line


def failure_message(event: dict[str, Any]) -> str:
    """Return the failure message from an event's text, where it is an indented block."""
    lines = [line.strip() for line in event['msg_text'].splitlines() if line.startswith('    ')]
    return ' '.join(lines) if tag_value(event['tags'], 'transition') == 'failed' else ''


def events_block(events: Iterable[dict[str, Any]], title: str) -> RenderableType:
    """Return events, one in a line that a terminal cuts at its end."""
    lines = [event_line(event) for event in events]
    for line in lines:
        line.no_wrap, line.overflow = True, 'ellipsis'
    return Group(Text(title, 'italic'), *lines)


def metrics_summary(metrics: Iterable[Metric]) -> RenderableType:
    """Return a line for each metric: how many values it has, and which, without the prefix that all share."""
    table = _table(f'Metrics, all named {PREFIX}…')
    table.add_column('metric', no_wrap=True, overflow='ellipsis')
    table.add_column('type')
    for header in ('series', 'least', 'most'):
        table.add_column(header, justify='right', no_wrap=True)
    for name, found in groupby(sorted(metrics, key=_name), _name):
        values = list(found)
        numbers = [metric.value for metric in values]
        ends = (f'{min(numbers):g}', f'{max(numbers):g}')
        table.add_row(name, values[0].type, str(len(values)), *ends)
    return table


def metric_lines(metrics: Iterable[Metric], width: int) -> Iterator[Text]:
    """Yield every value: in one line with its tags, or with its tags below where that does not fit."""
    for metric in metrics:
        value = f'{metric.name.removeprefix(PREFIX)}  {metric.type}  {metric.value:g}'
        tags = ', '.join(metric.tags)
        if len(value) + GAP + Text(tags).cell_len <= width:
            yield Text.assemble(f'{value}  ', (tags, 'dim'))
            continue
        yield Text(value)
        yield from (Text(f'    {line}', 'dim') for line in _lines_of(metric.tags, width - 4))


def _name(metric: Metric) -> str:
    return metric.name.removeprefix(PREFIX)


def _lines_of(words: Iterable[str], width: int) -> Iterator[str]:
    """Yield words that are joined by commas, as many to a line as fit. A word is never broken."""
    line = ''
    for word in words:
        longer = f'{line}, {word}' if line else word
        if line and Text(longer).cell_len > width:
            yield f'{line},'
            longer = word
        line = longer
    if line:
        yield line
