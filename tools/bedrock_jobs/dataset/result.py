"""The answer to a query: the same from PostgreSQL here and from Datadog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result. `type` is DDSQL's name; values are as Datadog's API sends them, see `Result`."""

    name: str
    type: str
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a query, column by column, as DDSQLApi of datadog-api-client gives it.

    TIMESTAMP values are milliseconds since the epoch, JSON and HSTORE values are JSON as text, BIGINT and DECIMAL are
    numbers, INTERVAL is milliseconds. None is NULL. `warnings` tell why something may be missing.
    """

    columns: list[Column]
    warnings: list[str] = field(default_factory=list)

    @property
    def row_count(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows; columns may share a name."""
        yield from zip(*(column.values for column in self.columns), strict=True)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the rows by column name."""
        names = [column.name for column in self.columns]
        for row in self.rows():
            yield dict(zip(names, row, strict=True))
