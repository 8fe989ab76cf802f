"""Service level objectives, as the recordings show them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .answers import Refused, bad, missing
from .clock import Ids

Body = dict[str, Any]


class Slos:
    """Holds SLOs by id."""

    def __init__(self, ids: Ids, has_monitor: Any, dashboards_with: Any) -> None:
        self.all: dict[str, Body] = {}
        self._ids = ids
        self._has_monitor = has_monitor
        self._dashboards_with = dashboards_with

    def create_slo(self, body: Body) -> Body:
        self._check(body)
        made = {**_stored(body), 'id': self._ids.hexadecimal(), 'created_at': 1_790_000_000}
        self.all[made['id']] = made
        return self._answer([made])

    def update_slo(self, body: Body, slo_id: str) -> Body:
        old = self._get(slo_id)
        if body.get('type') != old['type']:
            raise bad('SLO type cannot be changed')
        self._check(body)
        self.all[slo_id] = {**_stored(body), 'id': slo_id, 'created_at': old['created_at']}
        return self._answer([self.all[slo_id]])

    def get_slo(self, slo_id: str, **_: str) -> Body:
        return {'data': self._answer([self._get(slo_id)])['data'][0], 'errors': None}

    def list_slos(self, tags_query: str = '', limit: str = '1000', offset: str = '0', **_: str) -> Body:
        if ',' in tags_query:
            raise bad('tags_query takes one tag')
        found = [one for one in self.all.values() if not tags_query or tags_query in one['tags']]
        page = found[int(offset) : int(offset) + int(limit)]
        counts = {'total_count': len(self.all), 'total_filtered_count': len(found)}
        return {**self._answer(page), 'metadata': {'page': counts}}

    def check_can_delete_slo(self, ids: str) -> Body:
        wrong = {
            id: f'{id} is on dashboards {self._dashboards_with(id)}'
            for id in ids.split(',')
            if self._dashboards_with(id)
        }
        answer = {'data': {'ok': [id for id in ids.split(',') if id not in wrong]}, 'errors': wrong}
        if wrong:
            raise Refused(409, answer)
        return answer

    def delete_slo(self, slo_id: str, force: str = '') -> Body:
        self._get(slo_id)
        if self._dashboards_with(slo_id) and force != 'true':
            raise Refused(409, {'data': [], 'errors': {slo_id: 'is on a dashboard'}})
        del self.all[slo_id]
        return {'data': [slo_id]}

    def monitor_users(self, monitor_id: int) -> list[str]:
        return [slo['name'] for slo in self.all.values() if monitor_id in slo.get('monitor_ids', [])]

    def _get(self, id: str) -> Body:
        if id not in self.all:
            raise missing('SLO')
        return self.all[id]

    def _check(self, body: Mapping[str, Any]) -> None:
        for id in body.get('monitor_ids', []):
            if not self._has_monitor(id):
                raise bad(f'monitor {id} does not exist')
        if body['type'] == 'monitor' and not body.get('monitor_ids'):
            raise bad('monitor_ids is required')
        for part in ('numerator', 'denominator'):
            if body.get('query') and '.as_count()' not in body['query'][part]:
                raise bad(f'{part} must be a count: use .as_count()')
        if not body['thresholds']:
            raise bad('thresholds is required')
        for threshold in body['thresholds']:
            if not 0 < threshold['target'] < 100 or threshold.get('warning', 100) <= threshold['target']:
                raise bad('threshold out of range')

    def _answer(self, found: list[Body]) -> Body:
        return {'data': [_dressed(one) for one in found], 'errors': []}


def _stored(body: Mapping[str, Any]) -> Body:
    stored = copy.deepcopy(dict(body))
    stored['tags'] = sorted(set(stored.get('tags', [])))
    if not stored.get('monitor_ids'):
        stored.pop('monitor_ids', None)
    return stored


def _dressed(slo: Body) -> Body:
    shown = copy.deepcopy(slo)
    first = shown['thresholds'][0]
    shown.setdefault('timeframe', first['timeframe'])
    shown.setdefault('target_threshold', first['target'])
    for threshold in shown['thresholds']:
        threshold['target'] = float(threshold['target'])
        threshold['target_display'] = f'{threshold["target"]:g}.'
    shown.setdefault('description', None)
    return {
        **shown,
        'type_id': 1,
        'monitor_tags': [],
        'modified_at': shown['created_at'],
        'creator': {'email': 'someone@example.com', 'handle': 'someone@example.com', 'name': 'Someone'},
    }
