"""Several requests at once, within a bound, and none after it is known that more would be in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final, TypeVar

from .errors import AwsError, InterruptedPollError, Kind
from .guard import Guard

Answer = TypeVar('Answer')

# So many refusals, and not one answer, mean that the operation is not allowed here at all.
REFUSALS_BEFORE_STOP: Final = 5


def fan_out(
    guard: Guard, call: Callable[[str], Answer], subjects: Sequence[str], max_concurrency: int
) -> Iterator[tuple[str, Answer | AwsError]]:
    """Call for each subject and yield it with its answer, or with the AwsError that `call` raised, in order.

    A subject whose turn did not come is left out: those after an interruption (the poll's time is up), after failing
    credentials, or after several refusals without one answer. So is one whose call is still under way when the poll
    is over: nobody waits for it.
    """
    if not subjects:
        return
    stop = Event()

    def attempt(subject: str) -> Answer | AwsError | None:
        if stop.is_set():
            return None
        try:
            return call(subject)
        except AwsError as error:
            if error.kind in (Kind.INTERRUPTED, Kind.CREDENTIALS):
                stop.set()
            return error

    workers = max(1, min(max_concurrency, len(subjects)))
    pool = ThreadPoolExecutor(workers, 'bedrock', initializer=guard.enlist, initargs=(guard.poll,))
    refusals, answers = 0, 0
    try:
        pending = [(subject, pool.submit(attempt, subject)) for subject in subjects]
        for subject, future in pending:
            try:
                outcome = guard.result_of(future)
            except InterruptedPollError:
                stop.set()
                continue
            if outcome is None:
                continue
            refusals += isinstance(outcome, AwsError) and outcome.kind is Kind.DENIED
            answers += not isinstance(outcome, AwsError)
            if refusals >= REFUSALS_BEFORE_STOP and not answers:
                stop.set()
            yield subject, outcome
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
