"""The table in a real PostgreSQL: made, filled, kept, and read back."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg.rows import dict_row
from psycopg.types import TypeInfo
from psycopg.types.hstore import register_hstore

from bedrock_jobs.dataset import schema
from bedrock_jobs.dataset.columns import FULL_NAME, TABLE_DESCRIPTION
from bedrock_jobs.dataset.rows import job_of
from bedrock_jobs.dataset.sync import (
    CHUNK,
    FEW,
    Synced,
    connect,
    fingerprint,
    sync,
)
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.telemetry.records import record

from .samples import HOUR, T0, arn, described, hostile, jobs, listed

PAGE = list(csv.DictReader((Path(__file__).parent / 'dataset_page.csv').open(encoding='utf-8')))
# What information_schema calls DDSQL's types: data_type, udt_name.
SQL_TYPES = {
    'string': ('text', 'text'),
    'timestamp': ('timestamp without time zone', 'timestamp'),
    'json': ('json', 'json'),
    'hstore': ('USER-DEFINED', 'hstore'),
}


def select(connection: Any, columns: str, tail: str = '') -> list[Any]:
    return connection.execute(f'SELECT {columns} FROM {FULL_NAME} {tail}').fetchall()


def stored(connection: Any) -> list[Job]:
    """Return the jobs that the table holds."""
    info = TypeInfo.fetch(connection, 'hstore')
    assert info
    register_hstore(info, connection)
    cursor = connection.cursor(row_factory=dict_row)
    return [job_of(values) for values in cursor.execute(f'SELECT * FROM {FULL_NAME} ORDER BY _key')]


def test_all_26_columns_have_the_types_of_the_dataset_page(connection: Any) -> None:
    sync(connection, [])
    found = connection.execute(
        'SELECT column_name, data_type, udt_name FROM information_schema.columns '
        "WHERE table_schema = 'aws' AND table_name = 'bedrock_model_customization_job' ORDER BY ordinal_position"
    ).fetchall()
    assert found == [(line['title'], *SQL_TYPES[line['type']]) for line in PAGE]
    assert len(found) == 26


def test_comments_are_the_descriptions_of_the_dataset_page(connection: Any) -> None:
    sync(connection, [])
    found = connection.execute(
        "SELECT attname, coalesce(col_description(attrelid, attnum), '') FROM pg_attribute "
        f"WHERE attrelid = '{FULL_NAME}'::regclass AND attnum > 0 ORDER BY attnum"
    ).fetchall()
    assert found == [(line['title'], line['description']) for line in PAGE]
    comment = connection.execute(f"SELECT obj_description('{FULL_NAME}'::regclass)").fetchone()
    assert comment == (TABLE_DESCRIPTION,)


def test_the_key_is_unique_and_indexes_are_there(connection: Any) -> None:
    sync(connection, [])
    found = connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'aws'").fetchall()
    definitions = ' '.join(one for (one,) in found)
    assert 'UNIQUE INDEX' in definitions
    assert '(_key)' in definitions
    assert '(creation_time)' in definitions
    assert '(status, end_time)' in definitions


def test_a_job_is_written_once(connection: Any) -> None:
    assert sync(connection, [described(1), listed(2)]) == Synced(seen=2, written=2)
    assert sync(connection, [described(1), listed(2)]) == Synced(seen=2, written=0)
    assert sync(connection, [described(1), listed(2, status='Stopping')]) == Synced(seen=2, written=1)
    assert select(connection, 'status', 'ORDER BY _key') == [('Completed',), ('Stopping',)]


def test_a_hostile_job_is_stored(connection: Any) -> None:
    sync(connection, [hostile()])
    found = select(connection, "job_name, failure_message, tags->'multi', hyper_parameters->'', training_metrics")
    assert found == [
        (
            'nul and \ufffd and "quotes" \\ and\ttab\nline',
            '\\N',
            'a,b',
            '',
            {'training_loss': None, 'other': None, 'text': '\ufffd'},
        )
    ]
    assert sync(connection, [hostile()]).written == 0


def test_rows_of_jobs_that_are_not_seen_stay(connection: Any) -> None:
    sync(connection, [described(1), described(2)])
    sync(connection, [described(2, tags={'team': 'risk'})])
    assert select(connection, "job_name, tags->'team'", 'ORDER BY _key') == [('job-1', 'search'), ('job-2', 'risk')]


def test_what_a_listing_does_not_say_stays(connection: Any) -> None:
    sync(connection, [described(1, status='InProgress', end_time=None, last_modified_time=T0)])
    sync(connection, [listed(1, status='Failed', end_time=T0 + HOUR)])
    found = select(connection, "status, end_time, role_arn IS NULL, tags->'team'")
    assert found == [('Failed', (T0 + HOUR).replace(tzinfo=None), False, 'search')]


@pytest.mark.parametrize(('tags', 'expected'), [(None, 'search'), ({}, None), ({'team': 'risk'}, 'risk')])
def test_tags_go_away_only_when_it_is_known_that_they_did(
    connection: Any, tags: dict[str, str] | None, expected: str | None
) -> None:
    sync(connection, [described(1)])
    sync(connection, [described(1, tags=tags)])
    assert select(connection, "tags->'team', tags = ''") == [(expected, False if expected else None)]


@pytest.mark.parametrize(
    'stale',
    [
        pytest.param({'status': 'InProgress', 'last_modified_time': None}, id='ended jobs never run again'),
        pytest.param({'status': 'Failed', 'last_modified_time': T0 + HOUR}, id='an older state'),
    ],
)
def test_an_old_snapshot_does_not_undo_a_later_sync(connection: Any, stale: dict[str, Any]) -> None:
    sync(connection, [described(1)])
    sync(connection, [described(1, **stale)])
    assert select(connection, 'status, last_modified_time') == [('Completed', (T0 + 2 * HOUR).replace(tzinfo=None))]


def test_the_same_job_twice_in_one_sync_is_one_row(connection: Any) -> None:
    assert sync(connection, [listed(1), listed(1, status='Stopping')]).written == 1
    assert select(connection, 'status') == [('Stopping',)]


def test_a_deleted_row_comes_back(connection: Any) -> None:
    sync(connection, [described(1)])
    connection.execute(f'DELETE FROM {FULL_NAME}')
    assert sync(connection, [described(1)]).written == 1
    assert len(select(connection, '_key')) == 1


def test_more_jobs_than_a_chunk(connection: Any) -> None:
    seen: list[int] = []
    number = CHUNK + 10
    assert sync(connection, (listed(one) for one in range(number)), seen.append) == Synced(number, number)
    assert seen == [*range(FEW, number, FEW), number]
    assert select(connection, 'count(*)') == [(number,)]


def test_a_failure_leaves_everything_as_it_was(connection: Any) -> None:
    sync(connection, [described(1)])
    connection.commit()

    def source() -> Iterator[Job]:
        yield described(1, failure_message='changed')
        raise RuntimeError('the source broke')

    with pytest.raises(RuntimeError):
        sync(connection, source())
    assert select(connection, 'failure_message') == [('none',)]


def test_a_later_release_may_change_the_schema(connection: Any) -> None:
    sync(connection, [described(1)])
    later = {**schema.MIGRATIONS, 2: (f'ALTER TABLE {FULL_NAME} ADD COLUMN later text',)}
    with connection.transaction():
        assert schema.prepare(connection, later) == 2
    assert select(connection, 'job_name, later') == [('job-1', None)]
    with pytest.raises(schema.SchemaError, match='newer release'):
        sync(connection, [])


def test_two_syncs_at_once_make_one_schema(dsn: str) -> None:
    with connect(dsn) as first, connect(dsn) as second:
        second.execute("SET lock_timeout = '100ms'")
        second.commit()
        with first.transaction():
            schema.prepare(first)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                sync(second, [])
        assert sync(second, [listed(1)]).written == 1


def test_hstore_may_live_in_a_schema_of_its_own(connection: Any) -> None:
    connection.execute('CREATE SCHEMA extensions; CREATE EXTENSION hstore SCHEMA extensions')
    assert sync(connection, [described(1)]).written == 1


def test_a_fingerprint_is_that_of_the_row() -> None:
    assert fingerprint(described(1)) == fingerprint(described(1, tags={'env': 'prod', 'team': 'search'}))
    assert fingerprint(hostile(1)) == fingerprint(hostile(1))
    different = [
        described(1),
        described(2),
        described(1, tags={}),
        described(1, tags=None),
        described(1, end_time=T0 + timedelta(microseconds=1)),
        hostile(1),
        replace(hostile(1), status='Failed'),
    ]
    assert len({fingerprint(job) for job in different}) == len(different)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(job=jobs())
def test_a_job_survives_the_way_to_postgresql_and_back(connection: Any, job: Job) -> None:
    sync(connection, [])
    with connection.transaction(force_rollback=True):
        sync(connection, [job])
        assert stored(connection) == [job]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(job=jobs(hostile=True))
def test_a_hostile_job_is_the_same_row_after_the_way_there_and_back(connection: Any, job: Job) -> None:
    sync(connection, [])
    with connection.transaction(force_rollback=True):
        sync(connection, [job])
        (found,) = stored(connection)
        assert record(found) == record(job)
    assert found.job_arn == job.job_arn


def test_every_column_comes_back(connection: Any) -> None:
    sync(connection, [described(1)])
    assert stored(connection) == [described(1)]
    assert arn(1) == stored(connection)[0].key
