"""The table in PostgreSQL, created and updated by numbered migrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg import sql

from ..errors import ToolError
from .columns import DESCRIPTIONS, FULL_NAME, SCHEMA, SQL_TYPES, TABLE, TABLE_DESCRIPTION, TYPES

BOOKS: Final = 'bedrock_jobs'
"""Our own schema, for the schema version and fingerprints. Of ours, `aws` holds only the table."""

# Concurrent syncs of one database wait for each other, even while one of them creates the tables.
LOCK: Final = 0x6265_6472_6F63_6B6A


class SchemaError(ToolError):
    """The database cannot hold the table. The message says why and what to do."""


def _create_table() -> str:
    columns = ', '.join(
        f'{name} {SQL_TYPES[kind]}{" PRIMARY KEY" if name == "_key" else ""}' for name, kind in TYPES.items()
    )
    return f'CREATE TABLE {FULL_NAME} ({columns})'


MIGRATIONS: Final[Mapping[int, tuple[str, ...]]] = {
    1: (
        f'CREATE SCHEMA IF NOT EXISTS {SCHEMA}',
        _create_table(),
        f'CREATE INDEX {TABLE}_creation_time ON {FULL_NAME} (creation_time)',
        f'CREATE INDEX {TABLE}_status ON {FULL_NAME} (status, end_time)',
        f'CREATE INDEX {TABLE}_account_id ON {FULL_NAME} (account_id)',
        f'CREATE TABLE {BOOKS}.synced (key text PRIMARY KEY, fingerprint bigint NOT NULL)',
        f"COMMENT ON TABLE {BOOKS}.synced IS 'What each row was last written from; a row without it is written again.'",
    ),
}
"""What each version of the schema changed. Never edit a released version."""


def prepare(connection: psycopg.Connection[Any], migrations: Mapping[int, tuple[str, ...]] = MIGRATIONS) -> int:
    """Bring the schema up to date inside the current transaction; return its version.

    Holds the lock `LOCK` until the transaction ends. Raises SchemaError if hstore is not available or a newer release
    has changed the schema, and psycopg.Error for other failures.
    """
    connection.execute('SELECT pg_advisory_xact_lock(%s)', (LOCK,))
    _prepare_hstore(connection)
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS {BOOKS}')
    connection.execute(
        f'CREATE TABLE IF NOT EXISTS {BOOKS}.schema_version '
        '(version int PRIMARY KEY, applied_at timestamptz DEFAULT now())'
    )
    found = connection.execute(f'SELECT coalesce(max(version), 0) FROM {BOOKS}.schema_version').fetchone()
    version, newest = (found[0] if found else 0), max(migrations)
    if version > newest:
        raise SchemaError(f'the schema has version {version}, newer than {newest}: use a newer release of bedrock-jobs')
    for number in range(version + 1, newest + 1):
        for statement in migrations[number]:
            connection.execute(statement)
        connection.execute(f'INSERT INTO {BOOKS}.schema_version (version) VALUES (%s)', (number,))
    if version < newest:
        _comment(connection)
    return newest


def _prepare_hstore(connection: psycopg.Connection[Any]) -> None:
    """Make the type `hstore` available by its plain name, whatever schema the extension was installed in."""
    query = 'SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = %s'
    found = connection.execute(query, ('hstore',)).fetchone()
    if found is None:
        try:
            with connection.transaction():
                connection.execute('CREATE EXTENSION hstore')
        except psycopg.Error as error:
            raise SchemaError(
                f'the extension hstore is needed and cannot be created ({str(error).strip()}): install PostgreSQL '
                "contrib, or ask the database's owner for CREATE EXTENSION hstore"
            ) from error
        found = connection.execute(query, ('hstore',)).fetchone()
    if found:
        connection.execute("SELECT set_config('search_path', quote_ident(%s) || ', public', true)", (found[0],))


def _comment(connection: psycopg.Connection[Any]) -> None:
    connection.execute(sql.SQL('COMMENT ON TABLE {} IS {}').format(_table(), TABLE_DESCRIPTION))
    for name, description in DESCRIPTIONS.items():
        column = sql.Identifier(SCHEMA, TABLE, name)
        connection.execute(sql.SQL('COMMENT ON COLUMN {} IS {}').format(column, description))


def _table() -> sql.Identifier:
    return sql.Identifier(SCHEMA, TABLE)
