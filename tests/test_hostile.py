"""Hostile answers over HTTP: well-formed jobs are reported, malformed ones as far as can be read, nothing raises."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from datadog_checks.base.stubs.aggregator import AggregatorStub
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bedrock_jobs.simulator import Clock, ReplaceMember, Simulator, completes, fails
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.jobs.vocabulary import ACTIVE_STATUSES

from .harness import HOUR, MINUTE, T0
from .hostile import TIMES, Hostile, HostileAws, write_script
from .strict_agent import StrictAgent, logging_to_the_agent

NAME = 'bedrock_model_customization'
TIME = 'creationTime'
OPERATIONS = ('ListModelCustomizationJobs', 'GetModelCustomizationJob')
KINDS = ['created', 'stopping', 'completed', 'failed', 'stopped', 'phase_started', 'phase_ended', 'unknown_status']


@dataclass
class Rig:
    """A check that runs in a strict Agent against a simulator with two well-formed jobs."""

    agent: StrictAgent
    simulator: Simulator

    def __post_init__(self) -> None:
        self.simulator.add_job('us-east-1', name='good', timeline=completes(T0 + MINUTE, training=HOUR))
        self.simulator.add_job('us-east-1', name='bad', timeline=fails(T0 + MINUTE, after=HOUR))

    def start(self, **options: Any) -> BedrockModelCustomizationCheck:
        """Start a process that knows nothing, at the time of the baseline."""
        self.simulator.clock.set(T0)
        self.simulator.faults.clear()
        self.agent.cache.files.clear()
        instance = {
            'regions': ['us-east-1'],
            'endpoint_url': self.simulator.endpoint_url,
            'max_attempts': 1,
            'retry_mode': 'standard',
            'events': KINDS,
            'max_reported_jobs': 5000,
            'max_describes_per_poll': 1000,
            'emit_records': True,
        }
        check = BedrockModelCustomizationCheck(NAME, {}, [instance | options])
        check.check_id = f'{NAME}:hostile'
        check.clock = self.simulator.clock.now
        self.poll(check, timedelta())
        return check

    def poll(self, check: BedrockModelCustomizationCheck, later: timedelta) -> None:
        self.simulator.clock.advance(later)
        self.agent.aggregator.reset()
        self.agent.log_lines.clear()
        assert check.run() == ''
        assert self.agent.losses == []

    def judge(self, check: BedrockModelCustomizationCheck, aws: HostileAws, ends: list[str]) -> None:
        """Hold what was submitted against what was listed."""
        told = [tag_of(event, 'job_name') + ' ' + tag_of(event, 'transition') for event in self.agent.aggregator.events]
        assert set(ends) <= set(told)
        assert all(len(event['msg_title']) <= 500 and len(event['msg_text']) <= 4000 for event in self.events)
        assert all(len(tag) <= 200 for event in self.events for tag in event['tags'])
        (unreadable,) = self.agent.aggregator.metrics(f'{NAME}.jobs.unreadable')
        # A full listing is three requests, each of which shows them.
        assert unreadable.value in (len(aws.script.nameless), 3 * len(aws.script.nameless))
        inventory = check._collectors['us-east-1']._current.inventory
        for arn, entry in aws.script.entries.items():
            answers = (entry, aws.script.descriptions[arn])
            # A job has ended if either answer says so, or if it has an unknown status and was not modified for long.
            may_have_ended = any(answer.get('status') not in ACTIVE_STATUSES for answer in answers)
            may_be_old = may_have_ended and any(answer.get(TIME) in TIMES for answer in answers)
            assert arn in inventory.jobs or arn in inventory.settled or may_be_old
        warnings = self.agent.logged(logging.WARNING)
        assert sum('name no job' in line for line in warnings) <= 1
        assert len(warnings) < 20, warnings
        assert not any('\n' in line for line in warnings)

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(self.agent.aggregator.events)


def tag_of(event: dict[str, Any], key: str) -> str:
    return next((tag.partition(':')[2] for tag in event['tags'] if tag.startswith(f'{key}:')), '')


@pytest.fixture
def rig(aws_environment: None, aggregator: AggregatorStub, strict_agent: StrictAgent) -> Iterator[Rig]:
    with logging_to_the_agent(), Simulator(Clock.manual(T0)) as simulator:
        strict_agent.config['logs_enabled'] = True
        yield Rig(strict_agent, simulator)


# To shrink over HTTP takes minutes, and tells little more than the first example.
@settings(max_examples=40, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_whatever_aws_answers(rig: Rig, rng: Random, jobs: int) -> None:
    aws = HostileAws(script=write_script(Hostile(rng), 0, jobs))
    check = rig.start()
    rig.simulator.faults.add(aws)
    rig.poll(check, 2 * MINUTE)
    rig.judge(check, aws, ['good created', 'bad created'])
    rig.poll(check, 2 * HOUR)
    rig.judge(check, aws, ['good completed', 'bad failed'])


@pytest.mark.slow
def test_a_flood(rig: Rig) -> None:
    """Thousands of hostile answers, new ones at every poll, and no listing, job or log line is lost over them."""
    check = rig.start()
    hostile, jobs = Hostile(Random(20261123)), 250
    aws = HostileAws(script=write_script(hostile, 0, 0))
    rig.simulator.faults.add(aws)
    answers = lines = 0
    for poll in range(15):
        aws.script = write_script(hostile, poll * jobs, jobs)
        rig.poll(check, 4 * MINUTE)
        rig.judge(check, aws, ['good created', 'bad created'] if poll == 0 else [])
        answers, lines = aws.answers, lines + len(rig.agent.logged())
        if poll == 0:
            assert sum('name no job' in line for line in rig.agent.logged()) == 1
            assert sum('could not be read' in line for line in rig.agent.logged()) == 1
    print(f'{answers} hostile answers to {len(rig.simulator.requests)} requests; {lines} warnings in the log')
    assert answers >= 5000


def test_what_is_wrong_with_a_job_is_told_while_it_is_so_and_not_anew_every_hour(rig: Rig) -> None:
    """A job that has ended is listed once an hour."""
    check = rig.start()
    rig.simulator.add_job('us-east-1', name='odd', timeline=fails(T0 - 3 * HOUR))
    fault = ReplaceMember(operation='ListModelCustomizationJobs', job='odd', member='baseModelArn', value=[7])
    lines = []
    with rig.simulator.faults.during(fault):
        rig.poll(check, 2 * HOUR)
        lines += rig.agent.logged(logging.INFO)
        check.get_warnings()
        for _ in range(20):
            rig.poll(check, 10 * MINUTE)
            lines += rig.agent.logged(logging.INFO)
            assert sum('could not be read' in warning for warning in check.get_warnings()) == 1
    rig.poll(check, 2 * HOUR)
    lines += rig.agent.logged(logging.INFO)
    assert [line for line in lines if 'could not be read' in line] == [
        '123456789012 us-east-1: 1 jobs lack what could not be read of them: baseModelArn',
        '123456789012 us-east-1: no longer: jobs lack what could not be read of them: baseModelArn',
    ]
    assert check.get_warnings() == []


def test_jobs_without_names_are_told_apart(rig: Rig) -> None:
    check = rig.start()
    nameless = (ReplaceMember(operation=name, member='jobName', value=None) for name in OPERATIONS)
    for fault in nameless:
        rig.simulator.faults.add(fault)
    rig.poll(check, 30 * MINUTE)
    tags = [tag for metric in rig.agent.aggregator.metrics(f'{NAME}.job.duration') for tag in metric.tags]
    assert len({tag for tag in tags if tag.startswith('job_name:')}) == 2
