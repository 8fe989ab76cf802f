"""What is new, what is old, and what is not known: the memory of one scope, without any I/O."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from datadog_checks.bedrock_model_customization.jobs.inventory import Inventory, Limits, Memory
from datadog_checks.bedrock_model_customization.jobs.job import FAILED, Job
from datadog_checks.bedrock_model_customization.state import decode, encode

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def failed(name: str, created: datetime, after: timedelta = HOUR / 2) -> Job:
    arn = f'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/{name}'
    return Job(job_arn=arn, job_name=name, creation_time=created, end_time=created + after, status=FAILED)


def news(inventory: Inventory, job: Job, now: datetime = NOW) -> list[str]:
    tracked = inventory.observe(job, now)
    return [transition.key for transition in tracked.unreported()] if tracked else []


def test_before_everything_was_listed_the_first_look_tells_old_from_new() -> None:
    inventory = Inventory(Limits())
    assert news(inventory, failed('first', NOW - HOUR)) == []
    # The newest jobs and those that run are known, and the pages of the older ones are still to come.
    inventory.reached(NOW - HOUR, NOW)
    later = NOW + 5 * HOUR
    assert news(inventory, failed('older', NOW - 9 * HOUR), later) == []
    assert news(inventory, failed('ended since', NOW - 9 * HOUR, after=10 * HOUR), later) == ['failed']
    assert news(inventory, failed('created since', NOW + HOUR), later) == ['created', 'failed']
    inventory.walked(None, later)
    inventory.reached(NOW + HOUR, later)
    assert news(inventory, failed('appears late', NOW - 3 * HOUR), later) == ['created', 'failed']


def test_only_what_was_listed_is_known() -> None:
    inventory = Inventory(Limits(), Memory('123456789012', NOW, {}))
    inventory.walked(NOW - 9 * HOUR, NOW)
    inventory.reached(NOW, NOW)
    assert news(inventory, failed('appears late', NOW - 8 * HOUR)) == ['created', 'failed']
    assert news(inventory, failed('was not listed', NOW - 10 * HOUR)) == []


def test_what_a_limit_left_out_is_no_news_when_it_is_listed_again() -> None:
    inventory = Inventory(Limits(max_tracked_jobs=2), Memory('123456789012', NOW, {}))
    inventory.walked(None, NOW)
    inventory.reached(NOW, NOW)
    jobs = [failed(name, NOW - age * HOUR) for name, age in (('a', 8), ('b', 7), ('c', 6))]
    for job in jobs:
        assert news(inventory, job) == ['created', 'failed']
        inventory.tracked[job.job_arn].reported.update({'created', 'failed'})
        inventory.tracked[job.job_arn].description_failed(refused=True)
    later = NOW + 48 * HOUR
    inventory.reached(later, later)
    inventory.settle(later, lambda job: True)
    assert inventory.left_out == {jobs[0].job_arn}
    assert news(inventory, jobs[0], later) == []
    # It is still the same one.
    inventory.settle(later, lambda job: True)
    assert len(inventory.left_out) == 1
    inventory.walked(None, later)
    assert news(inventory, jobs[0], later) == []


def test_what_ended_before_the_look_back_is_remembered_no_more() -> None:
    job = failed('long ago', NOW - 300 * HOUR)
    inventory = Inventory(Limits(), Memory('123456789012', NOW, {job.job_arn: frozenset({'created', 'failed'})}))
    assert inventory.observe(job, NOW) is None
    assert inventory.remembered == {}


def test_a_restart_in_the_middle_of_a_first_look_still_tells_old_from_new() -> None:
    before = Inventory(Limits())
    assert news(before, failed('first', NOW - HOUR)) == []
    before.reached(NOW - HOUR, NOW)
    memory = decode(encode(1, before.remember('123456789012')))[1]
    inventory, later = Inventory(Limits(), memory), NOW + 5 * HOUR
    assert news(inventory, failed('older', NOW - 9 * HOUR), later) == []
    assert news(inventory, failed('ended since', NOW - 9 * HOUR, after=10 * HOUR), later) == ['failed']
    inventory.walked(None, later)
    inventory.reached(NOW, later)
    assert inventory.remember('123456789012').first_look_at is None
