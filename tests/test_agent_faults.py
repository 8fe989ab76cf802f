"""The check in a strict Agent: submissions that fail, full disks, time that runs out, and nothing secret said."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import RefreshableCredentials
from datadog_checks.base.stubs.aggregator import AggregatorStub
from datadog_checks.base.utils.diagnose import Diagnosis

from bedrock_jobs.simulator import (
    AccessDenied,
    Clock,
    ExpiredCredentials,
    Fault,
    Hang,
    Latency,
    MalformedJson,
    ServerError,
    Simulator,
    Throttle,
    Unreachable,
    completes,
    fails,
)
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization import check as checks
from datadog_checks.bedrock_model_customization.aws import bedrock, guard
from datadog_checks.bedrock_model_customization.aws.session import AwsSession, AwsSettings, default_session

from .harness import HOUR, MINUTE, T0
from .strict_agent import StrictAgent, logging_to_the_agent

NAME = 'bedrock_model_customization'
LIST, DESCRIBE = 'ListModelCustomizationJobs', 'GetModelCustomizationJob'
SECRETS = ('AKIASECRETKEY', 'secret-access-key-example', 'session-token-example')


@dataclass
class Rig:
    agent: StrictAgent
    simulator: Simulator
    check: BedrockModelCustomizationCheck = field(init=False)

    def start(self, **options: Any) -> None:
        instance = {'regions': ['us-east-1'], 'endpoint_url': self.simulator.endpoint_url, 'max_attempts': 2}
        self.check = BedrockModelCustomizationCheck(NAME, {}, [instance | options])
        self.check.check_id = f'{NAME}:1'
        self.check.clock = self.simulator.clock.now

    def poll(self, later: timedelta = timedelta()) -> list[str]:
        """Return what happened to which job, as its events tell."""
        self.simulator.clock.advance(later)
        self.agent.aggregator.reset()
        assert self.check.run() == ''
        told = []
        for event in self.agent.aggregator.events:
            tags = dict(tag.split(':', 1) for tag in event['tags'])
            told.append(f'{tags["job_name"]} {tags["transition"]}')
        return told

    def sum(self, name: str) -> float:
        return sum(metric.value for metric in self.agent.aggregator.metrics(f'{NAME}.{name}'))


@pytest.fixture
def rig(aws_environment: None, aggregator: AggregatorStub, strict_agent: StrictAgent) -> Iterator[Rig]:
    with logging_to_the_agent(), Simulator(Clock.manual(T0)) as simulator:
        made = Rig(strict_agent, simulator)
        made.start()
        yield made


# --- submissions


def test_one_event_that_cannot_be_sent_does_not_repeat_the_others(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.poll()
    for name in ('good', 'bad'):
        rig.simulator.add_job('us-east-1', name=name, timeline=fails(T0 + MINUTE))
    send = rig.check.event

    def refuse(event: dict[str, Any]) -> None:
        if ' bad ' in event['msg_title']:
            raise TypeError('a quote of\0\ud800 something foreign')
        send(event)

    with monkeypatch.context() as patch:
        patch.setattr(rig.check, 'event', refuse)
        assert rig.poll(HOUR) == ['good created', 'good failed']
        assert rig.sum('jobs.failed') == 1
        assert rig.poll(MINUTE) == []
    assert sum('could not be reported' in line for line in rig.agent.logged()) == 1
    assert rig.poll(MINUTE) == ['bad created', 'bad failed']
    assert rig.sum('jobs.failed') == 1
    assert rig.poll(MINUTE) == []


def test_one_record_that_cannot_be_sent_holds_up_nothing_else(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.agent.config['logs_enabled'] = True
    rig.start(emit_records=True)
    for name in ('good', 'bad'):
        rig.simulator.add_job('us-east-1', name=name, timeline=fails(T0 + MINUTE))
    send, sent = rig.check.send_log, []

    def refuse(log: dict[str, Any]) -> None:
        if ' bad ' in log['message']:
            raise TypeError('something foreign')
        sent.append(log['message'])
        send(log)

    with monkeypatch.context() as patch:
        patch.setattr(rig.check, 'send_log', refuse)
        rig.poll()
        assert len(rig.poll(HOUR)) == 4
        rig.check.get_warnings()
        assert rig.poll(MINUTE) == []
        assert len(sent) == len(set(sent)) == 1
        (warning,) = rig.check.get_warnings()
        assert '1 records could not be sent, and are tried again: TypeError: something foreign' in warning
        patch.setattr(rig.check, 'send_log', lambda log: sent.append(log['message']))
        rig.poll(MINUTE)
    assert len(sent) == len(set(sent)) == 2
    assert rig.check.get_warnings() == []


def test_a_poll_that_cannot_be_reported_is_logged_in_one_clean_line(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ValueError('a quote of\0\ud800\nsomething foreign')

    monkeypatch.setattr(rig.check, '_submit_footprint', refuse)
    assert rig.poll() == []
    (line,) = [line for line in rig.agent.logged() if 'could not be reported' in line]
    assert 'something foreign' in line and '\n' not in line
    (warning,) = rig.check.get_warnings()
    assert 'ValueError: a quote of' in warning


def test_a_first_run_and_a_diagnosis_at_the_same_time_prepare_once(rig: Rig) -> None:
    rig.start()
    begun, go_on, errors = threading.Event(), threading.Event(), []
    first = rig.check.check_initializations.popleft()

    def take_long() -> None:
        begun.set()
        go_on.wait(30)
        first()

    rig.check.check_initializations.appendleft(take_long)
    diagnosing = threading.Thread(target=rig.check.get_diagnoses)
    running = threading.Thread(target=lambda: errors.append(rig.check.run()))
    diagnosing.start()
    assert begun.wait(30)
    running.start()
    running.join(0.2)
    go_on.set()
    for thread in (running, diagnosing):
        thread.join(60)
    assert errors == ['']


# --- AWS


def test_sts_that_is_down_is_said_and_costs_nothing(rig: Rig) -> None:
    role = rig.simulator.account('210987654321').add_role('Datadog')
    rig.start(assume_role=role)
    rig.poll()
    rig.simulator.add_job('us-east-1', name='a', timeline=fails(T0 + MINUTE), account='210987654321')
    rig.simulator.expire_credentials()
    with rig.simulator.faults.during(ServerError(operation='AssumeRole')):
        for _ in range(3):
            assert rig.poll(HOUR) == []
            assert rig.sum('can_connect') == 0
        assert any('AssumeRole' in warning for warning in rig.check.get_warnings())
    assert rig.poll(MINUTE) == ['a created', 'a failed']


def test_a_name_without_an_address_is_said_to_be_unreachable(rig: Rig) -> None:
    rig.start(endpoint_url='http://bedrock.nowhere.invalid', connect_timeout=1, max_attempts=1)
    assert rig.poll() == []
    (warning,) = rig.check.get_warnings()
    assert "check the Region's name, endpoint_url, proxy" in warning


def test_a_region_that_is_cut_off_leaves_the_other_alone(rig: Rig) -> None:
    rig.start(regions=['us-east-1', 'us-west-2'])
    rig.poll()
    for region in ('us-east-1', 'us-west-2'):
        rig.simulator.add_job(region, name=f'in-{region}', timeline=fails(T0 + MINUTE))
    with rig.simulator.faults.during(Unreachable(region='us-west-2')):
        assert rig.poll(HOUR) == ['in-us-east-1 created', 'in-us-east-1 failed']
        assert rig.sum('can_connect') == 1
    assert rig.poll(MINUTE) == ['in-us-west-2 created', 'in-us-west-2 failed']


@pytest.mark.parametrize('operation', [LIST, DESCRIBE, 'GetResources', None])
def test_credentials_that_expire_in_the_middle_of_a_poll_are_looked_up_anew(rig: Rig, operation: str | None) -> None:
    rig.poll()
    for number in range(20):
        rig.simulator.add_job('us-east-1', name=f'job-{number}', timeline=fails(T0 + MINUTE))
    rig.simulator.faults.add(ExpiredCredentials(operation=operation, skip=0 if operation == LIST else 1, times=3))
    told = [news for _ in range(6) for news in rig.poll(10 * MINUTE)]
    assert len(told) == len(set(told)) == 40


def test_jobs_that_live_between_two_polls_are_told_from_start_to_end(rig: Rig) -> None:
    rig.poll()
    second = timedelta(seconds=1)
    rig.simulator.add_job('us-east-1', name='short', timeline=completes(T0 + 10 * second, training=5 * second))
    rig.simulator.add_job('us-east-1', name='shorter', timeline=fails(T0 + 20 * second, after=second))
    assert rig.poll(5 * MINUTE) == ['short created', 'shorter created', 'shorter failed', 'short completed']


# --- the disk


def test_a_disk_that_is_full_for_hours_is_told_once_and_costs_no_transition(rig: Rig) -> None:
    rig.poll()
    rig.simulator.add_job('us-east-1', name='before', timeline=completes(T0 + MINUTE, training=8 * HOUR))
    rig.poll(HOUR)
    rig.poll(MINUTE)
    rig.agent.cache.is_full = True
    rig.simulator.add_job('us-east-1', name='meanwhile', timeline=fails(T0 + 2 * HOUR))
    told = [news for _ in range(20) for news in rig.poll(15 * MINUTE)]
    assert told == ['meanwhile created', 'meanwhile failed']
    said = [line for line in rig.agent.logged(logging.INFO) if 'could not be saved' in line]
    assert len(said) == 1 and 'full' in said[0]
    rig.simulator.add_job('us-east-1', name='after', timeline=fails(rig.simulator.now() + MINUTE))
    rig.start()
    # The restart knows what was saved last: the same is told again, and nothing is left out.
    assert rig.poll(5 * HOUR) == [*told, 'after created', 'after failed', 'before completed']
    rig.agent.cache.is_full = False
    rig.poll(MINUTE)
    rig.start()
    assert rig.poll(MINUTE) == []


@pytest.mark.parametrize('flaw', ['is_read_only', 'is_unreadable'])
def test_a_cache_that_cannot_be_used_is_told_and_stops_nothing(rig: Rig, flaw: str) -> None:
    setattr(rig.agent.cache, flaw, True)
    rig.start()
    rig.poll()
    rig.simulator.add_job('us-east-1', name='a', timeline=fails(T0 + MINUTE))
    assert rig.poll(HOUR) == ['a created', 'a failed']
    assert rig.poll(HOUR) == []
    assert any('could not be saved' in line for line in rig.agent.logged())


@pytest.mark.parametrize(
    'spoiled', ['', '{', 'null', '[]', '{"version":0}', '{"version":99}', '\x01' * 100, '9' * 5000]
)
def test_documents_that_no_one_can_read_are_told_and_replaced(rig: Rig, spoiled: str) -> None:
    rig.simulator.add_job('us-east-1', name='a', timeline=completes(T0 - MINUTE, training=HOUR))
    rig.poll()
    rig.poll(MINUTE)
    rig.agent.cache.files = dict.fromkeys(rig.agent.cache.files, spoiled)
    rig.start()
    rig.poll()
    assert any('unreadable' in line for line in rig.agent.logged()) or not spoiled
    rig.start()
    assert rig.poll(2 * HOUR) == ['a completed']


# --- time


def test_when_time_is_up_what_is_known_is_submitted_and_the_rest_carried_over(rig: Rig) -> None:
    rig.start(collection_timeout=2, max_concurrency=2, max_describes_per_poll=1000)
    rig.poll()
    for number in range(60):
        rig.simulator.add_job('us-east-1', name=f'job-{number}', timeline=fails(T0 + MINUTE))
    told = []
    with rig.simulator.faults.during(Latency(operation=DESCRIBE, seconds=0.2)):
        started = time.monotonic()
        told += rig.poll(HOUR)
        assert time.monotonic() - started < 10
        assert 0 < rig.sum('jobs.awaiting_description') < 60
        assert sum(value.value for value in rig.agent.aggregator.metrics(f'{NAME}.jobs')) == 60
        assert rig.agent.aggregator.metrics(f'{NAME}.can_connect')[0].value == 1
        for _ in range(10):
            told += rig.poll(MINUTE)
    assert len(told) == len(set(told)) == 120


SLOW = [Latency(operation=DESCRIBE, seconds=0.2), Throttle(), ServerError(), Hang(), Hang(operation=DESCRIBE)]


@pytest.mark.parametrize('fault', SLOW, ids=lambda fault: f'{type(fault).__name__} {fault.operation}')
def test_cancel_ends_a_running_poll(rig: Rig, fault: Fault) -> None:
    # Without cancel() it takes `collection_timeout` and more: a busy machine is told from that.
    rig.start(read_timeout=60, max_attempts=10, collection_timeout=60, max_describes_per_poll=1000)
    for number in range(200):
        rig.simulator.add_job('us-east-1', name=f'job-{number}', timeline=fails(T0 - MINUTE))
    with rig.simulator.faults.during(replace(fault)):
        polling = threading.Thread(target=rig.check.run)
        polling.start()
        time.sleep(1)
        assert polling.is_alive()
        cancelled = time.monotonic()
        rig.check.cancel()
        polling.join(60)
        took = time.monotonic() - cancelled
    print(f'{type(fault).__name__}: ended {took:.2f} s after cancel()')
    assert took < 20


@pytest.mark.parametrize('fault', SLOW, ids=lambda fault: f'{type(fault).__name__} {fault.operation}')
def test_a_poll_ends_when_its_time_is_up_whatever_hangs(rig: Rig, fault: Fault) -> None:
    """A back-off of botocore's takes up to 20 s, an answer `read_timeout`: neither is waited for."""
    # Adaptive retries would slow down the poll after it.
    options = {'read_timeout': 60, 'max_attempts': 10, 'retry_mode': 'standard', 'max_describes_per_poll': 1000}
    rig.start(collection_timeout=2, **options)
    for number in range(200):
        rig.simulator.add_job('us-east-1', name=f'job-{number}', timeline=fails(T0 - HOUR))
    with rig.simulator.faults.during(replace(fault)):
        started = time.monotonic()
        rig.poll()
        took = time.monotonic() - started
    print(f'{type(fault).__name__}: ended {took - 2:.2f} s late')
    assert took < 20
    # The calls that were left behind are not met again.
    assert rig.poll(MINUTE) == []
    assert rig.sum('can_connect') == 1


