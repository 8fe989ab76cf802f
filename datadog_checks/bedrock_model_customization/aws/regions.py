"""Which partition a Region belongs to, by botocore's own data. No configuration of AWS is read for it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from botocore.loaders import Loader

PARTITIONS: Final = ('aws', 'aws-cn', 'aws-us-gov', 'aws-eusc', 'aws-iso', 'aws-iso-b', 'aws-iso-e', 'aws-iso-f')


@cache
def partition_of(region: str) -> str | None:
    """Return the AWS partition of a Region, or None if neither botocore's list nor its patterns know the Region."""
    known = [one for one in _partitions() if region in one['regions']]
    like = [one for one in _partitions() if re.match(one['regionRegex'], region)]
    return next((str(one['id']) for one in (*known, *like)), None)


@cache
def is_known(region: str) -> bool:
    """Whether this version of botocore lists the Region."""
    return any(region in partition['regions'] for partition in _partitions())


@cache
def _partitions() -> list[dict[str, Any]]:
    partitions: list[dict[str, Any]] = Loader().load_data('partitions')['partitions']
    return partitions
