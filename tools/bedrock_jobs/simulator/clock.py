"""Virtual time: the simulator's jobs live by this clock and not by the machine's."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Time that runs at `speed` times wall time from `start`, and can be pushed by hand.

    `speed` 1.0 is real time, 60.0 shows a minute per second, 0.0 stands still until `advance` or `set`.
    `start` must know its time zone; without one, the clock starts now. Safe to use from several threads.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        if speed < 0:
            raise ValueError(f'speed must not be negative, got {speed}')
        self._lock = threading.Lock()
        self._speed = speed
        self._origin = _aware(start) if start else datetime.now(UTC)
        self._started = time.monotonic()

    @classmethod
    def manual(cls, start: datetime | None = None) -> Clock:
        """Return a clock that moves only by `advance` and `set`."""
        return cls(start, speed=0.0)

    @property
    def speed(self) -> float:
        """How many seconds pass here in one second of wall time."""
        return self._speed

    def now(self) -> datetime:
        """Return the present virtual time, in UTC."""
        with self._lock:
            return self._now()

    def advance(self, by: timedelta) -> datetime:
        """Push the clock forward (or back, when negative) and return the new time."""
        with self._lock:
            self._origin += by
            return self._now()

    def set(self, to: datetime) -> None:
        """Move the clock to `to`; it goes on from there at its speed."""
        with self._lock:
            self._origin = _aware(to)
            self._started = time.monotonic()

    def _now(self) -> datetime:
        # A standing clock must give the very same value twice, so it never looks at wall time.
        if not self._speed:
            return self._origin
        return self._origin + timedelta(seconds=(time.monotonic() - self._started) * self._speed)


def _aware(moment: datetime) -> datetime:
    """Return `moment` in UTC. A time without a zone is refused: guessing one hides errors of hours."""
    if moment.tzinfo is None:
        raise ValueError(f'a time needs a time zone, got {moment.isoformat()}')
    return moment.astimezone(UTC)
