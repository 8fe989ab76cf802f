"""Updates the table in PostgreSQL from the jobs that are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice
from typing import Any, Final

import orjson
import psycopg

from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.vocabulary import TERMINAL_STATUSES

from .columns import FULL_NAME, NAMES
from .rows import row
from .schema import BOOKS, prepare

CHUNK: Final = 5000
"""How many changed jobs are held in memory and written at a time."""

FEW: Final = 1000
"""Below this many jobs, only their own fingerprints are read, not those of the whole table."""

# Change this whenever `row` returns a different row for the same job, so that all rows are rewritten.
ROW_FORMAT: Final = b'1'


@dataclass(slots=True)
class Synced:
    """What a sync did: `seen` is the number of jobs, `written` the number sent to the database.

    The others have not changed since they were last written.
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
    """Write jobs into the table, in one transaction that also creates it; `progress` gets the number of jobs so far.

    Jobs are matched by `_key`. Rows of jobs that are not in `jobs` stay. Values missing from a job (a listing has
    fewer than a description) stay as they are in the row. An ended row never becomes running again, and a row newer
    than the job stays unchanged, so an old snapshot cannot undo a later sync. Raises SchemaError and psycopg.Error,
    in which case nothing is changed.
    """
    synced = Synced()
    with connection.transaction():
        prepare(connection)
        connection.execute(f'CREATE TEMP TABLE incoming (LIKE {FULL_NAME}) ON COMMIT DROP')
        connection.execute('CREATE TEMP TABLE incoming_fingerprints (key text, fingerprint bigint) ON COMMIT DROP')
        remaining = iter(jobs)
        first = list(islice(remaining, FEW))
        known = _known(connection, first)
        changed: dict[str, tuple[Job, int]] = {}
        for job in chain(first, remaining):
            synced.seen += 1
            number = fingerprint(job)
            if number not in known:
                changed[job.key] = job, number
            if len(changed) >= CHUNK:
                synced.written += _write(connection, changed)
            if synced.seen % FEW == 0:
                progress(synced.seen)
        synced.written += _write(connection, changed)
        progress(synced.seen)
        if synced.written > CHUNK:
            connection.execute(f'ANALYZE {FULL_NAME}, {BOOKS}.synced')
    return synced


def fingerprint(job: Job) -> int:
    """Return a hash of everything in a job that its row is made of: equal jobs have equal hashes."""
    try:
        content = orjson.dumps(job, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):
        # orjson refuses lone surrogates and huge numbers: hash the row of such a job instead.
        content = repr(row(job)).encode()
    return int.from_bytes(blake2b(content, digest_size=8, key=ROW_FORMAT).digest(), 'big', signed=True)


def _known(connection: psycopg.Connection[Any], first: list[Job]) -> set[int]:
    """Return the fingerprints of the existing rows, or only those of the jobs in `first` if there are no other jobs.

    A fingerprint covers the job's key too, so keys need not be read. A row that someone deleted has none.
    """
    query = f'SELECT fingerprint FROM {BOOKS}.synced JOIN {FULL_NAME} ON _key = key'
    cursor = connection.cursor(binary=True)
    if len(first) < FEW:
        found = cursor.execute(f'{query} WHERE key = ANY(%s)', ([job.key for job in first],))
    else:
        found = cursor.execute(query)
    return {number for (number,) in found}


def _write(connection: psycopg.Connection[Any], changed: dict[str, tuple[Job, int]]) -> int:
    """Write the changed jobs with their fingerprints, clear `changed`, and return how many there were."""
    written = len(changed)
    with connection.cursor() as cursor:
        with cursor.copy(f'COPY incoming ({", ".join(NAMES)}) FROM STDIN') as copy:
            for job, _ in changed.values():
                copy.write_row(row(job))
        with cursor.copy('COPY incoming_fingerprints FROM STDIN') as copy:
            for key, (_, number) in changed.items():
                copy.write_row((key, number))
        cursor.execute(_UPSERT)
        cursor.execute(
            f'INSERT INTO {BOOKS}.synced SELECT key, fingerprint FROM incoming_fingerprints '
            'ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint'
        )
        cursor.execute('TRUNCATE incoming, incoming_fingerprints')
    changed.clear()
    return written


def _merged(name: str) -> str:
    if name == '_key':
        return 'i._key'
    if name == 'tags':
        # Only tags can be removed from a job: an empty hstore means that the job has none.
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
