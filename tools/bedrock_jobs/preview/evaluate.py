"""Evaluates queries over a recording, as time series or as one number per group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from .errors import PreviewError
from .language import Call, Expression, Metric, Number, Operation, Variable, Variables, parse_expression
from .recording import COUNT, Recording

Group = tuple[tuple[str, str], ...]
"""Values by tag key, in the order of `by`. Empty if the query does not group."""
NO_GROUP: Final[Group] = ()
NO_VALUE: Final = 'N/A'
"""Datadog's name for the group of series that lack a tag."""
Points = list[float | None]
Table = dict[Group, float | None]

AGGREGATORS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    'avg': lambda values: math.fsum(values) / len(values),
    'sum': math.fsum,
    'min': min,
    'max': max,
    'last': lambda values: values[-1],
}
# The most points that a graph can show.
MAX_POINTS: Final = 120
STEPS: Final = (60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Window:
    """A time span divided into steps. The step at `t` holds what was emitted from `t` until the next step."""

    start: float
    end: float
    step: float | None
    """None for a window that is a single step."""

    @property
    def size(self) -> int:
        return 1 if self.step is None else math.floor(self.end / self.step) - math.floor(self.start / self.step) + 1

    @property
    def times(self) -> list[float]:
        if self.step is None:
            return [self.start]
        first = math.floor(self.start / self.step)
        return [(first + index) * self.step for index in range(self.size)]

    def index(self, time: float) -> int | None:
        """Return the index of the step that contains a time, or None if it is outside the window."""
        if not self.start <= time <= self.end:
            return None
        return 0 if self.step is None else math.floor(time / self.step) - math.floor(self.start / self.step)

    def whole(self) -> Window:
        """Return the same time span as a single step."""
        return Window(self.start, self.end, None)


@dataclass(frozen=True, slots=True)
class Frame:
    """Time series by group, each with one value or None per step of a window."""

    by: tuple[str, ...]
    groups: dict[Group, Points]


def window_of(recording: Recording, span: float | None = None, points: int = MAX_POINTS) -> Window:
    """Return the last `span` seconds of a recording, or all of it, in steps no shorter than the polling interval."""
    start = recording.start if span is None else max(recording.end - span, recording.start)
    wanted = max(recording.interval, (recording.end - start) / points)
    return Window(start, recording.end, next((step for step in STEPS if step >= wanted), wanted))


class Evaluator:
    """Evaluates queries over one recording with given template variables. Every method raises PreviewError."""

    def __init__(self, recording: Recording, variables: Variables | None = None) -> None:
        self.recording, self.variables = recording, variables or {}

    def fitting(self, queries: Iterable[str], window: Window) -> Window:
        """Return the window with the longest step that these queries' `.rollup()` asks for, if longer than its own."""
        wanted = [
            metric.rollup[1] for query in queries for metric in metrics_of(parse_expression(query)) if metric.rollup
        ]
        step = max([window.step or 0.0, *(interval for interval in wanted if interval)])
        return Window(window.start, window.end, step) if window.step else window

    def frame(self, query: str, window: Window) -> Frame:
        """Return the time series of a query."""
        return _Evaluation(self, window, {}).of(parse_expression(query))

    def frames(self, queries: Mapping[str, str], formula: str, window: Window) -> Frame:
        """Return the time series of a formula over named queries."""
        known = {name: self.frame(query, window) for name, query in queries.items()}
        return _Evaluation(self, window, known).of(parse_expression(formula))

    def scalars(self, queries: Mapping[str, tuple[str, str]], formula: str, window: Window) -> Table:
        """Return one value per group. Each query is first reduced over time by the aggregator given with it."""
        known = {name: self._reduced(query, aggregator, window) for name, (query, aggregator) in queries.items()}
        return _table(_Evaluation(self, window.whole(), known).of(parse_expression(formula)))

    def totals(self, expression: Expression, aggregator: str, window: Window) -> Table:
        """Return one value per group, as a monitor does: counts are summed before the arithmetic, not after."""
        metrics = metrics_of(expression)
        if metrics and all(metric.as_count for metric in metrics):
            return _table(_Evaluation(self, window.whole(), {}).of(expression))
        return _table(_reduce(_Evaluation(self, window, {}).of(expression), aggregator))

    def _reduced(self, query: str, aggregator: str, window: Window) -> Frame:
        return _reduce(self.frame(query, self.fitting([query], window)), aggregator)

    def metric(self, metric: Metric, window: Window) -> Frame:
        """Return one metric's time series, aggregated over time within each series, then over each group."""
        kind = self.recording.types.get(metric.name)
        if metric.as_count and kind not in (None, COUNT):
            raise PreviewError(f'{metric.name} is a {kind}: .as_count() is for counts')
        over_time = metric.rollup[0] if metric.rollup else 'sum' if kind == COUNT else 'avg'
        collected: dict[Group, list[list[float]]] = {}
        for series in self.recording.series.get(metric.name, ()):
            if not metric.scope.matches(series.tags, self.variables):
                continue
            steps: list[list[float]] = [[] for _ in range(window.size)]
            for time, value in zip(series.times, series.values, strict=True):
                index = window.index(time)
                if index is not None:
                    steps[index].append(value)
            rolled = [AGGREGATORS[over_time](values) if values else None for values in steps]
            for group in _groups(metric.by, series.tags):
                members = collected.setdefault(group, [[] for _ in range(window.size)])
                for members_then, point in zip(members, rolled, strict=True):
                    if point is not None:
                        members_then.append(point)
        over_space = AGGREGATORS[metric.aggregator]
        return Frame(
            metric.by,
            {
                group: [over_space(values) if values else None for values in steps]
                for group, steps in collected.items()
                if any(steps)
            },
        )


@dataclass(frozen=True, slots=True)
class _Evaluation:
    evaluator: Evaluator
    window: Window
    known: Mapping[str, Frame]
    """The values of the names in a formula."""

    def of(self, expression: Expression) -> Frame:
        if isinstance(expression, Number):
            return Frame((), {NO_GROUP: [expression.value] * self.window.size})
        if isinstance(expression, Metric):
            return self.evaluator.metric(expression, self.window)
        if isinstance(expression, Variable):
            if expression.name not in self.known:
                raise PreviewError(f'no query has the name {expression.name}')
            return self.known[expression.name]
        if isinstance(expression, Call):
            return self._call(expression)
        return self._operation(expression)

    def _call(self, call: Call) -> Frame:
        frame = self.of(call.arguments[0])
        if call.name == 'default_zero':
            # Without grouping there is always one answer; with grouping, one per group that any of the queries has.
            alike = [other for other in self.known.values() if other.by == frame.by] if frame.by else []
            names = [group for other in alike for group in other.groups] if frame.by else [NO_GROUP]
            nothing: Points = [None] * self.window.size
            groups = dict.fromkeys(names, nothing) | frame.groups
            return Frame(frame.by, {group: [point or 0.0 for point in points] for group, points in groups.items()})
        counted = (lambda point: point is not None) if call.name == 'count_not_null' else bool
        sums = [
            float(sum(bool(counted(points[index])) for points in frame.groups.values()))
            for index in range(self.window.size)
        ]
        return Frame((), {NO_GROUP: list(sums)} if frame.groups else {})

    def _operation(self, operation: Operation) -> Frame:
        left, right = self.of(operation.left), self.of(operation.right)
        if left.by and right.by and sorted(left.by) != sorted(right.by):
            raise PreviewError(f'by {{{",".join(left.by)}}} and by {{{",".join(right.by)}}} cannot be put together')
        apply = _SIGNS[operation.sign]
        if left.by and right.by:
            others = {tuple(sorted(group)): points for group, points in right.groups.items()}
            pairs = {
                group: (points, others[tuple(sorted(group))])
                for group, points in left.groups.items()
                if tuple(sorted(group)) in others
            }
        elif left.by:
            pairs = {group: (one, two) for (group, one), two in product(left.groups.items(), right.groups.values())}
        else:
            pairs = {group: (one, two) for one, (group, two) in product(left.groups.values(), right.groups.items())}
        return Frame(
            left.by or right.by,
            {
                group: [apply(one, two) for one, two in zip(ones, twos, strict=True)]
                for group, (ones, twos) in pairs.items()
            },
        )


def reduce(points: Iterable[float | None], aggregator: str) -> float | None:
    """Return a time series reduced to one value, or None if it has no values."""
    if aggregator not in AGGREGATORS:
        raise PreviewError(f'the aggregator {aggregator} over time is not drawn')
    values = [point for point in points if point is not None]
    return AGGREGATORS[aggregator](values) if values else None


def _divide(left: float, right: float) -> float | None:
    return left / right if right else None


def _both(apply: Callable[[float, float], float | None]) -> Callable[[float | None, float | None], float | None]:
    return lambda left, right: None if left is None or right is None else apply(left, right)


_SIGNS: Final = {
    '+': _both(lambda left, right: left + right),
    '-': _both(lambda left, right: left - right),
    '*': _both(lambda left, right: left * right),
    '/': _both(_divide),
}


def _groups(by: Sequence[str], tags: Mapping[str, frozenset[str]]) -> Iterable[Group]:
    """Return the groups that a series belongs to: several if a tag has several values."""
    choices = [[(key, value) for value in sorted(tags.get(key) or (NO_VALUE,))] for key in by]
    return product(*choices)


def _reduce(frame: Frame, aggregator: str) -> Frame:
    return Frame(frame.by, {group: [reduce(points, aggregator)] for group, points in frame.groups.items()})


def _table(frame: Frame) -> Table:
    return {group: points[0] for group, points in frame.groups.items()}


def metrics_of(expression: Expression) -> list[Metric]:
    """Return every metric in an expression."""
    if isinstance(expression, Metric):
        return [expression]
    if isinstance(expression, Operation):
        return [*metrics_of(expression.left), *metrics_of(expression.right)]
    if isinstance(expression, Call):
        return [metric for argument in expression.arguments for metric in metrics_of(argument)]
    return []
