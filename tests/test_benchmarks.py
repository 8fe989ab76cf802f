"""Each benchmark, very small: it runs, and its requests are those that it should show. No time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.apart import Apart, ApartError
from benchmarks.cli import app
from benchmarks.figures import Row
from benchmarks.measure import Cost, measure
from benchmarks.memory import measure_memory
from benchmarks.scopes import measure_scopes
from benchmarks.stuck import measure_stuck
from benchmarks.throttled import measure_throttled
from benchmarks.world import World

LIST, DESCRIBE, TAGS = 'ListModelCustomizationJobs', 'GetModelCustomizationJob', 'GetResources'
SINGLE = 'ListTagsForResource'


def test_poll_and_its_figures_as_json(tmp_path: Path) -> None:
    figures = tmp_path / 'figures.json'
    options = ['--jobs', '120', '--latency-ms', '0', '--repeats', '1', '--naive-jobs', '20', '--json', str(figures)]
    result = CliRunner().invoke(app, ['poll', *options])
    assert result.exit_code == 0, result.output
    everything, defaults = json.loads(figures.read_text())
    requests = {row['name']: row['requests'] for row in everything['rows']}
    assert requests['first poll'] == {'GetCallerIdentity': 1, LIST: 3, DESCRIBE: 120, TAGS: 2}
    assert requests['unchanged poll'] == {LIST: 1}
    # The tags of a job that changed are read just before its news is told.
    changed = requests['poll with 1 % changed']
    assert changed.keys() == {LIST, DESCRIBE, SINGLE} and changed[LIST] == changed[DESCRIBE] == 1
    assert requests['plain boto3: merely list'] == {LIST: 1}
    extrapolated = 'plain boto3: list, describe, tags (8 threads), extrapolated from 20'
    assert requests[extrapolated] == {LIST: 1, DESCRIBE: 120, 'ListTagsForResource': 120}
    assert {row['name']: row['requests'] for row in defaults['rows']}['unchanged poll'] == {LIST: 1}
    assert 'CPU, unchanged poll / plain listing' in result.output


def test_throttled_loses_nothing() -> None:
    report = measure_throttled(jobs=15, rate=50)
    assert report.notes['jobs never described'] == report.notes['events that did not come'] == 0
    assert report.notes['events that should have come'] > 0


def test_a_stuck_job_costs_no_walk_through_all_pages() -> None:
    report = measure_stuck(jobs=3500, latency=0, terminal_job_hours=1)
    assert [row.total for row in report.rows] == [1, 3]


def test_memory() -> None:
    report = measure_memory(jobs=100, polls=10)
    # The first poll lists everything, with a request for each status besides.
    assert [row.requests[LIST] for row in report.rows] == [3] + [1] * 9
    assert {row.notes['tracked jobs'] for row in report.rows} <= set(range(98, 106))


def test_scopes() -> None:
    report = measure_scopes(accounts=2, jobs=10, latency=0)
    requests = [row.requests for row in report.rows]
    assert requests[0]['AssumeRole'] == 2
    assert requests[1] == {LIST: 4}
    assert {row.notes['connected'] for row in report.rows} == {4}


def test_what_is_raised_apart_is_raised_here() -> None:
    with Apart(World) as world:
        with pytest.raises(ApartError, match='ValueError'):
            world.call(World.change, 2)
        assert world.call(World.requests) == {}
    with pytest.raises(ApartError, match='invalid literal'):
        Apart(int, 'few')


def test_cost() -> None:
    cost = measure(lambda: sum(range(1000)))
    assert cost.peak >= cost.resident > 0
    assert Cost.median([Cost(1, 2, 3, 4), Cost(2, 3, 4, 5), Cost(9, 9, 9, 9)]) == Cost(2, 3, 4, 5)
    assert Row('', {LIST: 2, TAGS: 1}, cost).total == 3
