"""The overview in a real browser: every widget shows something, nothing complains, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bedrock_jobs.preview.library import find_assets, read_library
from bedrock_jobs.preview.page import draw
from bedrock_jobs.preview.recording import Recording

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OVERVIEW = 'bedrock_model_customization_overview'
EMPTY_DRAWINGS = """
() => [...document.querySelectorAll('.chart svg, .behind svg')]
  .filter(svg => svg.getBoundingClientRect().height < 20 || !svg.querySelector('path[d], text'))
  .map(svg => svg.closest('.widget').querySelector('h3').textContent)
"""
# A chart or table that is wider or higher than its widget is cut off there, as none may scroll sideways.
CUT_OFF = """
() => [...document.querySelectorAll('.widget')]
  .filter(widget => [...widget.querySelectorAll('.chart svg, .chart + .legend, .toplist, table, .big')].some(inner => {
    const [box, room] = [inner.getBoundingClientRect(), widget.getBoundingClientRect()];
    const scrolls = inner.closest('.scroll') !== null;
    return box.right > room.right + 1 || (!scrolls && box.bottom > room.bottom + 1);
  }))
  .map(widget => widget.querySelector('h3').textContent)
"""


@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_every_widget_shows_data(browser: Browser, theme: str, demo: Recording, tmp_path: Path) -> None:
    library = read_library(find_assets())
    file = tmp_path / 'page.html'
    file.write_text(draw(library.dashboard(OVERVIEW), demo, library).html, encoding='utf-8')
    page = browser.new_page(
        viewport={'width': 1456, 'height': 900}, color_scheme='dark' if theme == 'dark' else 'light'
    )
    complaints: list[str] = []
    requests: list[str] = []
    page.on('console', lambda message: complaints.append(message.text))
    page.on('pageerror', lambda error: complaints.append(str(error)))
    page.on('request', lambda request: requests.append(request.url))
    page.goto(file.as_uri())

    widgets = page.locator('.widget')
    states = widgets.evaluate_all('all => all.map(one => one.dataset.state)')
    texts = widgets.evaluate_all('all => all.map(one => one.innerText.trim())')
    background = page.evaluate('getComputedStyle(document.body).backgroundColor')

    assert len(states) > 30 and set(states) == {'data'}
    assert all(texts)
    assert page.evaluate(EMPTY_DRAWINGS) == []
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate('document.documentElement.scrollWidth') == 1456
    assert (max(map(int, background[4:-1].split(', '))) < 60) == (theme == 'dark')
    assert complaints == []
    assert requests == [file.as_uri()]
    page.close()
