"""Runs DDSQL in Datadog, with the same query text and result format as locally."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..datadog_client import Datadog
from ..errors import ToolError
from .result import Column, Result

MAX_ROWS: Final = 10_000
"""The most rows that Datadog returns for one query."""
SPAN: Final = timedelta(hours=1)
PATIENCE: Final = timedelta(minutes=5)
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 5.0


def ask(
    datadog: Datadog,
    sql: str,
    row_limit: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    patience: timedelta = PATIENCE,
    wait: Callable[[float], None] = time.sleep,
) -> Result:
    """Run a query in Datadog and return its result as `dataset.query.run` does, waiting at most `patience`.

    `since` and `until` are the time frame, by default the last hour; static tables ignore it. `row_limit` is at most
    10,000, which is also the meaning of None. Raises ToolError for anything that Datadog refuses.
    """
    limit = MAX_ROWS if row_limit is None else row_limit
    if not 1 <= limit <= MAX_ROWS:
        raise ToolError(f'Datadog gives 1 to {MAX_ROWS} rows, not {limit}.')
    end = until or datetime.now(UTC)
    frame = {'from_timestamp': _milliseconds(since or end - SPAN), 'to_timestamp': _milliseconds(end)}
    attributes: dict[str, Any] = {'query': sql, 'row_limit': limit, 'time': frame}
    body = {'data': {'type': 'ddsql_query_request', 'attributes': attributes}}
    found = _attributes(datadog.call(datadog.ddsql.execute_ddsql_tabular_query, body=body))
    deadline, pause = time.monotonic() + patience.total_seconds(), _FIRST_WAIT
    while found.get('state') == 'running':
        if time.monotonic() >= deadline:
            raise ToolError(f'The query is still running after {patience.total_seconds():.0f} s.')
        wait(pause)
        pause = min(pause * 2, _LONGEST_WAIT)
        fetch = {'type': 'ddsql_query_fetch_request', 'attributes': {'query_id': found['query_id']}}
        found = _attributes(datadog.call(datadog.ddsql.fetch_ddsql_tabular_query, body={'data': fetch}))
    columns = [Column(one['name'], one['type'], list(one['values'])) for one in found.get('columns') or []]
    return Result(columns, list(found.get('warnings') or []))


def _attributes(answer: Any) -> dict[str, Any]:
    try:
        attributes: dict[str, Any] = answer['data']['attributes']
    except (KeyError, TypeError):
        raise ToolError('Datadog answered a query with something else than a result.') from None
    return attributes


def _milliseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
