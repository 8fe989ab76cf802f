"""Overlays: what they change, and what they may not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bedrock_jobs.datadog_assets.errors import AssetsError
from bedrock_jobs.datadog_assets.files import read
from bedrock_jobs.datadog_assets.lint import lint
from bedrock_jobs.datadog_assets.overlay import Overlay, read_overlay
from bedrock_jobs.datadog_assets.render import render

TEXT = """
deployment: staging
prefix: '[staging] '
team: nlp
tags: ['env:staging']
handles: ['@slack-nlp', '@me@example.com']
monitors:
  job_failed:
    thresholds: {critical: 5, critical_recovery: 4, warning: 3}
    priority: 1
    tags: ['tier:1']
  job_stopped: {enabled: false}
slos:
  success: {thresholds: [{timeframe: 7d, target: 80}]}
"""


def bodies(folder: Path, overlay: Overlay) -> dict[str, Any]:
    return {one.stem: one.body for one in render(read(folder).assets, overlay)}


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    path = tmp_path / 'overlay.yaml'
    path.write_text(TEXT)
    return read_overlay(path)


def test_an_overlay_changes_what_it_names(folder: Path, overlay: Overlay) -> None:
    found = bodies(folder, overlay)
    assert 'job_stopped' not in found
    failed = found['job_failed']
    assert failed['name'] == '[staging] Job failed'
    assert failed['query'].endswith('.as_count() > 5')
    assert failed['options']['thresholds'] == {'critical': 5.0, 'critical_recovery': 4.0, 'warning': 3.0}
    assert failed['message'].endswith('\n\n@slack-nlp @me@example.com')
    assert failed['priority'] == 1
    assert failed['tags'] == [
        'integration:bedrock-model-customization',
        'env:staging',
        'tier:1',
        'team:nlp',
        'managed_by:bedrock-jobs',
        'bedrock_jobs_asset:staging/job_failed',
    ]
    assert found['success']['thresholds'] == [{'timeframe': '7d', 'target': 80.0}]
    assert found['overview']['title'] == '[staging] Overview' and found['overview']['tags'] == ['team:nlp']
    assert found['overview']['description'].endswith('asset:staging/overview)')
    assert lint(read(folder), overlay) == {}


def test_without_overlay_nothing_changes_but_the_markers(folder: Path) -> None:
    asset = next(one for one in read(folder).assets if one.stem == 'job_failed')
    body = bodies(folder, Overlay())['job_failed']
    assert {**body, 'tags': asset.body['tags']} == asset.body


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('prefx: x', 'prefx: Extra inputs'),
        ('monitors: {job_failed: {treshold: 1}}', 'monitors.job_failed.treshold'),
        ('handles: [slack]', 'handles.0'),
        ("tags: ['no tag']", 'tags.0'),
        ('monitors: {job_failed: {priority: 9}}', 'monitors.job_failed.priority'),
        ('slos: {success: {thresholds: [{timeframe: 7d, target: 101}]}}', 'target'),
        ('deployment: Not A Name', 'deployment'),
        ('[1, 2]', 'not a mapping'),
        ('a: [', 'cannot be read'),
    ],
)
def test_what_an_overlay_may_not_say(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / 'overlay.yaml'
    path.write_text(text)
    with pytest.raises(AssetsError, match=complaint):
        read_overlay(path)


@pytest.mark.parametrize(
    ('overlay', 'complaint'),
    [
        ({'monitors': {'job_faild': {}}}, 'monitors.job_faild: no such file'),
        (
            {'monitors': {'job_failed': {'thresholds': {'critical': 1}}}},
            'critical_recovery with overlay: is on the wrong',
        ),
        ({'monitors': {'job_failed': {'enabled': False}}}, 'refers to monitor job_failed, which is disabled'),
    ],
)
def test_an_overlay_that_does_not_fit_is_found(folder: Path, overlay: Any, complaint: str) -> None:
    found = lint(read(folder), Overlay.model_validate(overlay))
    assert any(complaint in str(problem) for problems in found.values() for problem in problems), found


def test_some_assets_are_off_until_asked_for() -> None:
    assert not Overlay().is_enabled('monitor', 'no_completed_job')
    asked = Overlay.model_validate({'monitors': {'no_completed_job': {'enabled': True}}})
    assert asked.is_enabled('monitor', 'no_completed_job')


@pytest.mark.parametrize(
    ('name', 'text', 'complaint'),
    [
        ('monitors/Bad-Name.json', '{}', 'lower case'),
        ('monitors/broken.json', '{', 'Expecting'),
        ('monitors/twice.json', '{"a": 1, "a": 2}', 'the key a twice'),
        ('monitors/nan.json', '{"a": NaN}', 'NaN is not JSON'),
        ('monitors/list.json', '[]', 'not a JSON object'),
    ],
)
def test_files_that_cannot_be_read_are_problems(folder: Path, name: str, text: str, complaint: str) -> None:
    (folder / name).write_text(text)
    found = lint(read(folder), Overlay())
    assert list(found) == [name] and complaint in found[name][0].message
