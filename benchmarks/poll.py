"""What a poll of one scope costs, compared with a plain boto3 loop over the same jobs in the same run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from benchmarks.agent import Agent
from benchmarks.apart import Apart
from benchmarks.figures import Report, Row
from benchmarks.measure import Cost
from benchmarks.naive import Naive
from benchmarks.world import INTERVAL, LOOKBACK, REGION, World

FIRST: Final = 'first poll'
UNCHANGED: Final = 'unchanged poll'
CHANGED: Final = 'poll with 1 % changed'
HOURLY: Final = 'hourly full listing'
LISTING: Final = 'plain boto3: merely list'
LOOP: Final = 'plain boto3: list, describe, tags'

CHANGED_SHARE: Final = 0.01
HOURS: Final = timedelta(hours=1)
# Each figure is the median of this many polls in one process, and then the median of all processes.
POLLS: Final = 5


def everything(jobs: int) -> dict[str, Any]:
    """Return options with which one poll describes every job, and every job keeps its own gauges."""
    hours = LOOKBACK / HOURS
    return {
        'lookback_hours': hours,
        'terminal_job_hours': hours,
        'max_tracked_jobs': 2 * jobs,
        'max_describes_per_poll': min(jobs, 10_000),
        'collection_timeout': 3600,
    }


def measure_polls(
    jobs: int, latency: float, options: Mapping[str, Any], *, repeats: int, naive_threads: int, naive_jobs: int | None
) -> Report:
    """Measure polls of `jobs` jobs created in the last week, starting afresh `repeats` times.

    `latency` is in seconds. `options` are the instance's options. The plain loop describes at most `naive_jobs` jobs
    (None: all, 0: no loop), and its figures are then extrapolated.
    """
    runs: list[list[Row]] = []
    naive: list[Row] = []
    for _ in range(repeats):
        with Apart(World, latency) as world:
            world.call(World.fill, jobs)
            if not naive and naive_jobs != 0:
                naive = _measure_naive(world, jobs, naive_threads, naive_jobs)
            runs.append(_measure_check(world, jobs, options))
    rows = [Row(same[0].name, same[0].requests, Cost.median([row.cost for row in same]), same[0].notes)
            for same in zip(*runs, strict=True)]  # fmt: skip
    report = Report(_title(jobs, latency, options), [*rows, *naive])
    return Report(report.title, report.rows, _ratios(report) if naive else {}, {'medians of runs': repeats})


def _measure_check(world: Apart[World], jobs: int, options: Mapping[str, Any]) -> list[Row]:
    instance = {'regions': [REGION], 'endpoint_url': world.call(World.endpoint_url), **options}
    with Apart(Agent, [instance]) as agent:

        def poll(name: str, later: timedelta, times: int = 1, changes: int = 0) -> Row:
            polls = []
            for _ in range(times):
                now = world.call(World.advance, later)
                world.call(World.change, changes)
                world.call(World.requests)
                polls.append(agent.call(Agent.poll, now))
            cost = Cost.median([polled.cost for polled in polls])
            return Row(name, world.call(World.requests), cost, {'samples': polls[-1].samples})

        first = poll(FIRST, timedelta())
        _describe_the_rest(world, agent)
        return [
            first,
            poll(UNCHANGED, INTERVAL, POLLS),
            poll(CHANGED, INTERVAL, POLLS, max(1, round(jobs * CHANGED_SHARE))),
            poll(HOURLY, HOURS),
        ]


def _describe_the_rest(world: Apart[World], agent: Apart[Agent]) -> None:
    """Poll until every job that the first poll did not reach has been described."""
    polled = agent.call(Agent.poll, world.call(World.advance, INTERVAL))
    while polled.submitted.get('jobs.awaiting_description'):
        polled = agent.call(Agent.poll, world.call(World.advance, INTERVAL))


def _measure_naive(world: Apart[World], jobs: int, threads: int, most: int | None) -> list[Row]:
    with Apart(Naive, world.call(World.endpoint_url), REGION, threads) as naive:
        world.call(World.requests)
        listing = Cost.median([naive.call(Naive.list_jobs) for _ in range(3)])
        list_requests = {name: number // 3 for name, number in world.call(World.requests).items()}
        loop, read = naive.call(Naive.read_all, most)
        requests = world.call(World.requests)
    name = f'{LOOP} ({threads} threads)'
    if read < jobs:
        factor = jobs / read
        # All jobs are listed, whatever the sample.
        loop = Cost(
            listing.cpu + (loop.cpu - listing.cpu) * factor,
            listing.wall + (loop.wall - listing.wall) * factor,
            loop.peak,
            loop.resident,
        )
        requests = list_requests | dict.fromkeys(('GetModelCustomizationJob', 'ListTagsForResource'), jobs)
        name += f', extrapolated from {read:,}'
    return [Row(LISTING, list_requests, listing), Row(name, requests, loop)]


def _ratios(report: Report) -> dict[str, float]:
    listing = report.row(LISTING)
    loop = next(row for row in report.rows if row.name.startswith(LOOP))
    first, unchanged, changed = (report.row(name) for name in (FIRST, UNCHANGED, CHANGED))
    return {
        'CPU, unchanged poll / plain listing': unchanged.cost.cpu / listing.cost.cpu,
        'CPU, unchanged poll / plain loop': unchanged.cost.cpu / loop.cost.cpu,
        'CPU, poll with 1 % changed / plain loop': changed.cost.cpu / loop.cost.cpu,
        'CPU, first poll / plain loop': first.cost.cpu / loop.cost.cpu,
        'wall, first poll / plain loop': first.cost.wall / loop.cost.wall,
        'requests, first poll / plain loop': first.total / loop.total,
        'requests, unchanged poll / plain loop': unchanged.total / loop.total,
    }


def _title(jobs: int, latency: float, options: Mapping[str, Any]) -> str:
    what = 'every job described and reported' if options else 'default options'
    return f'{jobs:,} jobs of one week, {latency * 1000:.0f} ms a request, {what}'
