"""What DDSQL documents passes; what it does not is named, with its place and what is documented instead."""

# Queries and messages stay whole, as people write and read them.
# ruff: noqa: E501

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.dataset.columns import FULL_NAME
from bedrock_jobs.dataset.ddsql import lint
from bedrock_jobs.dataset.ddsql.surface import FUNCTIONS
from bedrock_jobs.dataset.saved import saved_queries

JOBS = f'FROM {FULL_NAME}'


@pytest.mark.parametrize('name', saved_queries())
def test_shipped_queries_pass(name: str) -> None:
    assert lint(saved_queries()[name].sql) == []


@pytest.mark.parametrize(
    'query',
    [
        f'SELECT * {JOBS}',
        f'SELECT job.status {JOBS} AS job WHERE job.account_id IN (\'1\', \'2\') OR NOT job.status LIKE \'F%\';',
        f'SELECT {FULL_NAME}.status {JOBS}',
        f'SELECT "status", status AS "Status of a Job" {JOBS} ORDER BY "Status of a Job"',
        f"SELECT COUNT(*), COUNT(DISTINCT status) {JOBS} GROUP BY status HAVING COUNT(*) > 1 LIMIT 5 OFFSET 1",
        f'SELECT a.status {JOBS} a JOIN {FULL_NAME} b USING (_key) LEFT JOIN {FULL_NAME} c ON c._key = a._key',
        f"SELECT tags->'team', string_to_array(tags->'team', ',') {JOBS} WHERE tags = hyper_parameters",
        f"SELECT one {JOBS}, UNNEST(akeys(tags)) AS one",
        f"SELECT one.value {JOBS}, json_array_elements(validation_metrics) AS one",
        f"SELECT loss {JOBS}, json_array_elements(validation_metrics) AS one(loss)",
        "WITH a(x, y) AS (SELECT 1, 2), b AS (SELECT * FROM a) SELECT x, b.y FROM b",
        "SELECT CASE WHEN true THEN -1 ELSE +2 END, ARRAY['a', 'b'][1], (ARRAY[1])[1], 1.5 * 2 / 3",
        "SELECT TIMESTAMP '2026-11-23', INTERVAL '1 DAY 2 hours', BIGINT '1', JSON '{}', INET '10.0.0.1' <<= INET '10.0.0.0/8'",
        "SELECT TO_CHAR(NOW(), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS'), TO_TIMESTAMP('2026', 'YYYY'), TO_TIMESTAMP(0)",
        "SELECT CAST(1 AS VARCHAR), EXTRACT(dow FROM NOW()), EXTRACT(epoch FROM INTERVAL '1 day')",
        "SELECT host FROM dd.logs(filter => 'source:x', columns => ARRAY['host']) AS (host VARCHAR)",
        "SELECT * FROM dd.metrics_scalar('avg:system.cpu.user{*}', 'avg')",
        f'SELECT SUM(1) OVER (PARTITION BY status ORDER BY end_time ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) {JOBS}',
        f"SELECT status -- a comment: a::text\n{JOBS} /* b ~ c */ WHERE failure_message = 'a::text ->> ? it''s'",
        f'SELECT LAG(status) OVER (ORDER BY end_time), RANK() OVER (ORDER BY end_time) {JOBS}',
        "SELECT CAST(CURRENT_SETTING('dd.time_frame_start') AS TIMESTAMP)",
        f"SELECT 1 {JOBS} WHERE end_time > TIMESTAMP '2026-11-23' AND end_time - creation_time > INTERVAL '1 hour'",
        f"SELECT 1 {JOBS} WHERE status = 'Failed' AND TO_CHAR(end_time, 'YYYY') = '2026'",
        "SELECT REGEXP_REPLACE('a', '(a)', '$1', 1, 2, 'i'), REGEXP_MATCH('a', 'a', 'i')[1], REGEXP_LIKE('a', 'b')",
    ],
)
def test_what_is_documented_passes(query: str) -> None:
    assert [str(finding) for finding in lint(query)] == []


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        # Statements
        (f'DELETE {JOBS}', ['1:1: DELETE is not documented: DDSQL only reads; documented: SELECT']),
        ('  \n DROP TABLE x', ['2:2: DROP is not documented: DDSQL only reads; documented: SELECT']),
        ('selct 1', ["1:1: a query does not begin with 'selct'; documented: SELECT"]),
        ('SELECT 1; SELECT 2', ['1:11: more than one statement; documented: one SELECT at a time']),
        ('SELECT 1; DROP TABLE x', ['1:11: more than one statement; documented: one SELECT at a time']),
        ('', ['1:1: there is no query']),
        ('-- nothing', ['1:1: there is no query']),
        ("SELECT 'open", ['1:8: a quoted text, a quoted name or a comment is not closed']),
        ('SELECT 1 +', ["1:10: syntax error at '+'"]),
        # Names
        (f'SELECT statu {JOBS}', ['1:8: there is no column statu; documented: status']),
        (f'SELECT job.stats {JOBS} job', ['1:8: there is no column stats; documented: status']),
        (f'SELECT jobs.status {JOBS} job', ['1:8: there is no table or alias jobs in FROM; documented: job']),
        (
            f'SELECT\n  status,\n  region {JOBS}',
            ["3:3: there is no column region; documented: SPLIT_PART(job_arn, ':', 4)"],
        ),
        (
            'SELECT * FROM aws.bedrock_customization_jobs',
            [f'1:15: table aws.bedrock_customization_jobs is not here; documented: {FULL_NAME}'],
        ),
        ('SELECT * FROM jobs', [f'1:15: table jobs is not here; documented: {FULL_NAME}']),
        (f'WITH a AS (SELECT status AS s {JOBS}) SELECT status FROM a', ['1:80: there is no column status']),
        (f'SELECT x {JOBS}, json_array_elements(validation_metrics) AS y', ['1:8: there is no column x']),
        # Functions
        ("SELECT lenght('a')", ['1:8: function lenght is not documented; documented: LENGTH']),
        (
            "SELECT NULLIF(1, 2)",
            ['1:8: function nullif is not documented; documented: CASE WHEN a = b THEN NULL ELSE a END'],
        ),
        ("SELECT left('a', 1)", ['1:8: function left is not documented; documented: SUBSTRING(text, 1, length)']),
        ('SELECT pg_sleep(10)', ['1:8: function pg_sleep is not documented']),
        (
            'SELECT ROUND(1.25, 1)',
            ['1:8: round with 2 arguments is not documented; documented: ROUND(number * 100) / 100'],
        ),
        (
            "SELECT SUBSTRING('abc', 2)",
            ['1:8: substring with 2 arguments is not documented; documented: SUBSTRING(text, start, length)'],
        ),
        (
            f'SELECT LAG(status, 2) OVER (ORDER BY end_time) {JOBS}',
            ['1:8: lag with 2 arguments is not documented; documented: LAG(column) OVER (…)'],
        ),
        ('SELECT pg_catalog.version()', ['1:8: table function pg_catalog.version is not documented']),
        ("SELECT * FROM dd.log('x')", ['1:15: table function dd.log is not documented; documented: dd.logs']),
        (
            f'SELECT unnest(akeys(tags)) {JOBS}',
            ['1:8: UNNEST outside FROM is not documented; documented: FROM table, UNNEST(array) AS item'],
        ),
        (
            f'SELECT json_array_elements(validation_metrics) {JOBS}',
            [
                '1:8: json_array_elements is documented in FROM only; documented: FROM table, json_array_elements(column) AS item'
            ],
        ),
        (
            'SELECT EXTRACT(millennium FROM NOW())',
            [
                "1:16: unit 'millennium' is not documented; documented: day, dow, doy, epoch, hour, minute, month, quarter, second, timezone_hour, timezone_minute, week, year"
            ],
        ),
        ("SELECT DATE_TRUNC('days ', NOW())", ["1:19: unit 'days ' is not documented; documented: days"]),
        (
            "SELECT CURRENT_SETTING('timezone')",
            ["1:24: setting 'timezone' is not documented; documented: dd.time_frame_end, dd.time_frame_start"],
        ),
        (
            "SELECT TO_CHAR(NOW(), 'Day')",
            [
                "1:23: pattern 'Day' in a time format is not documented; documented: YYYY YY MM DD HH24 HH12 HH MI SS MS TZ OF AM am PM pm"
            ],
        ),
        ("SELECT REGEXP_MATCH('a', 'a', 'x')", ["1:31: flags 'x' are not documented; documented: i, n, m, g"]),
        # Operators
        (
            f"SELECT training_metrics->>'training_loss' {JOBS}",
            [
                "1:24: operator ->> is not documented; documented: json_extract_path_text(column, 'key'), or tags->'key' on hstore"
            ],
        ),
        (
            f"SELECT job.training_metrics->'training_loss' {JOBS} job",
            [
                '1:28: operator -> on the json column training_metrics is not documented; documented: '
                "json_extract_path_text(training_metrics, 'training_loss')"
            ],
        ),
        (
            f"SELECT status->'a' {JOBS}",
            ["1:14: operator -> works on hstore, and status is a string; documented: tags->'a'"],
        ),
        (
            f'SELECT tags->status {JOBS}',
            ["1:12: operator -> is documented with a quoted key only; documented: tags->'key'"],
        ),
        (
            f"SELECT 1 {JOBS} WHERE status ~ 'x'",
            ['1:64: operator ~ is not documented; documented: REGEXP_LIKE(text, pattern)'],
        ),
        (
            f"SELECT 1 {JOBS} WHERE tags ? 'x'",
            ["1:62: operator ? is not documented; documented: tags->'key' IS NOT NULL"],
        ),
        ("SELECT '1'::bigint", ['1:11: operator :: is not documented; documented: CAST(value AS type)']),
        (
            'SELECT 5 % 2, 5 ^ 2',
            [
                '1:10: operator % is not documented; documented: a - FLOOR(a / b) * b',
                '1:17: operator ^ is not documented; documented: POWER(base, exponent)',
            ],
        ),
        (
            f"SELECT 1 {JOBS} WHERE tags @> tags",
            ["1:62: operator @> is not documented; documented: tags->'key' = 'value'"],
        ),
        # Syntax
        (
            f"SELECT 1 {JOBS} WHERE status ILIKE 'x'",
            ['1:57: ILIKE is not documented; documented: LOWER(text) LIKE pattern'],
        ),
        ('SELECT 1 BETWEEN 0 AND 2', ['1:8: BETWEEN is not documented; documented: value >= low AND value <= high']),
        ('SELECT 1 UNION SELECT 2', ['1:8: UNION is not documented; documented: one query each']),
        (
            f'SELECT s FROM (SELECT status AS s {JOBS}) AS x',
            ['1:23: a subquery is not documented; documented: WITH name AS (SELECT …), and JOIN it'],
        ),
        (
            f'SELECT DISTINCT ON (status) status {JOBS}',
            ['1:21: DISTINCT ON is not documented; documented: ROW_NUMBER() OVER (PARTITION BY …) in a WITH, and = 1'],
        ),
        (
            f'SELECT status {JOBS} ORDER BY end_time NULLS LAST',
            [
                '1:74: NULLS is not documented; documented: CASE WHEN value IS NULL THEN 1 ELSE 0 END as the first thing to order by'
            ],
        ),
        ('SELECT CURRENT_TIMESTAMP', ['1:8: CURRENT_TIMESTAMP is not documented; documented: NOW()']),
        (f'SELECT status {JOBS} FOR UPDATE', ['1:56: FOR UPDATE is not documented']),
        ('SELECT true IS TRUE', ['1:13: IS is documented with NULL and NOT NULL only; documented: = true']),
        # Types
        ('SELECT CAST(1 AS TEXT)', ['1:18: CAST to TEXT is not documented; documented: VARCHAR']),
        ('SELECT CAST(1 AS DECIMAL(10, 2))', ['1:18: CAST to DECIMAL(…) is not documented; documented: DECIMAL']),
        ("SELECT DATE '2026-11-23'", ["1:8: literals of type DATE are not documented; documented: TIMESTAMP '…'"]),
        (
            "SELECT INTERVAL '1 week'",
            [
                "1:17: unit 'week' of an interval is not documented; documented: days, hours, minutes, seconds, milliseconds"
            ],
        ),
        ("SELECT E'a'", ["1:8: texts written as E'… are not documented; documented: 'text'"]),
        # PostgreSQL, or sqlglot, takes these; the reference of DDSQL does not have them.
        (
            f'SELECT DATE(end_time) {JOBS}',
            ["1:8: function date is not documented; documented: DATE_TRUNC('day', timestamp)"],
        ),
        ('SELECT INT(1)', ['1:8: function int is not documented; documented: CAST(value AS BIGINT)']),
        (f"SELECT tags['team'] {JOBS}", ["1:8: […] is documented with a number only; documented: tags->'team'"]),
        ("SELECT INTERVAL '1' DAY", ["1:17: an INTERVAL has its unit within the quotes; documented: INTERVAL '1 day'"]),
        ('SELECT INTERVAL 1 DAY', ["1:17: an INTERVAL has its number within quotes; documented: INTERVAL '1 day'"]),
        (
            f'SELECT COUNT(*) {JOBS} GROUP BY ALL',
            ['1:58: GROUP BY ALL is not documented; documented: the columns by name'],
        ),
        (f'SELECT 1 {JOBS} LIMIT ALL', ['1:51: LIMIT ALL is not documented; documented: a number, or no LIMIT']),
        (
            f'SELECT * EXCEPT (tags) {JOBS}',
            ['1:8: * with exceptions is not documented; documented: the columns by name'],
        ),
        (
            f'SELECT j.* EXCEPT (tags) {JOBS} AS j',
            ['1:10: * with exceptions is not documented; documented: the columns by name'],
        ),
        (
            f'SELECT status COLLATE "C" {JOBS}',
            ['1:8: COLLATE is not documented; documented: LOWER(text), to compare without case'],
        ),
        ('SELECT ROW(1, 2)', ['1:8: ROW(…) is not documented; documented: one column for each value']),
        (
            f'SELECT RANK() OVER w {JOBS} WINDOW w AS (ORDER BY status)',
            ['1:8: WINDOW is not documented; documented: OVER (…) with all that belongs in it'],
        ),
        (
            f"SELECT 1 {JOBS} AS j WHERE j.end_time >= '2026-11-23'",
            ["1:62: comparing a TIMESTAMP with a bare text is not documented; documented: TIMESTAMP '2026-11-23'"],
        ),
        (
            f"SELECT 1 {JOBS} WHERE '2026-11-23' = DATE_TRUNC('day', end_time)",
            ["1:57: comparing a TIMESTAMP with a bare text is not documented; documented: TIMESTAMP '2026-11-23'"],
        ),
        (
            f"SELECT 1 {JOBS} WHERE end_time IN ('2026-11-23')",
            ["1:57: comparing a TIMESTAMP with a bare text is not documented; documented: TIMESTAMP '2026-11-23'"],
        ),
        (
            f"SELECT 1 {JOBS} WHERE NOW() - INTERVAL '1 day' > '2026-11-23'",
            ["1:57: comparing a TIMESTAMP with a bare text is not documented; documented: TIMESTAMP '2026-11-23'"],
        ),
        (
            f"SELECT 1 {JOBS} WHERE end_time - creation_time > '1 hour'",
            ["1:57: comparing an INTERVAL with a bare text is not documented; documented: INTERVAL '1 hour'"],
        ),
        # What people write from habit
        (
            'SELECT MEDIAN(1)',
            [
                '1:8: function median is not documented; documented: APPROX_PERCENTILE(0.5) WITHIN GROUP (ORDER BY value)'
            ],
        ),
        ('SELECT IFNULL(1, 2)', ['1:8: function ifnull is not documented; documented: COALESCE(value, instead)']),
        (
            f'SELECT 1 {JOBS} WHERE status = "Failed"',
            ["1:66: there is no column Failed; documented: 'Failed', as a text is written in single quotes"],
        ),
        # Positions count characters, whatever they are made of.
        ("SELECT 'ü😀', lenght('a')", ['1:14: function lenght is not documented; documented: LENGTH']),
    ],
)
def test_what_is_not_documented_is_named(query: str, expected: list[str]) -> None:
    assert [str(finding) for finding in lint(query)] == expected


