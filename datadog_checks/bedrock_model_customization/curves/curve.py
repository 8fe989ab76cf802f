"""Reads a CSV file of losses by step. docs/loss-curves.md has the formulas."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import isfinite
from typing import Final

from .csv_rows import Table, cell, finite_number, number, read_table
from .series import Series

# The first name of each is the one in all real files; the others are what other APIs call the same thing.
STEP: Final = ('step_number', 'step')
EPOCH: Final = ('epoch_number', 'epoch')
TRAINING_LOSS: Final = ('training_loss', 'train_loss', 'loss')
VALIDATION_LOSS: Final = ('validation_loss', 'val_loss', 'eval_loss', 'loss')

MAX_OTHER_COLUMNS: Final = 64
MAX_COLUMN_NAME: Final = 100


class Curve:
    """One CSV file: a loss and any other numeric columns, by step.

    `step` and `epoch` are the last ones read. `others` has the other columns by lower-case name. `at` has the finite
    losses at the `watched` steps, by step. `not_finite` counts rows whose loss is NaN or infinite, the sign of a run
    that diverged. `left_out` counts rows without a readable step, or whose step is not greater than the one before.
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
    """Read a CSV file by its column names, in bounded memory. Never raises because of the file's contents.

    `loss_names` are the possible names of the loss column, in order of preference. `is_complete` is False for a file
    that is still growing. `watched` are the steps whose losses are kept in `Curve.at`.
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
