"""Memory over many polls of a scope in which jobs are created, end and age."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from statistics import median
from typing import Final

from benchmarks.agent import Agent
from benchmarks.apart import Apart
from benchmarks.figures import Report, Row
from benchmarks.measure import Cost
from benchmarks.world import INTERVAL, REGION, World

CHANGED_SHARE: Final = 0.01
# Every second change is a new job, so a look-back of this many polls always holds the same number of jobs.
POLLS_IN_LOOKBACK: Final = round(2 / CHANGED_SHARE)
HOURS: Final = timedelta(hours=1)
# Memory at a point in time is the median over this share of the polls.
AROUND: Final = 0.1
WARM_UP: Final = 0.2


def measure_memory(jobs: int, polls: int) -> Report:
    """Poll `polls` times, with 1 % of `jobs` jobs changed before each, and report memory growth after a warm-up."""
    span = POLLS_IN_LOOKBACK * INTERVAL
    options = {'lookback_hours': span / HOURS, 'terminal_job_hours': 1, 'max_tracked_jobs': 2 * jobs}
    rows: list[Row] = []
    resident: list[float] = []
    requests: Counter[str] = Counter()
    costs: list[Cost] = []
    stretch = max(1, polls // 10)
    with Apart(World) as world:
        world.call(World.fill_evenly, jobs, span)
        instance = {'regions': [REGION], 'endpoint_url': world.call(World.endpoint_url), **options}
        with Apart(Agent, [instance]) as agent:
            for number in range(1, polls + 1):
                world.call(World.change, max(1, round(jobs * CHANGED_SHARE)))
                polled = agent.call(Agent.poll, world.call(World.now))
                resident.append(polled.cost.resident)
                costs.append(polled.cost)
                requests.update(world.call(World.requests))
                world.call(World.advance, INTERVAL)
                if number % stretch == 0:
                    notes = {
                        'tracked jobs': int(polled.submitted['jobs.tracked']),
                        'resident MiB': median(resident[-stretch:]),
                    }
                    name = f'polls {number - stretch + 1} to {number}'
                    rows.append(Row(name, dict(requests), Cost.median(costs), notes))
                    requests, costs = Counter(), []
    warm = resident[int(len(resident) * WARM_UP) :]
    width = max(1, int(len(resident) * AROUND))
    notes = {
        'growth after warm-up, MiB': median(warm[-width:]) - median(warm[:width]),
        'warm-up, polls': int(len(resident) * WARM_UP),
    }
    title = f'{polls} polls of {jobs:,} jobs, 1 % changed before each; CPU and wall are medians of one poll'
    return Report(title, rows, {}, notes)
