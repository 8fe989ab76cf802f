"""What is known and still wanted of one job: its description, its tags, and which transitions were reported."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from .job import COMPLETED, TERMINAL_STATUSES, Job
from .reading import merge
from .transitions import STATUS_KINDS, Transition, unreported

# A description that did not come in so many polls no longer holds back the news that a job ended: late news beats none.
POLLS_BEFORE_NEWS: Final = 3
ATTEMPTS_BEFORE_GIVING_UP: Final = 10
# Metrics of a completed job have been seen to appear after its status: ask once more, this much later, where the job
# had ended within the hour before.
METRICS_GRACE: Final = timedelta(minutes=10)
TERMINAL_KINDS: Final = frozenset(kind for status, kind in STATUS_KINDS.items() if status in TERMINAL_STATUSES)


@dataclass(slots=True)
class Tracked:
    """A job that can still change, is still reported, or of which something is still to be reported."""

    job: Job
    reported: set[str] = field(default_factory=set)
    described_status: str | None = None
    described_at: datetime | None = None
    metrics_asked_again: bool = False
    attempts: int = 0
    polls_waited: int = 0
    refused: bool = False
    tags_at: datetime | None = None
    changed: bool = True
    _unreported: tuple[Job, int, list[Transition]] | None = field(default=None, init=False, repr=False, compare=False)

    def learn(self, news: Job) -> None:
        """Merge what AWS now says of the job. A listing that lags behind never undoes a terminal status."""
        if self._is_behind(news):
            return
        merged = merge(self.job, news)
        if merged.status != self.job.status:
            self.attempts, self.polls_waited, self.refused = 0, 0, False
        if merged != self.job:
            self.job, self.changed = merged, True

    def _is_behind(self, news: Job) -> bool:
        return self.job.is_terminal and news.status is not None and not news.is_terminal

    def describe(self, description: Job, now: datetime) -> None:
        """Merge the job's description, and note that it has one for the status that it now has.

        One that lags behind the listing tells nothing of the job's end.
        """
        if self._is_behind(description):
            self.description_failed(refused=False)
            return
        self.learn(description)
        self.metrics_asked_again = self.described_status == COMPLETED
        self.described_status, self.described_at, self.attempts = self.job.status, now, 0

    def tag(self, tags: dict[str, str] | None, now: datetime) -> None:
        """Note the job's tags; None means that they could not be had now, and keeps those known before."""
        self.tags_at = now
        if tags is not None and tags != self.job.tags:
            self.job, self.changed = replace(self.job, tags=tags), True

    def description_failed(self, *, refused: bool) -> None:
        """Note that the job could not be described; `refused` when asking again would be refused again."""
        self.attempts += 1
        self.refused = refused or self.attempts >= ATTEMPTS_BEFORE_GIVING_UP

    def lacks_description(self, now: datetime) -> bool:
        """Whether a description would tell more: none yet, one from before the job ended, or one without metrics."""
        if self.refused:
            return False
        if self.described_status is None or (self.job.is_terminal and self.described_status != self.job.status):
            return True
        return (
            self.job.status == COMPLETED
            and not self.metrics_asked_again
            and self.described_at is not None
            and now - self.described_at >= METRICS_GRACE
            and self.job.training_loss is None
            and self.ended_since(self.described_at - METRICS_GRACE * 6)
        )

    def ended_since(self, moment: datetime) -> bool:
        """Whether the job still runs, or ended at or after `moment`. A terminal job without any time did not."""
        if not self.job.is_terminal:
            return True
        ended = self.job.end_time or self.job.last_modified_time
        return ended is not None and ended >= moment

    def unreported(self) -> list[Transition]:
        # Worked out anew for another Job or after a report (`reported` only ever grows): most jobs have no news.
        known = self._unreported
        if known is None or known[0] is not self.job or known[1] != len(self.reported):
            known = self._unreported = (self.job, len(self.reported), unreported(self.job, self.reported))
        return known[2]

    def due(self, now: datetime, *, may_wait: bool = True) -> list[Transition]:
        """Return the transitions to report now.

        An end waits a few polls for its description (why, how good), and what has no time for one that may tell it;
        `may_wait` False is for when no description is to be expected.
        """
        pending = self.unreported()
        if not pending:
            return []
        waits = may_wait and self.polls_waited < POLLS_BEFORE_NEWS and self.lacks_description(now)
        waits = waits and self.described_status != self.job.status
        return [news for news in pending if not (waits and (news.kind in TERMINAL_KINDS or news.at is None))]


def keys_before(transitions: Collection[Transition], moment: datetime) -> set[str]:
    """Return the keys of those transitions that happened before `moment`, or at a time that AWS does not tell."""
    return {news.key for news in transitions if news.at is None or news.at < moment}
