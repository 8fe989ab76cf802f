"""The environment of a process that talks only to the simulator."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch


def made_up_credentials() -> AbstractContextManager[Any]:
    """Temporarily use made-up credentials and nothing from the user's own AWS configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
    made_up = {'AWS_ACCESS_KEY_ID': 'AKIADEMO', 'AWS_SECRET_ACCESS_KEY': 'demo', 'AWS_EC2_METADATA_DISABLED': 'true'}
    nothing = {'AWS_CONFIG_FILE': os.devnull, 'AWS_SHARED_CREDENTIALS_FILE': os.devnull}
    return patch.dict(os.environ, kept | made_up | nothing, clear=True)
