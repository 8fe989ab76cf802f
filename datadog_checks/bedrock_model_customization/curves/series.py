"""A value by training step, kept in bounded memory however long the run is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple

MAX_CELLS: Final = 1024
RECENT: Final = 1000
# The share of a run, at its end, that the trend covers; the points that a trend should have, and must have.
TREND_SHARE: Final = 0.2
TREND_POINTS_WANTED: Final = 10
TREND_POINTS_NEEDED: Final = 3
TREND_STEPS: Final = 100


class Point(NamedTuple):
    """A value at a step."""

    step: float
    value: float


class Trend(NamedTuple):
    """The slope of a least-squares line, in value per 100 steps, fitted to `points` points from step `start` on."""

    slope: float
    start: float
    points: int


@dataclass(slots=True)
class Cell:
    """A summary of neighbouring points, sufficient for a least-squares line and a chart.

    `xx` is the sum of the steps' squared deviations from their mean, `xy` the sum of the products of the steps' and the
    values' deviations from their means. They are merged by the method of Chan, Golub and LeVeque to keep precision.
    """

    first: float
    last: float
    count: int
    mean_step: float
    mean_value: float
    xx: float = 0.0
    xy: float = 0.0

    def merge(self, other: Cell) -> None:
        """Add the points of the next cell."""
        count = self.count + other.count
        by_step, by_value = other.mean_step - self.mean_step, other.mean_value - self.mean_value
        weight = self.count * other.count / count
        self.xx += other.xx + by_step * by_step * weight
        self.xy += other.xy + by_step * by_value * weight
        self.mean_step += by_step * other.count / count
        self.mean_value += by_value * other.count / count
        self.last, self.count = other.last, count


class Series:
    """Points in order of step, with unique steps; steps and values are finite.

    Up to 1024 points are kept individually. Beyond that, neighbouring points share cells, of which there are 512 to
    1024.
    """

    def __init__(self) -> None:
        self.count = 0
        self.latest: Point | None = None
        self.best: Point | None = None
        self.recent: deque[Point] = deque(maxlen=RECENT)
        self._cells: list[Cell] = []
        self._points_per_cell = 1

    def add(self, step: float, value: float) -> None:
        """Add the next point; `step` must be greater than the last one."""
        self.count += 1
        self.latest = Point(step, value)
        self.recent.append(self.latest)
        if self.best is None or value < self.best.value:
            self.best = self.latest
        point = Cell(step, step, 1, step, value)
        if self._cells and self._cells[-1].count < self._points_per_cell:
            self._cells[-1].merge(point)
            return
        if len(self._cells) == MAX_CELLS:
            self._halve()
        self._cells.append(point)

    def points(self) -> list[Point]:
        """Return the points for a chart: individual ones, or beyond 1024 the means of neighbouring ones."""
        means = (Point(cell.mean_step, cell.mean_value) for cell in self._cells)
        return [point for point in means if isfinite(point.step) and isfinite(point.value)]

    def trend(self) -> Trend | None:
        """Return the trend over the last fifth of the steps, or over the last ten points if the fifth has fewer.

        With more than 1024 points, the fifth begins with the first cell that lies completely inside it. Returns None if
        there are fewer than three points, or if the sums overflow.
        """
        if not self._cells:
            return None
        end = self._cells[-1].last
        begin = end - TREND_SHARE * (end - self._cells[0].first)
        window: Cell | None = None
        for cell in reversed(self._cells):
            if window is not None and cell.first < begin and window.count >= TREND_POINTS_WANTED:
                break
            merged = Cell(cell.first, cell.last, cell.count, cell.mean_step, cell.mean_value, cell.xx, cell.xy)
            if window is not None:
                merged.merge(window)
            window = merged
        if window is None or window.count < TREND_POINTS_NEEDED or not window.xx > 0:
            return None
        slope = window.xy / window.xx * TREND_STEPS
        return Trend(slope, window.first, window.count) if isfinite(slope) else None

    def _halve(self) -> None:
        """Merge each pair of neighbouring cells."""
        for left, right in zip(self._cells[::2], self._cells[1::2], strict=True):
            left.merge(right)
        self._cells = self._cells[::2]
        self._points_per_cell *= 2
