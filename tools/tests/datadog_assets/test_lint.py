"""Rules that no shipped file has a place for, on the small library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedrock_jobs.datadog_assets.errors import AssetsError
from bedrock_jobs.datadog_assets.files import find_folder, read
from bedrock_jobs.datadog_assets.lint import lint
from bedrock_jobs.datadog_assets.overlay import Overlay

DASHBOARD, SLO, MONITOR = 'dashboards/overview.json', 'slos/no_failures.json', 'monitors/job_failed.json'
METRIC = 'slos/success.json'
TIME_SLICE = {
    'time_slice': {
        'comparator': '>',
        'threshold': 0,
        'query': {
            'formulas': [{'formula': 'q'}],
            'queries': [{'data_source': 'metrics', 'name': 'q', 'query': 'sum:nothing{*}'}],
        },
    }
}


def definition(document: Any, position: int) -> Any:
    return document['widgets'][position]['definition']


@pytest.mark.parametrize(
    ('file', 'mutate', 'complaint'),
    [
        (DASHBOARD, lambda d: definition(d, 1).update(alert_id='123'), 'is no placeholder such as {{monitor:...}}'),
        (DASHBOARD, lambda d: definition(d, 2).update(slo_id='0123'), 'is no placeholder such as {{slo:...}}'),
        (
            DASHBOARD,
            lambda d: definition(d, 1).update(alert_id='{{monitor:nobody}}'),
            'monitor nobody, which does not exist',
        ),
        (DASHBOARD, lambda d: definition(d, 0).pop('title'), 'title: is missing'),
        (DASHBOARD, lambda d: definition(d, 0).pop('requests'), 'asks for nothing'),
        (
            DASHBOARD,
            lambda d: definition(d, 0).update(requests=[{'q': 'sum:nothing{*}'}]),
            'nothing is not in metadata.csv',
        ),
        (
            DASHBOARD,
            lambda d: d.update(
                template_variable_presets=[{'name': 'a', 'template_variables': [{'name': 'x', 'value': 'y'}]}]
            ),
            'sets a variable that is not declared',
        ),
        (
            DASHBOARD,
            lambda d: d['widgets'].append(
                {**d['widgets'][0], 'definition': {'type': 'group', 'layout_type': 'ordered', 'widgets': []}}
            ),
            'widgets: is empty',
        ),
        (SLO, lambda d: d['definition'].update(monitor_ids=['{{slo:success}}']), 'an SLO cannot refer to an SLO'),
        (SLO, lambda d: d['definition'].update(monitor_ids=[]), 'an SLO of type monitor needs monitor_ids'),
        (SLO, lambda d: d['definition'].update(timeframe='90d'), 'is not among the thresholds'),
        (SLO, lambda d: d.update(tags=[]), 'unknown property of an SLO file'),
        (
            METRIC,
            lambda d: d['definition'].update(type='time_slice', query=None, sli_specification=TIME_SLICE),
            'nothing is not in',
        ),
        (METRIC, lambda d: d['definition'].update(monitor_ids=['{{monitor:job_failed}}']), 'does not belong to'),
        (
            MONITOR,
            lambda d: d['definition'].update(message='{{monitor:job_stopped}} {{job_name.name}}'),
            'a monitor cannot refer',
        ),
        (
            MONITOR,
            lambda d: d['definition'].update(
                query=d['definition']['query'].replace(
                    ' >', ' + sum:bedrock_model_customization.jobs.failed{*} by {region}.as_count() >'
                )
            ),
            'groups its metrics by different tags',
        ),
        (MONITOR, lambda d: d['definition']['options'].update(renotify_interval=-1), 'is negative'),
        (MONITOR, lambda d: d['definition'].update(message='{{job_name.name'), 'has {{ without }}'),
        (
            MONITOR,
            lambda d: d['definition'].update(type='event-v2 alert', query='logs("x") > 2'),
            'is not of the form `events(',
        ),
    ],
)
def test_rules(folder: Path, edit: Callable[..., None], file: str, mutate: Any, complaint: str) -> None:
    assert lint(read(folder), Overlay()) == {}
    edit(file, mutate)
    found = [str(problem) for problem in lint(read(folder), Overlay()).get(file, [])]
    assert any(complaint in one for one in found), found


def test_a_library_needs_its_metrics(folder: Path) -> None:
    (folder.parent / 'metadata.csv').unlink()
    with pytest.raises(AssetsError, match=r'no metadata.csv'):
        lint(read(folder), Overlay())


def test_the_checkouts_assets_are_found() -> None:
    assert find_folder() == Path(__file__).parents[3] / 'assets'
