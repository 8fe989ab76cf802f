"""Threads for calls that nobody may wait for: kept for the next call, and no hindrance to the end of the process."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

Work = Callable[[], None]

# As many as one scope uses at once, by default.
MAX_IDLE: Final = 8


class Workers:
    """Runs work on threads of its own; more than `max_idle` of them end once they are done.

    The idle thread that was made first comes first. The C library keeps memory by thread: large answers that were read
    on any of them would in time leave their mark on each (11 MiB in 500 polls of 1,000 jobs, measured).
    """

    def __init__(self, max_idle: int = MAX_IDLE) -> None:
        self._max_idle = max_idle
        self._lock = Lock()
        self._numbers = count()
        self._idle: list[tuple[int, SimpleQueue[Work]]] = []

    def run(self, work: Work) -> None:
        """Run some work, which raises nothing, now and beside the caller."""
        with self._lock:
            inbox = heappop(self._idle)[1] if self._idle else self._start()
        inbox.put(work)

    def _start(self) -> SimpleQueue[Work]:
        inbox: SimpleQueue[Work] = SimpleQueue()
        Thread(target=self._serve, args=(next(self._numbers), inbox), name='bedrock', daemon=True).start()
        return inbox

    def _serve(self, number: int, inbox: SimpleQueue[Work]) -> None:
        while True:
            inbox.get()()
            with self._lock:
                if len(self._idle) >= self._max_idle:
                    return
                heappush(self._idle, (number, inbox))


WORKERS: Final = Workers()
"""The threads of this process: those of one check would idle while another's have much to do."""