def test_a_credential_process_that_hangs_costs_no_thread_at_every_poll(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / 'config').write_text('[default]\ncredential_process = sleep 600\n')
    monkeypatch.setenv('AWS_CONFIG_FILE', str(tmp_path / 'config'))
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'):
        monkeypatch.delenv(name)
    monkeypatch.setattr(guard, 'MAX_LEFT_BEHIND', 3)
    default_session.cache_clear()
    before = threading.active_count()
    try:
        rig.start(collection_timeout=1)
        for _ in range(5):
            rig.poll(MINUTE)
            assert rig.sum('can_connect') == 0
            assert any('credentials' in warning for warning in rig.check.get_warnings())
        assert threading.active_count() <= before + 3
    finally:
        subprocess.run(['pkill', '-x', 'sleep', '--parent', str(os.getpid())], check=False)
        default_session.cache_clear()


def test_a_listing_that_takes_longer_than_a_poll_ends_after_some_polls(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bedrock, 'PAGE_SIZE', 10)
    rig.start(collection_timeout=2)
    for number in range(100):
        rig.simulator.add_job('us-east-1', name=f'job-{number}', timeline=fails(T0 - number * MINUTE - HOUR))
    counts: list[float] = []
    with rig.simulator.faults.during(Latency(operation=LIST, seconds=0.25)):
        while not counts or rig.check.get_warnings():
            assert rig.poll(MINUTE) == []
            assert rig.sum('can_connect') == 1
            assert rig.sum('collection.time_since_success') == 0
            counts.append(rig.sum('jobs.tracked'))
            assert len(counts) < 50
    assert counts == sorted(counts) and counts[0] < counts[-1] == 100


