"""The export for Terraform: JSON syntax, its own references, nothing of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bedrock_jobs.datadog_assets import terraform
from bedrock_jobs.datadog_assets.files import read
from bedrock_jobs.datadog_assets.overlay import Overlay
from bedrock_jobs.datadog_assets.render import render

ROOT = Path(__file__).parents[3]


def test_references_become_terraforms(folder: Path) -> None:
    document = terraform.export(render(read(folder).assets, Overlay()))
    resources = document['resource']
    slos = resources['datadog_service_level_objective']
    assert slos['no_failures']['monitor_ids'] == ['${datadog_monitor_json.job_failed.id}']
    assert slos['success']['query'][0]['numerator'].startswith('sum:bedrock')
    dashboard = resources['datadog_dashboard_json']['overview']['dashboard']
    assert '"alert_id": "${datadog_monitor_json.job_failed.id}"' in dashboard
    assert '"slo_id": "${datadog_service_level_objective.success.id}"' in dashboard
    assert 'managed_by' not in json.dumps(document) and 'bedrock_jobs_asset' not in json.dumps(document)


def test_texts_are_literal(folder: Path) -> None:
    """`${x}` and `%{x}` are Terraform's templates; a dashboard's `$x` and a monitor's `{{x}}` are not."""
    body = {'name': 'a ${b} %{c} $d {{e}}', 'message': '', 'tags': []}
    assert terraform._referring(json.dumps(body)) == json.dumps(body).replace('${', '$${').replace('%{', '%%{')


@pytest.mark.parametrize('folder_', [ROOT / 'assets'], ids=['shipped'])
def test_every_shipped_asset_is_a_resource(folder_: Path) -> None:
    desired = render(read(folder_).assets, Overlay())
    resources = terraform.export(desired)['resource']
    assert sum(len(named) for named in resources.values()) == len(desired)
    for kind, key in (('datadog_monitor_json', 'monitor'), ('datadog_dashboard_json', 'dashboard')):
        for resource in resources[kind].values():
            json.loads(resource[key].replace('$${', '${').replace('%%{', '%{'))
