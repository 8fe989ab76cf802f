"""Virtual time: the simulator's jobs follow this clock, not the machine's."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that runs from `start` at `speed` times wall time, and can be moved by hand.

    `speed` 1.0 is real time, 60.0 is a minute per second, 0.0 stands still until `advance` or `set`.
    `start` must have a time zone; without a `start`, the clock starts now. Thread-safe.
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
        """Return a clock that moves only through `advance` and `set`."""
        return cls(start, speed=0.0)

    @property
    def speed(self) -> float:
        """Virtual seconds per second of wall time."""
        return self._speed

    def now(self) -> datetime:
        """Return the current virtual time, in UTC."""
        with self._lock:
            return self._now()

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward (or back, if negative) and return the new time."""
        with self._lock:
            self._origin += by
            return self._now()

    def set(self, to: datetime) -> None:
        """Set the clock to `to`; it continues from there at its speed."""
        with self._lock:
            self._origin = _aware(to)
            self._started = time.monotonic()

    def _now(self) -> datetime:
        # A stopped clock must return exactly the same value every time, so it never reads wall time.
        if not self._speed:
            return self._origin
        return self._origin + timedelta(seconds=(time.monotonic() - self._started) * self._speed)


def _aware(moment: datetime) -> datetime:
    """Return `moment` in UTC. A time without a zone is refused: guessing one would hide errors of hours."""
    if moment.tzinfo is None:
        raise ValueError(f'a time needs a time zone, got {moment.isoformat()}')
    return moment.astimezone(UTC)
