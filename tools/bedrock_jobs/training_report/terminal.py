"""Plots one job's loss curve in characters, for a terminal."""

from __future__ import annotations

from typing import Final

import plotext  # type: ignore[import-not-found,import-untyped,unused-ignore]

from datadog_checks.bedrock_model_customization.curves.curve import Curve
from datadog_checks.bedrock_model_customization.telemetry.text import one_line

from .runs import Run

HEIGHT: Final = 20
LINE: Final = 'braille'
POINT: Final = 'o'
MAX_TITLE: Final = 60


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
    points = curve.loss.points()
    signal = plotext.figure.signal([point.step for point in points], [point.value for point in points], marker=marker)
    plotext.figure.draw(signal.lines(marker == LINE))
