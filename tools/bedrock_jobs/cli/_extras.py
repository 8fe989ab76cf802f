"""Says which extra to install when a library of it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a missing library into a message that names the extra it comes with."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"this needs the extra {name!r} ({error.name} is missing): pip install './tools[{name}]'"
        ) from error
