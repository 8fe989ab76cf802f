"""Queries that go wrong, and values as Datadog's API would send them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bedrock_jobs.dataset.columns import FULL_NAME
from bedrock_jobs.dataset.query import Dialect, QueryError, run
from bedrock_jobs.dataset.sync import connect, sync

from .samples import described, listed


@pytest.fixture
def table(connection: Any) -> Iterator[Any]:
    sync(connection, [described(1), listed(2)])
    connection.commit()
    yield connection


def error_of(connection: Any, query: str, dialect: Dialect = Dialect.DDSQL) -> str:
    with pytest.raises(QueryError) as caught:
        run(connection, query, dialect=dialect)
    return str(caught.value)


@pytest.mark.parametrize(
    ('query', 'column_type', 'values'),
    [
        ('SELECT CAST(1 AS BIGINT)', 'BIGINT', [1]),
        ('SELECT CAST(1.5 AS DECIMAL)', 'DECIMAL', [1.5]),
        ('SELECT 3.0', 'DECIMAL', [3]),
        ('SELECT 1 = 1', 'BOOLEAN', [True]),
        ("SELECT 'a'", 'VARCHAR', ['a']),
        ("SELECT TIMESTAMP '2026-11-23 00:00:00.1234'", 'TIMESTAMP', [1795392000123]),
        ("SELECT TIMESTAMP '1969-12-31 23:59:59.9995'", 'TIMESTAMP', [-1]),
        ("SELECT INTERVAL '1 day 2 hours'", 'INTERVAL', [93_600_000]),
        ("SELECT INET '10.0.0.1/8'", 'INET', ['10.0.0.1/8']),
        ("SELECT JSON '{\"a\": 1.50}'", 'JSON', ['{"a": 1.50}']),
        ("SELECT ARRAY['a']", 'VARCHAR[]', [['a']]),
        ("SELECT ARRAY[1.5, 2]", 'DECIMAL[]', [[1.5, 2]]),
        (f"SELECT tags FROM {FULL_NAME} WHERE tags IS NOT NULL", 'HSTORE', ['{"env": "prod", "team": "search"}']),
        (f"SELECT training_metrics FROM {FULL_NAME} ORDER BY _key", 'JSON', ['{"training_loss":0.8421}', None]),
    ],
)
def test_types_and_values(table: Any, query: str, column_type: str, values: list[Any]) -> None:
    (column,) = run(table, query).columns
    assert (column.type, column.values) == (column_type, values)


def test_undocumented_sql_never_reaches_postgresql(table: Any) -> None:
    assert error_of(table, f'DELETE FROM {FULL_NAME}').startswith('1:1: DELETE is not documented')


def test_what_postgresql_says_has_the_place_in_the_query_as_it_was_written(table: Any) -> None:
    query = f"SELECT ARRAY['a'][1],\n  TIMESTAMP '2026-01-01 00:00:00Z', job_name + 1 FROM {FULL_NAME}"
    assert error_of(table, query).startswith('2:46: operator does not exist: text + integer')


def test_a_missing_table_says_how_to_make_it(connection: Any) -> None:
    assert 'bedrock-jobs dataset sync' in error_of(connection, f'SELECT * FROM {FULL_NAME}')


def test_only_datadog_has_metrics_and_logs(table: Any) -> None:
    assert '--remote' in error_of(table, "SELECT * FROM dd.metrics_scalar('x', 'avg')")
    logs = "dd.logs(columns => ARRAY['host']) AS (host VARCHAR)"
    result = run(table, f'SELECT job_name, host FROM {FULL_NAME} LEFT JOIN {logs} ON host = job_name')
    assert result.row_count == 2
    assert 'dd.logs has no rows here' in result.warnings[0]


@pytest.mark.parametrize(
    'statement',
    [
        f'DELETE FROM {FULL_NAME}',
        f'COMMIT; DROP TABLE {FULL_NAME}',
        f'SELECT 1; DROP TABLE {FULL_NAME}',
        'SET TRANSACTION READ WRITE',
        f'WITH gone AS (DELETE FROM {FULL_NAME} RETURNING 1) SELECT * FROM gone',
        'CREATE TABLE x (a int)',
    ],
)
def test_nothing_can_be_changed_in_either_dialect(table: Any, statement: str) -> None:
    error_of(table, statement, Dialect.POSTGRES)
    error_of(table, statement, Dialect.DDSQL)
    assert run(table, f'SELECT COUNT(*) FROM {FULL_NAME}').columns[0].values == [2]


def test_the_dialect_of_postgresql_is_as_it_is(table: Any) -> None:
    result = run(
        table,
        "SELECT training_metrics->>'training_loss', extract(dow FROM TIMESTAMP '2026-11-22') "
        f"FROM {FULL_NAME} ORDER BY _key LIMIT 1",
        dialect=Dialect.POSTGRES,
    )
    assert list(result.rows()) == [('0.8421', 0)]
    assert error_of(table, '  ', Dialect.POSTGRES) == '1:1: there is no query'


def test_nothing_is_left_behind(table: Any) -> None:
    run(table, f"SELECT json_extract_path_text('{{}}', 'a') FROM {FULL_NAME}")
    schemas = {name for (name,) in table.execute('SELECT nspname FROM pg_namespace').fetchall()}
    assert schemas & {'dd', 'bedrock_jobs_ddsql'} == set()


def test_a_limit_is_told(table: Any) -> None:
    result = run(table, f'SELECT _key FROM {FULL_NAME}', row_limit=1)
    assert (result.row_count, result.warnings) == (1, ['2 rows, of which the first 1 are shown'])


def test_a_reader_may_ask(table: Any, dsn: str) -> None:
    """Who may only read has the table, and is told what of DDSQL is missing."""
    table.execute('CREATE ROLE reader LOGIN')
    table.execute(f'GRANT USAGE ON SCHEMA aws TO reader; GRANT SELECT ON {FULL_NAME} TO reader')
    table.commit()
    try:
        with connect(dsn.replace('user=postgres', 'user=reader')) as connection:
            result = run(connection, f"SELECT tags->'team' FROM {FULL_NAME} ORDER BY _key")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                sync(connection, [])
    finally:
        table.execute(f'REVOKE ALL ON {FULL_NAME} FROM reader; REVOKE ALL ON SCHEMA aws FROM reader; DROP ROLE reader')
        table.commit()
    assert result.columns[0].values == ['search', None]
    assert 'are missing here' in result.warnings[0]


@pytest.mark.parametrize('value', ["'NaN'", "'Infinity'"])
def test_numbers_that_json_does_not_have_are_null(table: Any, value: str) -> None:
    assert run(table, f'SELECT {value}::float8, {value}::numeric', dialect=Dialect.POSTGRES).columns[0].values == [None]


def test_an_error_while_a_query_runs_has_no_place(table: Any) -> None:
    with pytest.raises(QueryError, match=r'^division by zero$'):
        run(table, f'SELECT 1 / (COUNT(*) - 2) FROM {FULL_NAME}')


def test_the_hints_of_postgresql_are_not_said_to_be_documented_by_datadog(table: Any) -> None:
    with pytest.raises(QueryError, match=r'^1:10: .*\(.*explicit type casts.*\)$') as error:
        run(table, "SELECT 1 + ARRAY['a']")
    assert 'documented' not in str(error.value)