@pytest.mark.parametrize(
    'fault', [Throttle(operation=DESCRIBE), Hang(operation=DESCRIBE), Throttle(operation='GetResources')], ids=str
)
def test_an_end_does_not_wait_for_ever_for_what_takes_all_the_time(rig: Rig, fault: Fault) -> None:
    # Adaptive retries would slow down the listing as well.
    rig.start(collection_timeout=1, max_attempts=10, retry_mode='standard', read_timeout=60)
    rig.poll()
    for number in range(20):
        rig.simulator.add_job('us-east-1', name=f'job-{number}', timeline=fails(T0 + MINUTE, 'line 17'))
    with rig.simulator.faults.during(replace(fault)):
        told = [news for _ in range(6) for news in rig.poll(5 * MINUTE)]
    assert len(told) == len(set(told)) == 40
    assert rig.poll(MINUTE) == []


def test_tags_that_take_all_the_time_keep_no_description_away(rig: Rig) -> None:
    # Adaptive retries would slow down the listing and the descriptions as well.
    rig.start(collection_timeout=1, max_attempts=10, retry_mode='standard')
    rig.poll()
    rig.simulator.add_job('us-east-1', name='bad', timeline=fails(T0 + MINUTE, 'line 17'))
    throttles = [Throttle(operation=name) for name in ('GetResources', 'ListTagsForResource')]
    with rig.simulator.faults.during(throttles[0]), rig.simulator.faults.during(throttles[1]):
        told = [news for _ in range(3) for news in rig.poll(HOUR)]
    assert told == ['bad created', 'bad failed']
    assert 'line 17' in rig.agent.aggregator.events[-1]['msg_text']


