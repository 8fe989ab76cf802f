"""Which jobs, and which of their tags, are wanted. Exclude wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .job import Job


def matches(value: str | None, globs: Sequence[str]) -> bool:
    """Return whether a value matches one of the shell-style patterns, upper and lower case told apart."""
    return value is not None and any(fnmatchcase(value, glob) for glob in globs)


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

    def answers(self, job: Job) -> list[bool]:
        """Return an answer for each question that is asked: does the job match it?"""
        answers = []
        if self.job_names:
            answers.append(matches(job.job_name, self.job_names))
        if self.statuses:
            answers.append(job.status in self.statuses)
        if self.customization_types:
            answers.append(job.customization_type in self.customization_types)
        if self.base_models:
            answers.append(matches(job.base_model, self.base_models))
        if self.tags:
            answers.append(any(matches(f'{key}:{value}', self.tags) for key, value in (job.tags or {}).items()))
        return answers


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A job is wanted when it matches everything that `include` asks and nothing that `exclude` asks."""

    include: Criteria = field(default_factory=Criteria)
    exclude: Criteria = field(default_factory=Criteria)

    def wants(self, job: Job) -> bool:
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
