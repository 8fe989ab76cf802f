"""Which jobs are wanted: decided by a filter on facts, which may still be unknown. No I/O."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..jobs.filters import JobFilter
from ..jobs.job import Job

# People and programs tag jobs some time after they were created.
TAGGING_TIME: Final = timedelta(minutes=15)
# What is not known by then is taken for what cannot be known.
PATIENCE: Final = timedelta(days=1)


class Selection:
    """Tells which jobs a filter wants, and keeps since when that could not be told."""

    def __init__(self, job_filter: JobFilter) -> None:
        include, exclude = job_filter.include, job_filter.exclude
        self._filter = job_filter
        self._wants_all = job_filter == JobFilter()
        # What the filter asks besides tags, and besides the tags that a job must have.
        self._other = JobFilter(replace(include, tags=()), replace(exclude, tags=()))
        self._untagged = JobFilter(replace(include, tags=()), exclude) if include.tags else None
        self._undecided_since: dict[str, datetime] = {}

    @property
    def asks_for_tags(self) -> bool:
        return self._filter.needs_tags

    def wants(self, job: Job) -> bool:
        """Whether a job is wanted by what is known of it."""
        return self._wants_all or self._filter.wants(job)

    def needs_description(self, job: Job) -> bool:
        """Whether a description may tell what the filter asks for."""
        return not self._wants_all and self._filter.decide(job) is None and self._other.decide(job) is None

    def may_want(self, job: Job) -> bool:
        """Whether a job could be wanted, with whatever tags it has by now."""
        return self._wants_all or self._other.decide(job) is not False

    def decide(self, job: Job, now: datetime, *, is_described: bool, is_tagged: bool) -> bool | None:
        """Return whether a job is wanted, None while nobody can tell.

        `is_tagged` False says that the job's tags should have been read anew and could not be. What stays unknown for a
        day, or is not in the description either, matches nothing.
        """
        if self._wants_all:
            return True
        verdict = self._filter.decide(job)
        if verdict is None and is_described and (job.tags is not None or not self._filter.needs_tags):
            verdict = self._filter.wants(job)
        elif verdict is False and (_is_young(job, now) or not is_tagged) and self._lacks_only_tag(job):
            verdict = None
        if verdict is None:
            since = self._undecided_since.setdefault(job.job_arn, now)
            return self._filter.wants(job) if now - since >= PATIENCE else None
        self._undecided_since.pop(job.job_arn, None)
        return verdict

    def is_waiting(self, job: Job, now: datetime) -> bool:
        """Whether a job was found undecided, and not for too long."""
        since = self._undecided_since.get(job.job_arn)
        return since is not None and now - since < PATIENCE

    def waiting_for(self, age: timedelta, now: datetime) -> int:
        """How many jobs have been undecided for at least so long."""
        return sum(age <= now - since < PATIENCE for since in self._undecided_since.values())

    def forget_all_but(self, jobs: Collection[str]) -> None:
        for arn in self._undecided_since.keys() - jobs:
            del self._undecided_since[arn]

    def _lacks_only_tag(self, job: Job) -> bool:
        """Whether a job would be wanted with one more tag."""
        return self._untagged is not None and self._untagged.decide(job) is not False


def _is_young(job: Job, now: datetime) -> bool:
    return job.creation_time is None or now - job.creation_time < TAGGING_TIME
