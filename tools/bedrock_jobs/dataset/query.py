"""Runs a query on the table in PostgreSQL and returns the result in the form that Datadog's API uses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.types import TypeInfo
from psycopg.types.hstore import register_hstore
from psycopg.types.string import TextLoader

from ..errors import ToolError
from .columns import FULL_NAME
from .ddsql import Finding, lint, prepare
from .ddsql.shim import SHIM, STATEMENTS
from .ddsql.surface import SETTINGS
from .ddsql.text import position
from .result import Column, Result
from .rows import since_epoch


class Dialect(StrEnum):
    """How a query is interpreted: as Datadog or as PostgreSQL does."""

    DDSQL = 'ddsql'
    POSTGRES = 'postgres'


class TimeFrame(NamedTuple):
    """The times that `CURRENT_SETTING('dd.time_frame_start')` and `…_end` return. They are time zone aware."""

    start: datetime
    end: datetime

    @classmethod
    def last(cls, span: timedelta = timedelta(hours=1)) -> TimeFrame:
        """The given span up to now. The default of an hour is that of Datadog's editor."""
        now = datetime.now(UTC)
        return cls(now - span, now)


class QueryError(ToolError):
    """A query cannot be run: what is wrong with it, and where."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__('\n'.join(str(finding) for finding in findings))


# Keyed by PostgreSQL's type name. DDSQL has one type of each kind.
DDSQL_TYPES: Final = {
    'bool': 'BOOLEAN',
    'int2': 'BIGINT',
    'int4': 'BIGINT',
    'int8': 'BIGINT',
    'oid': 'BIGINT',
    'float4': 'DECIMAL',
    'float8': 'DECIMAL',
    'numeric': 'DECIMAL',
    'timestamp': 'TIMESTAMP',
    'timestamptz': 'TIMESTAMP',
    'date': 'TIMESTAMP',
    'interval': 'INTERVAL',
    'json': 'JSON',
    'jsonb': 'JSON',
    'hstore': 'HSTORE',
    'inet': 'INET',
    'cidr': 'INET',
}


def run(
    connection: psycopg.Connection[Any],
    query: str,
    *,
    dialect: Dialect = Dialect.DDSQL,
    time_frame: TimeFrame | None = None,
    row_limit: int | None = None,
) -> Result:
    """Run one read-only query and return its result. Raises QueryError.

    In the `ddsql` dialect, anything that DDSQL does not document is refused before PostgreSQL sees it, and PostgreSQL
    is made to follow DDSQL's semantics. In both dialects the transaction is read-only and rolled back.
    `row_limit` None means no limit.
    """
    findings = lint(query) if dialect is Dialect.DDSQL else []
    if findings:
        raise QueryError(findings)
    prepared = prepare(query) if dialect is Dialect.DDSQL else None
    warnings = _warnings(prepared.remote) if prepared else []
    if not prepared and not query.strip():
        raise QueryError([Finding(1, 1, 'there is no query')])
    with connection.transaction(force_rollback=True):
        _set_search_path(connection)
        if prepared:
            warnings += _install_shim(connection)
            _set_time_frame(connection, time_frame or TimeFrame.last())
        connection.execute('SET TRANSACTION READ ONLY')
        cursor = connection.cursor()
        for name in ('json', 'jsonb'):
            # Text is kept exactly: numbers keep their digits, objects their order.
            cursor.adapters.register_loader(name, TextLoader)
        try:
            # A prepared statement is a single statement, so no second one can leave the read-only transaction.
            cursor.execute(prepared.sql if prepared else query, prepare=True)
            if cursor.description is None:
                raise QueryError([Finding(1, 1, 'this gives no rows', 'SELECT')])
            rows = cursor.fetchmany(row_limit) if row_limit is not None else cursor.fetchall()
            if row_limit is not None and cursor.rowcount > row_limit:
                warnings.append(f'{cursor.rowcount} rows, of which the first {row_limit} are shown')
        except psycopg.Error as error:
            raise _explain(error, query, prepared.original if prepared else None) from error
        return Result(_columns(connection, cursor.description, rows), warnings)


def _warnings(remote: frozenset[str]) -> list[str]:
    elsewhere = sorted(remote - {'logs'})
    if elsewhere:
        names = ', '.join(f'dd.{name}' for name in elsewhere)
        raise QueryError([Finding(0, 0, f'only Datadog has the data of {names}: bedrock-jobs sql --remote')])
    return ['dd.logs has no rows here: only Datadog has the logs (bedrock-jobs sql --remote)'] if remote else []


def _set_search_path(connection: psycopg.Connection[Any]) -> None:
    """Make hstore's operators available whatever schema the extension was installed in."""
    connection.execute(
        "SELECT set_config('search_path', concat_ws(', ', %s::text, 'public', (SELECT quote_ident(nspname) FROM "
        "pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'hstore')), true)",
        (SHIM,),
    )
    info = TypeInfo.fetch(connection, 'hstore')
    if info:
        register_hstore(info, connection)


