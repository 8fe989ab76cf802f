"""Runs queries in the user's PostgreSQL, or in a temporary one that holds the jobs of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from datadog_checks.bedrock_model_customization.jobs.job import Job

from .columns import FULL_NAME, SCHEMA
from .query import Dialect, TimeFrame, run
from .result import Result
from .server import temporary_server
from .sync import connect, sync

READER: Final = 'reader'
# Even a read-only superuser can write files and start programs (COPY … TO PROGRAM). A query only needs to read, and to
# add the DDSQL functions to the transaction.
GRANTS: Final = (
    f'CREATE ROLE {READER} LOGIN',
    f'GRANT CREATE ON DATABASE postgres TO {READER}',
    f'GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}',
    f'GRANT SELECT ON {FULL_NAME} TO {READER}',
)

Engine = Callable[[str], Result]
"""Runs one query; raises QueryError. Local and remote engines are interchangeable."""


@contextmanager
def database_engine(
    dsn: str,
    dialect: Dialect = Dialect.DDSQL,
    time_frame: TimeFrame | None = None,
    row_limit: int | None = None,
) -> Iterator[Engine]:
    """Run queries on the table in a database, which is not changed. Raises psycopg.OperationalError."""
    with connect(dsn) as connection:
        yield lambda query: run(connection, query, dialect=dialect, time_frame=time_frame, row_limit=row_limit)


@contextmanager
def local_engine(
    jobs: Iterable[Job],
    dialect: Dialect = Dialect.DDSQL,
    time_frame: TimeFrame | None = None,
    row_limit: int | None = None,
    progress: Callable[[int], object] = lambda seen: None,
) -> Iterator[Engine]:
    """Run queries on jobs, in a PostgreSQL started for this and stopped afterwards. Raises ServerError."""
    with temporary_server() as dsn:
        with connect(dsn) as connection:
            sync(connection, jobs, progress)
            for statement in GRANTS:
                connection.execute(statement)
        with database_engine(f'{dsn} user={READER}', dialect, time_frame, row_limit) as engine:
            yield engine
