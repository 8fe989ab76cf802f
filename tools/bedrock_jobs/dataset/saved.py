"""Ready-made queries, shipped as files under `assets/queries/`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from ..shipped import ASSETS

_HEADER: Final = re.compile(r'^--\s*(title|description):\s*(.*)$')
_CONTINUED: Final = re.compile(r'^--\s{2,}(\S.*)$')


class Saved(NamedTuple):
    """A saved query: its file name, the title and description from its header, and the SQL without the header."""

    name: str
    title: str
    description: str
    sql: str


def saved_queries() -> dict[str, Saved]:
    """Return the saved queries by name, sorted by name."""
    files = sorted((ASSETS / 'queries').glob('*.sql')) if ASSETS else []
    return {path.stem: read_saved(path) for path in files}


def saved_query(name: str) -> Saved:
    """Return a saved query. Raises KeyError with a message that names the nearest ones."""
    known = saved_queries()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.3)
        raise KeyError(f'no saved query {name!r}' + (f'; is it one of {", ".join(near)}?' if near else ''))
    return known[name]


def read_saved(path: Path) -> Saved:
    """Read one file: comment lines `-- title:` and `-- description:` (continued by indented ones), then the query."""
    header = {'title': path.stem, 'description': ''}
    lines = path.read_text(encoding='utf-8').splitlines()
    current = None
    while lines:
        found, more = _HEADER.match(lines[0]), _CONTINUED.match(lines[0])
        if found:
            current = found[1]
            header[current] = found[2].strip()
        elif more and current:
            header[current] += ' ' + more[1].strip()
        else:
            break
        del lines[0]
    return Saved(path.stem, header['title'], header['description'], '\n'.join(lines).strip() + '\n')
