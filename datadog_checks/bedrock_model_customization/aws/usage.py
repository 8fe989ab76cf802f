"""Counts the check's requests to AWS's APIs, including retries."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Any, NamedTuple

from botocore.client import BaseClient

from .errors import Kind, kind_of


class Footprint(NamedTuple):
    """Request counts: all and throttled ones by operation, failed ones by operation and kind of failure."""

    requests: Counter[str]
    throttles: Counter[str]
    errors: Counter[tuple[str, str]]


class Usage:
    """Counts the requests of the clients it watches; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._footprint = Footprint(Counter(), Counter(), Counter())

    def watch(self, client: BaseClient) -> None:
        """Count each of this client's request attempts from now on."""
        client.meta.events.register('before-send', self._count_request)
        client.meta.events.register('response-received', self._count_failure)

    def take(self) -> Footprint:
        """Return the counts since the last call, and reset them."""
        with self._lock:
            taken, self._footprint = self._footprint, Footprint(Counter(), Counter(), Counter())
        return taken

    def _count_request(self, event_name: str, **_: Any) -> None:
        with self._lock:
            self._footprint.requests[_operation(event_name)] += 1

    def _count_failure(
        self, event_name: str, parsed_response: dict[str, Any] | None, exception: Exception | None, **_: Any
    ) -> None:
        error = (parsed_response or {}).get('Error')
        status = (parsed_response or {}).get('ResponseMetadata', {}).get('HTTPStatusCode')
        # botocore treats "not modified" and redirects to a bucket's Region as errors; they are normal answers.
        if exception is None and (not error or (status and 300 <= status < 400)):
            return
        kind = Kind.UNREACHABLE
        if error:
            kind = kind_of(str(error.get('Code')), status)
        operation = _operation(event_name)
        with self._lock:
            self._footprint.errors[operation, kind.value] += 1
            if kind is Kind.THROTTLED:
                self._footprint.throttles[operation] += 1


def _operation(event_name: str) -> str:
    return event_name.rsplit('.', 1)[-1]
