"""Summarises a run's curves: the latest values, the best loss and the trend. docs/loss-curves.md has the formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, NamedTuple

from .curve import Curve
from .data_check import RecordCounts
from .series import Trend

PERPLEXITY: Final = 'perplexity'
REWARD: Final = 'reward'
# Each reward adds a custom metric per job; AWS documents four rewards.
MAX_REWARDS: Final = 10
# How far the validation loss must be above its best, as a share of the best, to count as risen.
RISE: Final = 0.01


def _rewards(columns: Mapping[str, float]) -> dict[str, float]:
    return dict([(name, value) for name, value in columns.items() if REWARD in name][:MAX_REWARDS])


class TrainingSummary(NamedTuple):
    """The state of training: the last step and epoch, the last finite loss, and the loss's trend at the end.

    `not_finite` counts the rows whose loss is NaN or infinite, `left_out` those that were not used. `others` has the
    last finite value of every other numeric column, by name.
    """

    step: float
    epoch: float | None
    loss: float | None
    trend: Trend | None
    not_finite: int
    others: Mapping[str, float]
    left_out: int = 0

    @property
    def perplexity(self) -> float | None:
        return self.others.get(PERPLEXITY)

    @property
    def rewards(self) -> dict[str, float]:
        """The columns whose names contain "reward" (from reinforcement fine-tuning), at most ten."""
        return _rewards(self.others)


class ValidationSummary(NamedTuple):
    """The state of one validator's loss: the last one, and the best one, each with its step (the first if tied).

    `has_risen` is whether the last loss is more than 1 % above the best, or None while there is only one. `gap` is
    validation loss minus training loss at the last step that both have, or None if they share no step.
    """

    step: float
    loss: float
    best_loss: float
    best_step: float
    has_risen: bool | None
    gap: float | None
    others: Mapping[str, float]

    @property
    def perplexity(self) -> float | None:
        return self.others.get(PERPLEXITY)

    @property
    def rewards(self) -> dict[str, float]:
        return _rewards(self.others)


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """What is known about a job beyond its description. `validation` has None for a file without a readable loss.

    `model_training_loss` and `model_validation_losses` are the custom model's (GetCustomModel), requested only if a
    completed job's description has no training loss.
    """

    training: TrainingSummary | None = None
    validation: tuple[ValidationSummary | None, ...] = ()
    records: RecordCounts | None = None
    model_training_loss: float | None = None
    model_validation_losses: Mapping[int, float] = field(default_factory=dict)


def summarise_training(curve: Curve | None) -> TrainingSummary | None:
    """Return the summary of a training file, or None if it has no readable step."""
    if curve is None or curve.step is None:
        return None
    loss = curve.loss.latest
    return TrainingSummary(
        step=curve.step,
        epoch=curve.epoch,
        loss=loss.value if loss else None,
        trend=curve.loss.trend(),
        not_finite=curve.not_finite,
        others=_latest(curve),
        left_out=curve.left_out,
    )


def summarise_validation(curve: Curve, training: Curve | None) -> ValidationSummary | None:
    """Return the summary of a validation file, or None if it has no readable loss."""
    last, best = curve.loss.latest, curve.loss.best
    if last is None or best is None:
        return None
    rise = last.value - best.value
    return ValidationSummary(
        step=last.step,
        loss=last.value,
        best_loss=best.value,
        best_step=best.step,
        has_risen=rise > RISE * abs(best.value) if curve.loss.count > 1 else None,
        gap=_gap(curve, training),
        others=_latest(curve),
    )


def _latest(curve: Curve) -> dict[str, float]:
    return {name: series.latest.value for name, series in curve.others.items() if series.latest}


def _gap(validation: Curve, training: Curve | None) -> float | None:
    for step, loss in reversed(validation.loss.recent):
        if training is not None and not validation.has_restarted and step in training.at:
            gap = loss - training.at[step]
            return gap if isfinite(gap) else None
    return None
