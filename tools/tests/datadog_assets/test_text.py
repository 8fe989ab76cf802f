"""What is read from text: queries, messages, descriptions."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bedrock_jobs.datadog_assets import handles, ownership, queries

MESSAGE = st.lists(
    st.sampled_from(
        [
            'Job failed. ',
            '{{#is_alert}}',
            '{{/is_alert}}',
            '@slack-a',
            ' ',
            '\n',
            '@me@example.com',
            'a@b',
            '{{x.name}}',
        ]
    ),
    max_size=12,
).map(''.join)


def test_a_query_is_taken_apart() -> None:
    query = queries.parse(
        'default_zero(sum:a.b{$team AND status:failed,region IN (x,y)} by {region, job_name}.as_count()) / 2 + max:c{*}'
    )
    one, other = query.metrics
    assert (one.name, one.aggregator, one.group_by) == ('a.b', 'sum', ('region', 'job_name'))
    assert one.filters == (('status', 'failed'), ('region', 'x'), ('region', 'y'))
    assert query.variables == {'team'} and other.name == 'c' and query.faults == ()


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('sum:a.b', 'names no metric'),
        ('sum:a.b{*} + sum:c', 'has a metric without {scope}'),
        ('sum:a.b{*', 'has a brace'),
        ('abs(sum:a.b{*}', 'parenthesis'),
        ('absolut(sum:a.b{*})', 'absolut() is no function'),
        ('summe:a.b{*}', 'summe is no aggregator'),
    ],
)
def test_faults_of_a_query(text: str, fault: str) -> None:
    assert any(fault in found for found in queries.parse(text).faults)


@pytest.mark.parametrize(
    ('text', 'threshold', 'changed'),
    [
        ('avg(last_5m):avg:a{*} > 1', 1.0, 'avg(last_5m):avg:a{*} > 2.5'),
        ('avg(last_5m):avg:a{x:1} by {y} * 100 <= -0.5', -0.5, 'avg(last_5m):avg:a{x:1} by {y} * 100 <= 2.5'),
        (
            "avg(last_4h):anomalies(avg:a{*}, 'agile', 2) >= 1",
            1.0,
            "avg(last_4h):anomalies(avg:a{*}, 'agile', 2) >= 2.5",
        ),
    ],
)
def test_thresholds_are_read_and_replaced(text: str, threshold: float, changed: str) -> None:
    monitor = queries.parse_monitor(text)
    assert monitor is not None and monitor.threshold == threshold and monitor.query.faults == ()
    assert queries.with_threshold(text, 2.5) == changed


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('sum:a{$region,status:x} by {b}', 'sum:a{*,status:x} by {b}'),
        ('sum:a{region:$region.value}', 'sum:a{*}'),
        ('sum:a{!status:x,$a,$b}', 'sum:a{!status:x,*,*}'),
    ],
)
def test_variables_stand_for_everything(text: str, expected: str) -> None:
    assert queries.without_variables(text) == expected


@given(st.text(max_size=60) | st.text(alphabet='sum:a.b{}()$*,>1 by', max_size=60))
def test_any_text_can_be_parsed(text: str) -> None:
    queries.parse(text)
    queries.parse_monitor(text)


def test_handles_and_where_they_stand() -> None:
    message = 'x {{#is_alert}}{{#is_match "a" "b"}}@pagerduty-a.{{/is_match}}{{/is_alert}} a@b.c @me@example.com!'
    assert handles.find(message) == [
        handles.Handle('@pagerduty-a', ('#is_alert', '#is_match "a" "b"')),
        handles.Handle('@me@example.com', ()),
    ]
    carried = handles.carry_over('New', message)
    assert carried == 'New\n\n{{#is_alert}}{{#is_match "a" "b"}}@pagerduty-a{{/is_match}}{{/is_alert}}\n@me@example.com'
    assert handles.plain(carried) == 'New'


@given(MESSAGE, MESSAGE)
def test_carrying_over_keeps_every_handle_and_is_stable(new: str, old: str) -> None:
    carried = handles.carry_over(new, old)
    names = {handle.name for handle in handles.find(carried)}
    assert {handle.name for handle in handles.find(old)} <= names
    assert handles.carry_over(carried, old) == carried


@given(
    MESSAGE.filter(lambda text: handles.unbalanced(text) is None), MESSAGE.filter(lambda t: not handles.unbalanced(t))
)
def test_carried_handles_say_nothing_new(new: str, old: str) -> None:
    """Else each plan would find a change."""
    assert handles.plain(handles.carry_over(new, old)) == handles.plain(new)


@pytest.mark.parametrize(
    ('message', 'block'),
    [
        ('{{#is_alert}}x{{/is_alert}}', None),
        ('{{^is_alert}}x{{/is_alert}}', None),
        ('{{#is_alert}}x', 'is_alert'),
        ('x{{/is_alert}}', 'is_alert'),
        ('{{#a}}{{#b}}{{/a}}{{/b}}', 'a'),
    ],
)
def test_unbalanced_blocks(message: str, block: str | None) -> None:
    assert handles.unbalanced(message) == block


@example('\n0')
@example('')
@given(st.text(max_size=80))
def test_a_description_keeps_its_text_beside_the_marker(text: str) -> None:
    described = ownership.describe(text, 'default/overview')
    if ownership.from_description(text) is None and '[//]: #' not in text:
        assert ownership.from_description(described) == 'default/overview'
        assert ownership.undescribe(described) == text.rstrip()


@pytest.mark.parametrize(
    'tags',
    [
        [],
        ['managed_by:bedrock-jobs'],
        ['bedrock_jobs_asset:default/a'],
        ['managed_by:terraform', 'bedrock_jobs_asset:default/a'],
        ['managed_by:bedrock-jobs', 'bedrock_jobs_asset:default/a', 'bedrock_jobs_asset:default/b'],
    ],
)
def test_half_a_marker_is_none(tags: list[str]) -> None:
    assert ownership.from_tags(tags) is None
    assert ownership.from_tags(ownership.tags('default/a')) == 'default/a'
