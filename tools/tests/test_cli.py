"""`bedrock-jobs`, run as people run it: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest
import yaml

from bedrock_jobs.cli._agent import Metric, Submission
from bedrock_jobs.cli._tables import job_rows
from bedrock_jobs.simulator import AccessDenied, Simulator, Unreachable, fails, story
from tests.paths import ROOT

MADE_UP = {
    'AWS_ACCESS_KEY_ID': 'AKIAEXAMPLE',
    'AWS_SECRET_ACCESS_KEY': 'example',
    'AWS_EC2_METADATA_DISABLED': 'true',
}
COMMAND = [sys.executable, '-m', 'bedrock_jobs.cli']


def bedrock_jobs(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        encoding='utf-8',
        timeout=120,
        check=False,
        env=kept | MADE_UP | {'COLUMNS': '200', 'NO_COLOR': '1'} | environment,
    )


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as made:
        story.tell(made, datetime.now(UTC) - story.LASTS)
        yield made


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Path:
    return write(tmp_path, story.instances(simulator.endpoint_url))


def write(folder: Path, instances: Any) -> Path:
    path = folder / 'conf.yaml'
    path.write_text(yaml.safe_dump({'init_config': {}, 'instances': instances}), encoding='utf-8')
    return path


@pytest.fixture(scope='module')
def demo() -> list[dict[str, Any]]:
    done = bedrock_jobs('demo', '--json')
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_demo_shows_every_status_a_failure_and_a_stuck_phase(demo: list[dict[str, Any]]) -> None:
    summary = demo[-1]['summary']
    assert {status for status, count in summary['jobs'].items() if count} >= {
        'InProgress',
        'Completed',
        'Failed',
        'Stopping',
        'Stopped',
    }
    assert summary['events'] == {'created': 11, 'completed': 5, 'failed': 2, 'stopped': 1, 'stopping': 2}
    assert summary['stuck'] == ['product-titles']
    failed = [event for poll in demo[:-1] for event in poll['events'] if event['alert_type'] == 'error']
    assert "line 17 has no 'messages' member" in failed[0]['msg_text']


def test_the_demo_for_people(tmp_path: Path) -> None:
    record = tmp_path / 'demo.jsonl'
    done = bedrock_jobs('demo', '--seconds', '0', '--record', str(record))
    assert done.returncode == 0, done.stderr
    assert re.search('failed +risk-notes-v2  Encountered invalid records', done.stdout)
    assert 'product-titles: InProgress, phase training NotStarted for 06:08:58' in done.stdout
    assert '\x1b' not in done.stdout
    polls = [json.loads(line) for line in record.read_text(encoding='utf-8').splitlines()]
    assert {name for name, *_ in polls[-1]['metrics']} >= {'bedrock_model_customization.job.duration'}


def test_the_picture_in_the_readme_is_the_last_screen_of_the_demo(tmp_path: Path) -> None:
    picture = tmp_path / 'demo.svg'
    assert bedrock_jobs('demo', '--seconds', '0', '--picture', str(picture)).returncode == 0
    drawn, shown = (
        re.findall('<text[^>]*>(.*?)</text>', path.read_text(encoding='utf-8'))
        for path in (picture, ROOT / 'images' / 'demo.svg')
    )
    assert drawn == shown, 'bedrock-jobs demo --seconds 0 --picture images/demo.svg'
    assert '@font-face' not in picture.read_text(encoding='utf-8')


@pytest.mark.parametrize(('columns', 'lines'), [(80, 24), (120, 36)])
def test_the_demo_tells_its_story_on_one_screen(columns: int, lines: int) -> None:
    screen = last_screen('demo --seconds 0', columns, lines)
    assert len(screen) < lines
    text = '\n'.join(screen)
    assert re.search(r'product-titles .*InProgress +training NotStarted +0\d:\d\d:\d\d', text)
    assert all(
        re.search(rf'^{name} .*Failed', text, re.MULTILINE)
        for name in ('risk-notes-v1', 'risk-notes-v2', 'fraud-narratives')
    )
    assert 'Failed 3' in text
    times = re.findall(r'^(\d\d-\d\d \d\d:\d\d)  [a-z]', text, re.MULTILINE)
    assert len(times) >= 5 and times == sorted(times, reverse=True)


def test_check_prints_what_would_be_sent(config: Path) -> None:
    done = bedrock_jobs('check', '--config', str(config))
    assert done.returncode == 0, done.stderr
    assert re.search(r'^can_connect +gauge +\d +1 +1 *$', done.stdout, re.MULTILINE)
    assert re.search(r'^product-titles .* InProgress', done.stdout, re.MULTILINE)
    assert done.stdout.count('bedrock_model_customization') == 1


def test_check_prints_each_value_in_a_line(config: Path) -> None:
    done = bedrock_jobs('check', '--config', str(config), '--all')
    values = re.findall(r'^[a-z_.]+  (?:gauge|count)  \S+  .*region:us-', done.stdout, re.MULTILINE)
    as_json = json.loads(bedrock_jobs('check', '--config', str(config), '--json').stdout)
    assert len(values) == len(as_json['metrics'])


def test_no_line_is_longer_than_the_terminal(config: Path) -> None:
    screen = last_screen(f'check --config {config} --all', 80, 4000)
    assert screen and max(map(len, screen)) <= 80
    assert any(line.startswith('    aws_account:123456789012, ') for line in screen)


def last_screen(arguments: str, columns: int, lines: int) -> list[str]:
    """Run a command in a terminal of this size, and return the lines that it shows at the end."""
    environment = os.environ | {
        'TERM': 'xterm-256color',
        'AWS_ACCESS_KEY_ID': 'AKIAEXAMPLE',
        'AWS_SECRET_ACCESS_KEY': 'example',
    }
    environment = {name: value for name, value in environment.items() if name not in ('COLUMNS', 'LINES', 'NO_COLOR')}
    program = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], *arguments.split()], dimensions=(lines, columns), env=environment, timeout=120
    )
    screen = pyte.Screen(columns, lines)
    pyte.ByteStream(screen).feed(program.read())
    program.close()
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.mark.parametrize('arguments', [(), ('sql',), ('assets', 'plan')])
def test_short_help(arguments: tuple[str, ...]) -> None:
    assert bedrock_jobs(*arguments, '-h').stdout == bedrock_jobs(*arguments, '--help').stdout != ''


def test_an_option_that_does_not_exist_is_named_by_every_command(simulator: Simulator, tmp_path: Path) -> None:
    instance = {'regions': ['us-east-1'], 'endpoint_url': simulator.endpoint_url, 'min_colection_interval': 60}
    path = str(write(tmp_path, [instance]))
    said = 'min_colection_interval: there is no such option, it has no effect; did you mean min_collection_interval?'
    for arguments in (('check', '-c', path), ('doctor', '-c', path), ('config', 'validate', path)):
        done = bedrock_jobs(*arguments)
        assert said in ' '.join((done.stdout + done.stderr).split())
        assert 'Everything works.' not in done.stdout
    wrong = str(write(tmp_path, [instance | {'max_attempts': 0}]))
    told = bedrock_jobs('config', 'validate', wrong).stderr
    assert said in told and 'max_attempts: must be from 1 to 20' in told


def test_records_that_the_agent_would_drop_are_named(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / 'conf.yaml'
    instance = {'regions': ['us-east-1'], 'endpoint_url': simulator.endpoint_url, 'emit_records': True}
    for logs, is_lost in (([], True), ([{'type': 'integration', 'source': 'x'}], False)):
        path.write_text(yaml.safe_dump({'instances': [instance], 'logs': logs}))
        for arguments in (('doctor', '-c', str(path)), ('config', 'validate', str(path))):
            done = bedrock_jobs(*arguments)
            assert ('no section logs' in done.stdout + done.stderr) is is_lost


def test_jobs_of_one_name_in_two_regions_have_their_own_losses(simulator: Simulator) -> None:
    def metrics(name: str, losses: dict[str, float]) -> list[Metric]:
        tags = ['job_name:bot', 'aws_account:1', 'status:Completed']
        full = f'bedrock_model_customization.{name}'
        return [Metric(full, 'gauge', value, [*tags, f'region:{region}']) for region, value in losses.items()]

    sent = metrics('job.duration', {'us-east-1': 60, 'us-west-2': 60})
    sent += metrics('job.training_loss', {'us-east-1': 0.25, 'us-west-2': 0.75})
    rows = job_rows(Submission(datetime.now(UTC), sent))
    assert {row['Region'].plain: row['loss'].plain for row in rows} == {'us-east-1': '0.2500', 'us-west-2': '0.7500'}


def test_check_as_json_several_times(config: Path) -> None:
    done = bedrock_jobs('check', '--config', str(config), '--json', '--times', '2', '--pause', '0')
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert len(first['metrics']) > 50 and len(second['metrics']) > 50
    assert not first['events'] and not second['events']


def test_check_fails_where_a_scope_does(simulator: Simulator, config: Path) -> None:
    simulator.faults.add(AccessDenied(operation='ListModelCustomizationJobs', region='us-west-2'))
    done = bedrock_jobs('check', '--config', str(config))
    assert done.returncode == 1
    assert 'allow the IAM action bedrock:ListModelCustomizationJobs' in ' '.join(done.stdout.split())


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('instances: [{regions: us-east-1}]', 'regions: must be a list'),
        ('instances: []', 'has no list of instances'),
        ('instances: [', 'cannot be read'),
        ('- 1', 'has no list of instances'),
    ],
)
def test_a_bad_conf_is_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'conf.yaml'
    path.write_text(text, encoding='utf-8')
    done = bedrock_jobs('check', '--config', str(path))
    assert done.returncode == 1
    assert message in done.stderr
    assert 'Traceback' not in done.stderr


def test_doctor_finds_nothing(config: Path) -> None:
    done = bedrock_jobs('doctor', '--config', str(config))
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Everything works.' in done.stdout
    assert 'account 210987654321' in done.stdout


@pytest.mark.parametrize(
    'operation', ['ListModelCustomizationJobs', 'GetModelCustomizationJob', 'GetResources', 'ListTagsForResource']
)
def test_doctor_names_what_is_missing(simulator: Simulator, config: Path, operation: str) -> None:
    simulator.faults.add(AccessDenied(operation=operation, region='us-west-2'))
    done = bedrock_jobs('doctor', '--config', str(config), '--json')
    assert done.returncode == 1
    (finding,) = [finding for finding in json.loads(done.stdout) if not finding['works']]
    assert (finding['instance'], finding['region'], finding['operation']) == (1, 'us-west-2', operation)
    action = 'tag:GetResources' if operation == 'GetResources' else f'bedrock:{operation}'
    assert f'allow the IAM action {action}' in finding['advice']
    assert 'meanwhile' in finding['advice']


def test_doctor_without_credentials(config: Path) -> None:
    done = bedrock_jobs('doctor', '--config', str(config), AWS_ACCESS_KEY_ID='', AWS_SECRET_ACCESS_KEY='')
    assert done.returncode == 1
    assert "check the Agent's AWS credentials" in ' '.join(done.stdout.split())


def test_doctor_with_a_role_that_does_not_trust_us(simulator: Simulator, tmp_path: Path) -> None:
    role = simulator.account('210987654321').add_role('Strict', external_id='right')
    instance = {'endpoint_url': simulator.endpoint_url, 'assume_role': role, 'external_id': 'wrong'}
    done = bedrock_jobs('doctor', '--config', str(write(tmp_path, [instance])))
    assert done.returncode == 1
    assert 'allow the IAM action sts:AssumeRole' in ' '.join(done.stdout.split())


def test_doctor_in_a_region_that_is_not_there(simulator: Simulator, config: Path) -> None:
    simulator.faults.add(Unreachable(region='us-west-2'))
    done = bedrock_jobs('doctor', '--config', str(config), '--json')
    unreachable = [finding for finding in json.loads(done.stdout) if finding['answer'] == 'unreachable']
    assert [finding['operation'] for finding in unreachable] == ['ListModelCustomizationJobs']
    assert "check the Region's name" in unreachable[0]['advice']


def test_help_and_version() -> None:
    assert bedrock_jobs('--version').stdout.strip().count('.') == 2
    listed = bedrock_jobs('--help').stdout
    assert all(command in listed for command in ('demo', 'check', 'doctor'))


@pytest.mark.parametrize('command', ['check', 'doctor'])
def test_no_control_character_of_aws_reaches_a_terminal(command: str, tmp_path: Path) -> None:
    foreign = 'a\x1b[2J\x1b]8;;http://example.com\x07b\r\u202ec\x9b31m'
    with Simulator() as simulator:
        life = fails(datetime.now(UTC) - timedelta(minutes=30), foreign)
        simulator.add_job('us-east-1', name='bad', timeline=life, tags={f'team{foreign}': foreign})
        instance = {'regions': ['us-east-1'], 'endpoint_url': simulator.endpoint_url, 'events_since': 2}
        done = bedrock_jobs(command, '-c', str(write(tmp_path, [instance])))
    assert done.returncode == 0, done.stderr
    assert command == 'doctor' or 'failed     bad' in done.stdout
    printed = done.stdout + done.stderr
    assert not [mark for mark in printed if mark not in '\n\t' and not mark.isprintable()]
