"""From what Amazon Bedrock answers to a `Job`, whatever is missing or malformed in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from sys import intern
from typing import Any, Final

from .arn import parse_job_arn
from .columns import COLUMNS, Reader
from .job import Job

# What every ARN of a job has, by AWS's own pattern and in the documented samples; models and ids may look otherwise one
# day, but never hold a space or anything beyond ASCII.
JOB_ARN: Final = re.compile(r'arn:aws(-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-customization-job/[!-~]+')
MAX_ARN: Final = 1011
# What AWS sends where there is nothing to say: missing, and not malformed.
EMPTY: Final[tuple[Any, ...]] = (None, '', {}, [])

# Field of the Job: (member of AWS's structure, how to read it).
SUMMARY: Final[dict[str, tuple[str, Reader]]] = {
    name: (column.listed_as, column.read) for name, column in COLUMNS.items() if column.read and column.listed_as
}
DESCRIPTION: Final[dict[str, tuple[str, Reader]]] = {
    name: (column.described_as, column.read) for name, column in COLUMNS.items() if column.read and column.described_as
}


def job_arn_of(summary: object) -> str | None:
    """Return the ARN in a listing's entry, or None where it cannot be told which job the entry is about.

    AWS refuses a batch of a hundred ARNs for one that is malformed, so what cannot be one is not taken for one.
    """
    arn = summary.get('jobArn') if isinstance(summary, Mapping) else None
    return arn if isinstance(arn, str) and len(arn) <= MAX_ARN and JOB_ARN.fullmatch(arn) else None


def read_summary(summary: Mapping[str, Any], unreadable: set[str] | None = None) -> Job:
    """Read one entry of ListModelCustomizationJobs. Raises ValueError where it has no ARN of a job.

    The names of members that hold something which cannot be read are added to `unreadable`.
    """
    return _read(summary, SUMMARY, unreadable)


def read_description(description: Mapping[str, Any], unreadable: set[str] | None = None) -> Job:
    """Read an answer of GetModelCustomizationJob, as `read_summary` does."""
    return _read(description, DESCRIPTION, unreadable)


def _read(answer: Mapping[str, Any], members: dict[str, tuple[str, Reader]], unreadable: set[str] | None) -> Job:
    arn = job_arn_of(answer)
    parsed = parse_job_arn(arn) if arn else None
    if arn is None or parsed is None:
        raise ValueError('no ARN of a model customization job in the answer')
    values = {field: read(answer.get(member)) for field, (member, read) in members.items()}
    if unreadable is not None:
        unreadable.update(
            member
            for field, (member, _) in members.items()
            if values[field] is None and answer.get(member) not in EMPTY
        )
    return Job(job_arn=arn, account_id=intern(parsed.account_id) or None, **values)


MERGED: Final = tuple(field.name for field in fields(Job) if field.name != 'job_arn')


def merge(known: Job | None, latest: Job) -> Job:
    """Return `latest`, with what it does not say taken from what was known of the same job before."""
    if known is None:
        return latest
    missing = {
        name: getattr(known, name)
        for name in MERGED
        if getattr(latest, name) is None and getattr(known, name) is not None
    }
    return replace(latest, **missing) if missing else latest
