"""The resources of the simulated accounts: jobs, their models and tags, per account and Region."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from . import arns
from .errors import ApiError, Trouble, conflict, invalid, not_found, trouble
from .job import SimulatedJob

MAX_TAGS: Final = 50


class Window(NamedTuple):
    """The filters of a listing; times are exclusive, as the names `creationTimeAfter` and `creationTimeBefore` say."""

    after: datetime | None = None
    before: datetime | None = None
    status: str | None = None
    name_contains: str | None = None
    ascending: bool = False


class Scope:
    """One account in one Region. Jobs are sorted by creation time, so that a listing can bisect."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self._tags: dict[str, dict[str, str]] = {}
        self._tagged: list[str] = []
        self._jobs: list[SimulatedJob] = []
        self._by_name: dict[str, SimulatedJob] = {}
        self._by_arn: dict[str, SimulatedJob] = {}
        self._by_model: dict[str, SimulatedJob] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[SimulatedJob]:
        return iter(self._jobs)

    def add(self, job: SimulatedJob, tags: Mapping[str, str] | None = None) -> SimulatedJob:
        """Add a job. Without tags it counts as never tagged, which the tagging API distinguishes from untagged."""
        self._index(job)
        insort(self._jobs, job, key=_sort_key)
        if tags:
            self.tag(job.arn, tags)
        return job

    def add_all(self, jobs: Iterable[tuple[SimulatedJob, Mapping[str, str] | None]]) -> None:
        """Add many jobs with their tags; much faster than one by one."""
        try:
            for job, tags in jobs:
                self._index(job)
                self._jobs.append(job)
                if tags:
                    self._tags[job.arn] = dict(tags)
        finally:
            # A name in use stops the loop; jobs added before it must still be sorted.
            self._jobs.sort(key=_sort_key)
            self._tagged = sorted(self._tags)

    def find(self, identifier: str, now: datetime) -> SimulatedJob | None:
        """Return the job with that ARN or name, if it exists at `now`."""
        job = self._by_arn.get(identifier) or self._by_name.get(identifier)
        return job if job and job.created_at <= now else None

    def job(self, identifier: str | None, now: datetime) -> SimulatedJob:
        """Return the job with that ARN or name, or raise the error that AWS would return."""
        if job := self.find(identifier or '', now):
            return job
        if match := arns.JOB_ARN.fullmatch(identifier or ''):
            self._check_place(match['account'], match['region'])
        elif not arns.JOB_NAME.fullmatch(identifier or ''):
            raise invalid('The provided model customization job identifier is invalid.')
        raise not_found('The provided job identifier could not be found. Check the identifier and try again.')

    def of_model(self, identifier: str | None, now: datetime) -> SimulatedJob:
        """Return the job whose model has that ARN or name and exists at `now`, or raise AWS's error."""
        job = self._by_model.get(identifier or '')
        if job and job.custom_model(now):
            return job
        if match := arns.CUSTOM_MODEL_ARN.fullmatch(identifier or ''):
            self._check_place(match['account'], match['region'])
        elif not arns.MODEL_NAME.fullmatch(identifier or ''):
            raise invalid('The provided model identifier is invalid.')
        raise not_found('The provided model identifier could not be found. Check the identifier and try again.')

    def listed(
        self, window: Window, now: datetime, start: tuple[datetime, str] | None = None
    ) -> Iterator[SimulatedJob]:
        """Yield the jobs of a window in its order, after the job with the sort key `start`."""
        low, high = 0, bisect_right(self._jobs, now, key=_created)
        if window.after is not None:
            low = bisect_right(self._jobs, window.after, key=_created)
        if window.before is not None:
            high = min(high, bisect_left(self._jobs, window.before, key=_created))
        if start is not None and window.ascending:
            low = max(low, bisect_right(self._jobs, start, key=_sort_key))
        elif start is not None:
            high = min(high, bisect_left(self._jobs, start, key=_sort_key))
        indices = range(low, high) if window.ascending else range(high - 1, low - 1, -1)
        for index in indices:
            job = self._jobs[index]
            if window.status is not None and job.status(now) != window.status:
                continue
            if window.name_contains is not None and window.name_contains not in job.name:
                continue
            yield job

    def taggable(self, arn: str | None, now: datetime) -> str:
        """Return the ARN of a job or model that exists at `now`, or raise the error that AWS would return."""
        if ':custom-model/' in (arn or ''):
            return self.of_model(arn, now).output_model_arn
        return self.job(arn, now).arn

    def tags_of(self, arn: str) -> dict[str, str] | None:
        """Return the tags of a resource; None if it was never tagged."""
        return self._tags.get(arn)

    def tagged(self, after: str = '') -> Iterator[str]:
        """Yield the ARNs that are or were tagged, sorted, after the given one."""
        return islice(self._tagged, bisect_right(self._tagged, after), None)

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add or overwrite tags; at most 50, and none with AWS's reserved prefix."""
        check_tags(merged := {**self._tags.get(arn, {}), **tags})
        if arn not in self._tags:
            insort(self._tagged, arn)
        self._tags[arn] = merged

    def untag(self, arn: str, keys: Iterable[str]) -> None:
        """Remove tags; the resource still counts as having been tagged."""
        if (tags := self._tags.get(arn)) is not None:
            for key in keys:
                tags.pop(key, None)

    def _index(self, job: SimulatedJob) -> None:
        if job.name in self._by_name or job.arn in self._by_arn:
            raise conflict(f'The job name {job.name} is already used in this account.')
        self._by_name[job.name] = self._by_arn[job.arn] = job
        self._by_model[job.output_model_name] = self._by_model[job.output_model_arn] = job

    def _check_place(self, account: str, region: str) -> None:
        if account != self.account:
            raise trouble('bedrock', Trouble.DENIED, f'Cross-account access to account {account} is not allowed.')
        if region != self.region:
            raise invalid(f'The provided ARN is of Region {region}, not of {self.region}.')


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise the error that AWS would return for invalid tags."""
    if len(tags) > MAX_TAGS:
        raise ApiError('TooManyTagsException', f'A resource can have at most {MAX_TAGS} tags.', 400)
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise invalid('A tag key has 1 to 128 characters, and a tag value at most 256.')
        if key.lower().startswith('aws:'):
            raise invalid('Tag keys must not start with aws:')


def _created(job: SimulatedJob) -> datetime:
    return job.created_at


def _sort_key(job: SimulatedJob) -> tuple[datetime, str]:
    return job.created_at, job.id
