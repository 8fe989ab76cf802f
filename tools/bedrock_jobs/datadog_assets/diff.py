"""Finds where an object in Datadog differs from the desired body, ignoring what Datadog or people have added.

Datadog adds some twenty fields to what it is sent, turns `metric alert` into `query alert`, reorders tags and drops
empty values, so comparing whole bodies would always find a difference. Only the values that we set are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from . import handles
from .files import Kind

SAME_TYPE: Final = {'metric alert': 'query alert'}
_EMPTY: Final[tuple[Any, ...]] = (None, [], {}, '')
# Datadog leaves this out of its answer because it is the default.
_IMPLIED: Final = {'$.options.on_missing_data': 'default'}


class Change(NamedTuple):
    """A value that differs from the desired one."""

    path: str
    before: Any
    after: Any


def changes(kind: Kind, desired: Mapping[str, Any], remote: Mapping[str, Any]) -> list[Change]:
    """Return what has to change in Datadog, or an empty list if everything is as desired."""
    found: list[Change] = []
    for key, value in desired.items():
        found += _COMPARE_BY.get((kind, key), _subset)(f'$.{key}', value, remote.get(key))
    return found


def needs_replacement(kind: Kind, desired: Mapping[str, Any], remote: Mapping[str, Any]) -> bool:
    """Whether Datadog cannot turn one into the other: the type of a monitor or SLO cannot be changed."""
    key = 'layout_type' if kind == 'dashboard' else 'type'
    return bool(_type(desired.get(key)) != _type(remote.get(key)))


def merged(kind: Kind, desired: Mapping[str, Any], remote: Mapping[str, Any], *, force: bool = False) -> dict[str, Any]:
    """Return a body that updates a remote object to the desired state and keeps what people have added to it.

    An update replaces the whole object. These are kept: a monitor's muting, draft status, notification handles and
    tags; an SLO's tags; a dashboard's saved views, notified people and team tags. `force` drops handles and tags.
    """
    body = dict(desired)
    if not force:
        tags = list(dict.fromkeys([*(desired.get('tags') or []), *(remote.get('tags') or [])]))
        if tags:
            body['tags'] = tags
    if kind == 'monitor':
        if not force:
            body['message'] = handles.carry_over(str(desired.get('message', '')), str(remote.get('message') or ''))
        silenced = (remote.get('options') or {}).get('silenced')
        if silenced:
            body['options'] = {**(desired.get('options') or {}), 'silenced': silenced}
        if remote.get('draft_status') == 'draft':
            body['draft_status'] = 'draft'
    elif kind == 'dashboard':
        for key in ('template_variable_presets', 'notify_list'):
            if not body.get(key) and remote.get(key):
                body[key] = remote[key]
    return body


def extras(kind: Kind, desired: Mapping[str, Any], remote: Mapping[str, Any]) -> list[Change]:
    """Return the handles and tags that people have added and that `force` would remove."""
    found = []
    ours = {tag.lower() for tag in desired.get('tags') or []}
    tags = sorted(tag for tag in remote.get('tags') or [] if tag.lower() not in ours)
    if tags:
        found.append(Change('$.tags', tags, None))
    if kind == 'monitor':
        wanted = {handle.name for handle in handles.find(str(desired.get('message', '')))}
        theirs = {handle.name for handle in handles.find(str(remote.get('message') or ''))} - wanted
        if theirs:
            found.append(Change('$.message', sorted(theirs), None))
    return found


def _type_change(path: str, desired: Any, remote: Any) -> Iterator[Change]:
    if _type(desired) != _type(remote):
        yield Change(path, remote, desired)


def _message_change(path: str, desired: Any, remote: Any) -> Iterator[Change]:
    ours = {handle.name for handle in handles.find(str(desired))}
    theirs = {handle.name for handle in handles.find(str(remote or ''))}
    if ours - theirs or handles.plain(str(desired)) != handles.plain(str(remote or '')):
        yield Change(path, remote, desired)


def _tag_change(path: str, desired: Any, remote: Any) -> Iterator[Change]:
    there = {tag.lower() for tag in remote or []}
    missing = [tag for tag in desired or [] if tag.lower() not in there]
    if missing:
        yield Change(path, None, missing)


def _subset(path: str, desired: Any, remote: Any) -> Iterator[Change]:
    if desired is None or (desired in _EMPTY and remote in _EMPTY) or _IMPLIED.get(path) == desired:
        return
    if path.endswith('_display'):
        return
    if isinstance(desired, Mapping) and isinstance(remote, Mapping):
        for key, value in desired.items():
            yield from _subset(f'{path}.{key}', value, remote.get(key))
    elif isinstance(desired, list) and isinstance(remote, list):
        yield from _list_changes(path, desired, remote)
    elif not _equal(desired, remote):
        yield Change(path, remote, desired)


def _list_changes(path: str, desired: list[Any], remote: list[Any]) -> Iterator[Change]:
    for position, value in enumerate(desired):
        place = f'{path}[{position}]'
        if position < len(remote):
            yield from _subset(place, value, remote[position])
        else:
            yield Change(place, None, value)
    for position in range(len(desired), len(remote)):
        yield Change(f'{path}[{position}]', remote[position], None)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return float(one) == float(other)
    return bool(one == other)


def _type(name: Any) -> Any:
    return SAME_TYPE.get(name, name)


_COMPARE_BY: Final[dict[tuple[str, str], Any]] = {
    ('monitor', 'type'): _type_change,
    ('monitor', 'message'): _message_change,
    ('monitor', 'tags'): _tag_change,
    ('slo', 'tags'): _tag_change,
    ('dashboard', 'tags'): _tag_change,
}
