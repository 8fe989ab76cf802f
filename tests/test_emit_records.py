"""`emit_records`: each new or changed job as a log with the 26 columns of the dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from datadog_checks.base.stubs.datadog_agent import DatadogAgentStub

from bedrock_jobs.simulator import (
    Clock,
    ReplaceMember,
    ServerError,
    Simulator,
    completes,
    fails,
)
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS
from datadog_checks.bedrock_model_customization.telemetry.records import RECORD

from .harness import HOUR, MINUTE, T0
from .paths import ROOT
from .strict_agent import StrictAgent


@pytest.fixture
def simulator(aws_environment: None) -> Iterator[Simulator]:
    with Simulator(Clock.manual(T0)) as made:
        yield made


@pytest.fixture
def poll(
    simulator: Simulator,
    datadog_agent: DatadogAgentStub,
    strict_agent: StrictAgent,
    dd_run_check: Callable[..., str],
) -> Callable[..., list[dict[str, Any]]]:
    strict_agent.config['logs_enabled'] = True
    options = {
        'regions': ['us-east-1'],
        'endpoint_url': simulator.endpoint_url,
        'emit_records': True,
        'max_attempts': 1,
    }
    check = BedrockModelCustomizationCheck('bedrock_model_customization', {}, [options | {'tags': ['squad:ml']}])
    check.check_id = 'bedrock_model_customization:records'
    check.clock = simulator.clock.now

    def poll(later: timedelta = timedelta()) -> list[dict[str, Any]]:
        simulator.clock.advance(later)
        datadog_agent._sent_logs.clear()
        dd_run_check(check, cancel=False)
        return list(datadog_agent._sent_logs[check.check_id])

    return poll


def test_a_job_is_sent_when_it_is_new_and_when_it_changed(simulator: Simulator, poll: Callable[..., Any]) -> None:
    life = completes(T0 - MINUTE, training=HOUR, training_loss=0.25)
    arn = simulator.add_job('us-east-1', name='bot', timeline=life, tags={'team': 'search'}).arn
    (log,) = poll()
    assert list(log[RECORD]) == list(COLUMNS)
    assert log[RECORD]['_key'] == arn
    assert log[RECORD]['tags'] == {'team': 'search'}
    assert log['message'] == 'Amazon Bedrock model customization job bot is InProgress'
    assert log['status'] == 'info'
    assert log['ddtags'] == 'aws_account:123456789012,region:us-east-1,squad:ml'
    assert log['timestamp'] == int(T0.timestamp() * 1000)
    assert poll() == []
    (log,) = poll(3 * HOUR)
    assert log[RECORD]['status'] == 'Completed'
    assert log[RECORD]['training_metrics'] == {'training_loss': 0.25}
    assert poll(MINUTE) == []


def test_a_record_waits_for_the_description(simulator: Simulator, poll: Callable[..., Any]) -> None:
    poll()
    simulator.add_job('us-east-1', name='bad', timeline=fails(T0 + MINUTE, 'why'))
    with simulator.faults.during(ServerError(operation='ListModelCustomizationJobs')):
        assert poll(HOUR) == []
    (log,) = poll(MINUTE)
    assert (log[RECORD]['failure_message'], log['status']) == ('why', 'error')
    assert log['message'].endswith('bad is Failed: why')


def test_a_number_of_more_than_64_bits_holds_nothing_up(simulator: Simulator, poll: Callable[..., Any]) -> None:
    poll()
    simulator.add_job('us-east-1', name='bot', timeline=completes(T0 + MINUTE, training=MINUTE))
    simulator.faults.add(ReplaceMember(member='trainingMetrics', value={'trainingLoss': 0.5, 'tokens': 2**64}))
    (log,) = poll(HOUR)
    assert log[RECORD]['training_metrics'] == {'training_loss': 0.5, 'tokens': 2.0**64}
    assert poll(MINUTE) == []


def test_old_jobs_within_the_look_back_are_sent_whole(simulator: Simulator, poll: Callable[..., Any]) -> None:
    simulator.add_job('us-east-1', name='old', timeline=fails(T0 - 72 * HOUR, 'long ago'))
    (log,) = poll()
    assert log[RECORD]['failure_message'] == 'long ago'


def test_without_logs_the_agent_is_asked_to_collect_them(
    simulator: Simulator, dd_run_check: Callable[..., str]
) -> None:
    options = {'regions': ['us-east-1'], 'endpoint_url': simulator.endpoint_url, 'emit_records': True}
    check = BedrockModelCustomizationCheck('bedrock_model_customization', {}, [options])
    dd_run_check(check)
    assert any('logs_enabled' in warning for warning in check.get_warnings())


def test_pipeline_and_saved_view_know_the_records_attributes() -> None:
    pipeline = yaml.safe_load((ROOT / 'assets/logs/bedrock_model_customization.yaml').read_text())
    view = json.loads((ROOT / 'assets/saved_views/bedrock_model_customization_jobs.json').read_text())
    paths = [facet['path'] for facet in pipeline['facets']]
    paths += [path[1:] for path in (*view['visible_facets'], *view['options']['columns']) if path.startswith('@')]
    for path in paths:
        attribute, column, *_ = path.split('.')
        assert attribute == RECORD and column in COLUMNS, path
    assert pipeline['pipeline']['filter']['query'] == view['query'] == 'source:bedrock_model_customization'


def test_the_pipeline_is_one_that_datadogs_api_takes() -> None:
    models = pytest.importorskip('datadog_api_client.v1.model.logs_pipeline')
    from datadog_api_client.model_utils import validate_and_convert_types

    pipeline = yaml.safe_load((ROOT / 'assets/logs/bedrock_model_customization.yaml').read_text())['pipeline']
    body = {name: value for name, value in pipeline.items() if name != 'type'}
    from datadog_api_client.configuration import Configuration

    made = validate_and_convert_types(body, (models.LogsPipeline,), ['pipeline'], True, True, Configuration())
    assert not made._unparsed
