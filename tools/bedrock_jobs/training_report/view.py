"""Turns runs into what the page shows: texts, numbers and chart data, all sanitised, without any markup."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from datadog_checks.bedrock_model_customization.curves.curve import Curve
from datadog_checks.bedrock_model_customization.curves.series import Point, Series
from datadog_checks.bedrock_model_customization.curves.summary import PERPLEXITY, REWARD
from datadog_checks.bedrock_model_customization.jobs.arn import parse_job_arn
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.vocabulary import COMPLETED, CUSTOMIZATION_TYPES, FAILED
from datadog_checks.bedrock_model_customization.telemetry.losses import FROM_ARTIFACT, FROM_CUSTOM_MODEL
from datadog_checks.bedrock_model_customization.telemetry.text import clean, clip
from datadog_checks.bedrock_model_customization.telemetry.words import console_url, duration_in_words

from .phases import Stretch, stretches
from .runs import Report, Run, drawable

# For all curves of a page together; a point takes some 20 bytes.
MAX_POINTS: Final = 60_000
FEWEST_POINTS: Final = 100
MAX_TEXT: Final = 2048
MAX_NAME_IN_LABEL: Final = 32
MAX_LABEL: Final = 60
SHOWN_PROBLEMS: Final = 20
SOURCES: Final = {FROM_CUSTOM_MODEL: 'of the custom model', FROM_ARTIFACT: 'last of the curve'}


def view(report: Report) -> dict[str, Any]:
    """Return everything that the template shows, as plain values."""
    rows = [_row(number, run, report.made_at) for number, run in enumerate(report.runs)]
    curves = [run for run in report.runs if run.has_curve]
    most = max(MAX_POINTS // max(len(curves), 1) // 2, FEWEST_POINTS)
    charts = _Charts(most)
    for row, run in zip(rows, report.runs, strict=True):
        row['charts'] = charts.of_run(row, run)
        row['no_curve'] = '' if row['charts'] else _why_no_curve(run)
        row['bars'] = _own_bars(stretches(run.job, report.made_at))
    return {
        'made_at': _moment(report.made_at),
        'rows': rows,
        'statuses': _counts(report.runs),
        'overlays': [charts.overlay(model, runs, rows) for model, runs in _by_model(report.runs).items()],
        'failures': _failures(report.runs, rows),
        'gantt': _gantt(report.runs, rows, report.made_at),
        'problems': [_text(problem) for problem in report.problems[:SHOWN_PROBLEMS]],
        'more_problems': max(len(report.problems) - SHOWN_PROBLEMS, 0),
        'charts': charts.data,
    }


def _row(number: int, run: Run, now: datetime) -> dict[str, Any]:
    """Return one job's row in the table, and the facts in its section."""
    job, losses = run.job, run.losses
    arn = parse_job_arn(job.job_arn)
    duration = job.duration(now)
    best = min(
        (found for found in (run.summary.validation if run.summary else ()) if found),
        key=lambda found: found.best_loss,
        default=None,
    )
    training = run.summary.training if run.summary else None
    records = run.summary.records if run.summary else None
    return {
        'id': f'job-{number}',
        'name': _text(job.job_name or (arn.job_id if arn else job.job_arn)),
        'arn': _text(job.job_arn),
        'status': _text(job.status or 'Unknown'),
        'known_status': job.known_status,
        'type': _text(CUSTOMIZATION_TYPES.get(job.customization_type or '', job.customization_type or '')),
        'base_model': _text(job.base_model or ''),
        'account': arn.account_id if arn else '',
        'region': arn.region if arn else '',
        'created': _moment(job.creation_time),
        'created_sort': job.creation_time.timestamp() if job.creation_time else 0,
        'duration': duration_in_words(duration) if duration is not None else '',
        'duration_sort': duration.total_seconds() if duration is not None else -1,
        'training_loss': _number(losses.training),
        'training_source': SOURCES.get(losses.training_source or '', ''),
        'validation_losses': [
            f'{_number(loss)}{f" (validator {position})" if len(losses.validation) > 1 else ""}'
            for position, loss in losses.validation.items()
        ],
        'best_loss': _number(best.best_loss if best else None),
        'best_step': _number(best.best_step if best else None),
        'gap': _number(best.gap if best else None),
        'has_risen': best.has_risen if best else None,
        'slope': f'{training.trend.slope:+.3g}' if training and training.trend else '',
        'steps': _number(training.step if training else None),
        'not_finite': training.not_finite if training else 0,
        'others': {_text(name): _number(value) for name, value in (training.others if training else {}).items()},
        'records': {name: _number(count) for name, count in records._asdict().items() if count is not None}
        if records
        else {},
        'hyper_parameters': hyper_parameters(job),
        'failure': _text(job.failure_message or '') if job.status == FAILED else '',
        'tags': {_text(key): _text(value) for key, value in sorted((job.tags or {}).items())},
        'console': console_url(job),
        'stretches': [found.words for found in stretches(job, now)],
    }


