"""What something costs the process that does it: CPU, wall time, memory."""

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
    """What something took.

    `cpu` is seconds of CPU of all threads of the process, `wall` seconds on the clock; `peak` is the highest resident
    memory meanwhile and `resident` that at the end, in MiB of the whole process, interpreter and libraries included.
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
    """Do something and return what it took."""
    reset_peak()
    cpu, wall = process_time(), perf_counter()
    action()
    return Cost(process_time() - cpu, perf_counter() - wall, peak_memory(), resident_memory())


def resident_memory() -> float:
    """Return this process's resident memory in MiB; the highest so far where only that is known."""
    return _status('VmRSS:') or _highest_ever()


def peak_memory() -> float:
    """Return the highest resident memory in MiB since `reset_peak`, or ever where that cannot be reset."""
    return _status('VmHWM:') or _highest_ever()


def reset_peak() -> None:
    """Begin a new peak, where the system can (Linux)."""
    with suppress(OSError):
        CLEAR_REFS.write_text(RESET_PEAK)


def _status(name: str) -> float | None:
    with suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / KIB_PER_MIB
    return None


def _highest_ever() -> float:
    # Only where /proc is missing: on Linux this begins with the memory of the process that started ours.
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / KIB_PER_MIB / (KIB_PER_MIB if sys.platform == 'darwin' else 1)
