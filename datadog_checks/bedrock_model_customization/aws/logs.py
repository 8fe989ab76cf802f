"""Keeps signatures and session tokens out of the log: botocore logs them at debug level and in tracebacks."""

from __future__ import annotations

import logging
from typing import Final

from .workers import is_worker

LOGGERS: Final = ('boto3', 'botocore', 's3transfer', 'urllib3')
# These log a warning with a traceback when credentials cannot be renewed.
RENEWING: Final = ('botocore.credentials', 'botocore.tokens')


def keep_quiet() -> None:
    """Set the loggers of these packages to INFO, unless a level was set explicitly.

    They would otherwise inherit DEBUG from the root logger of an Agent with `log_level: debug`. That our credentials
    cannot be renewed is not logged, once for each Region and poll: the check reports it itself, once.
    """
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    for name in RENEWING:
        logging.getLogger(name).addFilter(_is_of_others)


def _is_of_others(record: logging.LogRecord) -> bool:
    """Whether a record is to be logged: none with a traceback, which may quote secrets, from threads of ours."""
    return record.exc_info is None or not is_worker()
