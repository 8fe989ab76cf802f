from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_jobs.simulator import JobSpec, SimulatedJob, Simulator, completes, fails

from .conftest import NOW


@pytest.fixture
def names(simulator: Simulator) -> list[str]:
    """Seven jobs, an hour apart, newest first: even ones failed, odd ones completed."""
    for age in range(7):
        at = NOW - timedelta(days=1, hours=age)
        simulator.add_job('us-east-1', name=f'job-{age}', timeline=completes(at) if age % 2 else fails(at))
    return [f'job-{age}' for age in range(7)]


def listed(client: Any, **parameters: Any) -> list[str]:
    pages = client.get_paginator('list_model_customization_jobs').paginate(**parameters)
    return [job['jobName'] for page in pages for job in page['modelCustomizationJobSummaries']]


def test_newest_first_unless_asked_otherwise(bedrock: Any, names: list[str]) -> None:
    assert listed(bedrock) == names
    assert listed(bedrock, sortBy='CreationTime', sortOrder='Ascending') == names[::-1]


@pytest.mark.parametrize('order', ['Ascending', 'Descending'])
@pytest.mark.parametrize('size', [1, 3, 7])
def test_pages_are_complete(bedrock: Any, names: list[str], order: str, size: int) -> None:
    found = listed(bedrock, sortOrder=order, PaginationConfig={'PageSize': size})
    assert found == (names if order == 'Descending' else names[::-1])


def test_filters(bedrock: Any, names: list[str]) -> None:
    assert listed(bedrock, statusEquals='Failed', PaginationConfig={'PageSize': 2}) == names[::2]
    assert listed(bedrock, nameContains='b-3') == ['job-3']
    third = NOW - timedelta(days=1, hours=3)
    assert listed(bedrock, creationTimeAfter=third) == names[:3]
    assert listed(bedrock, creationTimeBefore=third) == names[4:]
    assert listed(bedrock, creationTimeAfter=third - timedelta(milliseconds=1), creationTimeBefore=NOW) == names[:4]


def test_a_job_created_between_two_pages_moves_nothing(simulator: Simulator, bedrock: Any, names: list[str]) -> None:
    first = bedrock.list_model_customization_jobs(maxResults=3)
    simulator.add_job('us-east-1', name='newer', timeline=completes(NOW))
    second = bedrock.list_model_customization_jobs(maxResults=1000, nextToken=first['nextToken'])
    found = first['modelCustomizationJobSummaries'] + second['modelCustomizationJobSummaries']
    assert [job['jobName'] for job in found] == names


def test_a_token_belongs_to_its_filters(bedrock: Any, names: list[str]) -> None:
    token = bedrock.list_model_customization_jobs(maxResults=3)['nextToken']
    with pytest.raises(ClientError, match='ValidationException'):
        bedrock.list_model_customization_jobs(maxResults=3, nextToken=token, statusEquals='Failed')


def test_jobs_appear_when_their_time_comes(simulator: Simulator, bedrock: Any) -> None:
    job = simulator.add_job('us-east-1', name='later', timeline=completes(NOW + timedelta(minutes=5)))
    assert listed(bedrock) == []
    with pytest.raises(ClientError, match='ResourceNotFoundException'):
        bedrock.get_model_customization_job(jobIdentifier=job.arn)
    simulator.clock.advance(timedelta(minutes=5))
    assert listed(bedrock) == ['later']


@pytest.mark.parametrize('moment', ['soon', '2026-11-23T10:00:00'])
def test_times_that_are_none(raw: Callable[..., Any], moment: str) -> None:
    answer = raw('bedrock', 'GET', f'/model-customization-jobs?creationTimeAfter={moment}')
    assert (answer.status, answer.headers['x-amzn-errortype']) == (400, 'ValidationException')


def test_the_same_name_twice_is_refused(simulator: Simulator, names: list[str]) -> None:
    with pytest.raises(ValueError, match='job-0'):
        simulator.add_job('us-east-1', name='job-0', timeline=completes(NOW))
    simulator.add_job('us-west-2', name='job-0', timeline=completes(NOW))
    with pytest.raises(ValueError, match='not a job name'):
        simulator.add_job('us-east-1', name='bad name!', timeline=completes(NOW))


def test_a_name_in_use_among_many_leaves_the_rest_in_order(simulator: Simulator, bedrock: Any) -> None:
    jobs = [
        (SimulatedJob('123456789012', 'us-east-1', JobSpec(name), completes(at)), None)
        for name, at in (
            ('old', NOW - timedelta(hours=1)),
            ('new', NOW),
            ('oldest', NOW - timedelta(hours=2)),
            ('new', NOW),
        )
    ]
    with pytest.raises(ValueError, match='new'):
        simulator.add_jobs(jobs)
    assert listed(bedrock) == ['new', 'old', 'oldest']
