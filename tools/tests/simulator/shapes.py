"""Checks a document from the wire, member by member, against botocore's model of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

WIRE_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z')
TYPES = {'string': str, 'integer': int, 'long': int, 'float': (int, float), 'double': (int, float), 'boolean': bool}


def violations(shape: Shape, value: Any, path: str = '$') -> Iterator[str]:
    """Yield what the document has that the model does not allow, and what it lacks."""
    if isinstance(shape, StructureShape):
        yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _size(shape, value, path)
        for index, item in enumerate(value):
            yield from violations(shape.member, item, f'{path}[{index}]')
    elif isinstance(shape, MapShape):
        yield from _size(shape, value, path)
        for key, item in value.items():
            yield from violations(shape.key, key, f'{path} key')
            yield from violations(shape.value, item, f'{path}.{key}')
    elif shape.type_name == 'timestamp':
        if not isinstance(value, str) or not WIRE_TIME.fullmatch(value):
            yield f'{path}: {value!r} is not ISO 8601 with milliseconds and Z'
    else:
        yield from _scalar(shape, value, path)


def _structure(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'{path}: {value!r} is not an object'
        return
    names = {member.serialization.get('name', name): member for name, member in shape.members.items()}
    yield from (f'{path}.{name}: not in the model' for name in value.keys() - names.keys())
    yield from (f'{path}.{name}: required and missing' for name in set(shape.required_members) - value.keys())
    if shape.is_tagged_union and len(value) != 1:
        yield f'{path}: a union holds one member, not {sorted(value)}'
    for name in value.keys() & names.keys():
        yield from violations(names[name], value[name], f'{path}.{name}')


def _scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    expected = TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and shape.type_name != 'boolean'):
        yield f'{path}: {value!r} is not a {shape.type_name}'
        return
    if getattr(shape, 'enum', None) and value not in shape.enum:
        yield f'{path}: {value!r} is not one of {shape.enum}'
    pattern = shape.metadata.get('pattern')
    if pattern and not re.fullmatch(pattern, value):
        yield f'{path}: {value!r} does not match {pattern}'
    yield from _size(shape, value, path)


def _size(shape: Shape, value: Any, path: str) -> Iterator[str]:
    size = value if isinstance(value, (int, float)) else len(value)
    low, high = shape.metadata.get('min'), shape.metadata.get('max')
    if (low is not None and size < low) or (high is not None and size > high):
        yield f'{path}: {size} is not within {low} and {high}'


def differences(shape: Shape, wire: Any, parsed: Any, path: str = '$') -> Iterator[str]:
    """Yield where botocore's reading of a document differs from what was sent."""
    if isinstance(shape, StructureShape):
        if parsed.keys() - {'ResponseMetadata'} != wire.keys():
            yield f'{path}: {sorted(parsed)} read from {sorted(wire)}'
        for name in wire.keys() & parsed.keys():
            yield from differences(shape.members[name], wire[name], parsed[name], f'{path}.{name}')
    elif isinstance(shape, ListShape):
        if len(wire) != len(parsed):
            yield f'{path}: {len(parsed)} items read from {len(wire)}'
        for index, (sent, read) in enumerate(zip(wire, parsed, strict=False)):
            yield from differences(shape.member, sent, read, f'{path}[{index}]')
    else:
        sent = datetime.fromisoformat(wire) if shape.type_name == 'timestamp' else wire
        if sent != parsed:
            yield f'{path}: {parsed!r} read from {wire!r}'