def test_more_regions_than_are_polled_at_once_have_their_turns(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, 'MAX_PARALLEL_SCOPES', 1)
    rig.start(regions=['us-east-1', 'us-west-2'], collection_timeout=1, read_timeout=60)
    connected = 0.0
    with rig.simulator.faults.during(Hang(region='us-east-1')):
        for _ in range(4):
            rig.poll(MINUTE)
            connected += rig.sum('can_connect')
    # At first nobody knows which one hangs.
    assert connected == 3


def test_regions_that_hang_say_nothing_of_those_that_had_no_time(rig: Rig) -> None:
    hanging = ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-north-1']
    healthy = ['eu-central-1', 'ap-south-1', 'sa-east-1', 'ca-central-1']
    rig.start(regions=[*hanging, *healthy], collection_timeout=1, read_timeout=60)
    for region in hanging:
        rig.simulator.faults.add(Hang(region=region))
    answers = []
    for _ in range(2):
        rig.poll(MINUTE)
        found = rig.agent.aggregator.metrics(f'{NAME}.can_connect')
        answers.append({tag: metric.value for metric in found for tag in metric.tags if tag.startswith('region:')})
    assert answers[0] == {f'region:{region}': 0 for region in hanging}
    assert {f'region:{region}' for region in healthy} <= answers[1].keys()
    assert all(answers[1][f'region:{region}'] == 1 for region in healthy)
    assert rig.sum('jobs') == 0 and len(rig.agent.aggregator.metrics(f'{NAME}.jobs')) == len(healthy) * 6


