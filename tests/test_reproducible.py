"""Whoever builds the wheels from the same commit gets the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest

from .paths import ROOT

pytestmark = pytest.mark.slow

OTHERS = ignore_patterns('.*', '__pycache__', 'dist', 'build', 'tests', 'benchmarks', '*.egg-info', 'ddev-layout')


def build(folder: Path, **environment: str) -> list[Path]:
    """Build from a copy of the checkout, so that names, times and the order of files differ."""
    copytree(ROOT, folder / 'source', ignore=OTHERS)
    for number, path in enumerate(sorted((folder / 'source').rglob('*.py'))):
        os.utime(path, (number, time.time() - number))
    subprocess.run(
        [
            sys.executable,
            '-m',
            'pip',
            '--disable-pip-version-check',
            'wheel',
            '--quiet',
            '--no-deps',
            '-w',
            'out',
            './source',
            './source/tools',
        ],
        cwd=folder,
        env=os.environ | environment,
        check=True,
        capture_output=True,
    )
    return sorted((folder / 'out').glob('*.whl'))


def test_two_builds_are_the_same(tmp_path: Path) -> None:
    (tmp_path / 'one').mkdir()
    (tmp_path / 'another place').mkdir()
    first = build(tmp_path / 'one', SOURCE_DATE_EPOCH='1767225600')
    second = build(tmp_path / 'another place', SOURCE_DATE_EPOCH='1767225600', TZ='Asia/Tokyo', LC_ALL='C')
    assert len(first) == 2
    assert [wheel.name for wheel in first] == [wheel.name for wheel in second]
    for one, other in zip(first, second, strict=True):
        assert sha256(one.read_bytes()).digest() == sha256(other.read_bytes()).digest()
        with ZipFile(one) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(2026, 1, 1, 0, 0, 0)}
            assert not any(str(tmp_path).encode() in archive.read(name) for name in archive.namelist())
