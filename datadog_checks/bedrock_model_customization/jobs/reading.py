"""Converts Amazon Bedrock's answers to `Job` objects, tolerating missing and malformed members."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from sys import intern
from typing import Any, Final

from .arn import parse_job_arn
from .columns import COLUMNS, Reader
from .job import Job

# What all job ARNs have in common, by AWS's own pattern and documented samples. The format of models and ids may
# change, but they will never contain a space or a non-ASCII character.
JOB_ARN: Final = re.compile(r'arn:aws(-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-customization-job/[!-~]+')
MAX_ARN: Final = 1011
# Values that AWS sends for "nothing"; they count as missing, not as malformed.
EMPTY: Final[tuple[Any, ...]] = (None, '', {}, [])

# Field of the Job: (member of AWS's structure, reader).
SUMMARY: Final[dict[str, tuple[str, Reader]]] = {
    name: (column.listed_as, column.read) for name, column in COLUMNS.items() if column.read and column.listed_as
}
DESCRIPTION: Final[dict[str, tuple[str, Reader]]] = {
    name: (column.described_as, column.read) for name, column in COLUMNS.items() if column.read and column.described_as
}


def job_arn_of(summary: object) -> str | None:
    """Return the job's ARN in a listing's entry, or None if there is no valid one.

    ARNs are validated because AWS rejects a whole batch of a hundred ARNs if one is malformed.
    """
    arn = summary.get('jobArn') if isinstance(summary, Mapping) else None
    return arn if isinstance(arn, str) and len(arn) <= MAX_ARN and JOB_ARN.fullmatch(arn) else None


def read_summary(summary: Mapping[str, Any], unreadable: set[str] | None = None) -> Job:
    """Read one entry of ListModelCustomizationJobs. Raises ValueError if it has no valid job ARN.

    The names of members whose values are unreadable are added to `unreadable`. If the job started from a custom model,
    the listing names that as its base; GetModelCustomizationJob names the foundation model, for `base_model_arn`.
    """
    job = _read(summary, SUMMARY, unreadable)
    if job.base_model_arn and ':custom-model/' in job.base_model_arn:
        return replace(job, base_model_arn=None, parent_model_arn=job.base_model_arn)
    return job


def read_description(description: Mapping[str, Any], unreadable: set[str] | None = None) -> Job:
    """Read an answer of GetModelCustomizationJob; raises and reports like `read_summary`."""
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
    """Return `latest` with its missing values filled in from `known`, an earlier version of the same job."""
    if known is None:
        return latest
    missing = {
        name: getattr(known, name)
        for name in MERGED
        if getattr(latest, name) is None and getattr(known, name) is not None
    }
    return replace(latest, **missing) if missing else latest