def test_everything_is_named_at_once_and_in_order() -> None:
    findings = lint(f"SELECT statu,\n  lenght(status)::bigint\n{JOBS}\nWHERE status ILIKE 'x'")
    assert [(finding.line, finding.column) for finding in findings] == [(1, 8), (2, 3), (2, 17), (4, 7)]


def test_nesting_and_long_chains_take_no_time() -> None:
    assert [finding.message for finding in lint('SELECT ' + 'f(' * 20_000)] == [
        'this is nested more than 100 levels deep'
    ]
    chain = ', '.join(f'a{number} AS (SELECT * FROM a{number - 1})' for number in range(1, 100))
    found = lint(f'WITH a0 AS (SELECT status {JOBS}), {chain} SELECT status, nothing FROM a99')
    assert [finding.message for finding in found] == ['there is no column nothing']


def test_tables_that_only_datadog_has_are_refused_here_and_not_there() -> None:
    query = 'SELECT instance_type FROM aws.ec2_instance'
    assert [finding.message for finding in lint(query)] == ['table aws.ec2_instance is not here']
    assert lint(query, tables=None) == []


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from([*FUNCTIONS, '(', ')', '[', ']', '->', "'a'", ',', 'SELECT', 'FROM', 'AS', ';', 'tags'])
    ).map(' '.join)
)
def test_no_text_breaks_the_linter(text: str) -> None:
    lint(text)
    lint(f'SELECT {text} {JOBS}')
