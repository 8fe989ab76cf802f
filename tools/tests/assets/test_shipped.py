"""What is shipped asks for what the check emits, and for nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from bedrock_jobs.preview.recording import Recording, tag_values
from datadog_checks.bedrock_model_customization.jobs.phases import PHASE_MEMBERS
from datadog_checks.bedrock_model_customization.jobs.vocabulary import KNOWN_STATUSES, NOT_STARTED
from tests.paths import ROOT

from .shipped import ASSETS, DASHBOARDS, MONITORS, SLOS, conditions, load, metrics, searches, stem, walk

NAMESPACE = 'bedrock_model_customization.'
# Only with `collect_artifacts`, or when a request fails.
NOT_IN_DEMO = ('job.curve.', 'job.records.', 'api.errors')
VALUES = {
    'status': {status.lower() for status in KNOWN_STATUSES},
    'phase': set(PHASE_MEMBERS),
    'phase_status': {NOT_STARTED.lower()} | {status.lower() for status in KNOWN_STATUSES},
}
ALL = [*DASHBOARDS, *MONITORS, *SLOS]


@pytest.fixture(scope='module')
def described() -> dict[str, str]:
    with (ROOT / 'metadata.csv').open(newline='', encoding='utf-8') as lines:
        return {row['metric_name']: row['metric_type'] for row in csv.DictReader(lines)}


def test_there_is_something_of_each_kind() -> None:
    assert (len(DASHBOARDS), len(MONITORS), len(SLOS)) == (2, 9, 1)


@pytest.mark.parametrize('path', ALL, ids=stem)
def test_every_metric_is_one_that_exists(path: Path, described: dict[str, str]) -> None:
    asked = metrics(path)

    assert asked or path.stem == 'job_failed_with_message'
    for metric in asked:
        assert metric.name in described
        assert metric.as_count == (described[metric.name] == 'count'), metric.name


@pytest.mark.parametrize('path', ALL, ids=stem)
def test_every_tag_is_one_that_the_metric_carries(path: Path, demo: Recording) -> None:
    for metric in metrics(path):
        if metric.name not in demo.series:
            assert metric.name.removeprefix(NAMESPACE).startswith(NOT_IN_DEMO)
            continue
        carried = {key for series in demo.series[metric.name] for key in series.tags}
        asked = {one.key for one in conditions(metric.scope) if one.kind == 'tag'}
        assert {*metric.by, *asked} <= carried, metric


@pytest.mark.parametrize('path', ALL, ids=stem)
def test_every_value_of_a_tag_is_one_that_aws_can_give(path: Path) -> None:
    for metric in metrics(path):
        for one in conditions(metric.scope):
            if one.kind == 'tag' and one.value != '*':
                assert one.value in VALUES[one.key], metric


@pytest.mark.parametrize('path', DASHBOARDS, ids=stem)
def test_template_variables_are_declared_and_used(path: Path, demo: Recording) -> None:
    declared = {one['name']: one for one in load(path)['template_variables']}
    used = {one.key for metric in metrics(path) for one in conditions(metric.scope) if one.kind == 'variable'}
    used |= {one.key for search in searches(path) for one in conditions(search) if one.kind == 'variable'}
    carried = {key for several in demo.series.values() for series in several for key in series.tags}

    assert used == set(declared)
    for one in declared.values():
        assert one['prefix'] in carried
        assert (one['available_values'], one['defaults']) == ([], ['*'])


@pytest.mark.parametrize('path', DASHBOARDS, ids=stem)
def test_searches_find_the_events_that_are_sent(path: Path, demo: Recording) -> None:
    variables = {one['name']: (one['prefix'], '*') for one in load(path)['template_variables']}
    tags = [tag_values([*event['tags'], f'source:{event["source_type_name"]}']) for event in demo.events]

    for search in searches(path):
        assert tags and all(search.matches(one, variables) for one in tags)


@pytest.mark.parametrize('path', DASHBOARDS, ids=stem)
def test_groups_begin_with_a_line_that_says_what_they_are(path: Path) -> None:
    dashboard = load(path)

    assert '-' not in dashboard['title']
    assert dashboard['widgets'][0]['definition']['title'].startswith('About')
    for group in dashboard['widgets']:
        definition = group['definition']
        assert definition['type'] == 'group'
        assert all(word.istitle() for word in definition['title'].split() if word != 'and')
        assert definition['widgets'][0]['definition']['type'] == 'note'


@pytest.mark.parametrize('path', DASHBOARDS, ids=stem)
def test_widgets_have_titles_and_their_series_have_names(path: Path) -> None:
    for widget in walk(load(path)):
        if 'requests' in widget:
            assert widget['title'] and 'bedrock' not in widget['title'].lower()
        for formula in widget.get('formulas', ()):
            is_value = widget.get('response_format') == 'scalar' and len(widget['formulas']) == 1
            assert formula.get('alias') or is_value, formula


@pytest.mark.parametrize('path', [*DASHBOARDS, *MONITORS], ids=stem)
def test_nobody_is_notified_by_what_is_shipped(path: Path) -> None:
    text = path.read_text(encoding='utf-8')

    assert '@' not in text
    assert load(path).get('notify_list', []) == []


def test_the_manifest_names_every_dashboard_and_monitor_that_exists() -> None:
    assets = json.loads((ROOT / 'manifest.json').read_text(encoding='utf-8'))['assets']

    for kind, paths in (('dashboards', DASHBOARDS), ('monitors', MONITORS)):
        if not assets[kind]:
            pytest.skip(f'the manifest names no {kind} yet')
        assert sorted(assets[kind].values()) == sorted(f'assets/{kind}/{path.name}' for path in paths)
        for title, file in assets[kind].items():
            assert load(ROOT / file)['title'] == title
    assert (ASSETS / 'deploy.yaml').is_file()
