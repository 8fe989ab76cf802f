"""Checks a JSON body against the models of `datadog_api_client`, more strictly than the client does.

The client sends unknown keys, unknown widgets and bad enum values unchanged; Datadog then refuses them, or draws
nothing. The rules are read from the models, so they always match the installed client.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from datadog_api_client.model_utils import ModelComposed, ModelNormal, ModelSimple, OpenApiModel

_NONE: Final = type(None)


class Problem(NamedTuple):
    """A problem at a path in a body, such as `$.widgets[0].definition.type`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f'{self.path}: {self.message}'


@dataclass(frozen=True, slots=True)
class _Property:
    types: tuple[Any, ...]
    limits: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Shape:
    properties: Mapping[str, _Property]
    required: frozenset[str]
    read_only: frozenset[str]
    others: tuple[Any, ...] | None
    """Types of properties that the model does not name; None if it allows none."""


def check(value: object, types: Iterable[Any], *, path: str = '$', writing: bool = True) -> list[Problem]:
    """Return the problems of a JSON value that should be one of `types`.

    `types` are in the form of the client's `openapi_types`: models, primitives, `[item]` and `{str: (item,)}`. With
    `writing`, properties that only Datadog may set are refused.
    """
    return list(_Checker(writing).one_of(value, tuple(types), path))


