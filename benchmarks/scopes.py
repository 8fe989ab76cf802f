"""Many accounts in one Agent: an instance for each, with two Regions and a role to assume."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from benchmarks.agent import AGENT_RUNNERS, Agent
from benchmarks.apart import Apart
from benchmarks.figures import Report, Row
from benchmarks.measure import Cost
from benchmarks.world import INTERVAL, World

REGIONS: Final = ('us-east-1', 'us-west-2')
POLLS: Final = 3
FIRST_ACCOUNT: Final = 200_000_000_000
CHANGED_SHARE: Final = 0.01
MILLISECONDS: Final = 1000


def measure_scopes(accounts: int, jobs: int, latency: float, runners: int = AGENT_RUNNERS) -> Report:
    """Measure polls of `accounts` accounts with `jobs` jobs in each of two Regions, with default options.

    `latency` is in seconds. `runners` is how many instances the Agent polls in parallel.
    """
    ids = [str(FIRST_ACCOUNT + number) for number in range(accounts)]
    scopes = accounts * len(REGIONS)
    with Apart(World, latency) as world:
        world.call(World.fill, jobs, accounts=ids, regions=REGIONS)
        endpoint_url = world.call(World.endpoint_url)
        instances = [
            {
                'regions': list(REGIONS),
                'assume_role': f'arn:aws:iam::{account}:role/Datadog',
                'endpoint_url': endpoint_url,
            }
            for account in ids
        ]
        with Apart(Agent, instances, runners) as agent:
            before = agent.call(Agent.resident_memory)

            def poll(name: str, later: timedelta, times: int = 1, changes: int = 0) -> Row:
                polls = []
                for _ in range(times):
                    now = world.call(World.advance, later)
                    world.call(World.change, changes, ids)
                    world.call(World.requests)
                    polls.append(agent.call(Agent.poll, now))
                cost = Cost.median([polled.cost for polled in polls])
                notes = {
                    'CPU ms a scope': cost.cpu * MILLISECONDS / scopes,
                    'MiB a scope': (cost.resident - before) / scopes,
                    'connected': int(polls[-1].submitted['can_connect']),
                    'left to describe': int(polls[-1].submitted['jobs.awaiting_description']),
                }
                return Row(name, world.call(World.requests), cost, notes)

            first, left = poll('first poll', timedelta()), 1.0
            catching_up = 0
            while left:
                left = float(poll('catching up', INTERVAL).notes['left to describe'])
                catching_up += 1
            rows = [
                first,
                poll('unchanged poll', INTERVAL, POLLS),
                poll('poll with 1 % changed', INTERVAL, POLLS, max(1, round(jobs * scopes * CHANGED_SHARE))),
                poll('hourly full listing', timedelta(hours=1)),
            ]
    changed = rows[2].cost
    notes = {
        'polls until all is described that is wanted': catching_up,
        'resident MiB before the first poll': before,
        'scopes that fill an interval of 60 s, by wall time with 1 % changed': int(
            scopes * INTERVAL.total_seconds() / changed.wall
        ),
        'share of one core, with 1 % changed every 60 s': f'{changed.cpu / INTERVAL.total_seconds():.2%}',
    }
    title = f'{accounts:,} accounts x {len(REGIONS)} Regions x {jobs:,} jobs, {latency * 1000:.0f} ms a request'
    return Report(f'{title}, {runners} at a time', rows, {}, notes)
