"""The threads that calls are made on: kept for the next call, as few as will do, and never waited for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from datadog_checks.bedrock_model_customization.aws import guard as guards
from datadog_checks.bedrock_model_customization.aws.errors import HangingCallsError, InterruptedPollError
from datadog_checks.bedrock_model_customization.aws.fan_out import fan_out
from datadog_checks.bedrock_model_customization.aws.guard import Guard
from datadog_checks.bedrock_model_customization.aws.workers import Workers


def finish(workers: Workers, number: int, meanwhile: Callable[[], None] = lambda: None) -> list[int]:
    """Let so many pieces of work run at the same time; return the threads that ran them."""
    barrier, ids = threading.Barrier(number + 1), []

    def work() -> None:
        ids.append(threading.get_ident())
        barrier.wait(30)

    for _ in range(number):
        workers.run(work)
    meanwhile()
    barrier.wait(30)
    return ids


def until_idle(workers: Workers, number: int) -> None:
    moment = threading.Event()
    for _ in range(3000):
        if len(workers._idle) >= number:
            return
        moment.wait(0.01)
    raise AssertionError(f'{len(workers._idle)} idle threads')


def test_the_thread_that_was_made_first_comes_first() -> None:
    workers = Workers()
    first = finish(workers, 1)
    until_idle(workers, 1)
    for _ in range(5):
        finish(workers, 4)
        until_idle(workers, 4)
        assert finish(workers, 1) == first
        until_idle(workers, 4)


def test_no_more_threads_stay_than_may_idle() -> None:
    before = threading.active_count()
    workers = Workers(max_idle=2)
    finish(workers, 10)
    until_idle(workers, 2)
    for _ in range(3000):
        if threading.active_count() <= before + 2:
            break
        threading.Event().wait(0.01)
    assert threading.active_count() <= before + 2


def test_a_call_that_hangs_keeps_no_process_from_its_end() -> None:
    code = """
from threading import Event
from datadog_checks.bedrock_model_customization.aws.guard import Guard
guard = Guard()
guard.start(0.1)
try:
    guard.run(Event().wait)
except Exception as error:
    print(type(error).__name__)
"""
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == 'InterruptedPollError\n'


def test_calls_that_hang_are_counted_in_their_region_until_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, 'MAX_LEFT_BEHIND', 3)
    guard, end = Guard(), threading.Event()
    guard.start(0.05)
    with pytest.raises(InterruptedPollError, match='time for this poll is up'):
        guard.run(end.wait, 'us-east-1')
    guard.start(0.05)
    assert list(fan_out(guard, 'us-east-1', lambda _: end.wait(), ['a', 'b', 'c'], 2)) == []
    guard.start(30)
    with pytest.raises(HangingCallsError, match='3 calls'):
        guard.run(lambda: 'never made', 'us-east-1')
    assert list(fan_out(guard, 'us-east-1', lambda _: 'never made', ['a'], 2)) == []
    assert guard.run(lambda: 'made', 'us-west-2') == 'made'
    end.set()
    for _ in range(3000):
        if not guard._at_work:
            break
        threading.Event().wait(0.01)
    assert guard.run(lambda: 'made', 'us-east-1') == 'made'


def test_what_a_call_raises_is_raised_and_a_call_within_a_call_stays_on_its_thread() -> None:
    guard = Guard()

    def fail() -> None:
        raise KeyError('foreign')

    with pytest.raises(KeyError, match='foreign'):
        guard.run(fail)
    outer, inner = guard.run(lambda: (threading.get_ident(), guard.run(threading.get_ident)))
    assert outer == inner != threading.get_ident()


def test_a_thread_of_an_earlier_poll_makes_no_further_request() -> None:
    guard, go, told = Guard(), threading.Event(), []
    done = threading.Event()

    def late() -> None:
        go.wait(30)
        try:
            guard.stop()
        except InterruptedPollError:
            told.append('stopped')
        done.set()

    guard.start(0.05)
    with pytest.raises(InterruptedPollError):
        guard.run(late)
    guard.start(None)
    guard.stop()
    go.set()
    assert done.wait(30) and told == ['stopped']
