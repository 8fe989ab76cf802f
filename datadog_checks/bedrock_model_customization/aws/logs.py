"""Keeps signatures and session tokens, which botocore tells at debug level and in tracebacks, out of the log."""

from __future__ import annotations

import logging
from typing import Final

from .errors import FINDING_CREDENTIALS, explain

LOGGERS: Final = ('boto3', 'botocore', 's3transfer', 'urllib3')
# They warn, with a traceback, of credentials that could not be renewed.
RENEWING: Final = ('botocore.credentials', 'botocore.tokens')


def keep_quiet() -> None:
    """Let these packages log from INFO on, unless somebody has chosen a level for one of them.

    They would otherwise follow the root logger, which an Agent with `log_level: debug` sets to DEBUG. What they say of
    an exception that is about credentials takes one line, without any.
    """
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    for name in RENEWING:
        logging.getLogger(name).addFilter(_told_in_one_line)


def _told_in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, Exception):
        # A traceback quotes what no header may have, and whatever a credential_process wrote.
        record.msg, record.args = '%s %s', (record.getMessage(), explain(error, FINDING_CREDENTIALS))
        record.exc_info = None
    return True
