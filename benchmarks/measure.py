"""Measures what an action costs the process that runs it: CPU, wall time, memory."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final, Self

KIB_PER_MIB: Final = 1024
STATUS: Final = Path('/proc/self/status')
CLEAR_REFS: Final = Path('/proc/self/clear_refs')
RESET_PEAK: Final = '5'


@dataclass(frozen=True, slots=True)
class Cost:
    """What an action cost.

    `cpu` is CPU seconds of all threads of the process, and `wall` is elapsed seconds. `peak` is the highest resident
    memory during the action and `resident` that at its end, in MiB of the whole process, interpreter and libraries
    included.
    """

    cpu: float
    wall: float
    peak: float
    resident: float

    @classmethod
    def median(cls, costs: Sequence[Self]) -> Self:
        """Return the median of each figure."""
        return cls(*(median(getattr(cost, field.name) for cost in costs) for field in fields(cls)))


def measure(action: Callable[[], object]) -> Cost:
    """Run an action and return what it cost."""
    reset_peak()
    cpu, wall = process_time(), perf_counter()
    action()
    return Cost(process_time() - cpu, perf_counter() - wall, peak_memory(), resident_memory())


def resident_memory() -> float:
    """Return this process's resident memory in MiB, or its highest so far if only that is known."""
    return _status('VmRSS:') or _highest_ever()


def peak_memory() -> float:
    """Return the highest resident memory in MiB since `reset_peak`, or since the start if it cannot be reset."""
    return _status('VmHWM:') or _highest_ever()


def reset_peak() -> None:
    """Start a new peak, if the system supports it (Linux)."""
    with suppress(OSError):
        CLEAR_REFS.write_text(RESET_PEAK)


def _status(name: str) -> float | None:
    with suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / KIB_PER_MIB
    return None


def _highest_ever() -> float:
    # Only used without /proc: on Linux this figure starts with the memory of the parent process.
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / KIB_PER_MIB / (KIB_PER_MIB if sys.platform == 'darwin' else 1)
