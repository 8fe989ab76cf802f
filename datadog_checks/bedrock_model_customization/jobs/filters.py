"""Filters that select jobs, and tags of jobs. Exclude takes precedence over include."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeVar

from .job import Job

Value = TypeVar('Value')


def matches(value: str | None, globs: Sequence[str]) -> bool:
    """Return whether a value matches one of the shell-style patterns, case-sensitively. None matches nothing."""
    return value is not None and any(fnmatchcase(value, glob) for glob in globs)


def _is_one_of(value: str, values: Sequence[str]) -> bool:
    return value in values


def _has_tag(tags: Mapping[str, str], globs: Sequence[str]) -> bool:
    return any(matches(f'{key}:{value}', globs) for key, value in tags.items())


def _answer(
    value: Value | None, question: Sequence[str], answer: Callable[[Value, Sequence[str]], bool]
) -> bool | None:
    return None if value is None else answer(value, question)


@dataclass(frozen=True, slots=True)
class Criteria:
    """The include or the exclude side of a filter. An empty sequence sets no condition.

    `job_names`, `base_models` and `tags` hold shell-style patterns (for tags, of `key:value`); `statuses` and
    `customization_types` hold AWS's values.
    """

    job_names: Sequence[str] = ()
    statuses: Sequence[str] = ()
    customization_types: Sequence[str] = ()
    base_models: Sequence[str] = ()
    tags: Sequence[str] = ()

    def answers(self, job: Job) -> list[bool | None]:
        """Return whether the job matches each condition that is set, or None where the job's value is not known yet."""
        answers: list[bool | None] = []
        if self.job_names:
            answers.append(_answer(job.job_name, self.job_names, matches))
        if self.statuses:
            answers.append(_answer(job.status, self.statuses, _is_one_of))
        if self.customization_types:
            answers.append(_answer(job.customization_type, self.customization_types, _is_one_of))
        if self.base_models:
            answers.append(_answer(job.base_model, self.base_models, matches))
        if self.tags:
            answers.append(_answer(job.tags, self.tags, _has_tag))
        return answers


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Selects the jobs that match all conditions of `include` and none of `exclude`."""

    include: Criteria = field(default_factory=Criteria)
    exclude: Criteria = field(default_factory=Criteria)

    def decide(self, job: Job) -> bool | None:
        """Return whether a job is wanted, or None if that depends on values that are not known yet."""
        included, excluded = self.include.answers(job), self.exclude.answers(job)
        if False in included or True in excluded:
            return False
        return None if None in (*included, *excluded) else True

    def wants(self, job: Job) -> bool:
        """Return whether a job is wanted, judged by its known values: unknown values match nothing."""
        return all(self.include.answers(job)) and not any(self.exclude.answers(job))

    @property
    def needs_tags(self) -> bool:
        """Whether deciding on a job requires its tags."""
        return bool(self.include.tags or self.exclude.tags)


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Selects a job's own tags by key: `include` and `exclude` hold shell-style patterns."""

    include: Sequence[str] = ('*',)
    exclude: Sequence[str] = ()

    def wanted(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return the wanted tags, sorted by key."""
        return {key: tags[key] for key in sorted(tags) if matches(key, self.include) and not matches(key, self.exclude)}
