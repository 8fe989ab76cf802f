"""What the parts of a poll that ask about single jobs have in common."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..aws.errors import AwsError

Found = TypeVar('Found')


@dataclass(frozen=True, slots=True)
class Answers(Generic[Found]):
    """What was asked about some jobs, by ARN.

    `unanswered` are the jobs that are still to be asked about, and `pending` those of them whose news should wait.
    `failures` are those of single jobs, `problems` what is to be shown of them. `malformed` has members of an answer
    that could not be read, and `shortfalls` say in words what is left out.
    """

    found: dict[str, Found] = field(default_factory=dict)
    unanswered: Set[str] = frozenset()
    pending: Set[str] = frozenset()
    failures: dict[str, AwsError] = field(default_factory=dict)
    problems: Sequence[AwsError] = ()
    malformed: dict[str, set[str]] = field(default_factory=dict)
    shortfalls: Sequence[str] = ()
