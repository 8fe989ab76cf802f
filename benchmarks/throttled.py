"""A first poll where AWS allows few requests per second: it takes several polls to complete, and loses nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from benchmarks.agent import Agent
from benchmarks.apart import Apart
from benchmarks.figures import Report, Row
from benchmarks.poll import everything
from benchmarks.world import INTERVAL, LOOKBACK, REGION, T0, World

HOURS: Final = timedelta(hours=1)
# Datadog accepts no event older than 18 hours; the polls take up some of that.
EVENTS_SINCE: Final = timedelta(hours=17)
# Shorter than the look-back, as seen from the first poll: the oldest jobs would leave that while polls go on.
SPAN: Final = LOOKBACK - timedelta(hours=12)


def measure_throttled(jobs: int, rate: float, most_polls: int = 1000) -> Report:
    """Poll until no request is refused and no job is left to describe, or `most_polls` times.

    There are `jobs` jobs, and `rate` requests per second are allowed. Descriptions per poll and its time limit are the
    defaults (200, 45 s). Each poll starts as soon as the last has ended: the interval is not waited for, but the
    simulator's clock advances by it. Events of the last hours are requested, so that missing ones can be counted.
    """
    options = everything(jobs) | {'events_since': EVENTS_SINCE / HOURS}
    for name in ('max_describes_per_poll', 'collection_timeout'):
        del options[name]
    rows: list[Row] = []
    told: list[tuple[str, str]] = []
    described: set[str] = set()
    with Apart(World, 0.0, rate) as world:
        world.call(World.fill, jobs, SPAN)
        instance = {'regions': [REGION], 'endpoint_url': world.call(World.endpoint_url), **options}
        with Apart(Agent, [instance]) as agent:
            for number in range(1, most_polls + 1):
                polled = agent.call(Agent.poll, world.call(World.now))
                refused = sum(world.call(World.requests_by_error).values())
                described |= world.call(World.described)
                told += polled.told
                left = polled.submitted.get('jobs.awaiting_description')
                notes = {
                    'throttled': refused,
                    'described': len(described),
                    'left': int(left or 0),
                    'events': len(polled.told),
                }
                rows.append(Row(f'poll {number}', world.call(World.requests), polled.cost, notes))
                if left == 0 and not refused:
                    break
                world.call(World.advance, INTERVAL)
        expected = world.call(World.happened_since, T0 - EVENTS_SINCE)
        all_jobs = world.call(World.job_ids)
    totals = {
        'jobs': len(all_jobs),
        'jobs never described': len(all_jobs - described),
        'events that should have come': len(expected),
        'events that did not come': len({news[:2] for news in expected} - set(told)),
        'events that came twice': len(told) - len(set(told)),
        'wall seconds of all polls': sum(row.cost.wall for row in rows),
    }
    return Report(f'first poll of {jobs:,} jobs at {rate:g} requests a second', rows, {}, totals)
