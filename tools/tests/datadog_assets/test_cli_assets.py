"""`bedrock-jobs assets`: exit codes, JSON, confirmation, and nothing secret on any of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bedrock_jobs.cli.app import build
from tools.tests.fake_datadog import FakeDatadog
from tools.tests.fake_datadog.server import API_KEY, APP_KEY

Run = Callable[..., Any]


@pytest.fixture
def run(folder: Path, fake: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv('COLUMNS', '200')

    def invoke(command: str, *options: str, **kwargs: Any) -> Any:
        where = () if command == 'destroy' else ('--assets', str(folder))
        result = CliRunner().invoke(build(), ['assets', command, *where, *options], **kwargs)
        assert API_KEY not in result.output and APP_KEY not in result.output
        return result

    return invoke


def test_plan_apply_plan(run: Run, fake: FakeDatadog) -> None:
    planned = run('plan')
    assert planned.exit_code == 2 and '5 to create' in planned.output and '+ monitor job_failed' in planned.output
    assert fake.writes == []
    applied = run('apply', '--yes')
    assert applied.exit_code == 0 and 'created dashboard overview: Overview' in applied.output
    again = run('plan')
    assert again.exit_code == 0 and '5 to keep' in again.output


def test_a_plan_shows_what_changes(run: Run, edit: Callable[..., None]) -> None:
    run('apply', '--yes')
    edit(
        'monitors/job_failed.json', lambda d: d['definition'].update(message='{{job_name.name}} failed\n\nLook at it.')
    )
    edit('slos/success.json', lambda d: d['definition']['thresholds'][0].update(target=80))
    planned = run('plan')
    assert planned.exit_code == 2
    assert '~ slo success' in planned.output and '$.thresholds[0].target' in planned.output
    assert '- 90.0' in planned.output and '+ 80' in planned.output
    assert '+ {{job_name.name}} failed' in planned.output


def test_json_is_json(run: Run) -> None:
    planned = json.loads(run('plan', '--json').stdout)
    assert planned['has_changes'] and {action['verb'] for action in planned['actions']} == {'create'}
    applied = json.loads(run('apply', '--yes', '--json').stdout)
    assert len(applied['actions']) == 5 and all(action['id'] for action in applied['actions'])
    assert {row['deployed'] for row in json.loads(run('status', '--json').stdout)} == {'in step'}
    assert json.loads(run('validate', '--json').stdout) == {}
    assert len(json.loads(run('destroy', '--yes', '--json').stdout)['deleted']) == 5


def test_apply_and_destroy_ask_first(run: Run, fake: FakeDatadog) -> None:
    assert run('apply', input='n\n').exit_code == 1 and fake.writes == []
    assert run('apply', input='y\n').exit_code == 0
    before = len(fake.writes)
    assert run('destroy', input='n\n').exit_code == 1 and len(fake.writes) == before
    assert run('destroy', input='y\n').exit_code == 0 and fake.monitors.all == {}


def test_validate_names_file_and_place(run: Run, edit: Callable[..., None]) -> None:
    edit('monitors/job_failed.json', lambda d: d['definition']['options'].update(renotify_intervall=1))
    result = run('validate')
    assert result.exit_code == 1 and 'monitors/job_failed.json' in result.output
    assert '$.definition.options.renotify_intervall: unknown property' in result.output


@pytest.mark.parametrize('command', ['plan', 'apply', 'export', 'verify', 'status'])
def test_faulty_files_stop_everything(run: Run, edit: Callable[..., None], fake: FakeDatadog, command: str) -> None:
    edit('monitors/job_failed.json', lambda d: d.pop('title'))
    assert run(command).exit_code == 1
    assert fake.requests == []


def test_destroy_needs_no_files(run: Run, fake: FakeDatadog, edit: Callable[..., None]) -> None:
    run('apply', '--yes')
    edit('monitors/job_failed.json', lambda d: d.pop('title'))
    assert run('destroy', '--yes').exit_code == 0 and fake.monitors.all == {}


def test_the_extra_is_named_where_its_library_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(('datadog_api_client', 'bedrock_jobs.datadog_assets', 'bedrock_jobs.datadog_client')):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'datadog_api_client', None)
    result = run('validate')
    assert result.exit_code == 1 and "needs the extra 'api'" in result.stderr


def test_help_does_not_load_the_client() -> None:
    code = (
        'import sys; from typer.testing import CliRunner\n'
        'from bedrock_jobs.cli.app import build\n'
        "assert CliRunner().invoke(build(), ['assets', '--help']).exit_code == 0\n"
        "sys.exit('datadog_api_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_status_shows_drift_muting_and_additions(run: Run, fake: FakeDatadog) -> None:
    run('apply', '--yes')
    monitor = next(iter(fake.monitors.all.values()))
    monitor['options']['silenced'] = {'*': None}
    monitor['tags'].append('squad:nlp')
    monitor['priority'] = 5
    rows = json.loads(run('status', '--json').stdout)
    assert rows[0] == {
        'asset': 'monitor job_failed',
        'id': str(monitor['id']),
        'deployed': 'drifted: $.priority',
        'state': 'No Data, muted',
        'added': 'squad:nlp',
    }
    assert 'drifted' in run('status').output


def test_wrong_keys_and_scopes_are_explained(run: Run, fake: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.scopes = {'monitors_read'}
    result = run('plan')
    assert result.exit_code == 1 and 'lacks a scope' in result.output and 'Traceback' not in result.output
    monkeypatch.delenv('DD_APP_KEY')
    assert 'Set DD_APP_KEY' in run('plan').output


def test_the_documented_scopes_suffice(run: Run, fake: FakeDatadog, folder: Path) -> None:
    """Those of docs/assets.md, command by command."""
    text = (Path(__file__).parents[3] / 'docs' / 'assets.md').read_text()
    for command, options, code in (
        ('plan', (), 2),
        ('apply', ('--yes',), 0),
        ('status', (), 0),
        ('verify', ('--timeout', '1s'), 1),
        ('destroy', ('--yes',), 0),
    ):
        row = next(line for line in text.splitlines() if line.startswith(f'| `assets {command}`'))
        fake.scopes = {word.strip('` ,') for word in row.split('|')[2].split() if '_' in word}
        assert run(command, *options).exit_code == code, command


def test_export_writes_terraform(run: Run, tmp_path: Path, fake: FakeDatadog) -> None:
    output = tmp_path / 'main.tf.json'
    assert run('export', '--output', str(output)).exit_code == 0
    assert set(json.loads(output.read_text())['resource']) == {
        'datadog_monitor_json',
        'datadog_service_level_objective',
        'datadog_dashboard_json',
    }
    assert len(json.loads(run('export', '--format', 'json').stdout)) == 5
    assert run('export', '--format', 'yaml').exit_code == 1
    assert fake.requests == []


def test_verify_says_what_is_missing(run: Run) -> None:
    result = run('verify', '--timeout', '1s', '--json')
    assert result.exit_code == 1
    items = json.loads(result.stdout)['items']
    assert {item['kind'] for item in items} == {'metric', 'events', 'widget'}
    assert run('verify', '--since', 'yesterday').exit_code == 1


def test_an_empty_folder_is_named(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / 'empty'
    empty.mkdir()
    result = CliRunner().invoke(build(), ['assets', 'validate', '--assets', str(empty)])
    assert result.exit_code == 1 and '--assets' in result.output
