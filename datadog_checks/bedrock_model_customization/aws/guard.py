"""Ends what takes too long: no request after the poll's time is up, few attempts at an address that is not there."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any, Final

from botocore.client import BaseClient

from .errors import InterruptedPollError

# Throttling is worth many attempts, an unreachable address is not: botocore's back-off alone would take minutes.
CONNECTION_ATTEMPTS: Final = 3


class Guard:
    """Stops the requests of the clients it watches once cancelled, or past a deadline."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._cancelled = Event()
        self._deadline: float | None = None

    def start(self, seconds: float | None) -> None:
        """Allow requests for so many seconds from now; None is for as long as it takes."""
        self._deadline = None if seconds is None else self._clock() + seconds

    def cancel(self) -> None:
        """Allow no request any more. Safe to call from any thread."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    @property
    def is_over(self) -> bool:
        """Whether no request may begin any more."""
        return self.is_cancelled or (self._deadline is not None and self._clock() >= self._deadline)

    def watch(self, client: BaseClient) -> None:
        client.meta.events.register('before-send', self._stop)
        client.meta.events.register('response-received', self._give_up)

    def _stop(self, **_: Any) -> None:
        if self.is_over:
            raise InterruptedPollError('cancelled' if self.is_cancelled else 'the time for this poll is up')

    def _give_up(self, exception: Exception | None, context: dict[str, Any], **_: Any) -> None:
        attempt = context.get('retries', {}).get('attempt', 1)
        if exception is not None and (attempt >= CONNECTION_ATTEMPTS or self.is_over):
            raise exception
