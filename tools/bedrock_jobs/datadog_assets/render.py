"""Builds the bodies to deploy to Datadog from asset files, the overlay and ownership markers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from . import handles, ownership
from .files import KINDS, Asset, Kind, walk
from .overlay import MonitorOverlay, Overlay
from .queries import with_threshold

PLACEHOLDER: Final = re.compile(r'\{\{(monitor|slo):([a-z0-9_]+)\}\}')
UNKNOWN_MONITOR: Final = 1
UNKNOWN_SLO: Final = '0' * 32

Ids = Mapping[tuple[str, str], int | str]
"""Ids in Datadog, by kind and file stem."""


@dataclass(frozen=True, slots=True)
class Desired:
    """One object to be deployed. Its body may hold placeholders such as `{{monitor:job_failed}}`."""

    kind: Kind
    stem: str
    mark: str
    title: str
    body: Mapping[str, Any]
    file: str

    @property
    def label(self) -> str:
        return f'{self.kind} {self.stem}'

    def resolved(self, ids: Ids) -> Desired:
        """Return a copy in which placeholders with known ids are replaced."""
        return replace(self, body=_fill(self.body, ids))


def render(assets: Iterable[Asset], overlay: Overlay) -> list[Desired]:
    """Return the objects to deploy, in order of creation. Disabled assets are left out."""
    wanted = [asset for asset in assets if overlay.is_enabled(asset.kind, asset.stem)]
    return [_render(asset, overlay) for kind in KINDS for asset in wanted if asset.kind == kind]


def references(body: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the path, kind and stem of each placeholder in a body."""
    for path, value in walk(body):
        if isinstance(value, str):
            for kind, stem in PLACEHOLDER.findall(value):
                yield path, kind, stem


def with_stand_ins(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with made-up ids in place of placeholders, so that its form can be checked."""
    ids: dict[tuple[str, str], int | str] = {
        (kind, stem): UNKNOWN_MONITOR if kind == 'monitor' else UNKNOWN_SLO for _, kind, stem in references(body)
    }
    filled: dict[str, Any] = _fill(body, ids)
    return filled


def _render(asset: Asset, overlay: Overlay) -> Desired:
    mark = ownership.marker(overlay.deployment, asset.stem)
    build = {'monitor': _monitor, 'slo': _slo, 'dashboard': _dashboard}[asset.kind]
    body = build(asset, overlay, mark)
    return Desired(asset.kind, asset.stem, mark, overlay.prefix + asset.title, body, asset.file)


def _monitor(asset: Asset, overlay: Overlay, mark: str) -> dict[str, Any]:
    own = overlay.monitor(asset.stem)
    body = asset.body
    body['name'] = overlay.prefix + asset.title
    body['tags'] = _tags(body, overlay, own.tags, mark)
    notified = overlay.handles if own.handles is None else own.handles
    body['message'] = handles.append(str(body.get('message') or ''), list(notified))
    if own.priority is not None:
        body['priority'] = own.priority
    return _with_thresholds(body, own)


def _with_thresholds(body: dict[str, Any], own: MonitorOverlay) -> dict[str, Any]:
    changed = own.thresholds.model_dump(exclude_unset=True)
    if not changed:
        return body
    options = dict(body.get('options') or {})
    merged = {**(options.get('thresholds') or {}), **changed}
    options['thresholds'] = {name: value for name, value in merged.items() if value is not None}
    body['options'] = options
    if changed.get('critical') is not None:
        body['query'] = with_threshold(str(body.get('query')), changed['critical'])
    return body


def _slo(asset: Asset, overlay: Overlay, mark: str) -> dict[str, Any]:
    own = overlay.slo(asset.stem)
    body = asset.body
    body['name'] = overlay.prefix + asset.title
    body['tags'] = _tags(body, overlay, own.tags, mark)
    if own.thresholds is not None:
        body['thresholds'] = [target.model_dump(exclude_none=True) for target in own.thresholds]
        for single in ('timeframe', 'target_threshold', 'warning_threshold'):
            body.pop(single, None)
    return body


def _dashboard(asset: Asset, overlay: Overlay, mark: str) -> dict[str, Any]:
    body = asset.body
    body['title'] = overlay.prefix + asset.title
    body['description'] = ownership.describe(str(body.get('description') or ''), mark)
    team = [f'team:{overlay.team}'] if overlay.team else []
    tags = [*(body.get('tags') or []), *team]
    if tags:
        body['tags'] = list(dict.fromkeys(tags))
    return body


def _tags(body: Mapping[str, Any], overlay: Overlay, own: Iterable[str], mark: str) -> list[str]:
    team = [f'team:{overlay.team}'] if overlay.team else []
    return list(dict.fromkeys([*(body.get('tags') or []), *overlay.tags, *own, *team, *ownership.tags(mark)]))


def _fill(value: Any, ids: Ids) -> Any:
    if isinstance(value, Mapping):
        return {
            key: [_number(one, ids) for one in item]
            if key == 'monitor_ids' and isinstance(item, list)
            else _fill(item, ids)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_fill(item, ids) for item in value]
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: str(ids.get((found[1], found[2]), found[0])), value)
    return value


def _number(value: Any, ids: Ids) -> Any:
    """Return a monitor's id as a number, which an SLO needs; dashboards need it as text."""
    found = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return ids.get((found[1], found[2]), value) if found else value
