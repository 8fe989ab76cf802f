"""Reads comma-separated numbers from a stream of bytes, line by line, in bounded memory whatever the file holds."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

MAX_LINE: Final = 64 * 1024
MAX_COLUMNS: Final = 256
BYTE_ORDER_MARK: Final = '\ufeff'


@dataclass(frozen=True, slots=True)
class Table:
    """A file's column positions by lower-case name, and its rows, which can be iterated once."""

    columns: Mapping[str, int]
    rows: Iterator[list[str]]

    def position(self, *names: str) -> int | None:
        """Return the position of the first of these columns that the file has, or None if it has none."""
        return next((self.columns[name] for name in names if name in self.columns), None)


def read_table(chunks: Iterable[bytes], *, is_complete: bool) -> Table:
    """Read a table whose first non-blank line names the columns. Of columns with the same name, the first is used.

    Pass `is_complete=False` for a file that is still growing: its last line is ignored unless it ends with a line end.
    """
    found = lines(chunks, is_complete=is_complete)
    header = next(found, '').removeprefix(BYTE_ORDER_MARK)
    columns: dict[str, int] = {}
    for position, name in enumerate(_fields(header)[:MAX_COLUMNS]):
        if name.strip():
            columns.setdefault(name.strip().lower(), position)
    return Table(columns, (_fields(line) for line in found))


def lines(chunks: Iterable[bytes], *, is_complete: bool) -> Iterator[str]:
    """Yield non-blank lines without their line ends (LF or CRLF), skipping lines longer than 64 KiB."""
    pending, is_too_long = b'', False
    for chunk in chunks:
        *whole, rest = chunk.split(b'\n')
        for part in whole:
            line = pending + part
            if not is_too_long and len(line) <= MAX_LINE and line.strip():
                yield line.decode(errors='replace').rstrip('\r')
            pending, is_too_long = b'', False
        pending += rest
        if len(pending) > MAX_LINE:
            pending, is_too_long = b'', True
    if is_complete and not is_too_long and pending.strip():
        yield pending.decode(errors='replace').rstrip('\r')


def cell(row: list[str], position: int | None) -> str:
    """Return the text of a row at a position, or an empty string if there is none."""
    return row[position] if position is not None and position < len(row) else ''


def number(text: str) -> float | None:
    """Return the number in a cell, which may be NaN or infinite, or None if it holds none."""
    try:
        return None if '_' in text else float(text)
    except ValueError:
        return None


def finite_number(text: str) -> float | None:
    """Return the finite number in a cell, or None if it holds none."""
    value = number(text)
    return value if value is not None and isfinite(value) else None


def _fields(line: str) -> list[str]:
    if '"' not in line:
        return line.split(',')
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []
