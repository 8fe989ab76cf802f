"""Made-up credentials for processes that talk to the simulator."""

from __future__ import annotations

import os
from typing import Final

CREDENTIALS: Final = {
    'AWS_ACCESS_KEY_ID': 'AKIAEXAMPLE',
    'AWS_SECRET_ACCESS_KEY': 'example',
    'AWS_CONFIG_FILE': '/nonexistent',
    'AWS_SHARED_CREDENTIALS_FILE': '/nonexistent',
    'AWS_EC2_METADATA_DISABLED': 'true',
}
OTHER_SETTINGS: Final = (
    'AWS_BEARER_TOKEN_BEDROCK',
    'AWS_CA_BUNDLE',
    'AWS_ENDPOINT_URL',
    'AWS_MAX_ATTEMPTS',
    'AWS_PROFILE',
    'AWS_RETRY_MODE',
    'AWS_SESSION_TOKEN',
)


def use_made_up_credentials() -> None:
    """Make this process use the simulator's default account and ignore the machine's own AWS configuration."""
    for name in OTHER_SETTINGS:
        os.environ.pop(name, None)
    os.environ.update(CREDENTIALS)
