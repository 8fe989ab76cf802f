"""The result of a query, in the same form from the local PostgreSQL and from Datadog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result. `type` is DDSQL's name; values have the form that Datadog's API sends, see `Result`."""

    name: str
    type: str
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a query, column by column, as DDSQLApi of datadog-api-client returns it.

    TIMESTAMP values are milliseconds since the epoch, JSON and HSTORE values are JSON as text, BIGINT and DECIMAL are
    numbers, INTERVAL is milliseconds. None is NULL. `warnings` say why something may be missing.
    """

    columns: list[Column]
    warnings: list[str] = field(default_factory=list)

    @property
    def row_count(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as tuples, since columns may share a name."""
        yield from zip(*(column.values for column in self.columns), strict=True)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as dictionaries by column name."""
        names = [column.name for column in self.columns]
        for row in self.rows():
            yield dict(zip(names, row, strict=True))
