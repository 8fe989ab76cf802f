"""Queries over recordings, worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bedrock_jobs.preview.errors import PreviewError
from bedrock_jobs.preview.evaluate import Evaluator, Table, Window, window_of
from bedrock_jobs.preview.language import parse_monitor
from bedrock_jobs.preview.recording import Recording, read_recording, recording_of

from .polls import recording

HOSTS = recording(
    [('load', 'gauge', 1.0, ['host:a', 'team:x']), ('load', 'gauge', 3.0, ['host:b', 'team:x'])],
    [('load', 'gauge', 5.0, ['host:a', 'team:x']), ('load', 'gauge', 7.0, ['host:c'])],
)
HITS = recording(
    [('hits', 'count', 2.0, ['host:a']), ('hits', 'count', 3.0, ['host:a']), ('fails', 'count', 1.0, ['host:a'])],
    [('hits', 'count', 5.0, ['host:b'])],
)


def scalar(data: Recording, query: str, aggregator: str, formula: str = 'q') -> Table:
    return Evaluator(data).scalars({'q': (query, aggregator)}, formula, window_of(data))


def named(table: Table) -> dict[str, float | None]:
    return {'/'.join(value for _, value in group): value for group, value in table.items()}


@pytest.mark.parametrize(
    ('query', 'aggregator', 'expected'),
    [
        ('avg:load{*}', 'last', 6.0),
        ('sum:load{*}', 'last', 12.0),
        ('sum:load{*}', 'avg', 8.0),
        ('max:load{host:a}', 'max', 5.0),
        ('min:load{*}', 'min', 1.0),
        ('sum:load{team:x}', 'sum', 9.0),
        ('count_not_null(max:load{*} by {host})', 'last', 2.0),
        ('sum:nothing{*}', 'last', None),
    ],
)
def test_space_comes_before_time(query: str, aggregator: str, expected: float | None) -> None:
    assert scalar(HOSTS, query, aggregator).get(()) == expected


def test_groups_and_those_without_the_tag() -> None:
    assert named(scalar(HOSTS, 'max:load{*} by {team}', 'last')) == {'x': 5.0, 'N/A': 7.0}
    assert named(scalar(HOSTS, 'max:load{*} by {team,host}', 'last')) == {'x/a': 5.0, 'x/b': 3.0, 'N/A/c': 7.0}


def test_counts_are_added_up() -> None:
    assert scalar(HITS, 'sum:hits{*}.as_count()', 'sum') == {(): 10.0}
    assert named(scalar(HITS, 'sum:hits{*} by {host}.as_count()', 'sum')) == {'a': 5.0, 'b': 5.0}
    assert scalar(HITS, 'sum:hits{*}.as_count().rollup(sum, 3600)', 'max') == {(): 10.0}


def test_a_gauge_is_no_count() -> None:
    with pytest.raises(PreviewError, match=r'as_count\(\) is for counts'):
        scalar(HOSTS, 'sum:load{*}.as_count()', 'sum')


def test_default_zero_answers_where_nothing_is() -> None:
    assert scalar(HITS, 'sum:nothing{*}.as_count()', 'sum', 'default_zero(q)') == {(): 0.0}
    queries = {
        'hits': ('sum:hits{*} by {host}.as_count()', 'sum'),
        'fails': ('sum:fails{*} by {host}.as_count()', 'sum'),
    }
    rate = Evaluator(HITS).scalars(queries, 'default_zero(fails) / hits', window_of(HITS))
    assert named(rate) == {'a': 0.2, 'b': 0.0}


def test_division_by_zero_is_no_answer() -> None:
    assert scalar(HITS, 'sum:hits{*}.as_count()', 'sum', 'q / (q - q)') == {(): None}


def test_groups_that_differ_are_refused_and_one_without_groups_serves_all() -> None:
    data, window = HOSTS, window_of(HOSTS)
    by_host, by_team, whole = 'max:load{*} by {host}', 'max:load{*} by {team}', 'sum:load{*}'

    with pytest.raises(PreviewError, match='cannot be put together'):
        Evaluator(data).scalars({'a': (by_host, 'max'), 'b': (by_team, 'max')}, 'a / b', window)
    shares = Evaluator(data).scalars({'a': (by_host, 'last'), 'b': (whole, 'last')}, 'a / b * 12', window)
    assert named(shares) == {'a': 5.0, 'b': 3.0, 'c': 7.0}


def test_time_series_have_gaps_where_nothing_was_emitted() -> None:
    frame = Evaluator(HOSTS).frame('max:load{*} by {host}', Window(0, 60, 60))

    assert {group[0][1]: points for group, points in frame.groups.items()} == {
        'a': [1.0, 5.0],
        'b': [3.0, None],
        'c': [None, 7.0],
    }


def test_monitors_divide_sums_and_not_points() -> None:
    monitor = parse_monitor('sum(last_5m):sum:fails{*}.as_count() / sum:hits{*}.as_count() > 1')

    assert Evaluator(HITS).totals(monitor.expression, 'sum', window_of(HITS)) == {(): 0.1}


def test_a_window_is_cut_into_steps_of_a_length_that_people_know() -> None:
    day = recording_of({'t': minute * 60, 'metrics': [], 'events': []} for minute in range(24 * 60))

    assert window_of(day).step == 900
    assert window_of(day, 600).step == 60
    assert window_of(day, 600).start == day.end - 600


@pytest.mark.parametrize(
    'line', ['{', '[]', '{}', '{"t": 1}', '{"t": 1, "metrics": [["a"]], "events": []}', '{"t": "x", "metrics": []}']
)
def test_a_file_that_is_no_recording_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / 'x.jsonl'
    path.write_text(json.dumps({'t': 0, 'metrics': [], 'events': []}) + '\n' + line + '\n')

    with pytest.raises(PreviewError, match='line 2'):
        read_recording(path)


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'empty.jsonl').write_text('\n')

    for name in ('empty.jsonl', 'missing.jsonl'):
        with pytest.raises(PreviewError):
            read_recording(tmp_path / name)


def test_types_that_are_not_drawn_are_refused() -> None:
    with pytest.raises(PreviewError, match='histogram'):
        recording([('a', 'histogram', 1.0, [])])
    with pytest.raises(PreviewError, match='is a count and a gauge'):
        recording([('a', 'gauge', 1.0, []), ('a', 'count', 1.0, [])])
