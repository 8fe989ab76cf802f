"""Times and ids that Datadog would choose."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count


def now() -> str:
    return datetime.now(UTC).isoformat()


class Ids:
    """Numbers and hexadecimal ids, each given once."""

    def __init__(self) -> None:
        self._next = count(1001)

    def number(self) -> int:
        return next(self._next)

    def hexadecimal(self) -> str:
        return f'{next(self._next):032x}'

    def dashboard(self) -> str:
        return f'abc-def-{next(self._next)}'
