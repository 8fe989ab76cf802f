"""The shipped assets, and every query in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bedrock_jobs.preview.evaluate import metrics_of
from bedrock_jobs.preview.language import (
    Filter,
    Metric,
    parse_expression,
    parse_monitor,
    parse_search,
)
from tests.paths import ROOT

ASSETS: Final = ROOT / 'assets'
DASHBOARDS: Final = sorted((ASSETS / 'dashboards').glob('*.json'))
MONITORS: Final = sorted((ASSETS / 'monitors').glob('*.json'))
SLOS: Final = sorted((ASSETS / 'slos').glob('*.json'))
METRIC_MONITORS: Final = [path for path in MONITORS if path.stem != 'job_failed_with_message']


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    return document


def stem(path: Path) -> str:
    return path.stem


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


def metrics(path: Path) -> list[Metric]:
    """Return every metric that an asset asks for."""
    document = load(path)
    if path in DASHBOARDS:
        queries = [one['query'] for one in walk(document) if one.get('data_source') == 'metrics']
        return [metric for query in queries for metric in metrics_of(parse_expression(query))]
    definition = document['definition']
    if path in SLOS:
        return [metric for query in definition['query'].values() for metric in metrics_of(parse_expression(query))]
    return metrics_of(parse_monitor(definition['query']).expression) if path in METRIC_MONITORS else []


def searches(path: Path) -> list[Filter]:
    """Return every search for events of a dashboard."""
    return [parse_search(one['query_string']) for one in walk(load(path)) if one.get('data_source') == 'event_stream']


def conditions(filters: Filter) -> Iterator[Filter]:
    """Yield the conditions on single tags, and the template variables, of a filter."""
    if filters.kind in ('tag', 'variable'):
        yield filters
    for part in filters.parts:
        yield from conditions(part)
