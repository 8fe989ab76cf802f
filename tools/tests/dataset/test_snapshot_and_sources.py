"""Jobs from files, from the demo and from AWS as the simulator plays it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_jobs.dataset.snapshot import SnapshotError, read_snapshot, write_snapshot
from bedrock_jobs.dataset.source import LiveSource, demo_jobs, lookback
from bedrock_jobs.simulator import Simulator, completes, stuck
from datadog_checks.bedrock_model_customization.aws.session import AwsSettings
from datadog_checks.bedrock_model_customization.jobs.filters import JobFilter
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.polling.inventory import Limits
from datadog_checks.bedrock_model_customization.polling.scope import Pace
from datadog_checks.bedrock_model_customization.settings import Settings
from datadog_checks.bedrock_model_customization.telemetry.tags import Tagger

from .samples import described, hostile, jobs, listed

DAY = timedelta(days=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(jobs(), max_size=3))
def test_a_snapshot_holds_the_jobs(tmp_path: Path, found: list[Job]) -> None:
    assert write_snapshot(tmp_path / 'jobs.jsonl', found) == len(found)
    assert list(read_snapshot(tmp_path / 'jobs.jsonl')) == found


def test_a_snapshot_tells_no_tags_from_unknown_tags(tmp_path: Path) -> None:
    write_snapshot(tmp_path / 'a', [listed(1, tags={}), listed(2, tags=None)])
    assert [job.tags for job in read_snapshot(tmp_path / 'a')] == [{}, None]


def test_a_hostile_job_is_written_as_plain_json(tmp_path: Path) -> None:
    write_snapshot(tmp_path / 'a', [hostile()])
    header, line = (tmp_path / 'a').read_text(encoding='utf-8').splitlines()
    assert json.loads(header)['format'] == 'bedrock-jobs-snapshot'
    assert json.loads(line)['tags']['multi'] == 'a,b'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"a": 1}\n', 'no snapshot'),
        ('[]\n', 'no snapshot'),
        ('hello\n', 'line 1'),
        ('{"format": "bedrock-jobs-snapshot", "version": 9}\n', 'version 9'),
        ('{"format": "bedrock-jobs-snapshot", "version": 1}\n{"status": 1}\n', 'line 2: a record without _key'),
        ('{"format": "bedrock-jobs-snapshot", "version": 1}\n{"_key": "a\n', 'line 2'),
        ('{"format": "bedrock-jobs-snapshot", "version": 1}\n[]\n', 'line 2'),
    ],
)
def test_what_is_no_snapshot_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'a').write_text(text)
    with pytest.raises(SnapshotError, match=message):
        list(read_snapshot(tmp_path / 'a'))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_snapshot(tmp_path / 'a', [described(1)])
    with pytest.raises(AttributeError):
        write_snapshot(tmp_path / 'a', [listed(2), None])  # type: ignore[list-item]
    assert list(read_snapshot(tmp_path / 'a')) == [described(1)]
    assert [path.name for path in tmp_path.iterdir()] == ['a']


def test_the_demo_is_the_same_for_the_same_time() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert demo_jobs(now) == demo_jobs(now)
    assert {'Completed', 'Failed'} <= {job.status for job in demo_jobs(now)}


def instance(simulator: Simulator, *regions: str) -> Settings:
    return Settings(
        regions=regions,
        aws=AwsSettings(endpoint_url=simulator.endpoint_url, connect_timeout=2, read_timeout=5, max_attempts=2),
        limits=Limits(),
        pace=Pace(max_describes=1),
        job_filter=JobFilter(),
        tagger=Tagger(instance_tags=()),
        events=frozenset(),
        max_reported_jobs=10,
        collection_timeout=timedelta(seconds=30),
    )


@pytest.fixture
def simulator(aws_environment: None) -> Simulator:
    return Simulator()


def test_one_look_describes_every_job_of_every_region_however_old(simulator: Simulator) -> None:
    now = datetime.now(UTC)
    with simulator:
        for number in range(3):
            name, age = f'job-{number}', number * 300 * DAY + DAY
            simulator.add_job('us-east-1', name=name, timeline=completes(now - age), tags={'team': 'search'})
        simulator.add_job('eu-west-1', name='other', timeline=stuck(now - DAY))
        live = LiveSource([instance(simulator, 'us-east-1', 'eu-west-1')]).look()
    assert live.problems == []
    assert live.reached == 2
    assert sorted(job.job_name or '' for job in live.jobs) == ['job-0', 'job-1', 'job-2', 'other']
    assert all(job.role_arn for job in live.jobs)
    assert [job.tags for job in live.jobs if job.job_name == 'job-2'] == [{'team': 'search'}]


def test_later_looks_give_what_changed(simulator: Simulator) -> None:
    now = datetime.now(UTC)
    with simulator:
        simulator.add_job('us-east-1', name='old', timeline=completes(now - DAY))
        source = LiveSource([instance(simulator, 'us-east-1')], lookback(7))
        assert [job.job_name for job in source.look().jobs] == ['old']
        assert source.look().jobs == []
        simulator.add_job('us-east-1', name='new', timeline=stuck(now - timedelta(minutes=5)))
        assert [job.job_name for job in source.look().jobs] == ['new']


def test_a_scope_that_cannot_be_reached_is_told_and_the_others_are_seen(simulator: Simulator) -> None:
    with simulator:
        simulator.add_job('us-east-1', name='seen', timeline=stuck(datetime.now(UTC) - DAY))
        refused = instance(simulator, 'eu-west-1')
        refused = replace(refused, aws=replace(refused.aws, endpoint_url='http://127.0.0.1:9'))
        live = LiveSource([instance(simulator, 'us-east-1'), refused]).look()
    assert [job.job_name for job in live.jobs] == ['seen']
    assert live.reached == 1
    assert len(live.problems) == 1
    assert live.problems[0].startswith('instance 2, eu-west-1: not reached, its rows stay as they are')


def test_the_lookback_is_never_too_large() -> None:
    assert lookback(1) == DAY
    assert lookback(None) == lookback(1e12 / 1e4)
