"""The query language: what is understood, and that everything else is refused with a reason."""

from __future__ import annotations

import pytest

from bedrock_jobs.preview.errors import PreviewError
from bedrock_jobs.preview.language import (
    Call,
    Metric,
    Number,
    Operation,
    Variable,
    parse_expression,
    parse_monitor,
    parse_search,
    seconds,
)
from bedrock_jobs.preview.recording import tag_values

TAGS = tag_values(['Env:Prod', 'model:amazon.nova-lite-v1:0:300k', 'phase:training', 'urgent'])
VARIABLES = {'env': ('env', 'prod'), 'any': ('team', '*'), 'phase': ('phase', 'validation')}


def matches(scope: str) -> bool:
    metric = parse_expression(f'avg:x{{{scope}}}')
    assert isinstance(metric, Metric)
    return metric.scope.matches(TAGS, VARIABLES)


@pytest.mark.parametrize(
    ('scope', 'expected'),
    [
        ('*', True),
        ('env:prod', True),
        ('env:PROD', True),
        ('env:test', False),
        ('!env:test', True),
        ('env:prod,phase:training', True),
        ('env:prod,!phase:training', False),
        ('env:prod, phase:validation', False),
        ('model:amazon.nova-lite-v1:0:300k', True),
        ('model:amazon.*', True),
        ('model:*:300k', True),
        ('model:anthropic.*', False),
        ('env:*', True),
        ('team:*', False),
        ('!team:*', True),
        ('env:test OR phase:training', True),
        ('env:prod AND phase:training', True),
        ('env:prod AND NOT phase:training', False),
        ('env:test OR env:dev', False),
        ('phase IN (training,validation)', True),
        ('phase NOT IN (training,validation)', False),
        ('env:prod AND (phase:validation OR phase IN (training))', True),
        ('$env', True),
        ('$any', True),
        ('$phase', False),
        ('$env,$any,!$phase', True),
        ('(env:prod)', True),
    ],
)
def test_scopes(scope: str, expected: bool) -> None:
    assert matches(scope) is expected


def test_an_unknown_variable_is_named() -> None:
    with pytest.raises(PreviewError, match=r'\$nobody'):
        matches('$nobody')


def test_metrics() -> None:
    metric = parse_expression('sum:a.b_c{env:prod} by {team, phase}.as_count().rollup(sum, 3600)')

    assert isinstance(metric, Metric)
    assert (metric.aggregator, metric.name, metric.by) == ('sum', 'a.b_c', ('team', 'phase'))
    assert metric.as_count and metric.rollup == ('sum', 3600.0)


def test_arithmetic_binds_as_it_should() -> None:
    one, two, three = Variable('a'), Variable('b'), Number(2.0)

    assert parse_expression('a - b * 2') == Operation('-', one, Operation('*', two, three))
    assert parse_expression('(a - b) * 2') == Operation('*', Operation('-', one, two), three)
    assert parse_expression('a - b - 2') == Operation('-', Operation('-', one, two), three)
    assert parse_expression('-default_zero(a)') == Operation('-', Number(0.0), Call('default_zero', (one,)))


def test_monitors() -> None:
    query = parse_monitor('max(last_4h):avg:a{*} by {host} / avg:b{*} by {host} >= 1.5')

    assert (query.aggregator, query.window, query.comparator, query.threshold) == ('max', 14400.0, '>=', 1.5)


def test_searches() -> None:
    search = parse_search('env:prod $any phase:training')

    assert search.matches(TAGS, VARIABLES)
    assert not parse_search('env:prod phase:other').matches(TAGS, VARIABLES)
    assert parse_search('').matches(TAGS, VARIABLES)


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('avg:a{*', 'not understood'),
        ('avg:a', 'not understood'),
        ('p95:a{*}', 'not understood'),
        ('count:a{*}', 'aggregator count'),
        ('avg:a{*}.fill(zero)', r'\.fill\(zero\) is not drawn'),
        ('avg:a{*}.rollup(last, 60)', r'\.rollup\(last, 60\) is not drawn'),
        ('avg:a{env:prod AND !region:x}', 'either the signs'),
        ('avg:a{env:prod, b:c OR d:e}', 'either the signs'),
        ('avg:a{!env:prod} + avg:b{c IN (d,e), f:g}', 'either the signs'),
        ('top(a, 10)', r'function top\(\)'),
        ('default_zero(a, b)', 'one argument'),
        ('a +', 'not understood'),
        ('a ^ b', 'not understood'),
        ('', 'not understood'),
    ],
)
def test_what_is_not_known_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PreviewError, match=reason):
        parse_expression(text)


@pytest.mark.parametrize(('text', 'expected'), [('10m', 600), ('1h', 3600), ('2d', 172800), ('1w', 604800)])
def test_time_spans(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize('text', ['', 'h', '10', '10y', 'alert'])
def test_time_spans_that_are_none(text: str) -> None:
    with pytest.raises(PreviewError):
        seconds(text)
