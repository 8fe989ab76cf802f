"""Describes one job in lines of text, and plots its loss curve in characters, for a terminal."""

from __future__ import annotations

from datetime import datetime
from textwrap import fill
from typing import Final

import plotext  # type: ignore[import-not-found,import-untyped,unused-ignore]

from datadog_checks.bedrock_model_customization.curves.curve import Curve
from datadog_checks.bedrock_model_customization.jobs.vocabulary import FAILED, UNKNOWN
from datadog_checks.bedrock_model_customization.telemetry.text import one_line
from datadog_checks.bedrock_model_customization.telemetry.words import duration_in_words

from .runs import Run, drawable

HEIGHT: Final = 20
LINE: Final = 'braille'
POINT: Final = 'o'
MAX_TITLE: Final = 60
MAX_TEXT: Final = 2048


def describe(run: Run, now: datetime, width: int) -> str:
    """Return a job's status, its phases with the time they took, and why it failed; lines of at most `width`."""
    job = run.job
    took = job.duration(now)
    lines = [f'{one_line(job.name, MAX_TITLE)}: {one_line(job.status or UNKNOWN, MAX_TITLE)}']
    lines[0] += f', {duration_in_words(took)}' if took is not None else ''
    phases = []
    for phase in job.phases:
        spent = phase.duration(now)
        phases.append(f'{phase.name} {phase.status}' + (f' {duration_in_words(spent)}' if spent is not None else ''))
    if phases:
        lines.append(f'phases: {one_line(", ".join(phases), MAX_TEXT)}')
    if job.status == FAILED:
        lines.append(one_line(job.failure_message or 'AWS gave no failure message.', MAX_TEXT))
    heading, *others = lines
    return '\n'.join([heading, *(fill(line, width, initial_indent='  ', subsequent_indent='  ') for line in others)])


def plot(run: Run, width: int, *, colors: bool) -> str:
    """Return a run's training and validation loss by step, `width` characters wide; plain text without `colors`."""
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, HEIGHT)
    if run.training and run.training.loss.count:
        _add(run.training, LINE)
    for curve in run.validation:
        if curve.loss.count:
            _add(curve, POINT)
    figure.title(f'{one_line(run.job.job_name or run.job.job_arn, MAX_TITLE)} (line: training, o: validation)')
    figure.label('step', axis='x')
    figure.label('loss', axis='y')
    return str(figure.build().string(colorless=not colors))


def _add(curve: Curve, marker: str) -> None:
    points = drawable(curve.loss.points())
    signal = plotext.figure.signal([point.step for point in points], [point.value for point in points], marker=marker)
    plotext.figure.draw(signal.lines(marker == LINE))
