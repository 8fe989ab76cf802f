"""Where jobs come from: live AWS by the check's configuration, a snapshot, or the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from datadog_checks.bedrock_model_customization.jobs.job import Job

if TYPE_CHECKING:
    from datadog_checks.bedrock_model_customization.polling.collector import Collector
    from datadog_checks.bedrock_model_customization.settings import Settings

# One look describes everything: there may be no later one to carry the rest to.
NO_LIMIT: Final = 1_000_000
ALL_TIME: Final = timedelta(days=36_500)

Say = Callable[[str], object]
"""Takes something for people to read."""


@dataclass(slots=True)
class Live:
    """Jobs seen in AWS. `problems` tell which scopes or descriptions are missing, in words for people.

    `reached` is the number of scopes whose jobs were listed. A scope that could not be reached gives no jobs, so that
    the rows it had before stay as they were.
    """

    jobs: list[Job] = field(default_factory=list)
    reached: int = 0
    problems: list[str] = field(default_factory=list)


def demo_jobs(now: datetime | None = None) -> list[Job]:
    """Return the jobs of a story that ends now, as `bedrock-jobs demo` shows them; the same ones for the same time.

    Raises ModuleNotFoundError without its extra.
    """
    from datadog_checks.bedrock_model_customization.jobs.reading import read_description

    from ..simulator import story

    moment = now or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = moment - story.LASTS
    jobs = []
    for simulated, tags in story.jobs(start):
        snapshot = simulated.timeline.at(moment)
        if snapshot:
            jobs.append(replace(read_description(simulated.details(snapshot)), tags=tags))
    return jobs


def lookback(days: float | None) -> timedelta:
    """Return how far to look back; None is all the way."""
    return ALL_TIME if days is None else min(timedelta(days=days), ALL_TIME)


def live_jobs(config: Path, reach: timedelta = ALL_TIME, progress: Say = lambda scope: None) -> Live:
    """Look once at every scope of a configuration file of the check; `progress` gets each scope before it is asked.

    `reach` is how old a job may be, unless it still runs. Raises ToolError for a file that is not a valid
    configuration.
    """
    from ..conf_yaml import load

    return LiveSource(load(config), reach, progress).look()


class LiveSource:
    """Looks at the scopes of instances again and again; every look after the first gives only what changed.

    A job that ended is looked at once: tags that someone gives it later are seen by a new `LiveSource`.
    """

    def __init__(
        self, instances: Iterable[Settings], reach: timedelta = ALL_TIME, progress: Say = lambda scope: None
    ) -> None:
        from datadog_checks.bedrock_model_customization.aws.bedrock import BedrockScope
        from datadog_checks.bedrock_model_customization.aws.session import AwsSession
        from datadog_checks.bedrock_model_customization.polling.collector import Collector

        self._progress = progress
        self._collectors: dict[str, Collector] = {}
        for number, settings in enumerate(instances, 1):
            session = AwsSession(settings.aws)
            for region in settings.regions:
                self._collectors[f'instance {number}, {region}'] = Collector(
                    BedrockScope(session, region),
                    None,
                    replace(settings.limits, describe_all=True, lookback=reach, max_tracked_jobs=NO_LIMIT),
                    settings.job_filter,
                    replace(settings.pace, max_describes=NO_LIMIT),
                )

    def look(self) -> Live:
        """Look at every scope once."""
        live = Live()
        for name in self._collectors:
            self._progress(name)
            self._look(name, live)
        return live

    def _look(self, name: str, live: Live) -> None:
        from datadog_checks.bedrock_model_customization.aws.errors import AwsError

        collector, now = self._collectors[name], datetime.now(UTC)
        try:
            poll = collector.poll(now)
        except AwsError as error:
            live.problems.append(f'{name}: not reached, its rows stay as they are: {error}')
            return
        live.reached += 1
        live.jobs += poll.changed
        live.problems += [f'{name}: {error}' for error in poll.problems]
        if poll.unreadable:
            live.problems.append(f'{name}: {poll.unreadable} entries of the listing are about no job')
        # Ended jobs are let go of here, and what was given is not given again.
        collector.remember(poll, poll.transitions, poll.changed, now)
