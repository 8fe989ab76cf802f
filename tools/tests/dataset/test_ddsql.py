"""Twenty-five queries over what DDSQL documents, on a real PostgreSQL; the answers are worked out in Python."""

# Queries and messages stay whole, as people write and read them.
# ruff: noqa: E501

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Any, NamedTuple

import pytest

from bedrock_jobs.dataset.columns import FULL_NAME
from bedrock_jobs.dataset.ddsql import lint
from bedrock_jobs.dataset.query import TimeFrame, run
from bedrock_jobs.dataset.sync import connect, sync
from datadog_checks.bedrock_model_customization.jobs.job import Job

from .samples import HOUR, LLAMA, NOVA, T0, arn, described, listed, model_arn

FRAME = TimeFrame(datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 18, tzinfo=UTC))


def _completed(number: int, hours: float, loss: float | None, **members: Any) -> Job:
    values: dict[str, Any] = {
        'creation_time': T0 + number * 7 * HOUR,
        'end_time': T0 + number * 7 * HOUR + timedelta(hours=hours),
        'training_metrics': None if loss is None else {'trainingLoss': loss},
        'failure_message': None,
        'vpc_config': None,
        **members,
    }
    return described(number, **values)


def _failed(number: int, message: str, **members: Any) -> Job:
    return _completed(
        number, 0.25, None, **{'status': 'Failed', 'failure_message': message, 'validation_metrics': None, **members}
    )


JOBS = [
    _completed(1, 2, 0.9, tags={'team': 'search', 'env': 'prod'}),
    _completed(2, 3.5, 0.7, tags={'team': ['search', 'risk']}, hyper_parameters={'learningRate': '0.0001'}),
    _completed(3, 1.25, 0.5, base_model_arn=model_arn(LLAMA), validation_metrics=[{'validationLoss': 0.6}]),
    _completed(4, 8, 1.5, base_model_arn=model_arn(LLAMA), tags={}, vpc_config={'subnetIds': ['subnet-9', 'subnet-8']}),
    _completed(5, 4, None, tags={'env': 'dev'}, customization_type='REINFORCEMENT_FINE_TUNING'),
    _failed(6, 'Access to s3://example-training-data/a.jsonl denied', tags={'team': 'risk'}),
    _failed(7, 'Access to s3://example-training-data/b.jsonl denied', role_arn=None),
    _failed(8, 'Line 17 is not JSON', job_arn=arn(8, 'eu-west-1')),
    listed(
        9,
        creation_time=T0 + 2 * timedelta(days=1),
        job_name='Ünïcode-9',
        status_details={'trainingDetails': {'status': 'NotStarted'}},
    ),
    listed(
        10,
        creation_time=T0 - timedelta(days=30),
        status='Stopping',
        job_arn=arn(10, 'eu-west-1'),
        hyper_parameters={'learningRate': '0.0001'},
    ),
]


def ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def tag(job: Job, key: str) -> str | None:
    value: Any = (job.tags or {}).get(key)
    return ','.join(sorted(value)) if isinstance(value, list) else value


def hours(job: Job) -> float:
    assert job.end_time and job.creation_time
    return (job.end_time - job.creation_time) / HOUR


def short(job: Job) -> str:
    return (job.base_model_arn or '').split('/')[1]


def created(job: Job) -> datetime:
    assert job.creation_time
    return job.creation_time


