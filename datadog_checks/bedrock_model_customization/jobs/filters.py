"""Which jobs, and which of their tags, are wanted. Exclude wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeVar

from .job import Job

Value = TypeVar('Value')


def matches(value: str | None, globs: Sequence[str]) -> bool:
    """Return whether a value matches one of the shell-style patterns, upper and lower case told apart."""
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
    """One side of a filter. An empty sequence asks nothing.

    `job_names`, `base_models` and `tags` hold shell-style patterns, a tag's as `key:value`; `statuses` and
    `customization_types` hold AWS's values.
    """

    job_names: Sequence[str] = ()
    statuses: Sequence[str] = ()
    customization_types: Sequence[str] = ()
    base_models: Sequence[str] = ()
    tags: Sequence[str] = ()

    def answers(self, job: Job) -> list[bool | None]:
        """Return an answer for each question that is asked: does the job match it? None where AWS has not told."""
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
    """A job is wanted when it matches everything that `include` asks and nothing that `exclude` asks."""

    include: Criteria = field(default_factory=Criteria)
    exclude: Criteria = field(default_factory=Criteria)

    def decide(self, job: Job) -> bool | None:
        """Return whether a job is wanted, None where what AWS has not told yet decides."""
        included, excluded = self.include.answers(job), self.exclude.answers(job)
        if False in included or True in excluded:
            return False
        return None if None in (*included, *excluded) else True

    def wants(self, job: Job) -> bool:
        """Return whether a job is wanted by what is known of it: what is unknown matches nothing."""
        return all(self.include.answers(job)) and not any(self.exclude.answers(job))

    @property
    def needs_tags(self) -> bool:
        """Whether a job's tags must be known before it can be told whether the job is wanted."""
        return bool(self.include.tags or self.exclude.tags)


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Which of a job's own tags are wanted, by their keys: `include` and `exclude` hold shell-style patterns."""

    include: Sequence[str] = ('*',)
    exclude: Sequence[str] = ()

    def wanted(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return the wanted tags, in the order of their keys."""
        return {key: tags[key] for key in sorted(tags) if matches(key, self.include) and not matches(key, self.exclude)}
