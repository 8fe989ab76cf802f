"""One job that has been stuck since the oldest day must not make every poll list all jobs created since."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.agent import Agent
from benchmarks.apart import Apart
from benchmarks.figures import Report, Row
from benchmarks.measure import Cost
from benchmarks.world import INTERVAL, LOOKBACK, REGION, World

POLLS = 5
AGE = LOOKBACK - timedelta(hours=2)


def measure_stuck(jobs: int, latency: float, terminal_job_hours: float = 24) -> Report:
    """Measure quiet polls of `jobs` jobs, with and without a stuck one. `latency` is in seconds.

    `terminal_job_hours` is the check's option, and decides which jobs are described first.
    """
    rows = []
    for name, is_stuck in (('quiet poll', False), ('quiet poll, one job stuck', True)):
        with Apart(World, latency) as world:
            world.call(World.fill, jobs)
            if is_stuck:
                world.call(World.get_stuck, AGE)
            options = {
                'max_tracked_jobs': 2 * jobs,
                'max_describes_per_poll': 10_000,
                'collection_timeout': 3600,
                'terminal_job_hours': terminal_job_hours,
            }
            instance = {'regions': [REGION], 'endpoint_url': world.call(World.endpoint_url), **options}
            with Apart(Agent, [instance]) as agent:
                agent.call(Agent.poll, world.call(World.now))
                costs: list[Cost] = []
                for _ in range(POLLS):
                    now = world.call(World.advance, INTERVAL)
                    world.call(World.requests)
                    costs.append(agent.call(Agent.poll, now).cost)
                rows.append(Row(name, world.call(World.requests), Cost.median(costs)))
    return Report(f'{jobs:,} jobs, one stuck since {AGE.total_seconds() / 3600:.0f} hours', rows)
