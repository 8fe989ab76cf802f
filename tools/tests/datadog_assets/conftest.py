"""A small library of assets, one of each kind of reference, and a strict Datadog to deploy it to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedrock_jobs.datadog_assets.deploy import Deployer
from bedrock_jobs.datadog_assets.files import read
from bedrock_jobs.datadog_assets.overlay import Overlay
from bedrock_jobs.datadog_assets.render import render
from bedrock_jobs.datadog_client import Datadog
from tools.tests.fake_datadog import FakeDatadog

METRIC = 'bedrock_model_customization.'


def monitor(name: str, metric: str, by: str) -> dict[str, Any]:
    """Return the document of a monitor file."""
    return {
        'version': 2,
        'created_at': '2026-11-23',
        'last_updated_at': '2026-11-23',
        'title': name,
        'description': 'Made up for the tests.',
        'tags': ['integration:bedrock-model-customization'],
        'definition': {
            'name': name,
            'type': 'metric alert',
            'query': f'sum(last_1h):sum:{METRIC}{metric}{{*}} by {{{by}}}.as_count() > 2',
            'message': f'{{{{#is_alert}}}}{name}: {{{{{by.split(",")[0]}.name}}}}{{{{/is_alert}}}}\n\nLook at it.',
            'tags': ['integration:bedrock-model-customization'],
            'options': {'thresholds': {'critical': 2, 'critical_recovery': 1}, 'on_missing_data': 'default'},
            'priority': 3,
        },
    }


def widget(title: str, definition: dict[str, Any], y: int, height: int = 2) -> dict[str, Any]:
    """Return a widget that is 12 columns wide."""
    return {'definition': {'title': title, **definition}, 'layout': {'x': 0, 'y': y, 'width': 12, 'height': height}}


def timeseries(query: str) -> dict[str, Any]:
    """Return the definition of a timeseries widget."""
    request = {
        'response_format': 'timeseries',
        'queries': [{'data_source': 'metrics', 'name': 'query1', 'query': query}],
        'formulas': [{'formula': 'query1', 'alias': 'jobs'}],
        'display_type': 'bars',
    }
    return {'type': 'timeseries', 'requests': [request]}


DOCUMENTS: dict[str, dict[str, Any]] = {
    'monitors/job_failed.json': monitor('Job failed', 'jobs.failed', 'job_name,region'),
    'monitors/job_stopped.json': monitor('Job stopped', 'jobs.stopped', 'region'),
    'slos/no_failures.json': {
        'title': 'No failures',
        'description': 'Made up for the tests.',
        'definition': {
            'name': 'No failures',
            'type': 'monitor',
            'monitor_ids': ['{{monitor:job_failed}}'],
            'thresholds': [{'timeframe': '7d', 'target': 99}],
            'tags': ['integration:bedrock-model-customization'],
        },
    },
    'slos/success.json': {
        'title': 'Success',
        'description': 'Made up for the tests.',
        'definition': {
            'name': 'Success',
            'type': 'metric',
            'query': {
                'numerator': f'sum:{METRIC}jobs.completed{{*}}.as_count()',
                'denominator': f'sum:{METRIC}jobs.started{{*}}.as_count()',
            },
            'thresholds': [{'timeframe': '30d', 'target': 90.0, 'warning': 95}],
        },
    },
    'dashboards/overview.json': {
        'title': 'Overview',
        'description': 'Made up for the tests.',
        'layout_type': 'ordered',
        'reflow_type': 'fixed',
        'template_variables': [{'name': 'region', 'prefix': 'region', 'available_values': [], 'defaults': ['*']}],
        'widgets': [
            widget('Started', timeseries(f'sum:{METRIC}jobs.started{{$region}} by {{region}}.as_count()'), 0),
            widget(
                'Failed jobs',
                {'type': 'alert_graph', 'alert_id': '{{monitor:job_failed}}', 'viz_type': 'timeseries'},
                2,
            ),
            widget(
                'Objective',
                {
                    'type': 'slo',
                    'slo_id': '{{slo:success}}',
                    'view_type': 'detail',
                    'view_mode': 'overall',
                    'time_windows': ['30d'],
                    'show_error_budget': True,
                },
                4,
            ),
        ],
    },
}
METADATA = 'metric_name,metric_type\n' + ''.join(
    f'{METRIC}{name},count\n' for name in ('jobs.started', 'jobs.failed', 'jobs.stopped', 'jobs.completed')
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An assets folder beside its metadata.csv."""
    (tmp_path / 'metadata.csv').write_text(METADATA)
    for name, document in DOCUMENTS.items():
        path = tmp_path / 'assets' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    return tmp_path / 'assets'


@pytest.fixture
def edit(folder: Path) -> Callable[[str, Callable[[Any], Any]], None]:
    """A function that changes one file."""

    def change(name: str, mutate: Callable[[Any], Any]) -> None:
        document = json.loads((folder / name).read_text())
        mutate(document)
        (folder / name).write_text(json.dumps(document))

    return change


@pytest.fixture
def deployer(folder: Path, fake: FakeDatadog) -> Callable[..., Deployer]:
    """A function that returns a new deployer, as each run of the command line makes one."""

    def build(overlay: Overlay | None = None, **options: Any) -> Deployer:
        overlay = overlay or Overlay()
        desired = render(read(folder).assets, overlay)
        return Deployer(Datadog(fake.connection()), overlay.deployment, desired, **options)

    return build
