"""Checks the content of an SLO: targets in order, and a specification that fits its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .files import Asset
from .queries import parse
from .render import PLACEHOLDER
from .strict import Problem
from .vocabulary import Vocabulary

WRAPPER: Final = {'title': str, 'description': str, 'definition': dict}
NEEDS: Final = {
    'metric': ('query', 'sli_specification'),
    'monitor': ('monitor_ids',),
    'time_slice': ('sli_specification',),
}


def slo_problems(asset: Asset, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield the problems in an SLO's content."""
    for key, kind in WRAPPER.items():
        if not isinstance(asset.document.get(key), kind) or not asset.document[key]:
            yield Problem(f'$.{key}', 'is missing or of the wrong type')
    for key in asset.document.keys() - WRAPPER.keys():
        yield Problem(f'$.{key}', 'unknown property of an SLO file')
    body = asset.body
    needed = NEEDS.get(str(body.get('type')), ())
    if needed and not any(body.get(key) for key in needed):
        yield Problem('$.definition', f'an SLO of type {body["type"]} needs {" or ".join(needed)}')
    for key in {key for keys in NEEDS.values() for key in keys} - set(needed):
        if needed and body.get(key):
            yield Problem(f'$.definition.{key}', f'does not belong to an SLO of type {body["type"]}')
    for position, id in enumerate(_list(body.get('monitor_ids'))):
        if not isinstance(id, str) or not PLACEHOLDER.fullmatch(id):
            yield Problem(f'$.definition.monitor_ids[{position}]', 'is no placeholder such as {{monitor:job_failed}}')
    yield from _target_problems(body)
    yield from _query_problems(body, vocabulary)


def _target_problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    thresholds = _list(body.get('thresholds'))
    if not thresholds:
        yield Problem('$.definition.thresholds', 'is empty')
    frames = [one.get('timeframe') for one in thresholds if isinstance(one, Mapping)]
    if len(frames) != len(set(frames)):
        yield Problem('$.definition.thresholds', 'has a timeframe twice')
    for position, one in enumerate(thresholds):
        path = f'$.definition.thresholds[{position}]'
        if not isinstance(one, Mapping):
            continue
        target, warning = one.get('target'), one.get('warning')
        if isinstance(target, (int, float)) and not 0 < target < 100:
            yield Problem(f'{path}.target', f'{target} is not between 0 and 100')
        if isinstance(warning, (int, float)) and isinstance(target, (int, float)) and not target < warning < 100:
            yield Problem(f'{path}.warning', 'is not between target and 100')
    if body.get('timeframe') is not None and body['timeframe'] not in frames:
        yield Problem('$.definition.timeframe', 'is not among the thresholds')


def _query_problems(body: Mapping[str, Any], vocabulary: Vocabulary) -> Iterator[Problem]:
    query = body.get('query')
    if isinstance(query, Mapping):
        for part in ('numerator', 'denominator'):
            text = str(query.get(part, ''))
            path = f'$.definition.query.{part}'
            yield from vocabulary.problems(parse(text), path)
            if text.count('.as_count()') < len(parse(text).metrics):
                yield Problem(path, 'lacks .as_count() on a metric')
    for kind, specification in _mapping(body.get('sli_specification')).items():
        asked = _mapping(_mapping(specification).get('query') if kind == 'time_slice' else specification)
        for position, one in enumerate(_list(asked.get('queries'))):
            path = f'$.definition.sli_specification.{kind}.queries[{position}].query'
            yield from vocabulary.problems(parse(str(_mapping(one).get('query', ''))), path)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
