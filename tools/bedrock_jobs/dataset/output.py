"""Writes a result as a readable table, CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO

from .result import Column, Result

if TYPE_CHECKING:
    from rich.table import Table


class Format(StrEnum):
    """The output format of a result."""

    TABLE = 'table'
    CSV = 'csv'
    JSON = 'json'
    RECORDS = 'records'
    JSONL = 'jsonl'
    PARQUET = 'parquet'

    @classmethod
    def of_file(cls, name: str) -> Format:
        """Return the format that a file's name ends with, or a table."""
        ending = name.rpartition('.')[2].lower()
        return cls(ending) if ending in (cls.CSV, cls.JSON, cls.JSONL, cls.PARQUET) else cls.TABLE


def shown(value: Any, kind: str) -> str:
    """Return a value as text for tables and CSV: times in ISO 8601 and UTC, NULL as an empty string."""
    if value is None:
        return ''
    if kind == 'TIMESTAMP':
        moment = as_time(value)
        return moment.isoformat(timespec='milliseconds' if moment.microsecond else 'seconds').replace('+00:00', 'Z')
    if kind == 'INTERVAL':
        return str(timedelta(milliseconds=value))
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def as_time(milliseconds: int) -> datetime:
    """Return a TIMESTAMP value as a time zone aware datetime."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def to_csv(result: Result, *, for_spreadsheets: bool = False) -> str:
    """Return a result as CSV with a header line.

    `for_spreadsheets` puts a ' before texts that a spreadsheet would take for a formula; programs would read it too.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    safe = _no_formula if for_spreadsheets else str
    writer.writerow(safe(column.name) for column in result.columns)
    for values in result.rows():
        cells = zip(values, result.columns, strict=True)
        writer.writerow((safe if isinstance(value, str) else str)(shown(value, one.type)) for value, one in cells)
    return text.getvalue()


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(('=', '+', '-', '@', '\t', '\r')) else text


def to_json(result: Result) -> str:
    """Return a result as JSON in DDSQLApi's format: column by column, times in milliseconds since the epoch."""
    document = {
        'state': 'completed',
        'columns': [{'name': one.name, 'type': one.type, 'values': one.values} for one in result.columns],
        'warnings': result.warnings,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + '\n'


def to_records(result: Result) -> str:
    """Return a result as a JSON array with an object for each row."""
    return json.dumps(list(_records(result)), ensure_ascii=False, indent=2) + '\n'


def to_jsonl(result: Result) -> str:
    """Return a result as JSON lines, with an object for each row."""
    return ''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in _records(result))


def _records(result: Result) -> Iterator[dict[str, Any]]:
    """Yield rows by the columns' names: times in ISO 8601, JSON and tags as objects, numbers as they are."""
    names = _distinct([column.name for column in result.columns])
    for values in result.rows():
        cells = zip(names, values, result.columns, strict=True)
        yield {name: _member(value, column.type) for name, value, column in cells}


def _member(value: Any, kind: str) -> Any:
    if kind in ('TIMESTAMP', 'INTERVAL'):
        return None if value is None else shown(value, kind)
    if kind in ('JSON', 'HSTORE') and isinstance(value, str):
        return json.loads(value)
    return value


def to_table(result: Result) -> Table:
    """Return a result as a terminal table; markup and control characters in its values have no effect."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column in result.columns:
        is_number = column.type in ('BIGINT', 'DECIMAL')
        table.add_column(Text(printable(column.name)), justify='right' if is_number else 'left', overflow='fold')
    for values in result.rows():
        cells = (shown(value, column.type) for value, column in zip(values, result.columns, strict=True))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def printable(text: str) -> str:
    """Return a text without control characters, which could affect the terminal that shows it."""
    return ''.join(character if character.isprintable() or character == '\n' else '\ufffd' for character in text)


def write_parquet(result: Result, target: BinaryIO) -> None:
    """Write a result as Parquet. Columns that share a name are numbered. Raises ModuleNotFoundError without pyarrow."""
    import pyarrow
    from pyarrow import parquet

    names = _distinct([column.name for column in result.columns])
    arrays = [pyarrow.array(_for_arrow(column), type=_arrow_type(column.type)) for column in result.columns]
    parquet.write_table(pyarrow.table(arrays, names=names), target)


def _distinct(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f'{name}_{seen[name]}')
    return distinct


def _for_arrow(column: Column) -> list[Any]:
    if column.type == 'DECIMAL':
        return [None if value is None else float(value) for value in column.values]
    if column.type == 'DECIMAL[]':
        return [None if one is None else [None if v is None else float(v) for v in one] for one in column.values]
    return column.values


def _arrow_type(kind: str) -> Any:
    import pyarrow

    if kind.endswith('[]'):
        return pyarrow.list_(_arrow_type(kind.removesuffix('[]')))
    types = {
        'BIGINT': pyarrow.int64(),
        'DECIMAL': pyarrow.float64(),
        'BOOLEAN': pyarrow.bool_(),
        'TIMESTAMP': pyarrow.timestamp('ms', tz='UTC'),
        'INTERVAL': pyarrow.duration('ms'),
    }
    return types.get(kind, pyarrow.string())
