"""The ledger of requests: what the simulator was asked, by whom, and how it answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple


class Request(NamedTuple):
    """One request. `job` is the id of the job it named, `error` AWS's error code, `at` wall time (Unix seconds).

    `status` is 0 if no response was sent (connection reset, hang). `seconds` is the time until the response was ready.
    """

    at: float
    operation: str
    account: str
    region: str
    status: int
    error: str | None
    job: str | None
    seconds: float


class Ledger:
    """Every request, in the order in which they finished. Safe to read while requests arrive: lists only grow."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    def add(self, request: Request) -> None:
        self._requests.append(request)

    def reset(self) -> None:
        """Forget every request."""
        self._requests = []

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(tuple(self._requests))

    def select(
        self,
        operation: str | None = None,
        *,
        account: str | None = None,
        region: str | None = None,
        job: str | None = None,
        error: str | None = None,
    ) -> list[Request]:
        """Return the requests that match all given criteria."""
        wanted = {'operation': operation, 'account': account, 'region': region, 'job': job, 'error': error}
        given = {name: value for name, value in wanted.items() if value is not None}
        return [request for request in self if all(getattr(request, name) == value for name, value in given.items())]

    def count(self, operation: str | None = None, *, account: str | None = None, region: str | None = None) -> int:
        """Return the number of requests that match."""
        return len(self.select(operation, account=account, region=region))

    def by_operation(self) -> Counter[str]:
        """Return the number of requests of each operation."""
        return Counter(request.operation for request in self)
