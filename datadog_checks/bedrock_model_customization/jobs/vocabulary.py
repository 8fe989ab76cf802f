"""AWS's values for the status and the type of a job. Values that AWS adds are to be added here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NOT_STARTED: Final = 'NotStarted'
IN_PROGRESS: Final = 'InProgress'
STOPPING: Final = 'Stopping'
COMPLETED: Final = 'Completed'
FAILED: Final = 'Failed'
STOPPED: Final = 'Stopped'
UNKNOWN: Final = 'Unknown'

# These apply to phases too, which may also be NOT_STARTED.
ACTIVE_STATUSES: Final = (IN_PROGRESS, STOPPING)
TERMINAL_STATUSES: Final = frozenset({COMPLETED, FAILED, STOPPED})
KNOWN_STATUSES: Final = (IN_PROGRESS, COMPLETED, FAILED, STOPPING, STOPPED)

CUSTOMIZATION_TYPES: Final[Mapping[str, str]] = {
    'FINE_TUNING': 'fine-tuning',
    'CONTINUED_PRE_TRAINING': 'continued pre-training',
    'DISTILLATION': 'distillation',
    'REINFORCEMENT_FINE_TUNING': 'reinforcement fine-tuning',
    'IMPORTED': 'import',
}
"""The types of model customization, each with its human-readable name."""
