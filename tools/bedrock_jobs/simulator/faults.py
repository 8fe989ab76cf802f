"""Faults: what goes wrong, for which calls, and how often. A registry picks the faults that apply to a call."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from .wire import Answer, Call


@dataclass(kw_only=True)
class Fault:
    """The base of every fault: which calls it affects, and how often.

    `operation`, `region`, `account` and `job` (ARN, name or id of the job that the call names) must all match;
    None matches anything. The first `skip` matching calls pass, then `times` calls are affected (None: no
    limit), each with `probability`. `hits` counts the affected calls.
    """

    refuses: ClassVar[bool] = False
    """Whether this kind answers instead of the service. Only the first such fault applies to a call."""

    operation: str | None = None
    region: str | None = None
    account: str | None = None
    job: str | None = None
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    hits: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False, repr=False)

    def matches(self, call: Call) -> bool:
        """Whether this fault can apply to the call."""
        return (
            self.operation in (None, call.operation)
            and self.region in (None, call.region)
            and self.account in (None, call.account)
            and self.matches_job(call)
        )

    def matches_job(self, call: Call) -> bool:
        job = call.job
        return self.job is None or (job is not None and self.job in (job.arn, job.name, job.id))

    def is_due(self, call: Call) -> bool:
        """Whether a matching call is affected; a subclass may let calls pass at some rate."""
        return True

    def strikes(self, call: Call, rng: random.Random) -> bool:
        """Return whether this call is affected, and count it."""
        if not self.matches(call):
            return False
        self._seen += 1
        if self._seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        if (self.probability < 1 and rng.random() >= self.probability) or not self.is_due(call):
            return False
        self.hits += 1
        return True

    def delay(self, rng: random.Random) -> float:
        """Seconds to wait before the call is answered."""
        return 0.0

    def before(self, call: Call) -> Answer | None:
        """Answer the call instead of the service, let it pass (None), or raise ApiError."""
        return None

    def after(self, call: Call, answer: Answer) -> Answer:
        """Return the response, possibly changed."""
        return answer


class Faults:
    """The active faults, in the order added. `seed` makes probabilities repeatable. Thread-safe."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.rng = random.Random(seed)

    def add(self, fault: Fault) -> Fault:
        """Activate a fault and return it, for its `hits` and for `remove`."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Deactivate a fault; does nothing if it is not active."""
        with self._lock:
            self._faults = [kept for kept in self._faults if kept is not fault]

    def clear(self) -> None:
        """Deactivate every fault."""
        with self._lock:
            self._faults = []

    @contextmanager
    def during(self, fault: Fault) -> Iterator[Fault]:
        """Keep a fault active inside a `with` block."""
        self.add(fault)
        try:
            yield fault
        finally:
            self.remove(fault)

    def striking(self, call: Call) -> list[Fault]:
        """Return the faults that affect a call, and count them."""
        if not self._faults:
            return []
        with self._lock:
            struck: list[Fault] = []
            is_refused = False
            for fault in self._faults:
                if not (fault.refuses and is_refused) and fault.strikes(call, self.rng):
                    struck.append(fault)
                    is_refused = is_refused or fault.refuses
            return struck

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))
