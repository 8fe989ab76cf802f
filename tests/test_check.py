"""The check as the Agent runs it, against the simulator over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from datadog_checks.base.stubs.aggregator import AggregatorStub
from datadog_checks.dev.utils import get_metadata_metrics

from bedrock_jobs.simulator import (
    AccessDenied,
    Clock,
    ServerError,
    Simulator,
    completes,
    fails,
    story,
    stuck,
)
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck

from .harness import HOUR, MINUTE, T0
from .strict_agent import logging_to_the_agent

NAMESPACE = 'bedrock_model_customization.'
EAST = ['aws_account:123456789012', 'region:us-east-1']


@dataclass
class Agent:
    """An Agent that runs one instance; `poll` forgets what was submitted before."""

    simulator: Simulator
    aggregator: AggregatorStub
    run: Callable[..., str]
    options: dict[str, Any] = field(default_factory=dict)
    check: BedrockModelCustomizationCheck = field(init=False)
    warnings: list[str] = field(default_factory=list)

    def start(self, **options: Any) -> None:
        self.options |= options
        instance = {
            'regions': ['us-east-1'],
            'endpoint_url': self.simulator.endpoint_url,
            'max_attempts': 2,
        } | self.options
        self.check = BedrockModelCustomizationCheck('bedrock_model_customization', {}, [instance])
        self.check.check_id = 'bedrock_model_customization:test'
        self.check.clock = self.simulator.clock.now

    def poll(self, later: timedelta = timedelta()) -> list[dict[str, Any]]:
        self.simulator.clock.advance(later)
        self.aggregator.reset()
        self.run(self.check, cancel=False)
        self.warnings = self.check.get_warnings()
        return list(self.aggregator.events)

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by the tags that its scope does not have."""
        return {
            tuple(tag for tag in metric.tags if tag not in EAST): metric.value
            for metric in self.aggregator.metrics(NAMESPACE + name)
        }


def transition(event: dict[str, Any]) -> str:
    return next(tag for tag in event['tags'] if tag.startswith('transition:')).partition(':')[2]


@pytest.fixture
def agent(aws_environment: None, aggregator: AggregatorStub, dd_run_check: Callable[..., str]) -> Iterator[Agent]:
    with logging_to_the_agent(), Simulator(Clock.manual(T0)) as simulator:
        made = Agent(simulator, aggregator, dd_run_check)
        made.start()
        yield made


def test_a_failure_from_start_to_end(agent: Agent) -> None:
    agent.poll()
    agent.simulator.add_job(
        'us-east-1',
        name='bad',
        timeline=fails(T0 + MINUTE, 'line 17', after=HOUR),
        tags={'team': 'risk', 'env': 'prod'},
    )
    (created,) = agent.poll(5 * MINUTE)
    assert created['msg_title'] == 'Amazon Bedrock fine-tuning job bad was created'
    started = agent.values('jobs.started')
    assert started.pop(()) == 0
    ((tags, count),) = started.items()
    assert count == 1
    own = {'tag_env:prod', 'team:risk'}
    assert {'job_name:bad', 'customization_type:FINE_TUNING', 'base_model:amazon.nova-lite-v1:0:300k', *own} <= set(
        tags
    )
    (failed,) = agent.poll(2 * HOUR)
    assert 'line 17' in failed['msg_text']
    assert failed['timestamp'] == int((T0 + MINUTE + timedelta(seconds=2) + HOUR).timestamp())
    assert agent.values('jobs')[('status:Failed',)] == 1
    assert sum(agent.values('jobs.failed').values()) == 1
    assert agent.poll(MINUTE) == []
    assert sum(agent.values('jobs.failed').values()) == 0


def test_a_job_trained_on_a_custom_model_is_one_series(agent: Agent) -> None:
    """Listings name the custom model as its base, descriptions the foundation model, and the tag is always the same."""
    custom = 'arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghij12'
    life = completes(T0 - HOUR, training=3 * HOUR)
    agent.simulator.add_job('us-east-1', name='child', base_model=custom, timeline=life)
    series = set()
    for _ in range(4):
        agent.poll(HOUR)
        series |= {tuple(one for one in tags if not one.startswith('status:')) for tags in agent.values('job.duration')}
    (tags,) = series
    assert 'base_model:amazon.nova-lite-v1:0:300k' in tags
    assert 'parent_model:amazon.nova-lite-v1:0:300k/abcdefghij12' in tags


