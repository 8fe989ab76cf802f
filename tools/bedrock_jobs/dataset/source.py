"""Where jobs come from: live AWS through the check's configuration, a snapshot, or the demo."""

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

# A single look describes every job, because there may be no later look to describe the rest.
NO_LIMIT: Final = 1_000_000
ALL_TIME: Final = timedelta(days=36_500)

Say = Callable[[str], object]
"""Takes a message for the user."""


@dataclass(slots=True)
class Live:
    """Jobs seen in AWS. `problems` are readable messages about missing scopes and descriptions.

    `reached` is the number of scopes whose jobs were listed. A scope that could not be reached yields no jobs, so its
    existing rows stay unchanged.
    """

    jobs: list[Job] = field(default_factory=list)
    reached: int = 0
    problems: list[str] = field(default_factory=list)


def demo_jobs(now: datetime | None = None) -> list[Job]:
    """Return the jobs of a story that ends now, as `bedrock-jobs demo` shows them; the same jobs for the same time.

    Raises ModuleNotFoundError if its extra is not installed.
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
    """Return how far to look back; None means without limit."""
    return ALL_TIME if days is None else min(timedelta(days=days), ALL_TIME)


def live_jobs(config: Path, reach: timedelta = ALL_TIME, progress: Say = lambda scope: None) -> Live:
    """Look once at every scope of a check's configuration file; `progress` gets each scope before it is queried.

    `reach` is the maximum age of a job, unless it is still running. Raises ToolError if the file is not a valid
    configuration.
    """
    from ..conf_yaml import load

    return LiveSource(load(config), reach, progress).look()


class LiveSource:
    """Looks at the scopes of instances repeatedly; each look after the first returns only what changed.

    An ended job is looked at only once: tags added to it later are seen only by a new `LiveSource`.
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
        # This drops ended jobs, and keeps returned jobs from being returned again.
        collector.remember(poll, poll.transitions, poll.changed, now)
