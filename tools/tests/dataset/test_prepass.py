"""What is changed in a query before PostgreSQL runs it, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.dataset.ddsql import prepare
from bedrock_jobs.dataset.ddsql.shim import AS_TIMESTAMP


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ("SELECT f(x)[1]", 'SELECT (f(x))[1]'),
        ("SELECT ARRAY['a', 'b'][2]", "SELECT (ARRAY['a', 'b'])[2]"),
        ("SELECT f(g(x)[1])[2][3]", 'SELECT (f((g(x))[1]))[2][3]'),
        ('SELECT (ARRAY[1])[1], names[1]', 'SELECT (ARRAY[1])[1], names[1]'),
        ('SELECT EXTRACT(DOW FROM a), EXTRACT(day FROM dow)', 'SELECT EXTRACT(isodow FROM a), EXTRACT(day FROM dow)'),
        ("SELECT TIMESTAMP '2026-11-23 10:00:00Z'", "SELECT (TIMESTAMPTZ '2026-11-23 10:00:00Z' AT TIME ZONE 'UTC')"),
        (
            "SELECT TIMESTAMP '2026-11-23 10:00:00-0430'",
            "SELECT (TIMESTAMPTZ '2026-11-23 10:00:00-0430' AT TIME ZONE 'UTC')",
        ),
        (
            "SELECT TIMESTAMP '2026-11-23 10:00:00.5', TIMESTAMP '10/11/2026'",
            "SELECT TIMESTAMP '2026-11-23 10:00:00.5', TIMESTAMP '10/11/2026'",
        ),
        ("SELECT CAST(a || ('b' ) AS TIMESTAMP)", f"SELECT {AS_TIMESTAMP}(a || ('b' ) )"),
        ("SELECT CAST(a AS BIGINT)", 'SELECT CAST(a AS BIGINT)'),
        (
            "SELECT REGEXP_REPLACE(a, '$1', '<$0> $1 \\$ \\\\ \\x', 'g')",
            "SELECT REGEXP_REPLACE(a, '$1', '<\\&> \\1 $ \\\\ x', 'g')",
        ),
        ("SELECT REGEXP_REPLACE(a, f(b, c), '$2')", "SELECT REGEXP_REPLACE(a, f(b, c), '\\2')"),
        (
            'SELECT APPROX_PERCENTILE(0.5) WITHIN GROUP (ORDER BY x)',
            'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY x)',
        ),
        ("SELECT 1 ; ", 'SELECT 1  '),
        ("SELECT 'f(x)[1] EXTRACT(dow FROM a)' -- f(x)[1]", "SELECT 'f(x)[1] EXTRACT(dow FROM a)' -- f(x)[1]"),
    ],
)
def test_what_is_changed(query: str, expected: str) -> None:
    assert prepare(query).sql == expected


def test_functions_for_which_only_datadog_has_data() -> None:
    assert prepare("SELECT * FROM dd.metrics_scalar('x', 'avg')").remote == {'metrics_scalar'}
    assert prepare('SELECT logs(1)').remote == frozenset()


@given(
    st.lists(
        st.sampled_from(["f(x)[1]", "TIMESTAMP '2026-01-01 00:00Z'", 'CAST(a AS TIMESTAMP)', 'column_a', "'é😀'"]),
        min_size=1,
    )
)
def test_places_are_found_again(parts: list[str]) -> None:
    query = 'SELECT ' + ', '.join([*parts, 'the_end'])
    prepared = prepare(query)
    assert query[prepared.original(prepared.sql.index('the_end')) :] == 'the_end'
    for name in ('column_a', "'é😀'"):
        if name in query:
            assert query[prepared.original(prepared.sql.index(name)) :].startswith(name)
