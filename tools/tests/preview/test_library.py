"""Assets that cannot be read, and kinds of monitors and SLOs that cannot be judged, are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bedrock_jobs.preview.errors import PreviewError
from bedrock_jobs.preview.evaluate import Evaluator
from bedrock_jobs.preview.library import find_assets, read_library
from bedrock_jobs.preview.states import monitor_states, slo_state

from .polls import recording

DATA = recording([('up', 'gauge', 0.0, ['scope:a']), ('hits', 'count', 0.0, [])])


def monitor(query: str, **options: Any) -> dict[str, Any]:
    definition = {
        'name': 'Scope {{scope.name}} {{other.name}}',
        'type': 'query alert',
        'query': query,
        'options': options,
    }
    return {'title': 'Scope', 'definition': definition}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('dashboards', 'monitors', 'slos'):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize(('file', 'text'), [
    ('dashboards/a.json', '{'),
    ('monitors/a.json', '[]'),
    ('slos/a.json', '\udcff'),
    ('deploy.yaml', 'monitors: ['),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(file: str, text: str, folder: Path) -> None:
    (folder / file).write_bytes(text.encode('utf-8', 'surrogateescape'))

    with pytest.raises(PreviewError, match=file):
        read_library(folder)


def test_what_is_off_is_left_out(folder: Path) -> None:
    for name in ('kept', 'left'):
        (folder / 'monitors' / f'{name}.json').write_text('{}')
    (folder / 'deploy.yaml').write_text('team: ml\nmonitors: {left: {enabled: false}, kept: {priority: 1}}\n')

    assert set(read_library(folder).monitors) == {'kept'}


def test_a_folder_without_dashboards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreviewError, match='--assets'):
        find_assets(tmp_path)
    with pytest.raises(PreviewError, match='no dashboard other; there are'):
        read_library(find_assets()).dashboard('other')


def test_a_monitor_names_the_groups_that_alert() -> None:
    document = monitor('max(last_5m):max:up{*} by {scope} < 1', thresholds={'critical': 1})

    assert [(one.name, one.status) for one in monitor_states(Evaluator(DATA), document)] == [
        ('Scope a {{other.name}}', 'Alert')
    ]


def test_a_monitor_leaves_out_what_lacks_its_tags() -> None:
    document = monitor('max(last_5m):max:up{*} by {team} < 1', on_missing_data='show_no_data')

    assert [one.status for one in monitor_states(Evaluator(DATA), document)] == ['No Data']


def test_an_slo_of_which_nothing_counted_has_no_value() -> None:
    query = {'numerator': 'sum:hits{*}.as_count()', 'denominator': 'sum:hits{*}.as_count()'}
    definition = {'name': 'S', 'type': 'metric', 'query': query, 'thresholds': [{'timeframe': '7d', 'target': 90}]}

    assert slo_state(Evaluator(DATA), {'definition': definition}).budget_left is None


def test_other_kinds_are_refused() -> None:
    with pytest.raises(PreviewError, match='log alert'):
        monitor_states(Evaluator(DATA), {'definition': {'type': 'log alert'}})
    with pytest.raises(PreviewError, match='time_slice'):
        slo_state(Evaluator(DATA), {'definition': {'type': 'time_slice'}})
