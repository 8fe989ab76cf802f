"""What doctor records of AWS, without a word of the customer's, and what the other commands make of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_jobs.dataset.columns import FULL_NAME
from bedrock_jobs.errors import ToolError
from bedrock_jobs.recordings.replay import replaying
from bedrock_jobs.recordings.stand_ins import MESSAGE_WORDS, MODEL_WORDS, StandIns
from bedrock_jobs.simulator import (
    AccessDenied,
    Simulator,
    Throttle,
    Unreachable,
    completes,
    distillation,
    fails,
    rft,
    stopped,
    story,
    stuck,
)
from bedrock_jobs.simulator.artifacts import leave_artifacts

HOUR: Final = timedelta(hours=1)
ACCOUNT: Final = '123456789012'
TAGS: Final = {'team': 'zanzibar', 'cost-center': 'cc-4711', 'owner': 'jane.doe@corp.example'}
MESSAGE: Final = 'Line 17 of s3://quagmire-data/train.jsonl of vantablack has no messages member (KMS key 0b7c-ffe1).'


def every_kind(aws: Simulator, now: datetime) -> None:
    aws.add_job('us-east-1', name='vantablack-ok', timeline=completes(now - 5 * HOUR, training=HOUR), tags=TAGS)
    aws.add_job('us-east-1', name='vantablack-bad', timeline=fails(now - 4 * HOUR, MESSAGE), tags=TAGS)
    aws.add_job('us-east-1', name='vantablack-stop', timeline=stopped(now - 3 * HOUR, after=HOUR, takes=HOUR / 9))
    aws.add_job('us-east-1', name='vantablack-stuck', timeline=stuck(now - 9 * HOUR))
    aws.add_job(
        'us-east-1', name='vantablack-small', timeline=distillation(now - 8 * HOUR), customization_type='DISTILLATION'
    )
    aws.add_job(
        'us-east-1',
        name='vantablack-reward',
        timeline=rft(now - 2 * HOUR),
        customization_type='REINFORCEMENT_FINE_TUNING',
    )


def iterative(aws: Simulator, now: datetime) -> None:
    parent = f'arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/amazon.nova-lite-v1:0:300k/abcdefghij12'
    aws.add_job('us-east-1', name='vantablack-2', base_model=parent, timeline=completes(now - 2 * HOUR))


def pages(aws: Simulator, now: datetime) -> None:
    for number in range(1100):
        aws.add_job('us-east-1', name=f'vantablack-{number}', timeline=completes(now - HOUR * (2 + number / 100)))


def nothing(aws: Simulator, now: datetime) -> None:
    """An account without a job."""


def without_tags(aws: Simulator, now: datetime) -> None:
    every_kind(aws, now)
    for operation in ('GetResources', 'ListTagsForResource'):
        aws.faults.add(AccessDenied(operation=operation))


def without_bulk_tags(aws: Simulator, now: datetime) -> None:
    every_kind(aws, now)
    aws.faults.add(Unreachable(operation='GetResources'))


def throttled(aws: Simulator, now: datetime) -> None:
    every_kind(aws, now)
    aws.faults.add(Throttle(operation='ListModelCustomizationJobs'))


def denied(aws: Simulator, now: datetime) -> None:
    every_kind(aws, now)
    aws.faults.add(AccessDenied(operation='GetModelCustomizationJob'))


def curves(aws: Simulator, now: datetime) -> None:
    job = aws.add_job('us-east-1', name='vantablack-curve', timeline=completes(now - 5 * HOUR, training_loss=0.5))
    leave_artifacts(aws, [job])


def gov_cloud(aws: Simulator, now: datetime) -> None:
    aws.add_job('us-gov-west-1', name='vantablack-gov', timeline=completes(now - 2 * HOUR), tags=TAGS)


SITUATIONS: Final[dict[str, Callable[[Simulator, datetime], None]]] = {
    made.__name__: made
    for made in (
        every_kind, iterative, pages, nothing, without_tags, without_bulk_tags, throttled, denied, curves, gov_cloud,
    )
}  # fmt: skip


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'bedrock_jobs.cli', *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, aws_environment: None) -> None:
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')


def shape(line: str) -> Counter[str]:
    """What check would send, without names: metrics, values, and which keys its tags have where these are AWS's.

    How long a running job has run differs from one look to the next.
    """
    metrics: Counter[str] = Counter()
    for name, kind, value, tags in json.loads(line)['metrics']:
        short = name.partition('.')[2]
        if short.startswith(('api.', 'collection.')):
            continue
        keys = sorted(tag for tag in tags if tag.startswith(('status:', 'phase', 'customization_type', 'region')))
        grows = ('duration' in short or 'time' in short) and not {'status:InProgress', 'status:Stopping'}.isdisjoint(
            keys
        )
        metrics[f'{short} {kind} {"" if grows else value} {keys}'] += 1
    return metrics


@pytest.mark.parametrize('name', SITUATIONS)
def test_a_recording_is_polled_as_aws_was(name: str, tmp_path: Path, made_up: None) -> None:
    region = 'us-gov-west-1' if name == 'gov_cloud' else 'us-east-1'
    with Simulator() as aws:
        SITUATIONS[name](aws, datetime.now(UTC))
        instance = {'regions': [region], 'endpoint_url': aws.endpoint_url, 'max_attempts': 1, 'events_since': 18}
        instance['collect_artifacts'] = name == 'curves'
        config = tmp_path / 'conf.yaml'
        config.write_text(yaml.safe_dump({'instances': [instance]}))
        live = command('check', '--config', str(config), '--json')
        recorded = command('doctor', '--config', str(config), '--record', str(tmp_path / 'rec'), '--yes')
    assert (tmp_path / 'rec' / 'recording.json').exists(), recorded.stderr
    replayed = command('check', '--replay', str(tmp_path / 'rec'), '--json')
    assert replayed.stdout, replayed.stderr
    ours, theirs = shape(live.stdout), shape(replayed.stdout)
    # events_since belongs to the configuration, which is not recorded, and of 1,100 jobs the newest 100 are described.
    compared = [
        text for text in ours | theirs if ' count ' not in text and (name != 'pages' or text.startswith('jobs '))
    ]
    assert compared and {text: ours[text] for text in compared} == {text: theirs[text] for text in compared}
    for path in (tmp_path / 'rec').iterdir():
        text = path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        for word in ('vantablack', ACCOUNT, 'zanzibar', 'jane', 'corp.example', 'cc-4711', 'quagmire', '0b7c'):
            assert word not in text, (path.name, word)


def test_sql_and_report_run_on_a_recording(tmp_path: Path, made_up: None) -> None:
    with Simulator() as aws:
        story.tell(aws, datetime.now(UTC) - story.LASTS)
        config = tmp_path / 'conf.yaml'
        config.write_text(yaml.safe_dump({'instances': story.instances(aws.endpoint_url)}))
        assert command('doctor', '--config', str(config), '--record', str(tmp_path / 'rec'), '--yes').returncode == 0
    asked = command(
        'sql', f'SELECT status, COUNT(*) AS jobs FROM {FULL_NAME} GROUP BY status ORDER BY status',
        '--format', 'csv', '--replay', str(tmp_path / 'rec'),
    )  # fmt: skip
    assert asked.stdout.splitlines() == [
        'status,jobs', 'Completed,6', 'Failed,3', 'InProgress,3', 'Stopped,1', 'Stopping,1'
    ]  # fmt: skip
    told = command('report', '--replay', str(tmp_path / 'rec'), '--format', 'text')
    assert len(re.findall(r': (?:Completed|Failed|InProgress|Stopped|Stopping), ', told.stdout)) == 14, told.stderr
    assert command('doctor', '--replay', str(tmp_path / 'rec')).returncode == 0


def test_each_file_is_shown_and_asked_about(tmp_path: Path, made_up: None) -> None:
    import pexpect

    with Simulator() as aws:
        every_kind(aws, datetime.now(UTC))
        config = tmp_path / 'conf.yaml'
        config.write_text(yaml.safe_dump({'instances': [{'regions': ['us-east-1'], 'endpoint_url': aws.endpoint_url}]}))
        refused = command('doctor', '--config', str(config), '--record', str(tmp_path / 'a'))
        assert refused.returncode == 1 and 'give --yes' in refused.stderr
        asked = pexpect.spawn(
            sys.executable,
            ['-m', 'bedrock_jobs.cli', 'doctor', '-c', str(config), '--record', str(tmp_path / 'b')],
            timeout=60,
            encoding='utf-8',
        )
        asked.expect('nothing is sent anywhere')
        asked.expect('recording.json.*Write')
        asked.sendline('y')
        while asked.expect(['Write .*?', pexpect.EOF]) == 0:
            asked.sendline('n')
    assert [path.name for path in (tmp_path / 'b').iterdir()] == ['recording.json']


def test_both_at_once_and_damaged_recordings_are_refused(tmp_path: Path, made_up: None) -> None:
    wrong = command('doctor', '--replay', str(tmp_path), '--record', str(tmp_path / 'x'))
    assert wrong.returncode == 1 and '--record asks AWS' in wrong.stderr
    wrong = command('check', '--replay', str(tmp_path))
    assert wrong.returncode == 1 and 'is no recording' in wrong.stderr
    about = {
        'recorded_at': '2026-11-26T10:00:00+00:00',
        'instances': [{'regions': ['us-east-1'], 'collect_artifacts': 0}],
    }
    (tmp_path / 'recording.json').write_text(json.dumps(about))
    exchange = {
        'instance': 1,
        'region': 'us-east-1',
        'operation': 'ListModelCustomizationJobs',
        'about': '',
        'status': 200,
        'headers': {},
        'body': {'modelCustomizationJobSummaries': [{'jobArn': 'x'}]},
    }
    (tmp_path / 'ListModelCustomizationJobs.jsonl').write_text(json.dumps(exchange))
    with pytest.raises(ToolError, match='is no recording'), replaying(tmp_path):
        pass


WORDS = st.from_regex(r'[A-Za-z][A-Za-z0-9]{5,20}', fullmatch=True).filter(
    lambda word: word not in MESSAGE_WORDS | MODEL_WORDS
)


@settings(max_examples=200)
@given(
    WORDS, WORDS, st.integers(10**11, 10**12 - 1), st.sampled_from(['-', '_', '.', '/', '@', ' ', ':', '=', '%2F', "'"])
)
def test_no_word_of_a_customer_survives(one: str, other: str, account: int, between: str) -> None:
    name = f'{one}{between}{other}'
    model = f'arn:aws:bedrock:us-east-1:{account}:custom-model/amazon.nova-lite-v1:0:300k/abcdefghij12'
    document: dict[str, Any] = {
        'jobArn': model.replace('custom-model', 'model-customization-job').replace('abcdefghij12', one.lower()),
        'jobName': name,
        'baseModelArn': model,
        'roleArn': f'arn:aws:iam::{account}:role/{other}/{one}',
        'outputModelKmsKeyArn': f'arn:aws:kms:us-east-1:{account}:key/{one}',
        'trainingDataConfig': {'s3Uri': f's3://{one}/{other}/train.jsonl'},
        'failureMessage': f'Access denied to s3://{one}/{other} for user {name} of {account}',
        'vpcConfig': {'subnetIds': [f'subnet-{one}']},
        'hyperParameters': {'epochCount': '3', one: other},
        'tags': [{'key': one, 'value': name}],
        'newMember': {'deep': [name, account]},
    }
    stand_ins = StandIns()
    stand_ins.document(document)
    stand_ins.settle()
    written = json.dumps(
        [
            stand_ins.document(document),
            stand_ins.xml(f'<Key>{one}/{other}</Key>'),
            stand_ins.headers({'x-amz-id-2': one}),
        ]
    )
    assert one not in written and other not in written and str(account) not in written
    assert 'Access denied to' in written and 'amazon.nova-lite-v1:0:300k' in written and '"epochCount": "3"' in written
    # The same word has the same stand-in everywhere.
    (key,) = json.loads(written)[0]['tags']
    assert key['key'] in json.loads(written)[0]['trainingDataConfig']['s3Uri']
