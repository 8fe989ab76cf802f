"""From what Amazon Bedrock answers to a `Job`, whatever is missing or malformed in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from sys import intern
from typing import Any, Final

from .arn import parse_job_arn
from .job import Job
from .times import parse_time

Reader = Callable[[Any], Any]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _shared_text(value: Any) -> str | None:
    """Text that many jobs share, kept once."""
    return intern(value) if type(value) is str and value else None


def _object(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) and value else None


def _list(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) and value else None


def _text_map(value: Any) -> dict[str, str] | None:
    """A map of texts. A number where the model promises text is kept as its text; anything else is left out."""
    if not isinstance(value, Mapping):
        return None
    readable = {
        str(key): item if isinstance(item, str) else str(item)
        for key, item in value.items()
        if isinstance(item, (str, int, float))
    }
    return readable or None


# What every ARN of a job has, by AWS's own pattern and in the documented samples; models and ids may look otherwise one
# day, but never hold a space or anything beyond ASCII.
JOB_ARN: Final = re.compile(r'arn:aws(-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-customization-job/[!-~]+')
MAX_ARN: Final = 1011
# What AWS sends where there is nothing to say: missing, and not malformed.
EMPTY: Final[tuple[Any, ...]] = (None, '', {}, [])

# Field of the Job: (member of AWS's structure, how to read it).
SUMMARY: Final[dict[str, tuple[str, Reader]]] = {
    'base_model_arn': ('baseModelArn', _shared_text),
    'creation_time': ('creationTime', parse_time),
    'customization_type': ('customizationType', _shared_text),
    'end_time': ('endTime', parse_time),
    'job_name': ('jobName', _text),
    'last_modified_time': ('lastModifiedTime', parse_time),
    'output_model_arn': ('customModelArn', _text),
    'output_model_name': ('customModelName', _text),
    'status': ('status', _shared_text),
    'status_details': ('statusDetails', _object),
}
DESCRIPTION: Final[dict[str, tuple[str, Reader]]] = SUMMARY | {
    'client_request_token': ('clientRequestToken', _text),
    'customization_config': ('customizationConfig', _object),
    'failure_message': ('failureMessage', _text),
    'hyper_parameters': ('hyperParameters', _text_map),
    'output_data_config': ('outputDataConfig', _object),
    'output_model_arn': ('outputModelArn', _text),
    'output_model_kms_key_arn': ('outputModelKmsKeyArn', _text),
    'output_model_name': ('outputModelName', _text),
    'role_arn': ('roleArn', _shared_text),
    'training_data_config': ('trainingDataConfig', _object),
    'training_metrics': ('trainingMetrics', _object),
    'validation_data_config': ('validationDataConfig', _object),
    'validation_metrics': ('validationMetrics', _list),
    'vpc_config': ('vpcConfig', _object),
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


def merge(known: Job | None, news: Job) -> Job:
    """Return `news`, with what it does not say taken from what was known of the same job before."""
    if known is None:
        return news
    missing = {
        name: getattr(known, name)
        for name in MERGED
        if getattr(news, name) is None and getattr(known, name) is not None
    }
    return replace(news, **missing) if missing else news