def _install_shim(connection: psycopg.Connection[Any]) -> list[str]:
    try:
        with connection.transaction():
            for statement in STATEMENTS:
                connection.execute(statement)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
        return [f'DDSQL functions that PostgreSQL lacks are missing here: {_message(error)}']
    except psycopg.Error as error:
        return [f'DDSQL functions that PostgreSQL lacks could not be added: {_message(error)}']
    return []


def _set_time_frame(connection: psycopg.Connection[Any], frame: TimeFrame) -> None:
    for name, moment in zip(SETTINGS, frame, strict=True):
        text = moment.astimezone(UTC).isoformat(' ', 'milliseconds')
        connection.execute('SELECT set_config(%s, %s, true)', (name, text))


def _message(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip() or type(error).__name__


def _explain(error: psycopg.Error, query: str, original: Any) -> QueryError:
    """Return PostgreSQL's error, and its position in the query as the user wrote it where PostgreSQL knows one."""
    hint = error.diag.message_hint
    if isinstance(error, psycopg.errors.UndefinedTable) and FULL_NAME in _message(error):
        hint = "make the table with 'bedrock-jobs dataset sync --dsn …'"
    message = f'{_message(error)} ({hint})' if hint else _message(error)
    if not error.diag.statement_position:
        # A value that PostgreSQL met while the query ran, such as a zero to divide by.
        return QueryError([Finding(0, 0, message)])
    offset = int(error.diag.statement_position) - 1
    return QueryError([Finding(*position(query, original(offset) if original else offset), message)])


def _columns(connection: psycopg.Connection[Any], description: list[psycopg.Column], rows: list[Any]) -> list[Column]:
    hstore = connection.adapters.types.get('hstore')
    names = {hstore.oid: 'HSTORE'} if hstore else {}
    columns = []
    for index, column in enumerate(description):
        kind = names.get(column.type_code) or _type_name(connection, column.type_code)
        columns.append(Column(column.name, kind, [wire_value(values[index], kind) for values in rows]))
    return columns


def _type_name(connection: psycopg.Connection[Any], oid: int) -> str:
    info = connection.adapters.types.get(oid)
    if info is None:
        return 'VARCHAR'
    name = DDSQL_TYPES.get(info.name, 'VARCHAR')
    return f'{name}[]' if oid == info.array_oid else name


def wire_value(value: Any, kind: str) -> Any:
    """Convert a value loaded by psycopg to the form in which Datadog's API would send it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if kind.endswith('[]') and isinstance(value, list):
        return [wire_value(item, kind.removesuffix('[]')) for item in value]
    if kind == 'HSTORE':
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return (int(value) if value == value.to_integral_value() else float(value)) if value.is_finite() else None
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, datetime):
        return since_epoch(value)
    if isinstance(value, date):
        return since_epoch(datetime.combine(value, time()))
    if isinstance(value, timedelta):
        return value // timedelta(milliseconds=1)
    return str(value)
