"""Where Datadog's own table and the jobs differ."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.datadog_client import Datadog
from bedrock_jobs.dataset import compare as compare_module
from bedrock_jobs.dataset.columns import TYPES
from bedrock_jobs.dataset.compare import comparable, compare, compare_rows
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.times import parse_time
from datadog_checks.bedrock_model_customization.telemetry.records import record
from tools.tests.fake_datadog import FakeDatadog

from .conftest import NOW, job

JOBS = [job(number) for number in range(5)]


def as_datadog(one: Job, **changes: Any) -> dict[str, Any]:
    """Return a job's row as DDSQL gives it: times in milliseconds, JSON as text."""
    row = record(one) | changes
    for name, kind in TYPES.items():
        if row[name] is None:
            continue
        if kind == 'timestamp' and isinstance(row[name], str):
            moment = parse_time(row[name])
            assert moment
            row[name] = int(moment.timestamp() * 1000)
        elif kind in ('json', 'hstore'):
            row[name] = json.dumps(row[name])
    return row


def columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{'name': name, 'type': 'VARCHAR', 'values': [row[name] for row in rows]} for name in TYPES]


def test_the_same_jobs_are_alike(datadog: Datadog, fake: FakeDatadog) -> None:
    fake.ddsql.answer = lambda sql: columns([as_datadog(one, _key='something else') for one in JOBS])
    found = compare(datadog, JOBS, NOW)
    assert found.is_same and found.alike == 5 and found.lags == []


def test_missing_rows_and_their_age() -> None:
    found = compare_rows([as_datadog(one) for one in JOBS[1:]], JOBS, NOW)
    [missing] = found.missing
    assert missing.job_arn == JOBS[0].job_arn and missing.age == timedelta(hours=1)
    assert not found.is_same


def test_a_stale_status_and_the_lag() -> None:
    stale = as_datadog(JOBS[2], status='InProgress', last_modified_time=NOW.timestamp() * 1000 - 20 * 3600_000)
    found = compare_rows([stale, *map(as_datadog, JOBS[:2])], JOBS[:3], NOW)
    [one] = found.differing
    assert one.has_stale_status and one.columns['status'] == ('InProgress', 'Completed')
    assert one.lag == timedelta(hours=2)
    assert found.median_lag == timedelta(hours=2)


def test_a_differing_column_without_lag() -> None:
    found = compare_rows([as_datadog(JOBS[0], role_arn='arn:aws:iam::123456789012:role/other')], JOBS[:1], NOW)
    [one] = found.differing
    assert list(one.columns) == ['role_arn'] and one.lag is None and not one.has_stale_status


def test_jobs_that_only_datadog_has() -> None:
    """Those of a Region that we do not look at are none of our business."""
    theirs = [as_datadog(one) for one in [*JOBS, job(50), job(51, 'eu-west-1')]]
    found = compare_rows(theirs, JOBS, NOW)
    assert found.is_same and list(found.only_there) == [job(50).job_arn]


def test_pages_are_read_to_the_end(datadog: Datadog, fake: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_module, 'PAGE', 2)
    rows = sorted((as_datadog(one) for one in JOBS), key=lambda row: row['job_arn'])

    def answer(sql: str) -> list[dict[str, Any]]:
        after = re.search(r"job_arn > '([^']*)'", sql)
        return columns([row for row in rows if not after or row['job_arn'] > after[1]][:2])

    fake.ddsql.answer = answer
    assert compare(datadog, JOBS, NOW).alike == 5
    assert len(fake.ddsql.asked) == 3
    assert all('LIMIT 2' in asked['query'] and asked['row_limit'] == 2 for asked in fake.ddsql.asked)


@pytest.mark.parametrize(
    ('name', 'one', 'other'),
    [
        ('tags', '{"team": "a,b"}', {'team': 'b,a'}),
        ('tags', '{"team": ["a", "b"]}', {'team': 'a,b'}),
        ('tags', '"team"=>"a", "owner"=>"x \\"y\\""', {'team': 'a', 'owner': 'x "y"'}),
        ('tags', '{}', None),
        ('training_metrics', '{"trainingLoss": 1}', {'training_loss': 1.0}),
        ('training_metrics', '{"training_loss": 1, "more": null}', {'training_loss': 1.0}),
        ('vpc_config', '', None),
        ('creation_time', '2026-11-23T10:00:00.123456Z', 1_795_428_000_123),
        ('validation_metrics', '[]', None),
    ],
)
def test_spellings_that_mean_the_same(name: str, one: Any, other: Any) -> None:
    assert comparable(name, one) == comparable(name, other)


@given(st.sampled_from([name for name in TYPES if name not in ('_key', 'job_arn', 'account_id')]))
def test_a_difference_in_any_column_is_found(name: str) -> None:
    changed = {'string': 'other', 'timestamp': 1, 'json': {'other': 1}, 'hstore': {'other': '1'}}[TYPES[name]]
    found = compare_rows([as_datadog(JOBS[0], **{name: changed})], JOBS[:1], NOW)
    assert [list(one.columns) for one in found.differing] == [[name]]
