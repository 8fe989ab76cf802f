"""The fixtures of the check's tests, for the tools' tests too, a Datadog, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import aws_environment, logging_as_it_was, strict_agent
from tools.tests.fake_datadog import FakeDatadog

__all__ = ['aws_environment', 'browser', 'fake', 'logging_as_it_was', 'strict_agent']

# Chromium is not to look for anything on the network.
FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
]


@pytest.fixture
def fake() -> Iterator[FakeDatadog]:
    with FakeDatadog() as fake:
        yield fake


@pytest.fixture(scope='session')
def browser() -> Iterator[Any]:
    """The headless Chromium on PATH. There is one, as Playwright starts only once in a process."""
    sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    path = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    if path is None:
        pytest.skip('there is no Chromium on PATH')
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()