def by_key(jobs: list[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: job.key)


ENDED = [job for job in JOBS if job.end_time]
COMPLETED = [job for job in JOBS if job.status == 'Completed']


class Case(NamedTuple):
    """A query and its rows. `any_order` where the query gives none."""

    name: str
    query: str
    rows: Callable[[], list[tuple[Any, ...]]]
    any_order: bool = False


def _count_by_status() -> list[tuple[Any, ...]]:
    return sorted(Counter(job.status for job in JOBS).items())


def _percentiles() -> list[tuple[Any, ...]]:
    found: dict[str, list[float]] = defaultdict(list)
    for job in COMPLETED:
        found[short(job)].append(hours(job))
    return [
        (model, sorted(values)[math.ceil(0.5 * len(values)) - 1], sorted(values)[math.ceil(0.95 * len(values)) - 1])
        for model, values in sorted(found.items())
    ]


def _losses() -> list[tuple[Any, ...]]:
    return [(job.job_name, loss) for job in by_key(JOBS) for loss in job.validation_losses.values()]


def _ranks() -> list[tuple[Any, ...]]:
    return [
        (job.job_name, 1 + sum(short(other) == short(job) and hours(other) > hours(job) for other in COMPLETED))
        for job in by_key(COMPLETED)
    ]


def _moving() -> list[tuple[Any, ...]]:
    ordered = sorted(ENDED, key=created)
    return [
        (job.job_name, pytest.approx(mean(map(hours, ordered[max(0, n - 2) : n + 1])))) for n, job in enumerate(ordered)
    ]


def _previous() -> list[tuple[Any, ...]]:
    ordered = sorted(JOBS, key=created)
    names = [None, *(job.job_name for job in ordered), None]
    return [(names[n + 1], names[n], names[n + 2]) for n in range(len(ordered))]


def _by_day() -> list[tuple[Any, ...]]:
    days = Counter(created(job).replace(hour=0, minute=0) for job in JOBS)
    return [(ms(day), count) for day, count in sorted(days.items())]


def _teams() -> list[tuple[Any, ...]]:
    teams = Counter(team for job in JOBS for team in (tag(job, 'team') or '').split(',') if team)
    return sorted(teams.items())


CASES = [
    Case('count', 'SELECT status, COUNT(*) AS jobs FROM T GROUP BY status ORDER BY status', _count_by_status),
    Case(
        'filters',
        "SELECT job_name FROM T WHERE status IN ('Failed', 'Stopping') AND (job_name LIKE 'job-%' OR account_id IS NULL) ORDER BY _key",
        lambda: [(job.job_name,) for job in by_key(JOBS) if job.status in ('Failed', 'Stopping')],
    ),
    Case(
        'distinct, limit, offset',
        "SELECT DISTINCT SPLIT_PART(job_arn, ':', 4) AS region FROM T ORDER BY region LIMIT 1 OFFSET 1",
        lambda: [(sorted({job.region or '' for job in JOBS})[1],)],
    ),
    Case(
        'tags',
        "SELECT tags->'team', COUNT(*) FROM T WHERE tags->'team' IS NOT NULL GROUP BY tags->'team' ORDER BY tags->'team'",
        lambda: sorted(Counter(tag(job, 'team') for job in JOBS if tag(job, 'team')).items()),
    ),
    Case(
        'several values of a tag',
        "SELECT job_name FROM T WHERE tags->'team' = 'risk,search'",
        lambda: [(job.job_name,) for job in JOBS if tag(job, 'team') == 'risk,search'],
    ),
    Case(
        'unnest of a tag',
        "SELECT team, COUNT(*) FROM T, UNNEST(STRING_TO_ARRAY(tags->'team', ',')) AS team GROUP BY team ORDER BY team",
        _teams,
    ),
    Case(
        'keys and values of hstore',
        "SELECT akeys(hyper_parameters), avals(hyper_parameters) FROM T WHERE hyper_parameters->'learningRate' = '0.0001' ORDER BY _key",
        lambda: [(['learningRate'], ['0.0001'])] * 2,
    ),
    Case(
        'equality of hstore',
        'SELECT a.job_name, b.job_name FROM T a JOIN T b ON a.tags = b.tags WHERE a._key < b._key ORDER BY a._key, b._key',
        lambda: [
            (a.job_name, b.job_name)
            for a in by_key(JOBS)
            for b in by_key(JOBS)
            if a.tags and a.tags == b.tags and a.key < b.key
        ],
    ),
    Case(
        'json path',
        "SELECT job_name, CAST(json_extract_path_text(training_metrics, 'training_loss') AS DECIMAL) AS loss FROM T "
        "WHERE json_extract_path_text(training_metrics, 'training_loss') IS NOT NULL ORDER BY loss",
        lambda: sorted(
            ((job.job_name, job.training_loss) for job in JOBS if job.training_loss), key=lambda row: row[1] or 0
        ),
    ),
    Case(
        'json array index in a path',
        "SELECT json_extract_path_text(vpc_config, 'subnet_ids', '1') FROM T WHERE vpc_config IS NOT NULL",
        lambda: [('subnet-8',)],
    ),
    Case(
        'json of json as text',
        "SELECT json_extract_path_text(json_extract_path_text(training_data_config, 'invocation_logs_config'), 'use_prompt_response'), "
        "json_extract_path(vpc_config, 'subnet_ids') FROM T WHERE vpc_config IS NOT NULL",
        lambda: [('true', '["subnet-9","subnet-8"]')],
    ),
    Case(
        'elements of a json array',
        "SELECT job_name, CAST(json_extract_path_text(metric, 'validation_loss') AS DECIMAL) FROM T, "
        'json_array_elements(validation_metrics) AS metric ORDER BY _key, metric.value IS NULL',
        _losses,
        any_order=True,
    ),
    Case(
        'texts of a json array',
        "SELECT subnet FROM T, json_array_elements_text(json_extract_path(vpc_config, 'subnet_ids')) AS subnet ORDER BY subnet",
        lambda: [('subnet-8',), ('subnet-9',)],
    ),
    Case(
        'percentiles',
        "WITH runs AS (SELECT SPLIT_PART(base_model_arn, '/', 2) AS model, EXTRACT(epoch FROM end_time - creation_time) / 3600 AS hours "
        "FROM T WHERE status = 'Completed') SELECT model, APPROX_PERCENTILE(0.5) WITHIN GROUP (ORDER BY hours), "
        'APPROX_PERCENTILE(0.95) WITHIN GROUP (ORDER BY hours) FROM runs GROUP BY model ORDER BY model',
        _percentiles,
    ),
    Case(
        'rank',
        "SELECT job_name, RANK() OVER (PARTITION BY SPLIT_PART(base_model_arn, '/', 2) ORDER BY end_time - creation_time DESC) "
        "FROM T WHERE status = 'Completed' ORDER BY _key",
        _ranks,
    ),
    Case(
        'window frame',
        'SELECT job_name, AVG(EXTRACT(epoch FROM end_time - creation_time) / 3600) OVER (ORDER BY creation_time ROWS BETWEEN 2 PRECEDING '
        'AND CURRENT ROW) FROM T WHERE end_time IS NOT NULL ORDER BY creation_time',
        _moving,
    ),
    Case(
        'lag and lead',
        'SELECT job_name, LAG(job_name) OVER (ORDER BY creation_time), LEAD(job_name) OVER (ORDER BY creation_time) FROM T ORDER BY creation_time',
        _previous,
    ),
    Case(
        'days',
        "SELECT DATE_TRUNC('day', creation_time) AS day, COUNT(*) FROM T GROUP BY DATE_TRUNC('day', creation_time) ORDER BY day",
        _by_day,
    ),
    Case(
        'day of the week, Monday is 1',
        'SELECT job_name, EXTRACT(dow FROM creation_time) FROM T ORDER BY _key',
        lambda: [(job.job_name, created(job).isoweekday()) for job in by_key(JOBS)],
    ),
    Case(
        'bins',
        "SELECT DATE_BIN('6 hours', creation_time, TIMESTAMP '2026-11-16 00:00:00') FROM T WHERE status = 'Completed' ORDER BY _key",
        lambda: [(ms(created(job).replace(minute=0, hour=created(job).hour // 6 * 6)),) for job in by_key(COMPLETED)],
    ),
    Case(
        'an offset in a literal counts',
        "SELECT job_name FROM T WHERE creation_time >= TIMESTAMP '2026-11-18 04:30:00-05:00' ORDER BY _key",
        lambda: [(job.job_name,) for job in by_key(JOBS) if created(job) >= datetime(2026, 11, 18, 9, 30, tzinfo=UTC)],
    ),
    Case(
        'time frame',
        "WITH frame AS (SELECT CAST(CURRENT_SETTING('dd.time_frame_start') AS TIMESTAMP) AS since, CAST(CURRENT_SETTING('dd.time_frame_end') "
        'AS TIMESTAMP) AS until) SELECT job_name, until - since FROM T, frame WHERE creation_time >= since AND creation_time < until ORDER BY _key',
        lambda: [(job.job_name, 2 * 86_400_000) for job in by_key(JOBS) if FRAME.start <= created(job) < FRAME.end],
    ),
    Case(
        'regular expressions',
        "SELECT REGEXP_REPLACE(failure_message, 's3://([a-z-]+)/\\S+', 'bucket $1', 'g'), REGEXP_MATCH(failure_message, '/([a-z])\\.jsonl')[1] "
        "FROM T WHERE REGEXP_LIKE(failure_message, '^Access') ORDER BY _key",
        lambda: [
            ('Access to bucket example-training-data denied', 'a'),
            ('Access to bucket example-training-data denied', 'b'),
        ],
    ),
    Case(
        'texts and arrays',
        "SELECT UPPER(SUBSTRING(job_name, 1, 3)) || REVERSE('ab') || REPLACE(TRIM(' x '), 'x', 'y'), STRPOS(job_name, '-'), LENGTH(job_name), "
        "ARRAY['a', 'b'][2], ARRAY['a'][9], CARDINALITY(ARRAY[1, 2]), ARRAY_POSITION(ARRAY['a', 'b'], 'b'), "
        "ARRAY_TO_STRING(STRING_TO_ARRAY('1,2', ','), ';') FROM T WHERE job_name LIKE 'Ü%'",
        lambda: [('ÜNÏbay', 8, 9, 'b', None, 2, 2, '1;2')],
    ),
    Case(
        'conditions and numbers',
        "SELECT SUM(CASE WHEN status = 'Failed' THEN 1 ELSE 0 END), BOOL_OR(status = 'Stopping'), BOOL_AND(status = 'Failed'), "
        "CEIL(1.2), FLOOR(-1.2), ROUND(2.6), POWER(2, 10), ABS(-3), COALESCE(MIN(role_arn), 'x') LIKE 'arn:%', MAX(creation_time), "
        "TO_CHAR(TO_TIMESTAMP(0), 'YYYY-MM-DD HH24:MI:SS'), TO_TIMESTAMP('25/12/2025 04:23 pm', 'DD/MM/YYYY HH:MI am') FROM T",
        lambda: [
            (
                3,
                True,
                False,
                2,
                -2,
                3,
                1024,
                3,
                True,
                ms(max(map(created, JOBS))),
                '1970-01-01 00:00:00',
                ms(datetime(2025, 12, 25, 16, 23, tzinfo=UTC)),
            )
        ],
    ),
]


@pytest.fixture(scope='module')
def table(server: str) -> Any:
    """A connection to a database that holds `JOBS`."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute('CREATE DATABASE ddsql')
    with connect(server.replace('dbname=postgres', 'dbname=ddsql')) as connection:
        sync(connection, JOBS)
        connection.commit()
        yield connection


def test_there_are_25() -> None:
    assert len({case.name for case in CASES}) == 25
    assert NOVA in {short(job) for job in JOBS}


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_answers(table: Any, case: Case) -> None:
    query = re.sub(r'\bT\b', FULL_NAME, case.query)
    assert lint(query) == []
    result = run(table, query, time_frame=FRAME)
    found, expected = list(result.rows()), case.rows()
    assert (sorted(found) if case.any_order else found) == (sorted(expected) if case.any_order else expected)
    assert expected
    assert result.warnings == []
