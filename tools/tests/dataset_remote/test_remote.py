"""DDSQL in Datadog: waiting, limits and errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bedrock_jobs.datadog_client import Datadog, DatadogError
from bedrock_jobs.dataset.remote import ask
from bedrock_jobs.errors import ToolError
from tools.tests.fake_datadog import FakeDatadog
from tools.tests.fake_datadog.answers import Refused
from tools.tests.fake_datadog.server import DROP_AFTER

COLUMNS: list[dict[str, Any]] = [
    {'name': 'status', 'type': 'VARCHAR', 'values': ['Completed', None]},
    {'name': 'n', 'type': 'BIGINT', 'values': [3, 1]},
]


@pytest.fixture(autouse=True)
def answer(fake: FakeDatadog) -> None:
    fake.ddsql.answer = lambda sql: COLUMNS


def test_columns_become_rows(datadog: Datadog) -> None:
    answer = ask(datadog, 'SELECT 1')
    assert list(answer.rows()) == [('Completed', 3), (None, 1)]
    assert next(iter(answer.records())) == {'status': 'Completed', 'n': 3}
    assert answer.row_count == 2


def test_a_running_query_is_fetched_until_it_is_done(datadog: Datadog, fake: FakeDatadog) -> None:
    fake.ddsql.polls = 3
    pauses: list[float] = []
    assert ask(datadog, 'SELECT 1', wait=pauses.append).row_count == 2
    assert pauses == [0.5, 1.0, 2.0]


def test_patience_ends(datadog: Datadog, fake: FakeDatadog) -> None:
    fake.ddsql.polls = 1000
    with pytest.raises(ToolError, match='still running after 0 s'):
        ask(datadog, 'SELECT 1', patience=timedelta(), wait=lambda seconds: None)


def test_text_limit_and_time_frame_are_sent_as_they_are(datadog: Datadog, fake: FakeDatadog) -> None:
    sql = "SELECT 'ü' AS \"x\"\nFROM aws.bedrock_model_customization_job -- as it is"
    since, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2)
    assert ask(datadog, sql, 1, since, until).row_count == 1
    [asked] = fake.ddsql.asked
    assert asked == {
        'query': sql,
        'row_limit': 1,
        'time': {'from_timestamp': 1_793_491_200_000, 'to_timestamp': 1_793_577_600_000},
    }


@pytest.mark.parametrize('limit', [0, 10_001, -1])
def test_limits_beyond_datadogs_are_refused_here(datadog: Datadog, fake: FakeDatadog, limit: int) -> None:
    with pytest.raises(ToolError, match='1 to 10000'):
        ask(datadog, 'SELECT 1', limit)
    assert fake.requests == []


def test_what_datadog_says_of_a_wrong_query_is_shown(datadog: Datadog, fake: FakeDatadog) -> None:
    def refuse(sql: str) -> Any:
        raise Refused(400, {'errors': [{'title': 'Invalid query', 'detail': 'relation "x" does not exist'}]})

    fake.ddsql.answer = refuse
    with pytest.raises(DatadogError, match='Invalid query: relation "x" does not exist'):
        ask(datadog, 'SELECT * FROM x')


def test_a_lost_answer_is_asked_for_again(datadog: Datadog, fake: FakeDatadog) -> None:
    """A query changes nothing, so that even a POST may be repeated."""
    fake.faults = [DROP_AFTER, Refused(503), Refused(429, None, {'X-RateLimit-Reset': '0'})]
    assert ask(datadog, 'SELECT 1').row_count == 2


def test_the_answer_is_the_local_engines_result(datadog: Datadog) -> None:
    query = pytest.importorskip('bedrock_jobs.dataset.query', exc_type=ImportError)
    result = ask(datadog, 'SELECT 1')
    assert isinstance(result, query.Result)
    assert [column.type for column in result.columns] == ['VARCHAR', 'BIGINT']
    assert list(result.rows()) == [('Completed', 3), (None, 1)]
