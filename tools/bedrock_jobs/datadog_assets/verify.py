"""Checks that Datadog has received what the check sends: its metrics, its events, and data for every widget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from datadog_checks.bedrock_model_customization.telemetry import metrics
from datadog_checks.bedrock_model_customization.telemetry.events import SOURCE

from ..datadog_client import Datadog, DatadogError
from .files import walk
from .queries import parse, without_variables
from .render import Desired
from .vocabulary import NAMESPACE, is_of_a_job

BATCH: Final = 20
NEEDS_TROUBLE: Final = frozenset({metrics.API_ERRORS, metrics.API_THROTTLES})
COUNTS: Final = frozenset(metrics.TRANSITION_COUNTS.values())

_SILENCE: Final = (
    'nothing of the integration arrived: see `agent status`, and whether the Agent sends to the site and organisation '
    'of these keys'
)
_LISTING: Final = 'sent only after jobs could be listed: see can_connect, and the Agent log for denied AWS calls'
_JOBS: Final = 'sent only while there is a job to report'
_CURVES: Final = 'sent only for jobs whose files in S3 are read, which is an option'
_TROUBLE: Final = 'sent only when AWS refuses or throttles a request'
_QUIET: Final = 'nothing happened to a job in this time'
_EVENTS: Final = (
    'jobs changed, but no event is there: see the option `events`, and events older than 18 hours are not sent'
)
_LATE: Final = 'not there yet: Datadog needs a minute or two, and the Agent one collection interval'


@dataclass(frozen=True, slots=True)
class Item:
    """One thing looked for. `is_expected` is whether its absence is a fault, `reason` why it may be absent."""

    kind: Literal['metric', 'events', 'widget']
    name: str
    has_arrived: bool
    is_expected: bool
    reason: str = ''


@dataclass(frozen=True, slots=True)
class Report:
    """What has arrived since a point in time."""

    since: datetime
    items: Sequence[Item]

    @property
    def missing(self) -> list[Item]:
        """The expected items that have not arrived."""
        return [item for item in self.items if item.is_expected and not item.has_arrived]


@dataclass(frozen=True, slots=True)
class Verifier:
    """Looks for data since `since`, within `scope`, a metric filter such as `region:us-east-1`."""

    datadog: Datadog
    names: Iterable[str]
    dashboards: Sequence[Desired]
    since: datetime
    scope: str = '*'

    def look(self) -> Report:
        """Return what has arrived so far."""
        names = sorted(self.names)
        asked = [
            _count(name, self.scope) if _plain(name) in COUNTS else f'avg:{name}{{{self.scope}}}' for name in names
        ]
        widgets = [(label, queries) for dashboard in self.dashboards for label, queries in widget_queries(dashboard)]
        extra = sorted({query for _, queries in widgets for query in queries})
        totals = self._totals([*asked, *extra])
        by_name = dict(zip(names, (totals.get(query) for query in asked), strict=True))
        found = {_plain(name) for name, total in by_name.items() if total is not None}
        happened = any((total or 0) > 0 for name, total in by_name.items() if _plain(name) in COUNTS)
        items = [self._metric(name, found) for name in names]
        items.append(self._events(happened, bool(found)))
        items += [self._widget(label, queries, totals, found) for label, queries in widgets]
        return Report(self.since, items)

    def _metric(self, name: str, found: set[str]) -> Item:
        plain = _plain(name)
        item = Item('metric', name, plain in found, not _is_occasional(plain))
        return item if item.has_arrived else replace(item, reason=_why(plain, found))

    def _events(self, happened: bool, found_any: bool) -> Item:
        query = f'source:{SOURCE}' + ('' if self.scope == '*' else ' ' + self.scope.replace(',', ' '))
        span = {'from': self.since.isoformat(), 'to': 'now', 'query': query}
        answer = self.datadog.call(self.datadog.events.search_events, body={'filter': span, 'page': {'limit': 1}})
        if answer.get('data'):
            return Item('events', query, True, True)
        reason = _EVENTS if happened else (_QUIET if found_any else _SILENCE)
        return Item('events', query, False, happened, reason)

    def _widget(self, label: str, queries: Sequence[str], totals: Mapping[str, float | None], found: set[str]) -> Item:
        arrived = any(totals.get(query) is not None for query in queries)
        used = {_plain(metric.name) for query in queries for metric in parse(query).metrics}
        filtered = any(metric.filters for query in queries for metric in parse(query).metrics)
        needed = not any(map(_is_occasional, used)) and not filtered
        if arrived:
            return Item('widget', label, True, needed)
        absent = sorted(used - found)
        reason = f'needs {", ".join(absent)}: {_why(absent[0], found)}' if absent else 'its filters match nothing'
        return Item('widget', label, False, needed, reason)

    def _totals(self, queries: Sequence[str]) -> dict[str, float | None]:
        """Return the sum of each query's results, or None for a query without results."""
        totals: dict[str, float | None] = {}
        for start in range(0, len(queries), BATCH):
            totals |= self._batch(queries[start : start + BATCH])
        return totals

    def _batch(self, batch: Sequence[str]) -> dict[str, float | None]:
        try:
            return self._ask(batch)
        except DatadogError as error:
            if error.status != 400:
                raise
        # A single query that Datadog rejects would hide the others, so split the batch.
        middle = len(batch) // 2
        return {**self._batch(batch[:middle]), **self._batch(batch[middle:])} if middle else {batch[0]: None}

    def _ask(self, batch: Sequence[str]) -> dict[str, float | None]:
        totals: dict[str, float | None] = dict.fromkeys(batch)
        attributes = {
            'from': int(self.since.timestamp() * 1000),
            'to': int(datetime.now(UTC).timestamp() * 1000),
            'queries': [
                {'data_source': 'metrics', 'name': f'q{position}', 'query': query}
                for position, query in enumerate(batch)
            ],
        }
        body = {'data': {'type': 'timeseries_request', 'attributes': attributes}}
        answer = self.datadog.call(self.datadog.metrics.query_timeseries_data, body=body)
        shown = (answer.get('data') or {}).get('attributes') or {}
        for series, values in zip(shown.get('series') or [], shown.get('values') or [], strict=False):
            numbers = [value for value in values if value is not None]
            if numbers:
                query = batch[series.get('query_index', 0)]
                totals[query] = (totals[query] or 0.0) + sum(numbers)
        return totals


