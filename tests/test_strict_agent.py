"""The strict Agent itself: each rule of it was seen in a real Agent, and the stubs know none of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from datadog_checks.base import AgentCheck
from datadog_checks.base.stubs.aggregator import AggregatorStub

from .strict_agent import StrictAgent, logging_to_the_agent


@pytest.fixture
def agent(aggregator: AggregatorStub, strict_agent: StrictAgent) -> Iterator[StrictAgent]:
    with logging_to_the_agent():
        yield strict_agent


@pytest.fixture
def check(agent: StrictAgent) -> AgentCheck:
    check = AgentCheck('strict', {}, [{}])
    check.check_id = 'strict:1'
    return check


@pytest.mark.parametrize('tags', [None, set(), {}])
def test_an_event_without_a_sequence_of_tags_raises(check: AgentCheck, tags: Any) -> None:
    with pytest.raises(TypeError):
        check.event({'msg_title': 'a', 'timestamp': 1, 'tags': tags})


@pytest.mark.parametrize(('text', 'error'), [('a\0b', ValueError), ('\ud800', UnicodeEncodeError)])
def test_a_log_line_that_cannot_cross_raises_into_the_check(
    check: AgentCheck, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        check.log.warning('%s', text)
    with pytest.raises(error):
        check.write_persistent_cache('key', text)


def test_a_cache_takes_texts_only_and_is_silent_about_a_full_disk(agent: StrictAgent, check: AgentCheck) -> None:
    with pytest.raises(TypeError):
        check.write_persistent_cache('key', 1)  # type: ignore[arg-type]
    check.write_persistent_cache('key', 'before')
    agent.cache.is_full = True
    check.write_persistent_cache('key', 'after')
    assert check.read_persistent_cache('key') == ''


def test_tags_are_dropped_cut_sorted_and_kept_once(agent: StrictAgent, check: AgentCheck) -> None:
    agent.aggregator.submit_metric(check, 'strict:1', 0, 'm', 1, ['b', 7, 'a:x\0y', '', '\ud800', 'b'], '', False)
    assert agent.aggregator.metrics('m')[0].tags == ['a:x', 'b']
    assert len(agent.take_losses()) == 3


def test_event_fields_that_are_no_texts_vanish(agent: StrictAgent, check: AgentCheck) -> None:
    check.event({'msg_title': 7, 'msg_text': 'x\0y', 'timestamp': 0, 'aggregation_key': 'k', 'colour': 'red'})
    assert agent.aggregator.events == [{'msg_text': 'x', 'aggregation_key': 'k', 'tags': []}]
    assert len(agent.take_losses()) == 4


def test_values_that_are_no_numbers_raise_or_are_dropped(agent: StrictAgent, check: AgentCheck) -> None:
    check.gauge('m', float('nan'), [])
    assert agent.aggregator.metrics('m') == []
    assert len(agent.take_losses()) == 1
    with pytest.raises(TypeError):
        agent.aggregator.submit_metric(check, 'strict:1', 0, 'm', '1', [], '', False)
    with pytest.raises(TypeError):
        agent.aggregator.submit_metric(check, 'strict:1', 0, 'm', 1, {'a'}, '', False)
    assert agent.datadog_agent.get_config('proxy') is None
