"""The page as people meet it: in a browser, on a phone, in the dark, by keyboard, and with hostile names in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import HOSTILE, HOSTILE_NAME

DESKTOP = {'viewport': {'width': 1280, 'height': 900}}
PHONE = {'viewport': {'width': 390, 'height': 844}, 'is_mobile': True, 'has_touch': True}
SHADES = ('light', 'dark')
# How many pixels of a canvas are neither transparent nor grey: ink of a curve.
COLOURFUL = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4)
  {
    const [r, g, b, a] = data.slice(i, i + 4);
    count += a > 0 && Math.max(r, g, b) - Math.min(r, g, b) > 60;
  }
  return count;
}"""

# The contrast of an element's text, as WCAG 2 defines it.
CONTRAST = """element => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  let behind = element;
  while (behind && parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const a = light(parse(getComputedStyle(element).color));
  const b = light(parse(getComputedStyle(behind).backgroundColor));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
INJECT = """() => {
  const script = document.createElement('script');
  script.textContent = 'window.hijacked = 1';
  document.body.append(script);
}"""


class Opened:
    """A page, and everything that it should not have done."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on('console', lambda message: self.complaints.append(message.text))
        self.page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self.page.on('dialog', self._refuse)
        self.page.on('request', lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def _refuse(self, dialog: Any) -> None:
        self.complaints.append(f'dialog: {dialog.message}')
        dialog.dismiss()

    def scroll(self) -> None:
        """See the whole page: charts are made when they come into view."""
        for place in self.page.locator('.chart').all():
            place.scroll_into_view_if_needed()
            place.locator('canvas').wait_for()


@pytest.fixture(params=[(DESKTOP, shade) for shade in SHADES] + [(PHONE, 'dark')], ids=['light', 'dark', 'phone'])
def opened(browser: Any, page_file: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    options, shade = request.param
    found = Opened(browser, page_file, color_scheme=shade, **options)
    yield found
    found.context.close()


@pytest.fixture
def desktop(browser: Any, page_file: Path) -> Iterator[Opened]:
    found = Opened(browser, page_file, **DESKTOP)
    yield found
    found.context.close()


def test_it_opens_quietly_and_shows_every_curve(opened: Opened, page_file: Path) -> None:
    opened.scroll()
    assert opened.complaints == []
    assert opened.requests == [page_file.as_uri()]
    canvases = opened.page.locator('.chart canvas').all()
    assert len(canvases) >= 9
    assert all(canvas.evaluate(COLOURFUL) > 100 for canvas in canvases)


def test_nothing_is_wider_than_the_screen(opened: Opened) -> None:
    opened.scroll()
    width = opened.page.viewport_size['width']
    assert opened.page.evaluate('document.documentElement.scrollWidth') <= width


def test_text_stands_out_from_its_background(opened: Opened) -> None:
    for kind in ('.quiet', 'a', '.status', 'pre', 'td', 'dt', 'summary'):
        for element in opened.page.locator(f'{kind} >> visible=true').all()[:12]:
            assert element.evaluate(CONTRAST) >= 4.5, element.inner_text()


def test_hostile_names_and_messages_are_text(desktop: Opened) -> None:
    desktop.scroll()
    assert desktop.page.title().startswith('Amazon Bedrock model customization jobs')
    assert desktop.page.locator('#table').get_by_text(HOSTILE_NAME, exact=True).count() == 1
    assert HOSTILE in desktop.page.locator('#failures').inner_text()
    assert desktop.page.locator('img').count() == 0
    assert desktop.complaints == []


def test_the_page_may_run_no_script_of_others(desktop: Opened) -> None:
    desktop.page.evaluate(INJECT)
    assert desktop.page.evaluate('window.hijacked') is None
    assert any('Content Security Policy' in complaint for complaint in desktop.complaints)


def test_sorting_and_filtering(desktop: Opened) -> None:
    page = desktop.page

    def names() -> list[str]:
        return list(page.locator('#table tbody tr:not([hidden]) th').all_inner_texts())

    newest_first = names()
    page.get_by_role('button', name='Training loss').click()
    assert names()[0] == 'summaries-haiku'
    assert page.locator('th[aria-sort]').all_inner_texts() == ['Training loss']
    page.get_by_role('button', name='Created').click()
    assert names() == newest_first[::-1]
    page.get_by_role('button', name='Created').click()
    assert names() == newest_first
    page.get_by_label('Filter').fill('TEAM:support v7')
    assert names() == ['support-bot-v7']
    page.get_by_label('Filter').fill('')
    page.get_by_label('Status').select_option('Failed')
    assert names() == ['fraud-narratives', 'risk-notes-v2', 'risk-notes-v1', 'hostile-message']
    assert page.locator('#shown').inner_text() == '4 of 17 shown'


def test_by_keyboard(desktop: Opened) -> None:
    page = desktop.page
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.textContent') == 'Skip to the jobs'
    page.get_by_role('button', name='Gap').focus()
    page.keyboard.press('Enter')
    assert page.locator('th[aria-sort]').all_inner_texts() == ['Gap']
    chart = page.locator('#compare .chart').first
    chart.scroll_into_view_if_needed()
    chart.locator('canvas').wait_for()
    chart.focus()
    for _ in range(4):
        page.keyboard.press('ArrowRight')
        page.wait_for_timeout(50)
    step = int(chart.locator('.u-series .u-value').first.inner_text())
    assert step == 4
    page.keyboard.press('PageUp')
    page.wait_for_timeout(50)
    assert int(chart.locator('.u-series .u-value').first.inner_text()) == 24
    label = chart.locator('.u-series:not(:first-child) th').first
    label.focus()
    page.keyboard.press('Enter')
    assert chart.locator('.u-series.u-off').count() == 1


def test_a_page_of_nothing(browser: Any, tmp_path: Path) -> None:
    pytest.importorskip('jinja2', reason="needs the extra 'report'")
    from bedrock_jobs.training_report.page import render
    from bedrock_jobs.training_report.runs import Report

    from .conftest import NOW

    path = tmp_path / 'empty.html'
    path.write_text(render(Report(NOW, problems=[f'us-east-1: {HOSTILE}'])), encoding='utf-8')
    found = Opened(browser, path, **DESKTOP)
    assert found.complaints == []
    assert found.page.get_by_text('No jobs were found.').count() == 1
    found.context.close()
