"""What answers queries: a PostgreSQL of the user's, or one of our own that holds the jobs of a source."""

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
# Even a read-only superuser can write files and start programs (COPY … TO PROGRAM); who asks needs to read, and to add
# the functions of DDSQL to the transaction.
GRANTS: Final = (
    f'CREATE ROLE {READER} LOGIN',
    f'GRANT CREATE ON DATABASE postgres TO {READER}',
    f'GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}',
    f'GRANT SELECT ON {FULL_NAME} TO {READER}',
)

Engine = Callable[[str], Result]
"""Answers one query; raises QueryError. Local and remote engines are interchangeable."""


@contextmanager
def database_engine(
    dsn: str,
    dialect: Dialect = Dialect.DDSQL,
    time_frame: TimeFrame | None = None,
    row_limit: int | None = None,
) -> Iterator[Engine]:
    """Answer from the table in a database, which is not changed. Raises psycopg.OperationalError."""
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
    """Answer from jobs, in a PostgreSQL that is started for it and stopped after. Raises ServerError."""
    with temporary_server() as dsn:
        with connect(dsn) as connection:
            sync(connection, jobs, progress)
            for statement in GRANTS:
                connection.execute(statement)
        with database_engine(f'{dsn} user={READER}', dialect, time_frame, row_limit) as engine:
            yield engine
