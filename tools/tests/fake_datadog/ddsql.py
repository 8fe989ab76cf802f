"""DDSQL: answers are given by the test; the protocol of running and fetching is Datadog's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .answers import Refused, bad
from .clock import Ids

Body = dict[str, Any]
Column = Mapping[str, Any]


class Ddsql:
    """Runs queries through `answer`, a function from SQL to columns; `polls` is how often a query is not ready."""

    def __init__(self, ids: Ids) -> None:
        self.answer: Callable[[str], Sequence[Column]] = _no_table
        self.polls = 0
        self.asked: list[Body] = []
        self._running: dict[str, list[Any]] = {}
        self._ids = ids

    def execute_ddsql_tabular_query(self, body: Body) -> Body:
        attributes = body['data']['attributes']
        self.asked.append(attributes)
        limit = attributes.get('row_limit', 5000)
        columns = [{**column, 'values': column['values'][:limit]} for column in self.answer(attributes['query'])]
        if not self.polls:
            return self._shown({'state': 'completed', 'columns': columns})
        id = self._ids.hexadecimal()
        self._running[id] = [self.polls, columns]
        return self._shown({'state': 'running', 'query_id': id})

    def fetch_ddsql_tabular_query(self, body: Body) -> Body:
        id = body['data']['attributes']['query_id']
        if id not in self._running:
            raise Refused(404, {'errors': [{'title': 'Not Found', 'detail': 'no such query'}]})
        running = self._running[id]
        running[0] -= 1
        if running[0] > 0:
            return self._shown({'state': 'running', 'query_id': id})
        return self._shown({'state': 'completed', 'columns': running[1]})

    def _shown(self, attributes: Body) -> Body:
        data = {'id': self._ids.hexadecimal(), 'type': 'ddsql_query_response', 'attributes': attributes}
        return {'data': data, 'meta': {'elapsed': 12, 'request_id': self._ids.hexadecimal()}}


def _no_table(sql: str) -> Sequence[Column]:
    raise bad('Invalid query: relation does not exist')
