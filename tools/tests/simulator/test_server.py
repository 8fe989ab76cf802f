from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from bedrock_jobs.simulator import (
    Clock,
    Fleet,
    Latency,
    ServerError,
    SimulatedJob,
    Simulator,
    Slow,
    completes,
)

from .conftest import NOW


@pytest.mark.parametrize('host', ['0.0.0.0', '::', '192.0.2.1', '10.0.0.1'])
def test_only_loopback(host: str) -> None:
    with pytest.raises(ValueError, match='loopback'):
        Simulator(host=host)


def test_a_port_that_is_taken_and_a_second_start(simulator: Simulator) -> None:
    port = int(simulator.endpoint_url.rpartition(':')[2])
    with pytest.raises(OSError, match='address'):
        Simulator(port=port).start()
    with pytest.raises(RuntimeError, match='already'):
        simulator.start()


def test_two_simulators_know_nothing_of_each_other(simulator: Simulator, bedrock: Any) -> None:
    with Simulator(Clock.manual(NOW)) as other:
        other.add_job('us-east-1', name='elsewhere', timeline=completes(NOW))
        assert bedrock.list_model_customization_jobs()['modelCustomizationJobSummaries'] == []
        assert len(other.requests) == 0


def test_the_ledger(simulator: Simulator, bedrock: Any) -> None:
    job = simulator.add_job('us-east-1', name='job', timeline=completes(NOW))
    bedrock.get_model_customization_job(jobIdentifier='job')
    bedrock.list_tags_for_resource(resourceARN=job.arn)
    bedrock.list_model_customization_jobs()
    first, second, third = simulator.requests
    assert (first.operation, first.account, first.region) == ('GetModelCustomizationJob', '123456789012', 'us-east-1')
    assert (first.status, first.error, first.job, second.job, third.job) == (200, None, job.id, job.id, None)
    assert abs(first.at - time.time()) < 10
    assert simulator.requests.count('GetModelCustomizationJob', region='us-east-1') == 1
    assert simulator.requests.count(region='us-west-2') == 0
    simulator.requests.reset()
    assert len(simulator.requests) == 0


@pytest.mark.parametrize('service', ['bedrock', 'sts', 's3'])
def test_every_answer_is_dated_by_the_clock_of_the_jobs(simulator: Simulator, raw: Any, service: str) -> None:
    assert raw(service, 'GET', '/model-customization-jobs').headers.get_all('Date') == ['Mon, 23 Nov 2026 12:00:00 GMT']
    simulator.clock.advance(timedelta(hours=-13, seconds=1.5))
    with simulator.faults.during(ServerError()):
        assert raw(service, 'GET', '/?x').headers.get_all('Date') == ['Sun, 22 Nov 2026 23:00:01 GMT']
    with simulator.faults.during(Slow(bytes_per_second=10**6)):
        assert raw(service, 'GET', '/?x').headers.get_all('Date') == ['Sun, 22 Nov 2026 23:00:01 GMT']


def test_late_answers_do_not_wait_for_each_other(simulator: Simulator, bedrock: Any) -> None:
    simulator.faults.add(Latency(seconds=1))
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: bedrock.list_model_customization_jobs(), range(8)))
    # One after the other they would take eight.
    assert time.monotonic() - started < 6


def test_jobs_change_while_requests_are_served(simulator: Simulator, bedrock: Any) -> None:
    def add(number: int) -> SimulatedJob:
        return simulator.add_job('us-east-1', name=f'job-{number}', timeline=completes(NOW), tags={'n': str(number)})

    with ThreadPoolExecutor(4) as pool:
        added = pool.map(add, range(200))
        answers = pool.map(lambda _: bedrock.list_model_customization_jobs(maxResults=1000), range(20))
        assert len(list(added)) == 200
        sizes = [len(answer['modelCustomizationJobSummaries']) for answer in answers]
    assert sizes[-1] <= 200
    assert len(bedrock.list_model_customization_jobs(maxResults=1000)['modelCustomizationJobSummaries']) == 200


def test_ten_thousand_jobs(simulator: Simulator, raw: Any) -> None:
    assert simulator.add_jobs(Fleet(until=NOW, jobs=10_000, active=0.01).build()) == 10_000
    path = '/model-customization-jobs?maxResults=1000'
    first = raw('bedrock', 'GET', path)
    assert raw('bedrock', 'GET', path).body == first.body
    assert len(first.json()['modelCustomizationJobSummaries']) == 1000


def test_a_settled_page_is_cached_and_a_change_is_not_missed(simulator: Simulator, bedrock: Any) -> None:
    def status() -> str:
        (job,) = bedrock.list_model_customization_jobs()['modelCustomizationJobSummaries']
        assert job['status'] == bedrock.get_model_customization_job(jobIdentifier='job')['status']
        return job['status']

    job = simulator.add_job('us-east-1', name='job', timeline=completes(NOW, training=timedelta(hours=1)))
    assert status() == 'InProgress'
    simulator.clock.advance(timedelta(hours=2))
    assert status() == 'Completed'
    simulator.clock.set(NOW + timedelta(minutes=30))
    assert status() == 'InProgress'
    simulator.set_timeline(job, job.timeline.stop(simulator.clock.now()))
    assert status() == 'Stopping'
    with pytest.raises(ValueError, match='created_at'):
        simulator.set_timeline(job, completes(NOW - timedelta(days=1)))


def test_moto_is_not_imported_without_need() -> None:
    script = 'import sys; import bedrock_jobs.simulator; sys.exit("moto" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', script], check=False).returncode == 0
