"""Parses Datadog's metric queries just enough to find metrics, tags, template variables and thresholds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_METRIC: Final = re.compile(
    r'(?P<aggregator>[a-z0-9]+):(?P<name>[A-Za-z][\w.]*)'
    r'\s*\{(?P<scope>[^{}]*)\}(?:\s*by\s*\{(?P<by>[^{}]*)\})?'
)
_VARIABLE: Final = re.compile(r'\$([A-Za-z_][\w-]*)')
_FILTER: Final = re.compile(r'(?P<key>[A-Za-z_][\w./-]*):(?P<value>[^\s,()]*)')
_IN: Final = re.compile(r'(?P<key>[A-Za-z_][\w./-]*)\s+(?:NOT\s+)?IN\s*\((?P<values>[^)]*)\)', re.IGNORECASE)
_CALL: Final = re.compile(r'([A-Za-z_]\w*)\s*\(')
_TEXT: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_MONITOR: Final = re.compile(
    r'^\s*(?P<aggregator>[a-z]+)\((?P<window>[^)]*)\)\s*:\s*(?P<query>.*?)\s*(?P<comparator>>=|<=|>|<|==|!=)\s*'
    r'(?P<threshold>-?\d+(?:\.\d+)?(?:e-?\d+)?)\s*$',
    re.IGNORECASE | re.DOTALL,
)
_WINDOW: Final = re.compile(r'^last_\d+(m|h|d|w|mo)$|^current_1(h|d|mo)$')

SPACE_AGGREGATORS: Final = frozenset({'avg', 'sum', 'min', 'max', 'count', 'last'})
MONITOR_AGGREGATORS: Final = frozenset({'avg', 'sum', 'min', 'max', 'change', 'pct_change', 'percentile', 'last'})
FUNCTIONS: Final = frozenset(
    'abs anomalies as_count as_rate autosmooth calendar_shift clamp_max clamp_min count_nonzero count_not_null '
    'cumsum cutoff_max cutoff_min day_before default_zero derivative diff dt ewma_10 ewma_20 ewma_3 ewma_5 ewma_7 '
    'exclude_null fill forecast hour_before integral log10 log2 median_3 median_5 median_7 median_9 minutes '
    'month_before monotonic_diff moving_rollup outliers per_hour per_minute per_second piecewise_constant '
    'robust_trend rollup throughput timeshift top trend_line week_before weighted percentile'.split()
)


class Metric(NamedTuple):
    """One metric in a query: its name, aggregator, filters and grouping."""

    name: str
    aggregator: str
    filters: tuple[tuple[str, str], ...]
    """Tag keys and values in the scope. A value with a template variable is left as written."""
    group_by: tuple[str, ...]
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A metric query, and the faults in its syntax."""

    metrics: tuple[Metric, ...]
    faults: tuple[str, ...]

    @property
    def variables(self) -> frozenset[str]:
        """The template variables that the query uses, without the dollar sign."""
        return frozenset[str]().union(*(metric.variables for metric in self.metrics))


class MonitorQuery(NamedTuple):
    """A metric monitor's query, split into its parts."""

    aggregator: str
    window: str
    query: Query
    comparator: str
    threshold: float


def parse(text: str) -> Query:
    """Split a metric query into its parts."""
    found = tuple(_metric(match) for match in _METRIC.finditer(text))
    faults = [f'{metric.aggregator} is no aggregator' for metric in found if not _is_aggregator(metric.aggregator)]
    rest = _TEXT.sub('', _METRIC.sub('0', text))
    if not found:
        faults.append('names no metric')
    if any(mark in rest for mark in '{}'):
        faults.append('has a brace that belongs to no metric')
    if ':' in rest:
        faults.append('has a metric without {scope}')
    if rest.count('(') != rest.count(')'):
        faults.append('has a parenthesis without its other half')
    faults += [f'{name}() is no function' for name in _CALL.findall(rest) if name not in FUNCTIONS]
    return Query(found, tuple(faults))


def parse_monitor(text: str) -> MonitorQuery | None:
    """Split a metric monitor's query, or return None if it is not of the form `avg(last_5m):query > 1`."""
    match = _MONITOR.match(text)
    if not match:
        return None
    return MonitorQuery(
        match['aggregator'],
        match['window'].partition(',')[0].strip(),
        parse(match['query']),
        match['comparator'],
        float(match['threshold']),
    )


def monitor_faults(monitor: MonitorQuery) -> Iterator[str]:
    """Yield the faults in the outer part of a monitor's query: its aggregator and its window."""
    if monitor.aggregator not in MONITOR_AGGREGATORS:
        yield f'{monitor.aggregator} is no aggregator over time'
    if not _WINDOW.match(monitor.window):
        yield f'{monitor.window} is no evaluation window, such as last_5m'


def with_threshold(text: str, threshold: float) -> str:
    """Return a monitor's query with its threshold replaced."""
    match = _MONITOR.match(text)
    if not match:
        return text
    return text[: match.start('threshold')] + f'{threshold:.15g}' + text[match.end('threshold') :]


def without_variables(text: str) -> str:
    """Return a query in which each template variable is replaced, together with its tag key, by `*`."""
    text = re.sub(r'[A-Za-z_][\w./-]*:\$[\w-]+(\.value)?', '*', text)
    return _VARIABLE.sub('*', re.sub(r'(\$[\w-]+)\.value', r'\1', text))


def _metric(match: re.Match[str]) -> Metric:
    scope = match['scope']
    filters = [(found['key'], found['value']) for found in _FILTER.finditer(scope)]
    for found in _IN.finditer(scope):
        filters += [(found['key'], value.strip()) for value in found['values'].split(',')]
    by = [key.strip() for key in (match['by'] or '').split(',')]
    return Metric(
        match['name'],
        match['aggregator'],
        tuple(filters),
        tuple(key for key in by if key),
        frozenset(_VARIABLE.findall(scope)) | frozenset(_VARIABLE.findall(match['by'] or '')),
    )


def _is_aggregator(name: str) -> bool:
    return name in SPACE_AGGREGATORS or bool(re.fullmatch(r'p\d{2}', name))
