"""Monitors, as the recordings show them."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from .answers import Refused, bad, missing
from .clock import Ids, now

Body = dict[str, Any]
_QUERY = re.compile(
    r'^(avg|sum|min|max|change|pct_change|percentile|last)\(.+\)\s*:.*\{.*\}.*(>|<|>=|<=)\s*(-?[\d.]+)\s*$', re.DOTALL
)


class Monitors:
    """Holds monitors by id."""

    def __init__(self, ids: Ids, is_needed: Any) -> None:
        self.all: dict[int, Body] = {}
        self._ids = ids
        self._is_needed = is_needed

    def create_monitor(self, body: Body) -> Body:
        self._check(body)
        for other in self.all.values():
            if all(other.get(key) == _stored(body).get(key) for key in ('name', 'query', 'type', 'message', 'tags')):
                raise bad(f'Duplicate of an existing monitor_id:{other["id"]} org_id:1')
        made = {
            **_stored(body),
            'id': self._ids.number(),
            'org_id': 1,
            'created': now(),
            'created_at': 1_790_000_000_000,
            'creator': {'email': 'someone@example.com', 'handle': 'someone@example.com', 'name': 'Someone'},
            'overall_state': 'No Data',
            'overall_state_modified': None,
            'restricted_roles': None,
            'draft_status': body.get('draft_status', 'published'),
            'assets': body.get('assets', []),
            'deleted': None,
        }
        self.all[made['id']] = made
        return _dressed(made)

    def update_monitor(self, body: Body, monitor_id: str) -> Body:
        old = self._get(monitor_id)
        if body.get('type') and _type(body['type']) != old['type']:
            raise bad('The value provided for parameter \'type\' is invalid: monitor type cannot be changed')
        self._check({**old, **body})
        kept = {key: old[key] for key in old if key not in ('options', 'message', 'tags', 'priority', 'query', 'name')}
        # The worst that an update can do: whatever it does not name is gone.
        self.all[old['id']] = {**kept, **_stored({**body, 'type': old['type']}), 'modified': now()}
        return _dressed(self.all[old['id']])

    def get_monitor(self, monitor_id: str) -> Body:
        return _dressed(self._get(monitor_id))

    def list_monitors(self, monitor_tags: str = '', page: str = '', page_size: str = '100', **_: str) -> list[Body]:
        wanted = {tag for tag in monitor_tags.split(',') if tag}
        found = [_dressed(one) for one in self.all.values() if wanted <= set(one.get('tags', []))]
        if page == '':
            return found
        start = int(page) * int(page_size)
        return found[start : start + int(page_size)]

    def delete_monitor(self, monitor_id: str, **_: str) -> Body:
        monitor = self._get(monitor_id)
        reason = self._is_needed(monitor['id'])
        if reason:
            raise Refused(409, {'errors': [reason]})
        del self.all[monitor['id']]
        return {'deleted_monitor_id': monitor['id']}

    def check_can_delete_monitor(self, monitor_ids: str) -> Body:
        reasons = {id: self._is_needed(int(id)) for id in monitor_ids.split(',')}
        wrong = {id: [reason] for id, reason in reasons.items() if reason}
        answer = {'data': {'ok': [int(id) for id in reasons if id not in wrong]}, 'errors': wrong or None}
        if wrong:
            raise Refused(409, answer)
        return answer

    def validate_monitor(self, body: Body) -> Body:
        self._check(body)
        return {}

    def validate_existing_monitor(self, body: Body, monitor_id: str) -> Body:
        self._get(monitor_id)
        self._check(body)
        return {}

    def _get(self, id: str) -> Body:
        try:
            return self.all[int(id)]
        except (KeyError, ValueError):
            raise missing('Monitor') from None

    def _check(self, body: Mapping[str, Any]) -> None:
        if _type(body['type']) == 'query alert':
            query = _QUERY.match(body['query'])
            if not query:
                raise bad("The value provided for parameter 'query' is invalid: invalid operator specified: ")
            critical = ((body.get('options') or {}).get('thresholds') or {}).get('critical')
            if critical is not None and float(critical) != float(query[3]):
                raise bad(
                    f'Alert threshold ({float(critical)}) does not match that used in the query ({float(query[3])}).'
                )
        priority = body.get('priority')
        if priority is not None and not 1 <= priority <= 5:
            raise bad("The value provided for parameter 'priority' is invalid: must be 1 to 5")


def _type(name: str) -> str:
    return 'query alert' if name == 'metric alert' else name


def _stored(body: Mapping[str, Any]) -> Body:
    stored = copy.deepcopy({key: value for key, value in body.items() if key not in ('id', 'created')})
    stored['type'] = _type(stored['type'])
    stored.setdefault('name', stored['query'])
    stored.setdefault('message', '')
    stored.setdefault('priority', None)
    options = stored.setdefault('options', {})
    if options.get('on_missing_data') == 'default':
        del options['on_missing_data']
    stored['tags'] = list(dict.fromkeys(stored.get('tags', [])))
    return stored


def _dressed(monitor: Body) -> Body:
    defaults = {
        'notify_audit': False,
        'locked': False,
        'include_tags': True,
        'new_host_delay': 300,
        'notify_no_data': False,
        'silenced': {},
    }
    shown = copy.deepcopy(monitor)
    shown['options'] = {**defaults, **shown['options']}
    shown['multi'] = ' by {' in shown['query']
    shown.setdefault('modified', shown['created'])
    return shown
