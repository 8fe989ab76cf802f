"""A pool of reusable daemon threads for calls that may never return."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread, local
from typing import Final

Work = Callable[[], None]

_HERE: Final = local()
# The default number of threads that one scope uses at once.
MAX_IDLE: Final = 8


class Workers:
    """Runs work on its own threads, of which at most `max_idle` are kept idle; others end when their work is done.

    The oldest idle thread is reused first. The C library keeps memory per thread, so spreading large answers over all
    threads would make each of them grow over time (11 MiB in 500 polls of 1,000 jobs, measured).
    """

    def __init__(self, max_idle: int = MAX_IDLE) -> None:
        self._max_idle = max_idle
        self._lock = Lock()
        self._numbers = count()
        self._idle: list[tuple[int, SimpleQueue[Work]]] = []

    def run(self, work: Work) -> None:
        """Start `work`, which must not raise, on another thread and return immediately."""
        with self._lock:
            inbox = heappop(self._idle)[1] if self._idle else self._start()
        inbox.put(work)

    def _start(self) -> SimpleQueue[Work]:
        inbox: SimpleQueue[Work] = SimpleQueue()
        Thread(target=self._serve, args=(next(self._numbers), inbox), name='bedrock', daemon=True).start()
        return inbox

    def _serve(self, number: int, inbox: SimpleQueue[Work]) -> None:
        _HERE.is_worker = True
        while True:
            inbox.get()()
            with self._lock:
                if len(self._idle) >= self._max_idle:
                    return
                heappush(self._idle, (number, inbox))


WORKERS: Final = Workers()
"""The pool shared by the whole process: with one pool per check, some would idle while others are busy."""


def is_worker() -> bool:
    """Whether this thread belongs to the pool, and so to this check: the Agent runs all checks in one process."""
    return getattr(_HERE, 'is_worker', False)