def hyper_parameters(job: Job) -> dict[str, str]:
    """Return a job's hyper-parameters, which reinforcement fine-tuning keeps in its configuration."""
    found: dict[str, str] = {name: str(value) for name, value in (job.hyper_parameters or {}).items()}
    config = job.customization_config
    rft = config.get('rftConfig') if isinstance(config, Mapping) else None
    nested = rft.get('hyperParameters') if isinstance(rft, Mapping) else None
    if isinstance(nested, Mapping):
        found |= {name: str(value) for name, value in nested.items() if isinstance(value, (str, int, float))}
    return {_text(name): _text(value) for name, value in sorted(found.items())}


def _why_no_curve(run: Run) -> str:
    if run.summary is None:
        return 'Its files in S3 were not read.'
    if run.job.status == COMPLETED:
        return 'It left no loss curve in S3, or the curve may not be read.'
    if run.job.is_terminal:
        return 'Bedrock writes a loss curve only for jobs that complete.'
    return 'There is no loss curve yet: Bedrock writes it when the job completes.'


def _counts(runs: Iterable[Run]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for run in runs:
        counts[run.job.known_status] += 1
    return dict(sorted(counts.items()))


def _by_model(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return the runs with curves by base model, for models with several such runs."""
    models: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.has_curve and run.job.base_model:
            models[run.job.base_model].append(run)
    return {model: found for model, found in sorted(models.items()) if len(found) > 1}


class _Charts:
    """Collects the data of the page's charts by element id. `most` limits the number of points in a series."""

    def __init__(self, most: int) -> None:
        self.data: dict[str, Any] = {}
        self._most = most

    def of_run(self, row: Mapping[str, Any], run: Run) -> list[dict[str, str]]:
        """Return the element ids of one run's charts, with their titles."""
        places = []
        if run.has_curve:
            places.append(self._add(f'{row["id"]}-loss', 'Loss', list(self._losses(run))))
        for word, title in ((REWARD, 'Rewards'), (PERPLEXITY, 'Perplexity')):
            columns = dict(self._columns(run, word))
            if columns:
                lines = [
                    self._line(_text(name), series, number) for number, (name, series) in enumerate(columns.items())
                ]
                places.append(self._add(f'{row["id"]}-{word}', title, lines))
        return places

    def overlay(self, model: str, runs: Sequence[Run], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return a chart of several runs, and the hyper-parameters in which they differ."""
        by_arn = {row['arn']: row for row in rows}
        members = [by_arn[_text(run.job.job_arn)] for run in runs]
        lines: list[dict[str, Any]] = []
        for number, (run, row) in enumerate(zip(runs, members, strict=True)):
            lines += self._losses(run, row['name'], number)
        place = self._add(f'overlay-{len(self.data)}', 'Loss', lines)
        names = sorted({name for row in members for name in row['hyper_parameters']})
        return {'model': _text(model), 'chart': place, 'rows': members, 'parameters': names}

    def _losses(self, run: Run, name: str = '', color: int = 0) -> Iterator[dict[str, Any]]:
        label = f'{clip(name, MAX_NAME_IN_LABEL)}: ' if name else ''
        if run.training and run.training.loss.count:
            yield self._line(f'{label}training', run.training.loss, color)
        several = len(run.validation) > 1
        for position, curve in enumerate(run.validation):
            if curve.loss.count:
                said = f'{label}validation {position}' if several else f'{label}validation'
                own = color if name else color + 1 + position
                yield self._line(said, curve.loss, own) | {'dashed': True}

    def _columns(self, run: Run, word: str) -> Iterator[tuple[str, Series]]:
        curves: list[tuple[str, Curve | None]] = [
            ('', run.training),
            *(('validation ', curve) for curve in run.validation),
        ]
        for prefix, curve in curves:
            for name, series in curve.others.items() if curve else ():
                if word in name:
                    yield prefix + name, series

    def _line(self, label: str, series: Series, color: int) -> dict[str, Any]:
        points = thin(drawable(series.points()), self._most)
        return {
            'label': clip(label, MAX_LABEL),
            'color': color,
            'x': [float(f'{point.step:.7g}') for point in points],
            'y': [float(f'{point.value:.5g}') for point in points],
        }

    def _add(self, place: str, title: str, lines: list[dict[str, Any]]) -> dict[str, str]:
        self.data[place] = {'title': title, 'lines': lines}
        return {'id': place, 'title': title}


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most about `most` points, evenly spaced and including the last."""
    stride = -(-len(points) // most)
    return list(points) if stride <= 1 else [*points[:-1:stride], points[-1]]


def _failures(runs: Iterable[Run], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return failure messages, most frequent first, each with the jobs that failed with it."""
    by_message: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for run, row in zip(runs, rows, strict=True):
        if run.job.status == FAILED:
            by_message[row['failure'] or 'AWS gave no failure message.'].append(row)
    return [
        {'message': message, 'rows': members}
        for message, members in sorted(by_message.items(), key=lambda item: -len(item[1]))
    ]


def _gantt(runs: Sequence[Run], rows: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """Return the bars of all jobs on one time axis; positions and widths are in percent of it."""
    lives = [(row, stretches(run.job, now)) for run, row in zip(runs, rows, strict=True)]
    lives = [(row, life) for row, life in lives if life]
    if not lives:
        return {}
    start = min(life[0].start for _, life in lives)
    end = max(life[-1].end for _, life in lives)
    span = max(end - start, timedelta(seconds=1))
    return {
        'ticks': [{'at': part * 25, 'text': _tick(start + span * part / 4, span)} for part in range(5)],
        'rows': [{'row': row, 'bars': _bars(life, start, span)} for row, life in lives],
    }


def _own_bars(life: Sequence[Stretch]) -> list[dict[str, Any]]:
    """Return one job's bars on a time axis of its own."""
    return _bars(life, life[0].start, max(life[-1].end - life[0].start, timedelta(seconds=1))) if life else []


def _bars(life: Iterable[Stretch], start: datetime, span: timedelta) -> list[dict[str, Any]]:
    return [
        {
            'left': round((found.start - start) / span * 100, 3),
            'width': round((found.end - found.start) / span * 100, 3),
            'phase': found.name,
            'status': _text(found.status),
            'words': _text(found.words),
        }
        for found in life
    ]


def _tick(moment: datetime, span: timedelta) -> str:
    return f'{moment:%b %d}' if span > timedelta(days=4) else f'{moment:%b %d %H:%M}'


def _moment(moment: datetime | None) -> str:
    return f'{moment:%Y-%m-%d %H:%M} UTC' if moment else ''


def _number(value: float | None) -> str:
    return '' if value is None else f'{value:.5g}' if abs(value) < 100_000 else f'{value:.0f}'


def _text(text: str) -> str:
    return clean(text, MAX_TEXT)
