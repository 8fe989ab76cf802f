"""What the real check emits in the demo."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner

from bedrock_jobs.cli.app import build
from bedrock_jobs.preview.recording import Recording, read_recording


@cache
def recorded() -> str:
    """Run the demo once, for all folders of tests, and return what it records."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'demo.jsonl'
        done = CliRunner().invoke(build(), ['demo', '--seconds', '0', '--record', str(path)])
        assert done.exit_code == 0, done.output
        return path.read_text(encoding='utf-8')


@pytest.fixture(scope='session')
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('demo') / 'demo.jsonl'
    path.write_text(recorded(), encoding='utf-8')
    return path


@pytest.fixture(scope='session')
def demo(demo_file: Path) -> Recording:
    return read_recording(demo_file)
