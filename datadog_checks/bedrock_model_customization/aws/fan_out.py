"""Makes requests concurrently, up to a limit, and stops once further requests would be pointless."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event
from typing import Final, TypeVar

from .errors import AwsError, HangingCallsError, InterruptedPollError, Kind
from .guard import Guard, resolve

Answer = TypeVar('Answer')

# This many refusals without a single answer mean that the operation is not allowed here at all.
REFUSALS_BEFORE_STOP: Final = 5


def fan_out(
    guard: Guard, region: str, call: Callable[[str], Answer], subjects: Sequence[str], max_concurrency: int
) -> Iterator[tuple[str, Answer | AwsError]]:
    """Call `call` for each subject and yield the subject with the answer, or with the AwsError raised, in order.

    Subjects are skipped after an interruption (the poll's time is up), after failing credentials, after five refusals
    (`REFUSALS_BEFORE_STOP`) without a single answer, and when too many calls in `region` hang. A subject whose call is
    still running when the poll ends is skipped too: the call is not waited for.
    """
    stop = Event()
    answers: deque[Future[Answer | AwsError | None]] = deque(Future() for _ in subjects)
    turns: SimpleQueue[tuple[str, Future[Answer | AwsError | None]]] = SimpleQueue()
    for turn in zip(subjects, answers, strict=True):
        turns.put(turn)

    def attempt(subject: str) -> Answer | AwsError | None:
        if stop.is_set():
            return None
        try:
            return call(subject)
        except AwsError as error:
            if error.kind in (Kind.INTERRUPTED, Kind.CREDENTIALS):
                stop.set()
            return error

    def work() -> None:
        with suppress(Empty):
            while True:
                subject, answer = turns.get_nowait()
                resolve(answer, partial(attempt, subject))

    for number in range(min(max_concurrency, len(subjects))):
        try:
            guard.run_in_background(work, region)
        except HangingCallsError:
            if number == 0:
                return
            break
    refused = answered = 0
    try:
        for subject in subjects:
            try:
                # Popped, so that thousands of answers are not kept in memory until the last one arrives.
                outcome = guard.result_of(answers.popleft())
            except InterruptedPollError:
                stop.set()
                continue
            if outcome is None:
                continue
            refused += isinstance(outcome, AwsError) and outcome.kind is Kind.DENIED
            answered += not isinstance(outcome, AwsError)
            if refused >= REFUSALS_BEFORE_STOP and not answered:
                stop.set()
            yield subject, outcome
    finally:
        stop.set()
