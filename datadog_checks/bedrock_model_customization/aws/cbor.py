"""Detects truncated CBOR, which botocore accepts: it parses as much as there is, half a tag included."""

from __future__ import annotations

from typing import Final

BREAK: Final = 0xFF
INDEFINITE: Final = 31
MAX_DEPTH: Final = 64


def is_whole(body: bytes) -> bool:
    """Return whether a body is exactly one complete CBOR item."""
    try:
        return _end(body, 0, 0) == len(body)
    except (IndexError, ValueError):
        return False


def _end(body: bytes, at: int, depth: int) -> int:
    """Return the position after the item at `at`. Raises IndexError or ValueError if the item is incomplete."""
    if depth > MAX_DEPTH:
        raise ValueError('nested too deeply')
    major, info = body[at] >> 5, body[at] & 31
    at += 1
    if info == INDEFINITE and major in (2, 3, 4, 5):
        while body[at] != BREAK:
            at = _end(body, at, depth + 1)
        return at + 1
    if info > 27:
        raise ValueError('no item begins like this')
    size = 1 << (info - 24) if info >= 24 else 0
    argument = int.from_bytes(body[at : at + size]) if size else info
    at += size
    if major in (2, 3):
        at += argument
    elif major in (4, 5, 6):
        for _ in range({4: argument, 5: 2 * argument, 6: 1}[major]):
            at = _end(body, at, depth + 1)
    if at > len(body):
        raise ValueError('cut off')
    return at
