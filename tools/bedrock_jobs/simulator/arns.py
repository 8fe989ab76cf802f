"""Amazon Resource Names and ids of simulated resources. Ids are derived, so every run gives the same ones."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Final

JOB_ARN: Final = re.compile(
    r'arn:aws(?:-[^:]+)?:bedrock:(?P<region>[a-z0-9-]{1,20}):(?P<account>[0-9]{12}):model-customization-job/'
    r'(?P<model>[a-z0-9-]{1,63}\.[a-z0-9.-]{1,189}(?::[a-z0-9-]{1,63}){0,2})/(?P<id>[a-z0-9]{12})'
)
CUSTOM_MODEL_ARN: Final = re.compile(
    r'arn:aws(?:-[^:]+)?:bedrock:(?P<region>[a-z0-9-]{1,20}):(?P<account>[0-9]{12}):custom-model/'
    r'(?P<model>[a-z0-9-]{1,63}(?:\.[a-z0-9.-]{1,189})?(?::[a-z0-9-]{1,63}){0,2})/(?P<id>[a-z0-9]{12})'
)
_FOUNDATION_ARN: Final = re.compile(r'arn:aws(?:-[^:]+)?:bedrock:[a-z0-9-]{1,20}::foundation-model/(?P<model>.+)')
_MODEL_ID: Final = re.compile(r'[a-z0-9-]{1,63}\.([a-z0-9-]{1,63}\.){0,2}[a-z0-9-]{1,63}(:[a-z0-9-]{1,63}){0,2}')
# Accepts the same names as the service model's own pattern, which takes exponential time on dashes.
JOB_NAME: Final = re.compile(r'[a-zA-Z0-9][a-zA-Z0-9+.-]{0,62}')
MODEL_NAME: Final = re.compile(r'([0-9a-zA-Z][_-]?){1,63}')

_ALPHABET: Final = '0123456789abcdefghijklmnopqrstuvwxyz'


def partition(region: str) -> str:
    """Return the AWS partition of a Region."""
    if region.startswith('us-gov-'):
        return 'aws-us-gov'
    return 'aws-cn' if region.startswith('cn-') else 'aws'


def resource_id(*parts: str) -> str:
    """Return an id of 12 letters and digits, always the same for the same parts."""
    number = int.from_bytes(hashlib.blake2b('\0'.join(parts).encode(), digest_size=8).digest())
    letters = []
    for _ in range(12):
        number, digit = divmod(number, 36)
        letters.append(_ALPHABET[digit])
    return ''.join(letters)


def foundation_model_id(base_model: str) -> str:
    """Return the foundation model's id, given an id, a foundation model ARN or a custom model ARN.

    Raises ValueError for anything else.
    """
    for pattern in (_FOUNDATION_ARN, CUSTOM_MODEL_ARN):
        if match := pattern.fullmatch(base_model):
            base_model = match['model']
            break
    if not _MODEL_ID.fullmatch(base_model):
        raise ValueError(f'not a base model: {base_model!r}')
    return base_model


def foundation_model_arn(region: str, model: str) -> str:
    return f'arn:{partition(region)}:bedrock:{region}::foundation-model/{model}'


def job_arn(account: str, region: str, model: str, job_id: str) -> str:
    return f'arn:{partition(region)}:bedrock:{region}:{account}:model-customization-job/{model}/{job_id}'


def key_arn(account: str, region: str, key: str) -> str:
    """Return the ARN of a KMS key given by ARN, id or alias; for an alias, the key is made up."""
    if ':key/' in key:
        return key
    key_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f'{account}/{key}')) if 'alias/' in key else key
    return f'arn:{partition(region)}:kms:{region}:{account}:key/{key_id}'


def custom_model_arn(account: str, region: str, model: str, model_id: str) -> str:
    return f'arn:{partition(region)}:bedrock:{region}:{account}:custom-model/{model}/{model_id}'
