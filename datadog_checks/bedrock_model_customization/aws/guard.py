"""Enforces the poll's deadline: no request starts after it, and running ones are abandoned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, wait
from contextlib import suppress
from functools import partial
from threading import Lock, local
from time import monotonic
from typing import Any, Final, TypeVar

from botocore.client import BaseClient

from .errors import HangingCallsError, InterruptedPollError
from .workers import WORKERS

Answer = TypeVar('Answer')

# Throttling is worth many attempts, an unreachable address is not: botocore's backoff alone would take minutes.
CONNECTION_ATTEMPTS: Final = 3
# Calls that hang forever (a credential_process may) must not take more threads at every poll. The limit is per Region,
# so that one hanging Region does not stop the others.
MAX_LEFT_BEHIND: Final = 32


class Guard:
    """Stops the requests of the clients it watches once cancelled, or past a deadline.

    `poll` is the number of the current poll.

    A call that is running at that moment is abandoned, because it may ignore the deadline: botocore sleeps for up to
    20 s between two attempts, and a response, name server or credential process may hang. An abandoned call's thread
    sends no further request, and is freed when the call ends.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._cancelled: Future[None] = Future()
        self._deadline: float | None = None
        self.poll = 0
        self._here = local()
        self._lock = Lock()
        # Number of busy threads, by poll and Region.
        self._at_work: Counter[tuple[int, str]] = Counter()

    def start(self, seconds: float | None) -> None:
        """Begin a poll: allow requests for `seconds` from now, or without a limit if None."""
        self.poll += 1
        self._deadline = None if seconds is None else self._clock() + seconds

    def cancel(self) -> None:
        """Stop all further requests. Safe to call from any thread."""
        with suppress(InvalidStateError):
            self._cancelled.set_result(None)

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.done()

    @property
    def is_over(self) -> bool:
        """Whether no further request may start."""
        return self.is_cancelled or (self._deadline is not None and self._clock() >= self._deadline)

    def share_of_time(self, most: float) -> float:
        """Return the seconds that an optional step may take: a quarter of the time left, but at most `most`."""
        return most if self._deadline is None else max(min(most, (self._deadline - self._clock()) / 4), 0.0)

    def watch(self, client: BaseClient) -> None:
        client.meta.events.register('before-send', self.stop)
        client.meta.events.register('response-received', self._give_up)

    def stop(self, **_: Any) -> None:
        """Raise InterruptedPollError if this thread's poll is over."""
        if self.is_over or getattr(self._here, 'poll', self.poll) != self.poll:
            raise self._interruption()

    def run(self, call: Callable[[], Answer], region: str = '') -> Answer:
        """Run a call that may take long on a thread that can be abandoned; return its result or raise its exception.

        Raises InterruptedPollError as soon as the poll is over.
        """
        if hasattr(self._here, 'poll'):
            # This is already a background thread, which is not waited for beyond the end of the poll.
            return call()
        self.stop()
        answer: Future[Answer] = Future()
        self.run_in_background(partial(resolve, answer, call), region)
        return self.result_of(answer)

    def run_in_background(self, work: Callable[[], None], region: str = '') -> None:
        """Run `work`, which must not raise, for the current poll on a thread that can be abandoned.

        Raises HangingCallsError if too many threads of earlier polls are still busy with the Region.
        """
        poll = self.poll
        with self._lock:
            behind = sum(count for (of, where), count in self._at_work.items() if of != poll and where == region)
            if behind >= MAX_LEFT_BEHIND:
                raise HangingCallsError(f'{behind} calls of earlier polls still hang')
            self._at_work[poll, region] += 1

        def begin() -> None:
            self._here.poll = poll
            work()
            del self._here.poll
            with self._lock:
                self._at_work[poll, region] -= 1
                self._at_work += Counter()

        WORKERS.run(begin)

    def result_of(self, answer: Future[Answer]) -> Answer:
        """Wait for another thread's result. Raises InterruptedPollError as soon as the poll is over."""
        if not answer.done():
            seconds = None if self._deadline is None else max(self._deadline - self._clock(), 0)
            ends: tuple[Future[Any], ...] = (answer, self._cancelled)
            wait(ends, seconds, FIRST_COMPLETED)
        if not answer.done():
            raise self._interruption()
        return answer.result()

    def _interruption(self) -> InterruptedPollError:
        return InterruptedPollError('cancelled' if self.is_cancelled else 'the time for this poll is up')

    def _give_up(self, exception: Exception | None, context: dict[str, Any], **_: Any) -> None:
        attempt = context.get('retries', {}).get('attempt', 1)
        if exception is not None and (attempt >= CONNECTION_ATTEMPTS or self.is_over):
            raise exception


def resolve(answer: Future[Answer], call: Callable[[], Answer]) -> None:
    """Make a call and store its result or exception in `answer`."""
    try:
        answer.set_result(call())
    except BaseException as error:
        answer.set_exception(error)
