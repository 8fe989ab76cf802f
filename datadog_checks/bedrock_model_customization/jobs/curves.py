"""Loss curves: what Bedrock's step-wise CSV files tell of a training run. docs/loss-curves.md has the formulas."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, NamedTuple

from .csv_rows import Table, cell, finite_number, number, read_table
from .data_check import RecordCounts
from .job import COMPLETED, Job, finite
from .series import Series, Trend

# The first name of each is what all real files have; the others are those of other APIs for the same thing.
STEP: Final = ('step_number', 'step')
EPOCH: Final = ('epoch_number', 'epoch')
TRAINING_LOSS: Final = ('training_loss', 'train_loss', 'loss')
VALIDATION_LOSS: Final = ('validation_loss', 'val_loss', 'eval_loss', 'loss')
PERPLEXITY: Final = 'perplexity'
REWARD: Final = 'reward'

MAX_OTHER_COLUMNS: Final = 64
MAX_COLUMN_NAME: Final = 100
# Each is a custom metric of each job; AWS documents four.
MAX_REWARDS: Final = 10
# How far above its best the validation loss must lie, as a share of the best, to count as risen.
RISE: Final = 0.01

FROM_JOB: Final = 'job'
FROM_CUSTOM_MODEL: Final = 'custom_model'
FROM_ARTIFACT: Final = 'artifact'


class Curve:
    """One CSV file: a loss and any other numeric columns, by step.

    `step` and `epoch` are those of the last row. `others` has the other columns by name, in lower case. `at` has the
    loss at those of the `watched` steps that the file has. `not_finite` counts rows whose loss is NaN or infinite: a
    run that diverged. `left_out` counts rows without a readable step, or whose step is not above the one before.
    """

    def __init__(self) -> None:
        self.step: float | None = None
        self.epoch: float | None = None
        self.rows = 0
        self.not_finite = 0
        self.left_out = 0
        self.loss = Series()
        self.others: dict[str, Series] = {}
        self.at: dict[float, float] = {}


def read_curve(
    chunks: Iterable[bytes],
    loss_names: Sequence[str],
    *,
    is_complete: bool = True,
    watched: Collection[float] = frozenset(),
) -> Curve:
    """Read a CSV file by its column names, in bounded memory. Never raises for what the file holds.

    `loss_names` are the names that the loss may have, `is_complete` is False for a file that still grows.
    """
    table = read_table(chunks, is_complete=is_complete)
    step_at, epoch_at, loss_at = table.position(*STEP), table.position(*EPOCH), table.position(*loss_names)
    others = _other_columns(table, {step_at, epoch_at, loss_at})
    curve = Curve()
    for row in table.rows:
        step = finite_number(cell(row, step_at))
        if step is None or (curve.step is not None and step <= curve.step):
            curve.left_out += 1
            continue
        curve.step, curve.rows = step, curve.rows + 1
        epoch = finite_number(cell(row, epoch_at))
        curve.epoch = curve.epoch if epoch is None else epoch
        loss = number(cell(row, loss_at))
        if loss is not None and isfinite(loss):
            curve.loss.add(step, loss)
            if step in watched:
                curve.at[step] = loss
        elif loss is not None:
            curve.not_finite += 1
        for name, position in others.items():
            value = finite_number(cell(row, position))
            if value is not None:
                curve.others.setdefault(name, Series()).add(step, value)
    return curve


def _other_columns(table: Table, taken: Collection[int | None]) -> dict[str, int]:
    others = [(name[:MAX_COLUMN_NAME], at) for name, at in table.columns.items() if at not in taken]
    return dict(others[:MAX_OTHER_COLUMNS])


def _rewards(columns: Mapping[str, float]) -> dict[str, float]:
    return dict([(name, value) for name, value in columns.items() if REWARD in name][:MAX_REWARDS])


class TrainingSummary(NamedTuple):
    """Where training stands: the last row's step and epoch, the last finite loss, the loss's trend at the end.

    `others` has the last finite value of every other numeric column, by name.
    """

    step: float
    epoch: float | None
    loss: float | None
    trend: Trend | None
    not_finite: int
    others: Mapping[str, float]

    @property
    def perplexity(self) -> float | None:
        return self.others.get(PERPLEXITY)

    @property
    def rewards(self) -> dict[str, float]:
        """The columns of reinforcement fine-tuning whose names speak of a reward, at most ten."""
        return _rewards(self.others)


class ValidationSummary(NamedTuple):
    """Where one validator's loss stands: the last, and the best with its step (the first of equals).

    `has_risen` is whether the last one lies more than 1 % above the best; None while there is only one. `gap` is
    validation minus training loss at the last step that both have; None where they share none.
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
    """What was found about a job beyond its description. `validation` has None for a file without a readable loss.

    `model_training_loss` and `model_validation_losses` are those of the custom model (GetCustomModel), asked for only
    where a completed job's description has no training loss.
    """

    training: TrainingSummary | None = None
    validation: tuple[ValidationSummary | None, ...] = ()
    records: RecordCounts | None = None
    model_training_loss: float | None = None
    model_validation_losses: Mapping[int, float] = field(default_factory=dict)


def summarise_training(curve: Curve | None) -> TrainingSummary | None:
    """Return what a training file tells, None for one without a readable step."""
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
    )


def summarise_validation(curve: Curve, training: Curve | None) -> ValidationSummary | None:
    """Return what a validation file tells, None for one without a readable loss."""
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
        if training is not None and step in training.at:
            return finite(loss - training.at[step])
    return None


class FinalLosses(NamedTuple):
    """A job's losses and where each comes from: `job`, `custom_model` or `artifact`; None where there is none.

    `validation` is by the validator's position.
    """

    training: float | None
    training_source: str | None
    validation: Mapping[int, float]
    validation_source: str | None


def final_losses(job: Job, summary: CurveSummary | None) -> FinalLosses:
    """Return the losses of a job: those of its description, and for a completed one without any, the next best.

    Next best are those of the custom model that it made, then the last ones of the step-wise files.
    """
    training: list[tuple[float | None, str]] = [(job.training_loss, FROM_JOB)]
    validation: list[tuple[Mapping[int, float], str]] = [(job.validation_losses, FROM_JOB)]
    if summary is not None and job.status == COMPLETED:
        training.append((summary.model_training_loss, FROM_CUSTOM_MODEL))
        training.append((summary.training.loss if summary.training else None, FROM_ARTIFACT))
        validation.append((summary.model_validation_losses, FROM_CUSTOM_MODEL))
        last = {position: found.loss for position, found in enumerate(summary.validation) if found}
        validation.append((last, FROM_ARTIFACT))
    loss, source = next(((loss, source) for loss, source in training if loss is not None), (None, None))
    losses, losses_source = next(((losses, source) for losses, source in validation if losses), ({}, None))
    return FinalLosses(loss, source, losses, losses_source)
