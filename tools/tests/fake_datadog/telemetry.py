"""Metrics, events and logs: what was sent, and the queries that find it again."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bedrock_jobs.datadog_assets.queries import Metric, parse

from .answers import Accepted, Refused, bad
from .clock import Ids

Body = dict[str, Any]
MAX_PAST = 18 * 3600


class Telemetry:
    """Keeps series, events and logs as they came."""

    def __init__(self, ids: Ids) -> None:
        self.series: list[Body] = []
        self.events: list[Body] = []
        self.logs: list[Body] = []
        self._ids = ids

    def submit_metrics(self, body: Body) -> Accepted:
        self.series += body['series']
        return Accepted(202, {'errors': []})

    def submit_log(self, body: list[Body], **_: str) -> Accepted:
        self.logs += body
        return Accepted(202, {})

    def create_event_v1(self, body: Body) -> Accepted:
        happened = body.get('date_happened', int(time.time()))
        if time.time() - happened > MAX_PAST:
            raise Refused(400, 'Event too far in the past', {'Content-Type': 'text/plain'})
        # Larger than 2^53: who reads it as a float gets another event.
        id = 2**60 + self._ids.number()
        event = {'tags': [], **body, 'date_happened': happened, 'id': id, 'id_str': str(id)}
        self.events.append(event)
        return Accepted(202, {'status': 'ok', 'event': event})

    def create_event_v2(self, body: Body) -> Accepted:
        attributes = body['data']['attributes']
        self.events.append(
            {
                'title': attributes['title'],
                'text': attributes.get('message', ''),
                'tags': attributes.get('tags', []),
                'date_happened': int(time.time()),
                'source_type_name': attributes.get('integration_id', ''),
            }
        )
        evt = {'id': str(self._ids.number()), 'uid': self._ids.hexadecimal()}
        data = {'type': 'event', 'attributes': {'attributes': {'evt': evt}}}
        return Accepted(202, {'data': data, 'links': {'self': 'https://example.com'}})

    def search_events(self, body: Body | None) -> Body:
        asked = (body or {}).get('filter', {})
        limit = (body or {}).get('page', {}).get('limit', 10)
        since, until = (_time(asked.get(key), default) for key, default in (('from', 'now-15m'), ('to', 'now')))
        words = asked.get('query', '*').split()
        found = [
            event
            for event in self.events
            if since <= event['date_happened'] <= until and all(_has(event, word) for word in words)
        ]
        return {'data': [_shown(event) for event in found[:limit]], 'meta': {'status': 'done'}}

    def query_timeseries_data(self, body: Body) -> Body:
        attributes = body['data']['attributes']
        times, series, values = [], [], []
        for position, query in enumerate(attributes['queries']):
            found = self._points(query['query'], attributes['from'] / 1000, attributes['to'] / 1000)
            if found is not None:
                times = [attributes['from']]
                series.append({'query_index': position, 'group_tags': [], 'unit': None})
                values.append([found])
        shown = {'series': series, 'times': times, 'values': values}
        return {'data': {'type': 'timeseries_response', 'attributes': shown}}

    def query_scalar_data(self, body: Body) -> Body:
        attributes = body['data']['attributes']
        columns = [
            {'name': query.get('name', 'a'), 'type': 'number', 'values': [value]}
            for query in attributes['queries']
            for value in [self._points(query['query'], attributes['from'] / 1000, attributes['to'] / 1000)]
        ]
        return {'data': {'type': 'scalar_response', 'attributes': {'columns': columns}}}

    def _points(self, text: str, since: float, until: float) -> float | None:
        query = parse(text)
        if query.faults:
            raise bad(f'Error parsing query: {query.faults[0]}')
        found = [
            point['value']
            for metric in query.metrics
            for one in self.series
            if one['metric'] == metric.name and _in_scope(one.get('tags', []), metric)
            for point in one['points']
            if since <= point['timestamp'] <= until
        ]
        return float(sum(found)) if found else None


def _in_scope(tags: list[str], metric: Metric) -> bool:
    folded = {tag.lower() for tag in tags}
    return all(f'{key}:{value}'.lower() in folded for key, value in metric.filters)


def _has(event: Mapping[str, Any], word: str) -> bool:
    if word == '*':
        return True
    key, _, value = word.partition(':')
    return value == event.get('source_type_name') if key == 'source' else word in event['tags']


def _time(text: str | None, default: str) -> float:
    text = text or default
    relative = re.fullmatch(r'now(?:-(\d+)([smhd]))?', text)
    if relative:
        unit = {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}.get(relative[2] or 's', 1)
        return time.time() - int(relative[1] or 0) * unit
    if text.isdigit():
        return int(text) / 1000
    return datetime.fromisoformat(text).timestamp()


def _shown(event: Mapping[str, Any]) -> Body:
    happened = datetime.fromtimestamp(event['date_happened'], UTC).isoformat()
    inner = {'title': event['title'], 'tags': event['tags'], 'source_type_name': event.get('source_type_name', '')}
    attributes = {'attributes': inner, 'message': event['text'], 'tags': event['tags'], 'timestamp': happened}
    return {'id': str(event.get('id_str', '1')), 'type': 'event', 'attributes': attributes}
