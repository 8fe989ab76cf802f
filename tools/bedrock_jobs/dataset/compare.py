"""Compares Datadog's own `aws.bedrock_model_customization_job` with the jobs that we see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

from datadog_checks.bedrock_model_customization.jobs.arn import parse_job_arn
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.times import parse_time
from datadog_checks.bedrock_model_customization.jobs.vocabulary import TERMINAL_STATUSES
from datadog_checks.bedrock_model_customization.telemetry.records import record, snake_case

from ..datadog_client import Datadog
from .columns import TYPES
from .remote import ask

PAGE: Final = 5000
TABLE: Final = 'aws.bedrock_model_customization_job'
# Our key is the job's ARN and Datadog uses one of its own, so they may differ.
NOT_COMPARED: Final = frozenset({'_key'})
_HSTORE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*(?:"((?:[^"\\]|\\.)*)"|NULL)')


@dataclass(frozen=True, slots=True)
class Differing:
    """A job that differs between Datadog and us: for each differing column, Datadog's value and ours."""

    job_arn: str
    columns: Mapping[str, tuple[Any, Any]]
    lag: timedelta | None
    """The least time since the job changed without Datadog's row showing it; None if that row is not older."""

    @property
    def has_stale_status(self) -> bool:
        return 'status' in self.columns and self.columns['status'][0] not in TERMINAL_STATUSES


@dataclass(frozen=True, slots=True)
class Missing:
    """A job that Datadog does not have, and how long ago it was created."""

    job_arn: str
    status: str | None
    age: timedelta | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How Datadog's table and the jobs differ.

    `only_there` are jobs in Datadog's table that we do not see although we look at their account and Region: they
    may be older than what we list.
    """

    alike: int
    differing: Sequence[Differing]
    missing: Sequence[Missing]
    only_there: Sequence[str]

    @property
    def is_same(self) -> bool:
        """Whether Datadog has every job as we see it."""
        return not self.differing and not self.missing

    @property
    def lags(self) -> list[timedelta]:
        """How far Datadog lags behind, for each job where that is known, in ascending order."""
        known = [one.lag for one in self.differing] + [one.age for one in self.missing]
        return sorted(lag for lag in known if lag is not None)

    @property
    def median_lag(self) -> timedelta | None:
        seconds = [lag.total_seconds() for lag in self.lags]
        return timedelta(seconds=median(seconds)) if seconds else None


def compare(datadog: Datadog, jobs: Iterable[Job], now: datetime | None = None) -> Comparison:
    """Read Datadog's table and compare it with the jobs. Raises ToolError if the table cannot be read."""
    return compare_rows(list(read_table(datadog)), jobs, now or datetime.now(UTC))


def read_table(datadog: Datadog) -> Iterator[dict[str, Any]]:
    """Yield every row of Datadog's table, in pages by ARN, because a response holds at most 10,000 rows."""
    last = ''
    while True:
        where = f"WHERE job_arn > '{_quoted(last)}' " if last else ''
        sql = f'SELECT {", ".join(TYPES)} FROM {TABLE} {where}ORDER BY job_arn LIMIT {PAGE}'
        answer = ask(datadog, sql, PAGE)
        found = list(answer.records())
        yield from found
        if len(found) < PAGE or not found[-1].get('job_arn'):
            return
        last = str(found[-1]['job_arn'])


def compare_rows(theirs: Iterable[Mapping[str, Any]], jobs: Iterable[Job], now: datetime) -> Comparison:
    """Compare rows returned by DDSQL with jobs."""
    there = {str(row['job_arn']): row for row in theirs if row.get('job_arn')}
    ours = {job.job_arn: record(job) for job in jobs}
    differing = []
    for arn in sorted(ours.keys() & there.keys()):
        columns = _columns(there[arn], ours[arn])
        if columns:
            differing.append(Differing(arn, columns, _lag(there[arn], ours[arn], now)))
    missing = [_missing(arn, ours[arn], now) for arn in sorted(ours.keys() - there.keys())]
    scopes = {_scope(arn) for arn in ours}
    only_there = [arn for arn in sorted(there.keys() - ours.keys()) if _scope(arn) in scopes]
    return Comparison(len(ours.keys() & there.keys()) - len(differing), differing, missing, only_there)


def comparable(name: str, value: Any) -> Any:
    """Return a column's value in a form that both sides share; every way of writing "no value" becomes None."""
    kind = TYPES[name]
    if value is None or value == '':
        return None
    if kind == 'timestamp':
        moment = parse_time(value)
        # Datadog stores times in milliseconds.
        return int(moment.timestamp() * 1000) if moment else value
    if kind == 'hstore':
        return _hstore(value)
    if kind == 'json':
        return _plain(_parsed(value))
    return value


def _columns(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    found = {}
    for name in TYPES:
        if name in NOT_COMPARED or name not in theirs:
            continue
        one, other = comparable(name, theirs[name]), comparable(name, ours[name])
        if one != other:
            found[name] = (theirs[name], ours[name])
    return found


def _lag(theirs: Mapping[str, Any], ours: Mapping[str, Any], now: datetime) -> timedelta | None:
    changed, known = (parse_time(row.get('last_modified_time')) for row in (ours, theirs))
    if changed is None or (known is not None and int(known.timestamp() * 1000) >= int(changed.timestamp() * 1000)):
        return None
    return max(now - changed, timedelta())


def _missing(arn: str, row: Mapping[str, Any], now: datetime) -> Missing:
    created = parse_time(row.get('creation_time'))
    return Missing(arn, row.get('status'), max(now - created, timedelta()) if created else None)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _plain(value: Any) -> Any:
    """Return JSON with snake_case keys and without empty members, which each side may write differently."""
    if isinstance(value, Mapping):
        members = {snake_case(str(key)): _plain(item) for key, item in value.items()}
        return {key: item for key, item in members.items() if item is not None} or None
    if isinstance(value, list):
        return [_plain(item) for item in value] or None
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hstore(value: Any) -> Any:
    if isinstance(value, str):
        parsed = _parsed(value)
        if isinstance(parsed, str):
            pairs = _HSTORE.findall(value)
            parsed = {_unescaped(key): _unescaped(text) for key, text in pairs}
        value = parsed
    if not isinstance(value, Mapping):
        return value
    return {str(key): _texts(item) for key, item in value.items()} or None


def _texts(value: Any) -> str:
    several = value if isinstance(value, list) else str(value).split(',')
    return ','.join(sorted(str(one) for one in several))


def _unescaped(text: str) -> str:
    return re.sub(r'\\(.)', r'\1', text)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _scope(arn: str) -> tuple[str, str] | None:
    parsed = parse_job_arn(arn)
    return (parsed.account_id, parsed.region) if parsed else None