def test_a_stuck_job_shows_in_its_phase(agent: Agent) -> None:
    agent.simulator.add_job('us-east-1', name='stuck', timeline=stuck(T0 - 25 * HOUR))
    agent.poll()
    ((tags, seconds),) = agent.values('job.time_in_phase').items()
    assert {'phase:training', 'phase_status:NotStarted', 'job_name:stuck', 'status:InProgress'} <= set(tags)
    assert 24.9 * 3600 < seconds < 25 * 3600


def test_terminal_jobs_leave_the_gauges(agent: Agent) -> None:
    agent.simulator.add_job('us-east-1', name='done', timeline=completes(T0 - HOUR, training=30 * MINUTE))
    agent.poll()
    assert len(agent.values('job.duration')) == len(agent.values('job.training_loss')) == 1
    agent.poll(24 * HOUR)
    assert agent.values('job.duration') == {}
    assert agent.values('jobs')[('status:Completed',)] == 1


def test_the_whole_story_and_every_metric_of_ours(agent: Agent) -> None:
    """Two accounts, two Regions, every status; no metric without a row in metadata.csv, and no row without a metric."""
    story.tell(agent.simulator, T0)
    checks = []
    for number, instance in enumerate(story.instances(agent.simulator.endpoint_url)):
        check = BedrockModelCustomizationCheck('bedrock_model_customization', {}, [instance])
        check.check_id = f'bedrock_model_customization:{number}'
        check.clock = agent.simulator.clock.now
        checks.append(check)
    agent.aggregator.reset()
    for step in range(43):
        if step == 20:
            agent.simulator.faults.add(ServerError(operation='GetResources', region='us-west-2', times=1))
        for check in checks:
            agent.run(check, cancel=False)
        agent.simulator.clock.advance(10 * MINUTE)
    titles = [event['msg_title'].rsplit(' ', 2)[-2:] for event in agent.aggregator.events]
    assert titles.count(['risk-notes-v2', 'failed']) == 1
    assert len({str(event) for event in agent.aggregator.events}) == len(agent.aggregator.events)
    expected = {
        (part.name, news.kind, news.at)
        for part in story.parts(T0)
        for news in part.timeline.transitions(T0 + 42 * 10 * MINUTE)
        if news.at > T0 and not news.kind.startswith('phase')
    }
    told = {
        (
            next(tag for tag in event['tags'] if tag.startswith('job_name:')).partition(':')[2],
            next(tag for tag in event['tags'] if tag.startswith('transition:')).partition(':')[2],
            event['timestamp'],
        )
        for event in agent.aggregator.events
    }
    assert {(name, kind, int(at.timestamp())) for name, kind, at in expected} == told
    agent.aggregator.assert_metrics_using_metadata(get_metadata_metrics(), check_symmetric_inclusion=True)


def test_one_region_that_fails_leaves_the_other_alone(agent: Agent) -> None:
    agent.start(regions=['us-east-1', 'us-west-2'])
    agent.simulator.add_job('us-west-2', name='west', timeline=completes(T0 - HOUR))
    agent.poll()
    agent.simulator.add_job('us-east-1', name='east', timeline=fails(T0 + MINUTE))
    with agent.simulator.faults.during(AccessDenied(operation='ListModelCustomizationJobs', region='us-east-1')):
        assert agent.poll(HOUR) == []
        connected = {metric.tags[1]: metric.value for metric in agent.aggregator.metrics(f'{NAMESPACE}can_connect')}
        assert connected == {'region:us-east-1': 0, 'region:us-west-2': 1}
        assert {metric.tags[1] for metric in agent.aggregator.metrics(f'{NAMESPACE}jobs')} == {'region:us-west-2'}
        assert agent.values('collection.time_since_success')[()] == 3600
        (warning,) = agent.warnings
        assert 'allow the IAM action bedrock:ListModelCustomizationJobs' in warning
    assert [event['alert_type'] for event in agent.poll(MINUTE)] == ['info', 'error']
    assert agent.warnings == []


