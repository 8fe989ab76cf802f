"""Keeps what botocore says at debug level out of the Agent's log: requests with their signatures and session tokens."""

from __future__ import annotations

import logging
from typing import Final

LOGGERS: Final = ('boto3', 'botocore', 's3transfer', 'urllib3')


def keep_quiet() -> None:
    """Let these packages log from INFO on, unless somebody has chosen a level for one of them.

    They would otherwise follow the root logger, which an Agent with `log_level: debug` sets to DEBUG.
    """
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
