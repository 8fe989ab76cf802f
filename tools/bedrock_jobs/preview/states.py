"""Evaluates monitors and SLOs at the end of a recording: which would alert, and how much error budget is left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .errors import PreviewError
from .evaluate import NO_GROUP, NO_VALUE, Evaluator, Group, window_of
from .formats import compare
from .language import parse_monitor

ALERT: Final = 'Alert'
WARN: Final = 'Warn'
NO_DATA: Final = 'No Data'
OK: Final = 'OK'
ORDER: Final = (ALERT, WARN, NO_DATA, OK)
METRIC_MONITORS: Final = ('metric alert', 'query alert')
_GROUP_VALUE: Final = re.compile(r'\{\{\s*([\w-]+)\.name\s*\}\}')
# A monitor evaluates every point of its window.
FINE: Final = 10_000


@dataclass(frozen=True, slots=True)
class MonitorState:
    """The state of a monitor, or of one of its groups that is not OK."""

    name: str
    status: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class SloState:
    """An SLO over the recording. Values are in percent, or None if nothing was counted."""

    name: str
    value: float | None
    target: float
    budget_left: float | None


def monitor_states(evaluator: Evaluator, document: Mapping[str, Any]) -> list[MonitorState]:
    """Return the groups of a monitor that are not OK, or the monitor as a whole if there are none. Raises PreviewError.

    Like Datadog, leaves out series that lack a tag the monitor groups by.
    """
    definition = document['definition']
    if definition['type'] not in METRIC_MONITORS:
        raise PreviewError(f'a monitor of the type {definition["type"]} is not drawn')
    query, options = parse_monitor(definition['query']), definition.get('options') or {}
    window = window_of(evaluator.recording, query.window, FINE)
    found = evaluator.totals(query.expression, query.aggregator, window)
    values = {
        group: value
        for group, value in found.items()
        if value is not None and NO_VALUE not in (one for _, one in group)
    }
    limits = options.get('thresholds') or {}
    states = []
    for group, value in values.items():
        status = OK
        if 'warning' in limits and compare(value, query.comparator, limits['warning']):
            status = WARN
        if compare(value, query.comparator, query.threshold):
            status = ALERT
        states.append(MonitorState(_name(definition['name'], group), status, value))
    wrong = [state for state in states if state.status != OK]
    if wrong:
        return sorted(wrong, key=lambda state: ORDER.index(state.status))
    missing = not states and options.get('on_missing_data') in ('show_no_data', 'show_and_notify_no_data')
    return [MonitorState(document['title'], NO_DATA if missing else OK)]


def slo_state(evaluator: Evaluator, document: Mapping[str, Any]) -> SloState:
    """Return a metric SLO over the whole recording, with the target of its longest timeframe. Raises PreviewError."""
    definition = document['definition']
    if definition['type'] != 'metric':
        raise PreviewError(f'an SLO of the type {definition["type"]} is not drawn')
    window, query = window_of(evaluator.recording), definition['query']
    queries = {name: (query[name], 'sum') for name in ('numerator', 'denominator')}
    value = evaluator.scalars(queries, 'numerator / denominator * 100', window).get(NO_GROUP)
    target = float(definition['thresholds'][-1]['target'])
    budget = None if value is None else (value - target) / (100 - target) * 100
    return SloState(definition['name'], value, target, budget)


def _name(template: str, group: Group) -> str:
    values = dict(group)
    return _GROUP_VALUE.sub(lambda match: values.get(match[1], match[0]), template)
