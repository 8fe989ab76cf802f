"""Keeps signatures and session tokens out of the log: botocore logs them at debug level and in tracebacks."""

from __future__ import annotations

import logging
from typing import Final

from .errors import FINDING_CREDENTIALS, explain

LOGGERS: Final = ('boto3', 'botocore', 's3transfer', 'urllib3')
# These log a warning with a traceback when credentials cannot be renewed.
RENEWING: Final = ('botocore.credentials', 'botocore.tokens')


def keep_quiet() -> None:
    """Set the loggers of these packages to INFO, unless a level was set explicitly.

    They would otherwise inherit DEBUG from the root logger of an Agent with `log_level: debug`. Exceptions from
    renewing credentials are logged as one line, without a traceback and without secrets.
    """
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    for name in RENEWING:
        logging.getLogger(name).addFilter(_in_one_line)


def _in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, Exception):
        # A traceback quotes invalid header values and the output of credential_process.
        record.msg, record.args = '%s %s', (record.getMessage(), explain(error, FINDING_CREDENTIALS))
        record.exc_info = None
    return True
