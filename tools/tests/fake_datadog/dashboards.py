"""Dashboards, as the recordings show them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from .answers import Refused, bad, missing
from .clock import Ids, now

Body = dict[str, Any]
_SUMMARY = (
    'id',
    'title',
    'description',
    'layout_type',
    'author_handle',
    'created_at',
    'modified_at',
    'url',
    'is_read_only',
)


class Dashboards:
    """Holds dashboards by id."""

    def __init__(self, ids: Ids) -> None:
        self.all: dict[str, Body] = {}
        self._ids = ids

    def create_dashboard(self, body: Body) -> Body:
        self._check(body)
        id = self._ids.dashboard()
        self.all[id] = self._stored(body, id, now())
        return copy.deepcopy(self.all[id])

    def update_dashboard(self, body: Body, dashboard_id: str) -> Body:
        old = self._get(dashboard_id)
        if old['is_read_only']:
            raise Refused(403, {'errors': ['This dashboard is read-only']})
        if body['layout_type'] != old['layout_type']:
            raise bad('layout_type cannot be changed')
        self._check(body)
        self.all[dashboard_id] = self._stored(body, dashboard_id, old['created_at'])
        return copy.deepcopy(self.all[dashboard_id])

    def get_dashboard(self, dashboard_id: str) -> Body:
        return copy.deepcopy(self._get(dashboard_id))

    def list_dashboards(self, count: str = '100', start: str = '0', **_: str) -> Body:
        found = [{key: one.get(key) for key in _SUMMARY} for one in self.all.values()]
        return {'dashboards': found[int(start) : int(start) + int(count)]}

    def delete_dashboard(self, dashboard_id: str) -> Body:
        self._get(dashboard_id)
        del self.all[dashboard_id]
        return {'deleted_dashboard_id': dashboard_id}

    def using(self, id: str) -> list[str]:
        return [key for key, one in self.all.items() if id in json.dumps(one['widgets'])]

    def _get(self, id: str) -> Body:
        if id not in self.all:
            raise missing(f'Dashboard with ID {id}')
        return self.all[id]

    def _check(self, body: Mapping[str, Any]) -> None:
        for tag in body.get('tags') or []:
            if not tag.startswith('team:'):
                raise bad('Invalid tag format. Valid tag keys are: team.')

    def _stored(self, body: Mapping[str, Any], id: str, created: str) -> Body:
        stored = copy.deepcopy(dict(body))
        self._number(stored['widgets'])
        for key in ('template_variables', 'notify_list', 'description', 'reflow_type'):
            stored[key] = stored.get(key) or None
        if stored['reflow_type'] is None:
            del stored['reflow_type']
        return {
            'restricted_roles': [],
            'is_read_only': False,
            'tags': [],
            **stored,
            'id': id,
            'author_handle': 'someone@example.com',
            'author_name': 'Someone',
            'url': f'/dashboard/{id}/a',
            'created_at': created,
            'modified_at': now(),
            'experience_type': 'default',
        }

    def _number(self, widgets: list[Body]) -> None:
        for widget in widgets:
            widget['id'] = self._ids.number()
            self._number(widget['definition'].get('widgets', []))
