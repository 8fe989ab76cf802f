"""Writes files that only their owner may read: they hold external ids, or the names and data of customers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, TextIO

OWNER_ONLY = 0o600


def open_text(path: Path) -> TextIO:
    """Open a text file for writing; one that is made now has mode 0600. Raises OSError."""
    return open(path, 'w', encoding='utf-8', opener=_opener)


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for writing bytes; one that is made now has mode 0600. Raises OSError."""
    return open(path, 'wb', opener=_opener)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, with line ends as they are; one that is made now has mode 0600. Raises OSError."""
    with open_bytes(path) as file:
        file.write(text.encode())


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, OWNER_ONLY)
