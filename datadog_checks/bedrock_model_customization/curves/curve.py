"""Reads a CSV file of losses by step. docs/loss-curves.md has the formulas."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite
from typing import Final, NamedTuple

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
    that diverged. `left_out` counts rows without a readable step, rows that go back, and those whose step a later row
    repeats: the later one counts. Where the counter restarts with each epoch, steps go on from the last one;
    `has_restarted` says so.
    """

    def __init__(self) -> None:
        self.step: float | None = None
        self.epoch: float | None = None
        self.rows = 0
        self.not_finite = 0
        self.left_out = 0
        self.has_restarted = False
        self.loss = Series()
        self.others: dict[str, Series] = {}
        self.at: dict[float, float] = {}


class _Row(NamedTuple):
    """A row that counts, at its step of the whole run."""

    step: float
    epoch: float | None
    loss: float | None
    others: Mapping[str, float]


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
    curve, pending = Curve(), None
    counter = _Counter()
    for cells in table.rows:
        epoch = finite_number(cell(cells, epoch_at))
        step = counter.count(finite_number(cell(cells, step_at)), epoch)
        if step is None:
            curve.left_out += 1
            continue
        if pending is not None and step > pending.step:
            _take(curve, pending, watched)
        elif pending is not None:
            curve.left_out += 1
        values = {name: finite_number(cell(cells, at)) for name, at in others.items()}
        known = {name: value for name, value in values.items() if value is not None}
        pending = _Row(step, epoch, number(cell(cells, loss_at)), known)
    if pending is not None:
        _take(curve, pending, watched)
    curve.has_restarted = counter.offset > 0
    if curve.has_restarted:
        # Another file may count otherwise.
        curve.at.clear()
    return curve


class _Counter:
    """Turns a column of steps, which may repeat one or begin anew with each epoch, into steps that never go back."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._first: float | None = None
        self._last = 0.0
        self._epoch: float | None = None

    def count(self, step: float | None, epoch: float | None) -> float | None:
        """Return a row's step of the whole run, or None if it has none or goes back."""
        if step is None:
            return None
        if self._first is None:
            self._first = self._last = step
        elif step < self._last:
            if not self._begins_anew(step, epoch):
                return None
            self.offset += self._last - step + 1
        self._last = step
        self._epoch = self._epoch if epoch is None else epoch
        return step + self.offset

    def _begins_anew(self, step: float, epoch: float | None) -> bool:
        """Whether a step that goes back is the first one of an epoch: of a later one, where epochs are counted."""
        if epoch is not None and self._epoch is not None:
            return epoch > self._epoch
        return step == self._first


def _take(curve: Curve, row: _Row, watched: Collection[float]) -> None:
    curve.step, curve.rows = row.step, curve.rows + 1
    curve.epoch = curve.epoch if row.epoch is None else row.epoch
    if row.loss is not None and isfinite(row.loss):
        curve.loss.add(row.step, row.loss)
        if row.step in watched:
            curve.at[row.step] = row.loss
    elif row.loss is not None:
        curve.not_finite += 1
    for name, value in row.others.items():
        curve.others.setdefault(name, Series()).add(row.step, value)


def _other_columns(table: Table, taken: Collection[int | None]) -> dict[str, int]:
    others = [(name[:MAX_COLUMN_NAME], at) for name, at in table.columns.items() if at not in taken]
    return dict(others[:MAX_OTHER_COLUMNS])
