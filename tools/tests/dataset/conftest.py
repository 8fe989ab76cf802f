"""A real PostgreSQL for the tests: installed, or the one of the extra `sql`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest

from bedrock_jobs.dataset.server import ServerError, temporary_server
from bedrock_jobs.dataset.sync import connect

_numbers = count(1)


@pytest.fixture(scope='session')
def server() -> Iterator[str]:
    """The DSN of a PostgreSQL that lives as long as the tests."""
    try:
        running = temporary_server()
        dsn = running.__enter__()
    except ServerError as error:
        pytest.skip(str(error))
    yield dsn
    running.__exit__(None, None, None)


@pytest.fixture
def dsn(server: str) -> Iterator[str]:
    """The DSN of an empty database."""
    name = f'test_{next(_numbers)}'
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name}')
    yield server.replace('dbname=postgres', f'dbname={name}')
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE {name} WITH (FORCE)')


@pytest.fixture
def connection(dsn: str) -> Iterator[Any]:
    """A connection to an empty database."""
    with connect(dsn) as opened:
        yield opened
