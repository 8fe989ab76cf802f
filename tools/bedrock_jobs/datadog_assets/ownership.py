"""Marks our objects in Datadog: with tags on monitors and SLOs, with a line in the description of dashboards.

On dashboards, Datadog allows no tags but `team:`, and its list of dashboards has the description but not the tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

TOOL: Final = 'bedrock-jobs'
OWNER_TAG: Final = f'managed_by:{TOOL}'
ASSET_KEY: Final = 'bedrock_jobs_asset'
# A Markdown comment, which Datadog does not display.
_LINE: Final = re.compile(rf'\n*^\[//\]: # \({OWNER_TAG} asset:([a-z0-9_-]+/[a-z0-9_]+)\)\s*$', re.MULTILINE)


def marker(deployment: str, stem: str) -> str:
    """Return the marker of an asset in a deployment, unique among assets of the same kind."""
    return f'{deployment}/{stem}'


def tags(mark: str) -> list[str]:
    """Return the tags that mark a monitor or an SLO as ours."""
    return [OWNER_TAG, f'{ASSET_KEY}:{mark}']


def from_tags(found: Iterable[str]) -> str | None:
    """Return the marker in a monitor's or an SLO's tags, or None if it is not ours."""
    found = list(found)
    marks = [tag.partition(':')[2] for tag in found if tag.startswith(f'{ASSET_KEY}:')]
    return marks[0] if OWNER_TAG in found and len(marks) == 1 else None


def describe(description: str, mark: str) -> str:
    """Return a dashboard's description with the marker as its last line."""
    return '\n\n'.join(filter(None, (description.rstrip(), f'[//]: # ({OWNER_TAG} asset:{mark})')))


def from_description(description: str | None) -> str | None:
    """Return the marker in a dashboard's description, or None if it is not ours."""
    marks = _LINE.findall(description or '')
    return marks[0] if len(marks) == 1 else None


def undescribe(description: str) -> str:
    """Return a dashboard's description without the marker."""
    return _LINE.sub('', description)
