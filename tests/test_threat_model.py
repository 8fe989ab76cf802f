"""Every test that the threat model rests on exists."""

from __future__ import annotations

import re

from .paths import ROOT


def test_every_test_it_names_exists() -> None:
    text = (ROOT / 'docs' / 'threat-model.md').read_text(encoding='utf-8')
    named = re.findall(r'`([\w/]+\.py)?(?:::(\w+))?`', text)
    path, found = '', 0
    for file, test in named:
        path = file or path
        if not file and not test:
            continue
        folder = ROOT if path.startswith('tools/') else ROOT / 'tests'
        source = (folder / path).read_text(encoding='utf-8')
        assert not test or f'def {test}(' in source, f'{path}::{test}'
        found += 1
    assert found >= 20
