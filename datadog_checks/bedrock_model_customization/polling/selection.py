"""Decides which jobs a filter wants, while some facts about them may still be unknown. No I/O."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..jobs.filters import JobFilter
from ..jobs.job import Job
from .inventory import is_younger

# People and programs may tag a job up to this long after its creation.
TAGGING_TIME: Final = timedelta(minutes=15)
# A fact that is still unknown after this long counts as one that cannot be known.
PATIENCE: Final = timedelta(days=1)


class Selection:
    """Decides which jobs a filter wants, and keeps since when each undecided job has been undecided."""

    def __init__(self, job_filter: JobFilter) -> None:
        include, exclude = job_filter.include, job_filter.exclude
        self._filter = job_filter
        self._wants_all = job_filter == JobFilter()
        # The filter without any tags, and the filter without the tags that a job must have.
        self._other = JobFilter(replace(include, tags=()), replace(exclude, tags=()))
        self._untagged = JobFilter(replace(include, tags=()), exclude) if include.tags else None
        self._undecided_since: dict[str, datetime] = {}

    @property
    def asks_for_tags(self) -> bool:
        return self._filter.needs_tags

    def wants(self, job: Job) -> bool:
        """Whether a job is wanted, judging by what is known of it."""
        return self._wants_all or self._filter.wants(job)

    def needs_description(self, job: Job) -> bool:
        """Whether a description may supply what the filter still needs to know."""
        return not self._wants_all and self._filter.decide(job) is None and self._other.decide(job) is None

    def may_want(self, job: Job) -> bool:
        """Whether a job could be wanted, whatever its tags are."""
        return self._wants_all or self._other.decide(job) is not False

    def decide(self, job: Job, now: datetime, *, is_described: bool, is_tagged: bool) -> bool | None:
        """Return whether a job is wanted, or None while that is undecided.

        `is_tagged` is False if the job's tags should have been read again but could not be. A fact that stays unknown
        for a day, or that the description does not contain either, matches nothing.
        """
        if self._wants_all:
            return True
        verdict = self._filter.decide(job)
        if verdict is None and is_described and (job.tags is not None or not self._filter.needs_tags):
            verdict = self._filter.wants(job)
        elif verdict is False and (is_younger(job, TAGGING_TIME, now) or not is_tagged) and self._lacks_only_tag(job):
            verdict = None
        if verdict is None:
            since = self._undecided_since.setdefault(job.job_arn, now)
            return self._filter.wants(job) if now - since >= PATIENCE else None
        self._undecided_since.pop(job.job_arn, None)
        return verdict

    def is_waiting(self, job: Job, now: datetime) -> bool:
        """Whether a job is undecided, and has been for less than a day."""
        since = self._undecided_since.get(job.job_arn)
        return since is not None and now - since < PATIENCE

    def waiting_for(self, age: timedelta, now: datetime) -> int:
        """Return how many jobs have been undecided for at least `age`, and for less than a day."""
        return sum(age <= now - since < PATIENCE for since in self._undecided_since.values())

    def forget_all_but(self, jobs: Collection[str]) -> None:
        for arn in self._undecided_since.keys() - jobs:
            del self._undecided_since[arn]

    def _lacks_only_tag(self, job: Job) -> bool:
        """Whether a job could be wanted if it had one more tag."""
        return self._untagged is not None and self._untagged.decide(job) is not False