def test_credentials_that_are_forgotten_are_no_reason_to_wait(rig: Rig) -> None:
    """Another Region may be looking for credentials meanwhile, for ever."""
    session = AwsSession(AwsSettings())
    with session._lock:
        forgetting = threading.Thread(target=session.reset, daemon=True)
        forgetting.start()
        forgetting.join(30)
        assert not forgetting.is_alive()


# --- secrets


def test_botocore_warns_of_credentials_only_of_others(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The check says itself what is wrong with its own. All checks of an Agent share these loggers."""

    def refuse() -> None:
        raise ValueError('refused')

    soon = datetime.now(UTC) + timedelta(minutes=12)
    credentials = RefreshableCredentials('key', 'secret', 'token', soon, refuse, 'test')
    AwsSession(AwsSettings()).guard.run(credentials.get_frozen_credentials)
    assert 'Refreshing temporary credentials failed' not in caplog.text
    credentials.get_frozen_credentials()
    assert 'Refreshing temporary credentials failed' in caplog.text and 'ValueError: refused' in caplog.text


def test_nothing_secret_is_logged_at_debug_level_nor_sent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """`log_level: debug` of the Agent sets the root logger to DEBUG, which botocore would follow."""
    for name, secret in zip(('ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN'), SECRETS, strict=True):
        monkeypatch.setenv(f'AWS_{name}', secret)
    role = rig.simulator.account('210987654321').add_role('Datadog', external_id='external-id-example')
    for options in ({}, {'assume_role': role, 'external_id': 'external-id-example'}):
        rig.start(**options)
        account = '210987654321' if options else None
        rig.simulator.add_job('us-east-1', name=f'a{len(options)}', timeline=fails(T0), account=account)
        for fault in (AccessDenied, ExpiredCredentials, ServerError, MalformedJson):
            with rig.simulator.faults.during(fault(probability=0.5)):
                rig.poll(MINUTE)
        rig.poll(MINUTE)
    said = json.dumps([rig.agent.log_lines, rig.agent.aggregator.events, rig.check.get_warnings()])
    assert rig.agent.log_lines
    for secret in (*SECRETS, 'external-id-example', 'Signature=', 'Credential=', 'X-Amz-Security-Token'):
        assert secret not in said
    assert not any(': DEBUG' in line or 'botocore' in line for line in rig.agent.logged(logging.DEBUG))


def test_what_botocore_itself_logs_at_debug_level_is_why_it_is_kept_quiet(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever turns botocore's own logger to DEBUG gets session tokens and signatures; secret keys not even then."""
    monkeypatch.setenv('AWS_SESSION_TOKEN', 'session-token-example')
    monkeypatch.setattr(logging.getLogger('botocore'), 'level', logging.DEBUG)
    logging.getLogger('botocore').manager._clear_cache()
    rig.start()
    rig.poll()
    said = '\n'.join(rig.agent.logged(logging.DEBUG))
    assert 'session-token-example' in said and 'Signature=' in said
    assert 'secret-access-key-example' not in said


@pytest.mark.parametrize('with_role', [False, True])
def test_a_session_token_that_no_header_may_have_is_told_to_nobody(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, with_role: bool
) -> None:
    """Python quotes the value of a header that it refuses, and botocore logs the traceback of a role's renewal."""
    token = 'session-token-example'
    monkeypatch.setenv('AWS_SESSION_TOKEN', f'{token}\n')
    default_session.cache_clear()
    role = rig.simulator.account('210987654321').add_role('Datadog')
    rig.start(**({'assume_role': role} if with_role else {}))
    (told,) = json.loads(rig.check.get_diagnoses())
    rig.poll()
    warnings = rig.check.get_warnings()
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert all('one contains a line break' in text for text in (told['remediation'], *warnings)) and warnings
    assert token not in json.dumps([rig.agent.log_lines, rig.agent.aggregator.events, warnings, told])
    assert not any('Traceback' in line for line in rig.agent.logged())
    # The next poll finds what was mended.
    monkeypatch.setenv('AWS_SESSION_TOKEN', token)
    rig.poll(MINUTE)
    assert rig.sum('can_connect') == 1
