"""Jobs as records: the 26 columns of `aws.bedrock_model_customization_job` as plain values, for logs and tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from ..jobs.columns import COLUMNS, ColumnType
from ..jobs.job import Job
from ..jobs.vocabulary import FAILED, STOPPED, STOPPING, UNKNOWN
from .text import unmentioned

# The only maps in GetModelCustomizationJob with user-defined keys, by botocore's model of the API: request metadata.
MAPS_WITH_USER_KEYS: Final = frozenset({'equals', 'not_equals'})
# Deeper than anything in AWS's model. Deeper values are dropped, so that hostile nesting cannot exhaust the stack.
MAX_DEPTH: Final = 64
MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1

RECORD: Final = 'bedrock_model_customization_job'
LOG_STATUSES: Final = {FAILED: 'error', STOPPED: 'warn', STOPPING: 'warn'}
MAX_MESSAGE: Final = 2500

_NOT_FINITE: Final = frozenset(('nan', '-nan', 'inf', '+inf', '-inf', 'infinity', '+infinity', '-infinity'))
_WORD_START: Final = re.compile(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])')
# NULs and lone surrogates: PostgreSQL cannot store them, and a log intake replaces them.
_NOT_STORABLE: Final = re.compile(r'\x00|[\ud800-\udfff]')


def record(job: Job) -> dict[str, Any]:
    """Return a job's 26 columns as JSON-compatible values, in the order of `COLUMNS`.

    Times are strings in UTC (`2026-11-23T21:00:00.000000Z`), `json` columns are objects or arrays with snake_case keys,
    `hstore` columns are maps of strings. Missing values are None, and so are empty objects, arrays and maps.
    """
    return {name: write(getattr(job, attribute)) for name, attribute, write in _WRITTEN}


def job_log(job: Job, tags: Sequence[str], now: datetime) -> dict[str, Any]:
    """Return a job's record as a log for the Agent's `send_log`, with the 26 columns nested in the attribute `RECORD`.

    At the top level they would collide with names that Datadog's log intake reserves, such as `status` and `tags`.
    """
    status, name = job.status or UNKNOWN, job.job_name or job.job_arn
    message = f'Amazon Bedrock model customization job {name} is {status}'
    return {
        'message': unmentioned(f'{message}: {job.failure_message}' if job.failure_message else message, MAX_MESSAGE),
        'timestamp': now.timestamp(),
        'status': LOG_STATUSES.get(status, 'info'),
        'ddtags': ','.join(tags),
        RECORD: record(job),
    }


def storable(text: str) -> str:
    """Make text storable in PostgreSQL and UTF-8: remove NULs, and replace lone surrogates with U+FFFD."""
    if text.isascii() and '\x00' not in text:
        return text
    return _NOT_STORABLE.sub(lambda match: '' if match[0] == '\x00' else '\ufffd', text)


@lru_cache(maxsize=4096)
def snake_case(name: str) -> str:
    """Convert an AWS member name to a key of a `json` column: `s3Uri` becomes `s3_uri`."""
    return storable(_WORD_START.sub('_', name)).lower()


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value with snake_case keys that the Agent's JSON writer accepts.

    NaN and infinities, which JSON does not have, become None; integers of more than 64 bits become floats.
    """
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if MIN_INTEGER <= value <= MAX_INTEGER else _float(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, datetime):
        return _time(value)
    if depth >= MAX_DEPTH:
        return None
    # `dict` is checked first because it is the usual type, and much faster to check than Mapping.
    if isinstance(value, (dict, Mapping)):
        return _object(value, depth + 1)
    if isinstance(value, (list, Sequence)) and not isinstance(value, (bytes, bytearray)):
        return [plain(item, depth + 1) for item in value]
    return storable(str(value))


def _float(value: int) -> float | None:
    """Return a large integer as a float, which is as precise as most JSON readers keep it; None if it overflows."""
    try:
        return float(value)
    except OverflowError:
        return None


def _object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, item in value.items():
        name = snake_case(str(key))
        if name in MAPS_WITH_USER_KEYS and isinstance(item, Mapping):
            members[name] = {storable(str(user_key)): plain(one, depth + 1) for user_key, one in item.items()}
        else:
            members[name] = plain(item, depth)
    return members


def _text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _time(value: datetime | None) -> str | None:
    if value is None:
        return None
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return moment.isoformat(timespec='microseconds').removesuffix('+00:00') + 'Z'


def _json(value: Any) -> Any:
    return plain(value) or None


def _metrics(value: Any) -> Any:
    """Return losses without the texts for numbers that are not finite, such as "NaN": AWS's answers may hold them."""
    return _finite(plain(value)) or None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, str) and value.strip().lower() in _NOT_FINITE else value


def _map(value: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return a map of strings. Multiple values of one key are sorted and joined by commas, as Datadog shows tags."""
    if not value:
        return None
    simple = {storable(key): storable(item) for key, item in value.items() if isinstance(item, str)}
    if len(simple) == len(value):
        return simple
    texts: dict[str, set[str]] = {}
    for key, item in value.items():
        several = isinstance(item, (list, tuple, set, frozenset))
        texts.setdefault(storable(str(key)), set()).update(storable(str(one)) for one in (item if several else (item,)))
    return {key: next(iter(found)) if len(found) == 1 else ','.join(sorted(found)) for key, found in texts.items()}


_WRITERS: Final[dict[ColumnType, Callable[[Any], Any]]] = {
    'string': _text,
    'timestamp': _time,
    'json': _json,
    'hstore': _map,
}
_OF_LOSSES: Final = dict.fromkeys(('training_metrics', 'validation_metrics'), _metrics)
_WRITTEN: Final = [
    (column.name, column.attribute, _OF_LOSSES.get(column.name, _WRITERS[column.type])) for column in COLUMNS.values()
]
