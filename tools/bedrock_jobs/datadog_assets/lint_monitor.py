"""Checks the content of a monitor: query and thresholds agree, the message can be filled in, no field is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from datadog_checks.bedrock_model_customization.telemetry.events import SOURCE

from . import handles
from .files import Asset
from .queries import monitor_faults, parse_monitor
from .strict import Problem
from .vocabulary import Vocabulary

WRAPPER: Final = {
    'version': int,
    'created_at': str,
    'last_updated_at': str,
    'title': str,
    'description': str,
    'tags': list,
    'definition': dict,
}
MAX_TITLE: Final = 80
MAX_DESCRIPTION: Final = 300
METRIC_TYPES: Final = ('metric alert', 'query alert')
_TAIL: Final = re.compile(r'(>=|<=|>|<)\s*(-?[\d.]+(?:e-?\d+)?)\s*$')
_FIELD: Final = re.compile(r'\{\{\s*([a-z_][\w.]*?)\.name\s*\}\}')
_CONDITION: Final = re.compile(r'\{\{\s*[#^]\s*(\w+)')
_EVENTS: Final = re.compile(r'^events\("(?P<search>[^"]*)"\)')
_CONDITIONS: Final = frozenset(
    'is_alert is_warning is_recovery is_alert_recovery is_warning_recovery is_alert_to_warning is_no_data '
    'is_no_data_recovery is_no_data_to_alert is_warning_to_alert is_priority is_unknown is_match is_exact_match '
    'is_renotify'.split()
)
_VALUES: Final = frozenset(
    'value threshold warn_threshold ok_threshold comparator first_triggered_at last_triggered_at '
    'triggered_duration_sec check_message'.split()
)


def monitor_problems(asset: Asset, vocabulary: Vocabulary, *, rendered: bool = False) -> Iterator[Problem]:
    """Yield the problems in a monitor's content. With `rendered` (overlay applied): no wrapper, handles allowed."""
    body = asset.body
    if not rendered:
        yield from _wrapper_problems(asset.document)
        if handles.find(str(body.get('message', ''))):
            yield Problem('$.definition.message', 'has a notification handle; those belong in an overlay')
        if f'integration:{SOURCE}' not in [str(tag).replace('-', '_') for tag in body.get('tags') or []]:
            yield Problem('$.definition.tags', f'lacks integration:{SOURCE}')
    priority = body.get('priority')
    if priority is not None and priority not in (1, 2, 3, 4, 5):
        yield Problem('$.definition.priority', f'{priority} is not 1 to 5')
    for tag in body.get('tags') or []:
        if not re.match(r'^[a-z][\w\-./]*(:[^\s,]+)?$', str(tag)):
            yield Problem('$.definition.tags', f'{tag!r} is no tag')
    if not str(body.get('name') or '').strip():
        yield Problem('$.definition.name', 'is empty')
    yield from _query_problems(body, vocabulary)
    yield from _threshold_problems(body)
    yield from _message_problems(body)
    yield from _option_problems(body)


def _wrapper_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    for key, kind in WRAPPER.items():
        if not isinstance(document.get(key), kind):
            yield Problem(f'$.{key}', 'is missing or of the wrong type')
    for key in document.keys() - WRAPPER.keys():
        yield Problem(f'$.{key}', 'unknown property of a monitor file')
    if document.get('version') != 2:
        yield Problem('$.version', 'is not 2')
    for key in ('created_at', 'last_updated_at'):
        try:
            date.fromisoformat(str(document.get(key)))
        except ValueError:
            yield Problem(f'$.{key}', 'is not a date such as 2026-01-31')
    title, description = str(document.get('title') or ''), str(document.get('description') or '')
    if not title or len(title) > MAX_TITLE or '{{' in title:
        yield Problem('$.title', f'must be 1 to {MAX_TITLE} characters without template variables')
    if not description or len(description) > MAX_DESCRIPTION:
        yield Problem('$.description', f'must be 1 to {MAX_DESCRIPTION} characters')
    if f'integration:{SOURCE.replace("_", "-")}' not in [str(t).replace('_', '-') for t in document.get('tags') or []]:
        yield Problem('$.tags', 'lacks the integration tag')


