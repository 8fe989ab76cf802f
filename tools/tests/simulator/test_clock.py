from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from bedrock_jobs.simulator import Clock

from .conftest import NOW


def test_a_manual_clock_stands_still() -> None:
    clock = Clock.manual(NOW)
    assert clock.now() == clock.now() == NOW
    assert clock.advance(timedelta(hours=1)) == NOW + timedelta(hours=1)
    clock.set(NOW.astimezone(timezone(timedelta(hours=9))))
    assert clock.now() == NOW
    assert clock.now().utcoffset() == timedelta()


def test_a_running_clock_keeps_its_speed() -> None:
    clock = Clock(NOW, speed=1000)
    time.sleep(0.02)
    assert timedelta(seconds=20) <= clock.now() - NOW < timedelta(seconds=2000)
    clock.set(NOW + timedelta(days=9))
    clock.advance(timedelta(days=1))
    assert timedelta(days=10) <= clock.now() - NOW < timedelta(days=10, seconds=2000)


def test_a_clock_starts_now() -> None:
    assert abs(Clock().now().timestamp() - time.time()) < 1


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match='negative'):
        Clock(speed=-1)
    with pytest.raises(ValueError, match='time zone'):
        Clock(datetime(2026, 1, 1))
