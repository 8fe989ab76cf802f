"""Converts between jobs, records and PostgreSQL rows, in both directions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.times import parse_time
from datadog_checks.bedrock_model_customization.telemetry.records import (
    MAPS_WITH_USER_KEYS,
    record,
)

from .columns import TYPES

Row = tuple[str | None, ...]

_AFTER_UNDERSCORE: Final = re.compile(r'_([a-z0-9])')
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(',', ':'), allow_nan=False).encode


def row(job: Job) -> Row:
    """Return a job's 26 columns as text in PostgreSQL's input format; None is NULL.

    Unlike `record`, `tags` distinguishes unknown tags (None) from a job without tags (an empty hstore). The table
    holds NULL for both, see `sync`.
    """
    values = record(job)
    if values['tags'] is None and job.tags is not None:
        values['tags'] = {}
    return tuple(_TEXTS[kind](values[name]) for name, kind in TYPES.items())


def job_of(values: Mapping[str, Any]) -> Job:
    """Return the job of a record or row, with AWS's member names in its JSON values.

    Values may be those of `record` or those that psycopg loads. Raises ValueError if there is no `_key`.
    """
    key = values.get('_key') or values.get('job_arn')
    if not isinstance(key, str):
        raise ValueError('a record without _key')
    found: dict[str, Any] = {}
    for name, kind in TYPES.items():
        value = values.get(name)
        if value is None:
            continue
        if kind == 'timestamp':
            value = parse_time(value)
        elif kind == 'json':
            value = with_aws_names(value)
        found[COLUMNS[name].attribute] = value
    del found['key']
    return Job(**{**found, 'job_arn': key})


@lru_cache(maxsize=4096)
def camel_case(name: str) -> str:
    """Convert a key of a `json` column to AWS's member name: `s3_uri` becomes `s3Uri`."""
    return _AFTER_UNDERSCORE.sub(lambda match: match[1].upper(), name)


def with_aws_names(value: Any) -> Any:
    """Return a value of a `json` column with AWS's member names."""
    if isinstance(value, list):
        return [with_aws_names(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {camel_case(key): _member(key, item) for key, item in value.items()}


def _member(key: str, value: Any) -> Any:
    if key in MAPS_WITH_USER_KEYS and isinstance(value, Mapping):
        return {name: with_aws_names(item) for name, item in value.items()}
    return with_aws_names(value)


def hstore(values: Mapping[str, str] | None) -> str | None:
    """Return a mapping in PostgreSQL's text format for hstore; None stays None."""
    if values is None:
        return None
    return ','.join(f'"{_escape(key)}"=>"{_escape(value)}"' for key, value in values.items())


def timestamp(value: str | None) -> str | None:
    """Convert a record's time to a `timestamp` without time zone, in UTC."""
    return value[:-1] if value else None


def _escape(text: str) -> str:
    return text.replace('\\', '\\\\').replace('"', '\\"')


def _json(value: Any) -> str | None:
    return None if value is None else _encode(value)


def _string(value: str | None) -> str | None:
    return value


_TEXTS: Final[dict[str, Any]] = {'string': _string, 'timestamp': timestamp, 'json': _json, 'hstore': hstore}


def since_epoch(value: datetime) -> int:
    """Return a time as milliseconds since the epoch, rounded down; a time without zone is taken as UTC."""
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return (moment - _EPOCH) // timedelta(milliseconds=1)
