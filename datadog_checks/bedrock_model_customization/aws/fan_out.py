"""Several requests at once, within a bound, and none after it is known that more would be in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final, TypeVar

from .errors import AwsError, Kind

Answer = TypeVar('Answer')

# So many refusals, and not one answer, mean that the operation is not allowed here at all.
REFUSALS_BEFORE_STOP: Final = 5


def fan_out(
    call: Callable[[str], Answer], subjects: Sequence[str], max_concurrency: int
) -> Iterator[tuple[str, Answer | AwsError]]:
    """Call for each subject and yield it with its answer, or with the AwsError that `call` raised, in order.

    A subject whose turn did not come is left out: those after an interruption (the poll's time is up), after failing
    credentials, or after several refusals without one answer.
    """
    stop = Event()

    def attempt(subject: str) -> tuple[str, Answer | AwsError | None]:
        if stop.is_set():
            return subject, None
        try:
            return subject, call(subject)
        except AwsError as error:
            if error.kind in (Kind.INTERRUPTED, Kind.CREDENTIALS):
                stop.set()
            return subject, error

    def outcomes() -> Iterator[tuple[str, Answer | AwsError | None]]:
        if len(subjects) <= 1 or max_concurrency <= 1:
            yield from map(attempt, subjects)
            return
        with ThreadPoolExecutor(min(max_concurrency, len(subjects)), thread_name_prefix='bedrock') as pool:
            yield from pool.map(attempt, subjects)

    refusals, answers = 0, 0
    for subject, outcome in outcomes():
        if outcome is None:
            continue
        refusals += isinstance(outcome, AwsError) and outcome.kind is Kind.DENIED
        answers += not isinstance(outcome, AwsError)
        if refusals >= REFUSALS_BEFORE_STOP and not answers:
            stop.set()
        yield subject, outcome
