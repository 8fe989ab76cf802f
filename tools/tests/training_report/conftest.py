"""A report of the demo's jobs, made once, and a browser to open it in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bedrock_jobs.training_report.runs import Report

NOW = datetime(2026, 11, 23, 21, tzinfo=UTC)


@pytest.fixture(scope='session')
def made() -> Report:
    """The demo's report."""
    from bedrock_jobs.training_report.demo import demo
    from bedrock_jobs.training_report.runs import look

    with demo(NOW) as instances:
        return look(instances, NOW, since=timedelta(days=7))


@pytest.fixture(scope='session')
def page_file(made: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's report as a page."""
    pytest.importorskip('jinja2', reason="needs the extra 'report'")
    from bedrock_jobs.training_report.page import render

    path = tmp_path_factory.mktemp('report') / 'report.html'
    path.write_text(render(made), encoding='utf-8')
    return path


@pytest.fixture(scope='session')
def browser() -> Iterator[Any]:
    """A headless Chromium: the one on PATH."""
    sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    chromium = which('chromium') or which('chromium-browser') or which('google-chrome')
    if not chromium:
        pytest.skip('there is no Chromium on PATH')
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield launched
        launched.close()
