"""Draws one job's loss curve as a PNG, for a document or a chat."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from datadog_checks.bedrock_model_customization.telemetry.text import one_line

from ..private_files import open_bytes
from .runs import Run, drawable

WIDTH, HEIGHT, DOTS_PER_INCH = 9, 5, 150
MAX_TITLE = 80


def draw(run: Run, out: Path) -> None:
    """Write a run's training and validation loss by step to a PNG file. Raises OSError if it cannot be written."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout='constrained')
    axes = figure.add_subplot()
    if run.training and run.training.loss.count:
        points = drawable(run.training.loss.points())
        axes.plot([point.step for point in points], [point.value for point in points], label='training', linewidth=1.2)
    for position, curve in enumerate(run.validation):
        label = f'validation {position}' if len(run.validation) > 1 else 'validation'
        points = drawable(curve.loss.points())
        axes.plot([point.step for point in points], [point.value for point in points], '--o', label=label, markersize=4)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    axes.set_xlabel('step')
    axes.set_ylabel('loss')
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    # A dollar sign in a name would start a formula.
    axes.set_title(one_line(run.job.job_name or run.job.job_arn, MAX_TITLE), parse_math=False)
    with open_bytes(out) as file:
        figure.savefig(file, format='png', dpi=DOTS_PER_INCH)