def test_a_problem_is_logged_once_and_shown_while_it_lasts(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    agent.simulator.faults.add(AccessDenied(operation='GetResources'))
    agent.simulator.add_job('us-east-1', name='a', timeline=completes(T0 - HOUR))
    agent.poll()
    assert 'tag:GetResources' in agent.warnings[0]
    assert len([record for record in caplog.records if 'tag:GetResources' in record.getMessage()]) == 1


def test_an_assumed_role_is_assumed_once(agent: Agent) -> None:
    role = agent.simulator.account('210987654321').add_role('Datadog', external_id='example')
    agent.simulator.add_job('us-east-1', name='theirs', timeline=completes(T0), account='210987654321')
    agent.simulator.add_job('us-east-1', name='ours', timeline=completes(T0))
    agent.start(assume_role=role, external_id='example', regions=['us-east-1', 'us-west-2'])
    for _ in range(3):
        agent.poll(MINUTE)
    assert agent.simulator.requests.count('AssumeRole') == 1
    assert {metric.tags[0] for metric in agent.aggregator.metrics(f'{NAMESPACE}jobs')} == {'aws_account:210987654321'}
    assert {tag for tags in agent.values('job.duration') for tag in tags if 'job_name' in tag} == {'job_name:theirs'}


def test_a_role_that_may_not_be_assumed_says_so(agent: Agent) -> None:
    role = agent.simulator.account('210987654321').add_role('Datadog', external_id='example')
    agent.start(assume_role=role, external_id='another')
    agent.poll()
    assert list(agent.values('can_connect').values()) == [0]
    assert 'sts:AssumeRole' in agent.warnings[0]


def test_a_bearer_token_does_not_divert_the_poll(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_BEARER_TOKEN_BEDROCK', 'bedrock-api-key-example')
    agent.simulator.add_job('us-east-1', name='a', timeline=completes(T0 - HOUR))
    agent.start()
    agent.poll()
    assert agent.values('can_connect')[()] == 1


def test_no_credentials_is_said_and_recovers(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('AWS_ACCESS_KEY_ID')
    agent.poll()
    assert 'credentials' in agent.warnings[0].lower()
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE')
    agent.poll(MINUTE)
    assert agent.warnings == []


def test_instance_tags_are_on_everything(agent: Agent) -> None:
    agent.start(tags=['squad:ml'])
    agent.poll()
    agent.simulator.add_job('us-east-1', name='a', timeline=fails(T0 + MINUTE), tags={'squad': 'x'})
    events = agent.poll(HOUR)
    assert all('squad:ml' in event['tags'] and 'tag_squad:x' in event['tags'] for event in events)
    for name in agent.aggregator.metric_names:
        assert all('squad:ml' in metric.tags for metric in agent.aggregator.metrics(name))


def test_events_can_be_chosen(agent: Agent) -> None:
    agent.start(events=['phase_started', 'failed'])
    agent.poll()
    agent.simulator.add_job('us-east-1', name='a', timeline=fails(T0 + MINUTE))
    assert [transition(event) for event in agent.poll(HOUR)] == ['phase_started', 'failed']


def test_what_is_too_old_for_datadog_is_counted_and_gives_no_event(agent: Agent) -> None:
    agent.poll()
    agent.simulator.add_job('us-east-1', name='a', timeline=fails(T0 + MINUTE))
    assert agent.poll(20 * HOUR) == []
    assert sum(agent.values('jobs.failed').values()) == 1


def test_the_gauges_of_jobs_are_capped_with_a_warning(agent: Agent) -> None:
    agent.start(max_reported_jobs=2)
    for number in range(5):
        agent.simulator.add_job('us-east-1', name=f'job-{number}', timeline=completes(T0 - HOUR))
    agent.poll()
    assert len(agent.values('job.duration')) == 2
    assert '3 jobs have no gauges of their own' in agent.warnings[0]


def test_cancel_stops_requests(agent: Agent) -> None:
    agent.poll()
    agent.check.cancel()
    before = len(agent.simulator.requests)
    agent.poll()
    assert len(agent.simulator.requests) == before


def test_a_submission_that_fails_is_made_again(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.poll()
    agent.simulator.add_job('us-east-1', name='a', timeline=fails(T0 + MINUTE))

    def refuse(event: dict[str, Any]) -> None:
        raise TypeError('event must be a dict')

    with monkeypatch.context() as patch:
        patch.setattr(agent.check, 'event', refuse)
        agent.poll(HOUR)
    assert [transition(event) for event in agent.poll(MINUTE)] == ['created', 'failed']
