"""Options that nothing reads: the Agent and the models take them without a word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel

# Options of the Agent itself, and of its base class, that our spec does not name.
OF_THE_AGENT: Final = frozenset(
    {
        'aggregate_tags_instances',
        'cluster_name',
        'disable_generic_tags',
        'enable_legacy_tags_normalization',
        'loader',
        'max_returned_metrics',
        'name',
        'namespace',
        'no_index',
        'process_isolation',
    }
)


def unknown_options(names: Iterable[str], model: type[BaseModel], prefix: str = '') -> list[str]:
    """Return a line for each option that nothing reads, with the one that was probably meant."""
    known = model.model_fields.keys() | OF_THE_AGENT
    lines = []
    for name in sorted(set(map(str, names)) - known):
        near = get_close_matches(name, known, 1)
        lines.append(f'{prefix}{name}: is no option of this check' + (f'; did you mean {near[0]}?' if near else ''))
    return lines
