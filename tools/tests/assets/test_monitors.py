"""Monitors: well formed, with thresholds that agree with their queries, and right about what happened in the demo."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bedrock_jobs.preview.evaluate import Evaluator
from bedrock_jobs.preview.language import parse_monitor
from bedrock_jobs.preview.library import read_library
from bedrock_jobs.preview.recording import Recording, recording_of
from bedrock_jobs.preview.states import MonitorState, monitor_states, slo_state

from .shipped import ASSETS, METRIC_MONITORS, MONITORS, SLOS, load, stem

TAG = 'integration:bedrock-model-customization'
NAMESPACE = 'bedrock_model_customization.'
SCOPE = ['aws_account:123456789012', 'region:us-east-1']
JOB = [*SCOPE, 'job_name:risk', 'base_model:amazon.nova-lite-v1:0:300k', 'customization_type:FINE_TUNING']
MINUTE, HOUR = 60, 3600


def states(name: str, recording: Recording) -> list[MonitorState]:
    path = ASSETS / 'monitors' / f'{name}.json'
    return monitor_states(Evaluator(recording), load(path))


def emitted(*samples: tuple[str, str, float, list[str]], minutes: int = 60) -> Recording:
    """Record a gauge at every minute; a count at the first minute only, with 0 from the scope at every one."""
    polls = []
    for minute in range(minutes):
        metrics = [
            [NAMESPACE + name, kind, value, tags]
            for name, kind, value, tags in samples
            if kind == 'gauge' or minute == 0
        ]
        zeros = [[NAMESPACE + name, 'count', 0, SCOPE] for name, kind, *_ in samples if kind == 'count']
        polls.append({'t': minute * MINUTE, 'metrics': [*metrics, *zeros], 'events': []})
    return recording_of(polls)


@pytest.mark.parametrize('path', MONITORS, ids=stem)
def test_the_form_is_that_of_version_2(path: Path) -> None:
    document = load(path)
    keys = ['version', 'created_at', 'last_updated_at', 'title', 'description', 'tags', 'definition']

    assert list(document) == keys
    assert document['version'] == 2 and document['tags'] == [TAG]
    assert len(document['description']) <= 300
    assert '{{' not in document['title']
    assert set(document['definition']) == {'name', 'type', 'query', 'message', 'tags', 'options', 'priority'}
    assert document['definition']['priority'] in range(1, 6)
    assert document['definition']['options']['on_missing_data'] in ('resolve', 'show_and_notify_no_data')
    assert 'notify_no_data' not in document['definition']['options']


@pytest.mark.parametrize('path', METRIC_MONITORS, ids=stem)
def test_thresholds_agree_with_the_query_and_with_each_other(path: Path) -> None:
    definition = load(path)['definition']
    limits, query = definition['options']['thresholds'], parse_monitor(definition['query'])
    order = [
        limits[name] for name in ('warning_recovery', 'warning', 'critical_recovery', 'critical') if name in limits
    ]

    assert limits['critical'] == query.threshold
    assert query.comparator in ('>', '<')
    assert order == sorted(order, reverse=query.comparator == '<')
    assert ('warning' in limits) == ('warning_recovery' in limits) or 'time_in_phase' in definition['query']


@pytest.mark.parametrize('path', MONITORS, ids=stem)
def test_messages_say_what_happened_why_it_matters_and_what_to_do(path: Path) -> None:
    definition = load(path)['definition']
    query, message = definition['query'], definition['message']
    grouped = set(re.findall(r'\w+', query.rpartition('by {')[2].partition('}')[0]))
    grouped |= {'job_name', 'aws_account', 'region'} if definition['type'] == 'event-v2 alert' else set()
    used = set(re.findall(r'\{\{(\w+)\.name\}\}', message + definition['name']))

    for part in ('**What happened**', '**Why it matters**', '**What to do**', '{{#is_recovery}}'):
        assert part in message
    for name in re.findall(r'\{\{#(\w+)\}\}', message):
        assert f'{{{{/{name}}}}}' in message
    assert used <= grouped | ({'base_model'} if definition['type'] == 'event-v2 alert' else set())
    assert grouped & used


def test_what_is_off_by_default_exists() -> None:
    off = yaml.safe_load((ASSETS / 'deploy.yaml').read_text(encoding='utf-8'))

    assert set(off['monitors']) <= {path.stem for path in MONITORS}
    assert set(off['monitors']) == {'no_completed_job', 'job_failed_with_message'}
    assert set(read_library(ASSETS).monitors) == {path.stem for path in MONITORS} - set(off['monitors'])


def test_the_demo_alerts_where_something_is_wrong_and_nowhere_else(demo: Recording) -> None:
    wrong = {path.stem: states(path.stem, demo) for path in METRIC_MONITORS}

    assert [state.name for state in wrong['job_stuck_in_phase'] if state.status == 'Alert'] == [
        'Amazon Bedrock model customization job product-titles is stuck: training notstarted'
    ]
    assert {(state.name, state.status) for state in wrong['validation_loss_high']} == {
        ('Amazon Bedrock model of job summaries-haiku looks overfitted', 'Alert')
    }
    assert {name for name, found in wrong.items() if found[0].status == 'OK'} == {
        'api_throttled',
        'job_failed',  # both failed jobs failed hours before the end of the demo
        'job_runs_long',
        'scope_unreachable',
    }


def test_the_demo_misses_its_objective(demo: Recording) -> None:
    state = slo_state(Evaluator(demo), load(SLOS[0]))

    assert state.value == pytest.approx(100 * 5 / 7)
    assert state.budget_left is not None and state.budget_left < 0


def test_a_failed_job_alerts_for_an_hour() -> None:
    failed = ('jobs.failed', 'count', 1.0, JOB)

    assert states('job_failed', emitted(failed, minutes=30))[0].status == 'Alert'
    assert states('job_failed', emitted(failed, minutes=90))[0].status == 'OK'


@pytest.mark.parametrize(
    ('phase', 'status', 'hours', 'expected'),
    [
        ('training', 'NotStarted', 2, 'OK'),
        ('training', 'NotStarted', 4, 'Warn'),
        ('training', 'NotStarted', 7, 'Alert'),
        ('validation', 'InProgress', 7, 'Alert'),
        ('training', 'InProgress', 70, 'OK'),
        ('training', 'Stopping', 7, 'Alert'),
    ],
)
def test_waiting_and_validating_for_hours_is_stuck_and_training_is_not(
    phase: str, status: str, hours: float, expected: str
) -> None:
    tags = [*JOB, 'status:InProgress', f'phase:{phase}', f'phase_status:{status}']

    assert (
        states('job_stuck_in_phase', emitted(('job.time_in_phase', 'gauge', hours * HOUR, tags)))[0].status == expected
    )


@pytest.mark.parametrize(('hours', 'expected'), [(3, 'OK'), (5, 'Warn'), (7, 'Alert')])
def test_a_job_is_compared_with_completed_jobs_of_its_model(hours: float, expected: str) -> None:
    running = ('job.duration', 'gauge', hours * HOUR, [*JOB, 'status:InProgress'])
    done = ('job.duration', 'gauge', 2.0 * HOUR, [*JOB, 'job_name:other', 'status:Completed'])

    assert states('job_runs_long', emitted(running, done))[0].status == expected
    assert states('job_runs_long', emitted(running))[0].status == 'OK'


@pytest.mark.parametrize(('completed', 'expected'), [(9, 'OK'), (2, 'Warn'), (0, 'Alert')])
def test_the_failure_rate_counts_what_ended(completed: int, expected: str) -> None:
    samples = [('jobs.failed', 'count', 1.0, JOB), ('jobs.completed', 'count', float(completed), JOB)]

    assert states('failure_rate_high', emitted(*samples))[0].status == expected


def test_silence_about_a_scope_is_no_data_and_a_failed_listing_an_alert() -> None:
    assert states('scope_unreachable', emitted(('jobs', 'gauge', 1.0, SCOPE)))[0].status == 'No Data'
    assert states('scope_unreachable', emitted(('can_connect', 'gauge', 0.0, SCOPE)))[0].status == 'Alert'
    assert states('scope_unreachable', emitted(('can_connect', 'gauge', 1.0, SCOPE)))[0].status == 'OK'


@pytest.mark.parametrize(('throttles', 'expected'), [(1, 'OK'), (3, 'Warn'), (8, 'Alert')])
def test_throttling_is_judged_by_its_share_of_the_requests(throttles: int, expected: str) -> None:
    tags = [*SCOPE, 'operation:GetModelCustomizationJob']
    samples = [('api.requests', 'count', 10.0, tags), ('api.throttles', 'count', float(throttles), tags)]

    assert states('api_throttled', emitted(*samples))[0].status == expected