def _query_problems(body: Mapping[str, Any], vocabulary: Vocabulary) -> Iterator[Problem]:
    text, path = str(body.get('query', '')), '$.definition.query'
    if body.get('type') in METRIC_TYPES:
        monitor = parse_monitor(text)
        if monitor is None:
            yield Problem(path, 'is not of the form `avg(last_5m):query > 1`')
            return
        for fault in monitor_faults(monitor):
            yield Problem(path, fault)
        yield from vocabulary.problems(monitor.query, path)
        groups = {metric.group_by for metric in monitor.query.metrics}
        if len(groups) > 1:
            yield Problem(path, 'groups its metrics by different tags')
    elif body.get('type') == 'event-v2 alert':
        events = _EVENTS.match(text)
        if not events:
            yield Problem(path, 'is not of the form `events("...").rollup("count").last("5m") > 0`')
        elif f'source:{SOURCE}' not in events['search']:
            yield Problem(path, f'does not look for source:{SOURCE}')


def _threshold_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    thresholds = _of(body, 'options').get('thresholds')
    tail = _TAIL.search(str(body.get('query', '')))
    path = '$.definition.options.thresholds'
    if not isinstance(thresholds, Mapping) or not tail:
        if body.get('type') in (*METRIC_TYPES, 'event-v2 alert', 'log alert'):
            yield Problem(path, 'is missing, or the query compares with nothing')
        return
    values = {name: value for name, value in thresholds.items() if isinstance(value, (int, float))}
    critical, compared = values.get('critical'), float(tail[2])
    if critical is None or float(critical) != compared:
        yield Problem(f'{path}.critical', f'{critical} is not what the query compares with, {compared:g}')
        return
    # Flip the sign so that higher is always worse, whichever way the query compares.
    sign = 1 if tail[1].startswith('>') else -1
    order = [
        ('warning', 'critical', 'is not reached before critical'),
        ('critical_recovery', 'critical', 'is on the wrong side of critical'),
        ('warning_recovery', 'warning', 'is on the wrong side of warning'),
    ]
    for lower, upper, message in order:
        if lower in values and upper in values and sign * values[lower] >= sign * values[upper]:
            yield Problem(f'{path}.{lower}', message)
    if 'warning_recovery' in values and 'warning' not in values:
        yield Problem(f'{path}.warning_recovery', 'there is no warning to recover from')


def _message_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    message, path = str(body.get('message') or ''), '$.definition.message'
    if not message.strip():
        yield Problem(path, 'is empty')
    block = handles.unbalanced(message)
    if block:
        yield Problem(path, f'block {block} is not opened and closed in order')
    for condition in _CONDITION.findall(message):
        if condition not in _CONDITIONS:
            yield Problem(path, f'{condition} is no condition')
    warns = 'warning' in _of(_of(body, 'options'), 'thresholds')
    if not warns and '{{#is_warning}}' in message:
        yield Problem(path, 'speaks of a warning, but there is no warning threshold')
    if message.count('{{') != message.count('}}'):
        yield Problem(path, 'has {{ without }}')
    monitor = parse_monitor(str(body.get('query', '')))
    if monitor:
        keys = {key for metric in monitor.query.metrics for key in metric.group_by}
        for field in _FIELD.findall(message + str(body.get('name', ''))):
            if field not in keys and field not in _VALUES:
                yield Problem(path, f'{{{{{field}.name}}}} is empty: the query does not group by {field}')


def _option_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    options = _of(body, 'options')
    path = '$.definition.options'
    if options.get('notify_no_data') and not options.get('no_data_timeframe'):
        yield Problem(f'{path}.no_data_timeframe', 'is missing: notify_no_data needs it')
    if 'on_missing_data' in options and ('notify_no_data' in options or 'no_data_timeframe' in options):
        yield Problem(f'{path}.on_missing_data', 'excludes notify_no_data and no_data_timeframe')
    for key in ('silenced', 'locked'):
        if key in options:
            yield Problem(f'{path}.{key}', 'is for people to set in Datadog')
    interval = options.get('renotify_interval')
    if isinstance(interval, int) and interval < 0:
        yield Problem(f'{path}.renotify_interval', 'is negative')
    if options.get('renotify_statuses') and not interval:
        yield Problem(f'{path}.renotify_statuses', 'has no effect without renotify_interval')


def _of(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}
