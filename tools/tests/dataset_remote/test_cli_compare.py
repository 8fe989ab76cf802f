"""`bedrock-jobs dataset compare`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip('psycopg')

from bedrock_jobs.cli.app import build
from bedrock_jobs.dataset.snapshot import write_snapshot
from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS
from tools.tests.fake_datadog import FakeDatadog

from .conftest import job
from .test_compare import as_datadog, columns

JOBS = [job(number) for number in range(3)]


@pytest.fixture
def run(tmp_path: Path, fake: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    file = tmp_path / 'jobs.jsonl'
    write_snapshot(file, JOBS)

    def invoke(command: str, *options: str) -> Any:
        return CliRunner().invoke(build(), ['dataset', command, '--snapshot', str(file), *options])

    return invoke


def test_compare_tells_what_differs(run: Callable[..., Any], fake: FakeDatadog) -> None:
    fake.ddsql.answer = lambda sql: columns([as_datadog(JOBS[0]), as_datadog(JOBS[1], status='InProgress')])
    result = run('compare')
    assert result.exit_code == 2
    assert f'missing in Datadog: {JOBS[2].job_arn}' in result.stdout
    assert 'status: Datadog InProgress, here Completed' in result.stdout
    assert '1 alike, 1 differ (1 with a stale status), 1 missing in Datadog, 0 only there' in result.stdout
    assert json.loads(run('compare', '--json').stdout)['is_same'] is False


def test_compare_of_the_same(run: Callable[..., Any], fake: FakeDatadog) -> None:
    fake.ddsql.answer = lambda sql: columns([as_datadog(one) for one in JOBS])
    assert run('compare').exit_code == 0
    assert set(COLUMNS) == {column['name'] for column in fake.ddsql.answer('')}


def test_a_table_that_is_not_there_is_explained(run: Callable[..., Any]) -> None:
    result = run('compare')
    assert result.exit_code == 1 and 'relation does not exist' in result.output


def test_a_source_is_needed(run: Callable[..., Any]) -> None:
    result = CliRunner().invoke(build(), ['dataset', 'compare'])
    assert result.exit_code == 1
