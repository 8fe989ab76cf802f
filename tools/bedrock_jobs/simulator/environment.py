"""The environment of a process that speaks to the simulator and to nobody else."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch


def made_up_credentials() -> AbstractContextManager[Any]:
    """Made-up credentials for a while, and nothing of the user's own AWS configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
    made_up = {'AWS_ACCESS_KEY_ID': 'AKIADEMO', 'AWS_SECRET_ACCESS_KEY': 'demo', 'AWS_EC2_METADATA_DISABLED': 'true'}
    nothing = {'AWS_CONFIG_FILE': os.devnull, 'AWS_SHARED_CREDENTIALS_FILE': os.devnull}
    return patch.dict(os.environ, kept | made_up | nothing, clear=True)
