"""`bedrock-jobs sql --remote`: the same text, answered by Datadog."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip('psycopg')

from bedrock_jobs.cli.app import build
from tools.tests.fake_datadog import FakeDatadog
from tools.tests.fake_datadog.answers import Refused

COLUMNS: list[dict[str, Any]] = [
    {'name': 'status', 'type': 'VARCHAR', 'values': ['Completed', None]},
    {'name': 'n', 'type': 'BIGINT', 'values': [3, 1]},
]


@pytest.fixture
def ask(fake: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    fake.ddsql.answer = lambda sql: COLUMNS
    return lambda *options: CliRunner().invoke(build(), ['sql', '--remote', *options])


def test_datadog_answers(ask: Callable[..., Any]) -> None:
    done = ask('SELECT 1', '--format', 'json')
    assert done.exit_code == 0, done.output
    columns = json.loads(done.stdout)['columns']
    assert [column['values'] for column in columns] == [['Completed', None], [3, 1]]


def test_what_datadog_refuses_is_said(ask: Callable[..., Any], fake: FakeDatadog) -> None:
    def refuse(sql: str) -> Any:
        raise Refused(400, {'errors': [{'title': 'Invalid query', 'detail': 'relation "x" does not exist'}]})

    fake.ddsql.answer = refuse
    done = ask('SELECT * FROM x')
    assert done.exit_code == 1
    assert 'relation "x" does not exist' in done.output


def test_no_source_of_ours_goes_with_it(ask: Callable[..., Any], fake: FakeDatadog) -> None:
    assert ask('SELECT 1', '--demo').exit_code == 1
    assert fake.requests == []


def test_without_keys_it_says_which(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('DD_API_KEY')
    done = ask('SELECT 1')
    assert done.exit_code == 1
    assert 'DD_API_KEY' in done.output
