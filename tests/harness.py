"""A scope that is polled against the simulator, in time that the test moves by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bedrock_jobs.simulator import Clock, Simulator, Timeline
from datadog_checks.bedrock_model_customization.aws.bedrock import BedrockScope
from datadog_checks.bedrock_model_customization.aws.session import AwsSession, AwsSettings
from datadog_checks.bedrock_model_customization.jobs.filters import JobFilter
from datadog_checks.bedrock_model_customization.polling.collector import Collector
from datadog_checks.bedrock_model_customization.polling.inventory import Limits
from datadog_checks.bedrock_model_customization.polling.scope import Pace, ScopePoll
from datadog_checks.bedrock_model_customization.polling.state import StateStore

T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
REGION = 'us-east-1'


class Disk:
    """A persistent cache like the Agent's: texts by key, empty where there is none."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.writes = 0

    def read(self, key: str) -> str:
        return self.files.get(key, '')

    def write(self, key: str, text: str) -> None:
        self.writes += 1
        self.files[key] = text

    def store(self) -> StateStore:
        return StateStore(self.read, self.write, 'test', [REGION])


@dataclass
class World:
    """The simulator with a clock that stands still, and a collector that can be killed and started again."""

    simulator: Simulator
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    pace: Pace = field(default_factory=Pace)
    job_filter: JobFilter = field(default_factory=JobFilter)
    aws: AwsSettings = field(default_factory=lambda: AwsSettings(connect_timeout=5, read_timeout=20, max_attempts=2))
    disk: Disk = field(default_factory=Disk)
    told: list[tuple[str, str, datetime | None]] = field(default_factory=list)
    collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Kill the process, and start it again with what is on the disk."""
        session = AwsSession(replace(self.aws, endpoint_url=self.simulator.endpoint_url))
        scope = BedrockScope(session, REGION)
        self.collector = Collector(scope, self.disk.store(), self.limits, self.job_filter, self.pace)

    def add(self, name: str, timeline: Timeline, tags: dict[str, str] | None = None, **spec: Any) -> str:
        return self.simulator.add_job(REGION, name=name, timeline=timeline, tags=tags, **spec).arn

    def look(self) -> ScopePoll:
        """Poll, and be killed before anything of it is remembered."""
        return self.collector.poll(self.clock.now())

    def poll(self, later: timedelta = timedelta()) -> ScopePoll:
        """Poll, report and remember, some time later."""
        self.clock.advance(later)
        poll = self.look()
        self.told += keys(poll)
        self.collector.remember(poll, poll.transitions, poll.changed, self.clock.now())
        return poll

    def requests(self) -> dict[str, int]:
        """The requests since the last call of this method, by operation."""
        counts: dict[str, int] = {}
        for request in self.simulator.requests:
            counts[request.operation] = counts.get(request.operation, 0) + 1
        self.simulator.requests.reset()
        return counts


def keys(poll: ScopePoll) -> list[tuple[str, str, datetime | None]]:
    return [(str(job.job_name), news.key, news.at) for job, news in poll.transitions]


def kinds(told: Iterable[tuple[str, str, datetime | None]]) -> list[tuple[str, str]]:
    """What was told, without phases and times."""
    return [(name, key) for name, key, _ in told if not key.startswith('phase')]


@contextmanager
def world(**options: Any) -> Iterator[World]:
    clock = Clock.manual(T0)
    with Simulator(clock) as simulator:
        yield World(simulator, clock, **options)
