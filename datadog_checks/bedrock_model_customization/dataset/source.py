"""Where jobs come from: live AWS by the check's configuration, a snapshot, or the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ..jobs.job import Job

# One poll describes everything: there is no later one to carry the rest to.
NO_LIMIT: Final = 1_000_000
DEMO_JOBS: Final = 60


@dataclass(slots=True)
class Live:
    """Jobs seen in AWS. `problems` tell which scopes or descriptions are missing, in words for people.

    A scope that could not be reached gives no jobs, so that the rows it had before stay as they were.
    """

    jobs: list[Job] = field(default_factory=list)
    scopes: int = 0
    problems: list[str] = field(default_factory=list)


def demo_jobs(now: datetime | None = None) -> list[Job]:
    """Return the demo's jobs, the same ones for the same time. Raises ModuleNotFoundError without its extra."""
    from ..jobs.reading import read_description
    from ..simulator.fleet import Fleet

    moment = now or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    jobs = []
    for simulated, tags in Fleet(until=moment, jobs=DEMO_JOBS).build():
        snapshot = simulated.timeline.at(moment)
        if snapshot:
            jobs.append(replace(read_description(simulated.details(snapshot)), tags=tags))
    return jobs


def live_jobs(config: Path, progress: Callable[[str], object] = lambda scope: None) -> Live:
    """Look once at every scope of a configuration file of the check; `progress` gets each scope before it is asked.

    Raises what `cli.conf.load` raises for a file that is not a valid configuration.
    """
    return next(iter(LiveSource(config, progress).looks()))


class LiveSource:
    """Looks at the scopes of a configuration again and again; every look after the first gives only what changed."""

    def __init__(self, config: Path, progress: Callable[[str], object] = lambda scope: None) -> None:
        from ..aws.bedrock import BedrockScope
        from ..aws.session import AwsSession
        from ..cli.conf import load
        from ..collector import Collector
        from ..state import StateStore

        self._progress = progress
        self._collectors: dict[str, Collector] = {}
        for number, settings in enumerate(load(config), 1):
            session = AwsSession(settings.aws)
            for region in settings.regions:
                memory: dict[str, str] = {}
                self._collectors[f'instance {number}, {region}'] = Collector(
                    BedrockScope(session, region),
                    StateStore(lambda key, memory=memory: memory.get(key, ''), memory.__setitem__),
                    replace(settings.limits, describe_all=True),
                    settings.job_filter,
                    replace(settings.pace, max_describes=NO_LIMIT),
                )

    def looks(self) -> Iterator[Live]:
        """Yield one look at every scope, and on each further request another."""
        while True:
            live = Live(scopes=len(self._collectors))
            for name in self._collectors:
                self._progress(name)
                self._look(name, live)
            yield live

    def _look(self, name: str, live: Live) -> None:
        from ..aws.errors import AwsError

        collector, now = self._collectors[name], datetime.now(UTC)
        try:
            poll = collector.poll(now)
        except AwsError as error:
            live.problems.append(f'{name}: not reached, its rows stay as they are: {error}')
            return
        live.jobs += poll.changed
        live.problems += [f'{name}: {error}' for error in poll.problems]
        if poll.unreadable:
            live.problems.append(f'{name}: {poll.unreadable} entries of the listing are about no job')
        # Ended jobs are let go of here, and what was given is not given again.
        collector.remember(poll, now)
