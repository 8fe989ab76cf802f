"""The result type shared by the parts of a poll that make requests about single jobs."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..aws.errors import AwsError

Found = TypeVar('Found')


@dataclass(frozen=True, slots=True)
class Answers(Generic[Found]):
    """The answers to requests about some jobs. Every mapping and set is keyed by job ARN.

    `unanswered` holds the jobs that still need a request, and `pending` the subset of them whose news should wait for
    the answer. `failures` holds the error of each job that failed, `problems` the errors to show to the user.
    `malformed` holds the members of each answer that could not be read. `shortfalls` are sentences that say what is
    left out.
    """

    found: dict[str, Found] = field(default_factory=dict)
    unanswered: Set[str] = frozenset()
    pending: Set[str] = frozenset()
    failures: dict[str, AwsError] = field(default_factory=dict)
    problems: Sequence[AwsError] = ()
    malformed: dict[str, set[str]] = field(default_factory=dict)
    shortfalls: Sequence[str] = ()
