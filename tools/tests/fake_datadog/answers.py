"""What a handler may answer with instead of a JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Refused(Exception):  # noqa: N818
    """An answer that is no success. Raised by handlers, and listed by tests to inject faults."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def bad(*messages: str) -> Refused:
    return Refused(400, {'errors': list(messages)})


def missing(what: str) -> Refused:
    return Refused(404, {'errors': [f'{what} not found']})


@dataclass(frozen=True)
class Accepted:
    """A success with another status than 200, or with an empty body."""

    status: int
    body: Any = None