@dataclass(frozen=True, slots=True)
class _Checker:
    writing: bool

    def one_of(self, value: object, types: tuple[Any, ...], path: str) -> Iterator[Problem]:
        if len(types) == 1:
            yield from self.single(value, types[0], path)
            return
        likely = [kind for kind in types if _may_be(value, kind)]
        if not likely:
            yield Problem(path, _mismatch(value, types))
            return
        found = [list(self.single(value, kind, path)) for kind in likely]
        yield from min(found, key=len)

    def single(self, value: object, kind: Any, path: str) -> Iterator[Problem]:
        if isinstance(kind, list):
            yield from self.items(value, tuple(kind), path)
        elif isinstance(kind, dict):
            yield from self.entries(value, kind[str], path)
        elif issubclass(kind, ModelComposed):
            yield from self.one_of(value, tuple(kind._composed_schemas['oneOf']), path)
        elif issubclass(kind, ModelNormal):
            yield from self.model(value, kind, path)
        elif issubclass(kind, ModelSimple):
            yield from self.simple(value, kind, path)
        elif not _is(value, kind):
            yield Problem(path, f'must be {_name(kind)}, is {_shown(value)}')

    def items(self, value: object, types: tuple[Any, ...], path: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(path, f'must be a list, is {_shown(value)}')
            return
        for position, item in enumerate(value):
            yield from self.one_of(item, types, f'{path}[{position}]')

    def entries(self, value: object, types: tuple[Any, ...], path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(path, f'must be an object, is {_shown(value)}')
            return
        for key, item in value.items():
            yield from self.one_of(item, types, f'{path}.{key}')

    def model(self, value: object, kind: Any, path: str) -> Iterator[Problem]:
        if value is None and kind._nullable:
            return
        if not isinstance(value, dict):
            yield Problem(path, f'must be an object ({kind.__name__}), is {_shown(value)}')
            return
        shape = _shape(kind)
        for key in sorted(shape.required - value.keys()):
            yield Problem(f'{path}.{key}', f'is missing ({kind.__name__})')
        for key, item in value.items():
            known = shape.properties.get(key)
            if known is None and shape.others is None:
                yield Problem(f'{path}.{key}', f'unknown property ({kind.__name__}){_guess(key, shape.properties)}')
            elif known is None:
                yield from self.one_of(item, shape.others or (), f'{path}.{key}')
            elif self.writing and key in shape.read_only:
                yield Problem(f'{path}.{key}', 'only Datadog sets this')
            else:
                wrong = list(self.one_of(item, known.types, f'{path}.{key}'))
                yield from wrong or _out_of_range(item, known.limits, f'{path}.{key}')

    def simple(self, value: object, kind: type[ModelSimple], path: str) -> Iterator[Problem]:
        allowed = kind.allowed_values
        if allowed:
            if not isinstance(value, (str, int)) or isinstance(value, bool) or value not in allowed:
                yield Problem(path, _not_allowed(value, allowed))
            return
        wrong = list(self.one_of(value, tuple(kind.openapi_types['value']), path))
        yield from wrong or _out_of_range(value, kind.validations.get('value', {}), path)


@cache
def _shape(kind: Any) -> _Shape:
    names: Mapping[str, str] = kind.attribute_map
    types: Mapping[str, tuple[Any, ...]] = kind.openapi_types
    needed = [
        parameter.name
        for parameter in inspect.signature(kind.__init__).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    # Every model defaults to "any type"; only a model that sets this itself really accepts other properties.
    is_open = kind.additional_properties_type is not OpenApiModel.additional_properties_type
    return _Shape(
        properties={
            names[name]: _Property(tuple(kinds), kind.validations.get(name, {}))
            for name, kinds in types.items()
            if name in names
        },
        required=frozenset(names[name] for name in needed if name in names),
        read_only=frozenset(names[name] for name in kind.read_only_vars if name in names),
        others=tuple(kind.additional_properties_type) if is_open and kind.additional_properties_type else None,
    )


def _may_be(value: object, kind: Any) -> bool:
    """Whether a value could be of a kind: its JSON type fits, and no required enum contradicts it."""
    if isinstance(kind, list):
        return isinstance(value, list)
    if isinstance(kind, dict):
        return isinstance(value, dict)
    if issubclass(kind, ModelComposed):
        return any(_may_be(value, one) for one in kind._composed_schemas['oneOf'])
    if issubclass(kind, ModelSimple):
        return any(_may_be(value, one) for one in kind.openapi_types['value'])
    if issubclass(kind, ModelNormal):
        if not isinstance(value, dict):
            return value is None and bool(kind._nullable)
        return all(value[key] in allowed for key, allowed in _marks(kind).items() if _is_hashable(value.get(key)))
    return _is(value, kind)


@cache
def _marks(kind: Any) -> Mapping[str, frozenset[object]]:
    """Return the required enums of a model, such as a widget's `type`, which distinguish it from its siblings."""
    shape = _shape(kind)
    return {
        key: frozenset(known.types[0].allowed_values)
        for key, known in shape.properties.items()
        if key in shape.required and _is_enum(known.types)
    }


def _is_enum(types: tuple[Any, ...]) -> bool:
    kind = types[0]
    return len(types) == 1 and isinstance(kind, type) and issubclass(kind, ModelSimple) and bool(kind.allowed_values)


def _is_hashable(value: object) -> bool:
    return isinstance(value, (str, int))


def _mismatch(value: object, types: tuple[Any, ...]) -> str:
    """Return why a value is none of several kinds, in terms of their shared enum if they all have one."""
    models: list[Any] = list(_models(types))
    if isinstance(value, dict) and models:
        shared = set.intersection(*(set(_marks(model)) for model in models))
        for key in sorted(shared):
            allowed = frozenset[object]().union(*(_marks(model)[key] for model in models))
            if _is_hashable(value.get(key)) and value[key] not in allowed:
                return f'{key} {_not_allowed(value[key], allowed)}'
        return f'is none of {", ".join(model.__name__ for model in models)}'
    return f'must be {" or ".join(sorted({_name(kind) for kind in types}))}, is {_shown(value)}'


def _models(types: Iterable[Any]) -> Iterator[type[ModelNormal]]:
    for kind in types:
        if isinstance(kind, type) and issubclass(kind, ModelComposed):
            yield from _models(kind._composed_schemas['oneOf'])
        elif isinstance(kind, type) and issubclass(kind, ModelNormal):
            yield kind


def _is(value: object, kind: type) -> bool:
    if kind is _NONE:
        return value is None
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in (datetime, date):
        return isinstance(value, str) and _parses(datetime.fromisoformat, value)
    if kind is UUID:
        return isinstance(value, str) and _parses(UUID, value)
    return isinstance(value, kind)


def _parses(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _out_of_range(value: Any, limits: Mapping[str, Any], path: str) -> Iterator[Problem]:
    if value is None:
        return
    if isinstance(value, (str, list, dict)):
        unit = 'characters' if isinstance(value, str) else 'items'
        for name in ('max_length', 'max_items'):
            if len(value) > limits.get(name, math.inf):
                yield Problem(path, f'has {len(value)} {unit}, more than {limits[name]}')
        for name in ('min_length', 'min_items'):
            if len(value) < limits.get(name, 0):
                yield Problem(path, f'has {len(value)} {unit}, fewer than {limits[name]}')
    if isinstance(value, str) and 'regex' in limits and not re.search(limits['regex']['pattern'], value):
        yield Problem(path, f'{_shown(value)} does not match {limits["regex"]["pattern"]}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        too_low = value < limits.get('inclusive_minimum', -math.inf) or value <= limits.get(
            'exclusive_minimum', -math.inf
        )
        too_high = value > limits.get('inclusive_maximum', math.inf) or value >= limits.get(
            'exclusive_maximum', math.inf
        )
        if too_low or too_high:
            bounds = ', '.join(f'{name.replace("_", " ")} {limit}' for name, limit in sorted(limits.items()))
            yield Problem(path, f'{value} is out of range ({bounds})')


def _not_allowed(value: object, allowed: Iterable[object]) -> str:
    choices = sorted(map(str, allowed))
    shown = ', '.join(choices[:12]) + (', ...' if len(choices) > 12 else '')
    return f'{_shown(value)} is not one of {shown}{_guess(str(value), choices)}'


def _guess(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1, cutoff=0.75)
    return f'; did you mean {close[0]}?' if close else ''


def _name(kind: Any) -> str:
    if isinstance(kind, (list, dict)):
        return 'a list' if isinstance(kind, list) else 'an object'
    names = {str: 'text', int: 'a whole number', float: 'a number', bool: 'true or false', _NONE: 'null'}
    return names.get(kind) or ('a time' if kind in (datetime, date) else kind.__name__)


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return 'an object' if isinstance(value, dict) else 'a list'
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + '...'
