"""The rooms of the tools: each is used by the command line, and few by each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import bedrock_jobs

SOURCE: Final = Path(bedrock_jobs.__file__).parent
# What a room may import of the others, beside the modules at the top.
ARROWS: Final = {
    'accounts': set(),
    'datadog_assets': set(),
    'dataset': {'simulator'},
    'preview': set(),
    'recordings': {'simulator'},
    'simulator': set(),
    'training_report': {'simulator'},
}


def test_rooms_do_not_lean_on_each_other() -> None:
    rooms = {path.parent.name for path in SOURCE.glob('*/__init__.py')} - {'cli'}
    assert rooms == set(ARROWS)
    for room in rooms:
        for path in (SOURCE / room).rglob('*.py'):
            up = '.' * (len(path.relative_to(SOURCE).parts))
            for name in re.findall(rf'from {re.escape(up)}(\w+)', path.read_text(encoding='utf-8')):
                assert name in ARROWS[room] or not (SOURCE / name).is_dir(), f'{path}: {name}'


def test_modules_at_the_top_lean_on_no_room() -> None:
    for path in SOURCE.glob('*.py'):
        for name in re.findall(r'from \.(\w+)', path.read_text(encoding='utf-8')):
            assert not (SOURCE / name).is_dir(), f'{path}: {name}'
