"""Writes the assets as Terraform configuration, for people who deploy with Datadog's provider."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from . import ownership
from .errors import AssetsError
from .render import PLACEHOLDER, Desired

PROVIDER: Final = {'terraform': {'required_providers': {'datadog': {'source': 'DataDog/datadog'}}}}
_RESOURCES: Final = {'monitor': 'datadog_monitor_json', 'dashboard': 'datadog_dashboard_json'}


def export(desired: Iterable[Desired]) -> dict[str, Any]:
    """Return a document for a `.tf.json` file: JSON resources for monitors and dashboards, native ones for SLOs.

    References between them become Terraform references. Our ownership markers are left out: Terraform owns what it
    creates, and `bedrock-jobs assets` does not touch it.
    """
    resources: dict[str, dict[str, Any]] = {}
    for one in desired:
        body = _without_marker(one)
        if one.kind == 'slo':
            resources.setdefault('datadog_service_level_objective', {})[one.stem] = _slo(body)
        else:
            text = json.dumps(body, ensure_ascii=False)
            resources.setdefault(_RESOURCES[one.kind], {})[one.stem] = {one.kind: _referring(text)}
    return {**PROVIDER, 'resource': resources}


def _slo(body: Mapping[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = {
        'name': _literal(str(body['name'])),
        'type': body['type'],
        'description': _literal(str(body.get('description') or '')),
        'tags': list(body.get('tags') or []),
        'thresholds': [
            {key: value for key, value in threshold.items() if not key.endswith('_display')}
            for threshold in body.get('thresholds') or []
        ],
    }
    if body.get('query'):
        block['query'] = [{key: _literal(value) for key, value in body['query'].items()}]
    if body.get('monitor_ids'):
        block['monitor_ids'] = [_referring(str(id)) for id in body['monitor_ids']]
    if body.get('groups'):
        block['groups'] = list(body['groups'])
    if body.get('sli_specification'):
        block['sli_specification'] = [_nested(body['sli_specification'])]
    for key in ('timeframe', 'target_threshold', 'warning_threshold'):
        if body.get(key) is not None:
            block[key] = body[key]
    return block


def _nested(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return an SLI specification as the provider's blocks, which name `queries` and `formulas` differently."""
    if 'time_slice' not in specification:
        raise AssetsError('Of the SLI specifications, only time slices can be exported for Terraform.')
    time_slice = dict(specification['time_slice'])
    asked = time_slice['query']
    time_slice['query'] = [
        {
            'formula': [{'formula_expression': _literal(one['formula'])} for one in asked['formulas']],
            'query': [
                {
                    'metric_query': [
                        {
                            key: _literal(str(value))
                            for key, value in one.items()
                            if key in ('name', 'query', 'data_source', 'aggregator')
                        }
                    ]
                }
                for one in asked['queries']
            ],
        }
    ]
    return {'time_slice': [time_slice]}


def _without_marker(one: Desired) -> dict[str, Any]:
    body = dict(one.body)
    marks = set(ownership.tags(one.mark))
    if 'tags' in body:
        body['tags'] = [tag for tag in body['tags'] if tag not in marks]
    if one.kind == 'dashboard':
        body['description'] = ownership.undescribe(str(body.get('description') or ''))
    return body


def _referring(text: str) -> str:
    """Return text with placeholders as Terraform references and everything else as literals."""
    parts = re.split(f'({PLACEHOLDER.pattern})', text)
    # After each literal part, re.split returns the whole match and its two groups.
    built = [_literal(parts[0])]
    for position in range(1, len(parts), 4):
        kind, stem, after = parts[position + 1 : position + 4]
        resource = 'datadog_service_level_objective' if kind == 'slo' else _RESOURCES[kind]
        built += [f'${{{resource}.{stem}.id}}', _literal(after)]
    return ''.join(built)


def _literal(text: str) -> str:
    return text.replace('${', '$${').replace('%{', '%%{')
