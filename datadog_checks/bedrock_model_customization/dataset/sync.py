"""Brings the table in PostgreSQL up to date with the jobs that are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types import TypeInfo
from psycopg.types.hstore import register_hstore

from ..jobs.job import TERMINAL_STATUSES, Job
from .columns import FULL_NAME, NAMES
from .rows import Row, job_of, row
from .schema import BOOKS, prepare

CHUNK: Final = 5000
"""Jobs that are compared, and held in memory, at a time."""

# Changes whenever `row` gives another row for the same job, so that all rows are written once more.
ROW_FORMAT: Final = b'1'


@dataclass(slots=True)
class Synced:
    """What a sync did, in jobs. `seen` is how many there were, `written` how many were sent to the database.

    The others are as they were when they were written last.
    """

    seen: int = 0
    written: int = 0


def connect(dsn: str) -> psycopg.Connection[Any]:
    """Connect to PostgreSQL, with times in UTC. Raises psycopg.OperationalError."""
    return psycopg.connect(dsn, application_name='bedrock-jobs', options='-c timezone=UTC -c client_encoding=UTF8')


def sync(
    connection: psycopg.Connection[Any],
    jobs: Iterable[Job],
    progress: Callable[[int], object] = lambda seen: None,
) -> Synced:
    """Write jobs into the table, in one transaction that also makes the table; `progress` gets the jobs seen so far.

    A job is found again by `_key`. Rows of jobs that are not among `jobs` stay. What a job does not say (a listing
    knows less than a description) keeps the value the row has. A row that has ended never runs again, and one that is
    newer than the job stays as it is: an old snapshot cannot undo a later sync. Raises SchemaError and psycopg.Error;
    nothing is changed then.
    """
    synced = Synced()
    with connection.transaction():
        prepare(connection)
        connection.execute(f'CREATE TEMP TABLE incoming (LIKE {FULL_NAME}) ON COMMIT DROP')
        connection.execute('CREATE TEMP TABLE incoming_fingerprints (key text, fingerprint bigint) ON COMMIT DROP')
        for chunk in _chunks(jobs):
            fingerprints = {job.key: fingerprint(job) for job in chunk}
            known = _known(connection, list(fingerprints))
            changed = {job.key: job for job in chunk if known.get(job.key) != fingerprints[job.key]}
            if changed:
                _write(connection, [row(job) for job in changed.values()], {key: fingerprints[key] for key in changed})
            synced.seen += len(chunk)
            synced.written += len(changed)
            progress(synced.seen)
        if synced.written > CHUNK:
            connection.execute(f'ANALYZE {FULL_NAME}')
    return synced


def stored_jobs(connection: psycopg.Connection[Any]) -> Iterator[Job]:
    """Yield the jobs that the table holds, by `_key`. Raises psycopg.Error."""
    info = TypeInfo.fetch(connection, 'hstore')
    if info:
        register_hstore(info, connection)
    with connection.transaction(), connection.cursor('stored_jobs', row_factory=dict_row) as cursor:
        for values in cursor.execute(f'SELECT * FROM {FULL_NAME} ORDER BY _key'):
            yield job_of(values)


def fingerprint(job: Job) -> int:
    """Return a number that tells whether a job is the same as before, in all that a row is made of."""
    try:
        content = orjson.dumps(job, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):
        # orjson refuses lone surrogates and huge numbers; the row of such a job is what tells it apart.
        content = repr(row(job)).encode()
    return int.from_bytes(blake2b(content, digest_size=8, key=ROW_FORMAT).digest(), 'big', signed=True)


def _chunks(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    remaining = iter(jobs)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


def _known(connection: psycopg.Connection[Any], keys: list[str]) -> dict[str, int]:
    """Return the fingerprints by key; a row that someone deleted has none."""
    found = connection.cursor(binary=True).execute(
        f'SELECT key, fingerprint FROM {BOOKS}.synced WHERE key = ANY(%s) '
        f'AND EXISTS (SELECT FROM {FULL_NAME} WHERE _key = key)',
        (keys,),
    )
    return dict(found.fetchall())


def _write(connection: psycopg.Connection[Any], rows: list[Row], fingerprints: dict[str, int]) -> None:
    with connection.cursor() as cursor:
        with cursor.copy(f'COPY incoming ({", ".join(NAMES)}) FROM STDIN') as copy:
            for values in rows:
                copy.write_row(values)
        with cursor.copy('COPY incoming_fingerprints FROM STDIN') as copy:
            for pair in fingerprints.items():
                copy.write_row(pair)
        cursor.execute(_UPSERT)
        cursor.execute(
            f'INSERT INTO {BOOKS}.synced SELECT key, fingerprint FROM incoming_fingerprints '
            'ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint'
        )
        cursor.execute('TRUNCATE incoming, incoming_fingerprints')


def _merged(name: str) -> str:
    if name == '_key':
        return 'i._key'
    if name == 'tags':
        # Tags are the one thing that can go away: an empty hstore says that the job has none.
        return "CASE WHEN i.tags IS NULL THEN t.tags WHEN i.tags = '' THEN NULL ELSE i.tags END"
    return f'coalesce(i.{name}, t.{name})'


_TERMINAL: Final = ', '.join(f"'{status}'" for status in sorted(TERMINAL_STATUSES))
_UPSERT: Final = f"""
INSERT INTO {FULL_NAME} ({', '.join(NAMES)})
SELECT {', '.join(_merged(name) for name in NAMES)}
FROM incoming i LEFT JOIN {FULL_NAME} t USING (_key)
WHERE t._key IS NULL
   OR ((t.status IS NULL OR t.status NOT IN ({_TERMINAL}) OR i.status IN ({_TERMINAL}))
       AND (i.last_modified_time >= t.last_modified_time) IS NOT FALSE)
ON CONFLICT (_key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in NAMES[1:])}
"""
