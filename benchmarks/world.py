"""A benchmark's simulated AWS: how many jobs there are, and what changes between two polls."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from bedrock_jobs.simulator import (
    DEFAULT_ACCOUNT,
    Clock,
    Fleet,
    JobSpec,
    Latency,
    SimulatedJob,
    Simulator,
    Throttle,
    Timeline,
    completes,
)

T0: Final = datetime(2026, 11, 23, 10, tzinfo=UTC)
INTERVAL: Final = timedelta(seconds=60)
LOOKBACK: Final = timedelta(days=7)
REGION: Final = 'us-east-1'
ACTIVE_SHARE: Final = 0.02
# Running jobs were created at most this long before the first poll.
ACTIVE_SPAN: Final = timedelta(hours=2)
SHORT_LIFE: Final = timedelta(minutes=4)
FOR_EVER: Final = timedelta(days=3650)
VALIDATION: Final = timedelta(seconds=10)
# The time from a job's creation to the start of its training, and from the end of its training to a poll.
BEFORE_TRAINING: Final = timedelta(seconds=20)
TAGS: Final = {'team': 'search', 'env': 'prod'}


class World:
    """A simulator with a clock that only `advance` moves. Every response is delayed by `latency` seconds."""

    def __init__(self, latency: float = 0.0, throttle: float | None = None) -> None:
        """Start to serve. `throttle` is how many requests per second each account and Region may make."""
        self.clock = Clock.manual(T0)
        self.simulator = Simulator(self.clock)
        if latency:
            self.simulator.faults.add(Latency(seconds=latency))
        if throttle:
            self.simulator.faults.add(Throttle(rate_per_second=throttle))
        self.simulator.start()
        self._running: deque[SimulatedJob] = deque()
        self._numbers, self._turns = count(), count()

    def endpoint_url(self) -> str:
        """Return the simulator's address."""
        return self.simulator.endpoint_url

    def now(self) -> datetime:
        """Return the simulator's current time."""
        return self.clock.now()

    def advance(self, by: timedelta) -> datetime:
        """Advance the clock, and return the new time. No job is changed."""
        return self.clock.advance(by)

    def fill(
        self,
        jobs: int,
        span: timedelta = LOOKBACK,
        accounts: Sequence[str] = (DEFAULT_ACCOUNT,),
        regions: Sequence[str] = (REGION,),
    ) -> None:
        """Add `jobs` jobs to each scope: created over `span` and ended, except for the newest, which run for ever."""
        active = max(1, round(jobs * ACTIVE_SHARE))
        scopes = len(accounts) * len(regions)
        fleet = Fleet(T0, (jobs - active) * scopes, span, active=0, accounts=accounts, regions=regions)
        self.simulator.add_jobs(fleet.build())
        for number in range(active):
            for account in accounts:
                for region in regions:
                    self._start(account, region, self.now() - ACTIVE_SPAN * ((active - number) / active))

    def fill_evenly(self, jobs: int, span: timedelta) -> None:
        """Add `jobs` jobs to the default scope, created evenly over `span` (which may be short). The newest run."""
        active = max(1, round(jobs * ACTIVE_SHARE))
        for number in range(jobs):
            self._start(DEFAULT_ACCOUNT, REGION, self.now() - span * ((jobs - number) / jobs))
            if number < jobs - active:
                self._end(self._running.popleft(), SHORT_LIFE)

    def change(self, changes: int, accounts: Sequence[str] = (DEFAULT_ACCOUNT,), region: str = REGION) -> None:
        """Make `changes` changes, in turn starting a new job and completing the oldest running one."""
        for _ in range(changes):
            turn = next(self._turns)
            if turn % 2:
                self._end(self._running.popleft())
            else:
                self._start(accounts[turn // 2 % len(accounts)], region, self.now() - timedelta(seconds=1))

    def get_stuck(self, since: timedelta) -> None:
        """Add a job that has been running since `since` ago."""
        self._start(DEFAULT_ACCOUNT, REGION, self.now() - since)

    def requests(self) -> dict[str, int]:
        """Return the requests by operation since the last call of this method, including refused ones."""
        counts = dict(self.simulator.requests.by_operation())
        self.simulator.requests.reset()
        return counts

    def requests_by_error(self) -> dict[str, int]:
        """Return the number of refused requests since the last call of `requests`, by AWS's error code."""
        errors: dict[str, int] = {}
        for request in self.simulator.requests:
            if request.error:
                errors[request.error] = errors.get(request.error, 0) + 1
        return errors

    def described(self) -> set[str]:
        """Return the ids of the jobs that were successfully described since the last call of `requests`."""
        requests = self.simulator.requests.select('GetModelCustomizationJob')
        return {str(request.job) for request in requests if request.status == 200}

    def happened_since(self, moment: datetime) -> set[tuple[str, str, datetime]]:
        """Return name, kind and time of each transition since `moment` that AWS could report now, without phases."""
        return {
            (job.name, news.kind, news.at)
            for job in self.simulator.scope(REGION)
            for news in job.timeline.transitions(self.now())
            # AWS does not keep these for jobs that have ended.
            if news.at >= moment and not news.kind.startswith('phase') and news.kind != 'stopping'
        }

    def job_ids(self) -> set[str]:
        """Return the ids of all jobs in the default account and Region."""
        return {job.id for job in self.simulator.scope(REGION)}

    def _start(self, account: str, region: str, created: datetime) -> None:
        spec = JobSpec(f'running-{next(self._numbers):06d}')
        job = SimulatedJob(account, region, spec, _life(created, FOR_EVER))
        # Much faster than `add_jobs`, which sorts all jobs again; nothing reads them while jobs are added.
        self.simulator.scope(region, account).add(job, TAGS)
        self._running.append(job)

    def _end(self, job: SimulatedJob, at_most: timedelta = FOR_EVER) -> None:
        """Complete a job now, or at the time when its training had taken `at_most`."""
        training = self.now() - job.created_at - BEFORE_TRAINING
        self.simulator.set_timeline(job, _life(job.created_at, min(training, at_most)))


def _life(created: datetime, training: timedelta) -> Timeline:
    return completes(created, validation=VALIDATION, queue=timedelta(), training=training)