def wait(
    verifier: Verifier,
    patience: timedelta,
    pause: Callable[[float], None],
    interval: float,
    tell: Callable[[Report, float], None],
) -> Report:
    """Look again until everything has arrived or `patience` is over; call `tell` with each report and seconds left."""
    deadline = datetime.now(UTC) + patience
    while True:
        report = verifier.look()
        left = (deadline - datetime.now(UTC)).total_seconds()
        if not report.missing or left <= 0:
            return report
        tell(report, left)
        pause(min(interval, left))


def widget_queries(dashboard: Desired) -> Iterator[tuple[str, list[str]]]:
    """Yield each widget's title and metric queries, with template variables matching everything."""
    for _, value in walk(dashboard.body.get('widgets')):
        definition = value.get('definition') if isinstance(value, Mapping) else None
        if not isinstance(definition, Mapping) or definition.get('type') == 'group':
            continue
        queries = [
            without_variables(str(one['query']))
            for _, one in walk(definition.get('requests'))
            if isinstance(one, Mapping) and one.get('data_source') == 'metrics' and 'query' in one
        ]
        if queries:
            yield f'{dashboard.title}: {definition.get("title") or definition.get("type")}', queries


def _count(name: str, scope: str) -> str:
    return f'sum:{name}{{{scope}}}.as_count()'


def _is_occasional(name: str) -> bool:
    return name in NEEDS_TROUBLE or is_of_a_job(name)


def _plain(name: str) -> str:
    return name.removeprefix(NAMESPACE)


def _why(name: str, found: set[str]) -> str:
    if not found:
        return _SILENCE
    if name in NEEDS_TROUBLE:
        return _TROUBLE
    if name.startswith(('job.curve.', 'job.records.')):
        return _CURVES
    if is_of_a_job(name):
        return _JOBS
    return _LATE if metrics.JOBS in found else _LISTING


def parse_span(text: str) -> timedelta:
    """Return a time span such as `90s`, `15m`, `2h` or `1d`. Raises ValueError for anything else."""
    units: dict[str, Any] = {'s': 'seconds', 'm': 'minutes', 'h': 'hours', 'd': 'days'}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdigit() or int(number) == 0:
        raise ValueError(f'{text!r} is no span such as 15m or 2h')
    return timedelta(**{units[unit]: int(number)})
