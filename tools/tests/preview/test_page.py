"""The page: what a widget shows, what it says where it cannot, and that foreign text stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bedrock_jobs.cli.app import build
from bedrock_jobs.preview.errors import PreviewError
from bedrock_jobs.preview.formats import show, tone
from bedrock_jobs.preview.library import Library, find_assets, read_library
from bedrock_jobs.preview.page import Page, draw
from bedrock_jobs.preview.recording import Recording

from .polls import NAMESPACE, event, recording

EMPTY_LIBRARY = Library({}, {}, {}, {})
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
OVERVIEW = 'bedrock_model_customization_overview'
JOB = 'bedrock_model_customization_job'


class Tags(HTMLParser):
    """Collects elements and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


def dashboard(*definitions: dict[str, Any], **more: Any) -> dict[str, Any]:
    layout = {'x': 0, 'y': 0, 'width': 6, 'height': 3}
    widgets = [{'definition': definition, 'layout': layout} for definition in definitions]
    group = {'type': 'group', 'title': 'Group', 'widgets': widgets}
    return {'title': 'Test', 'widgets': [{'definition': group, 'layout': layout}], **more}


def chart(query: str, kind: str = 'toplist', **more: Any) -> dict[str, Any]:
    response = 'timeseries' if kind == 'timeseries' else 'scalar'
    queries = [{'data_source': 'metrics', 'name': 'q', 'query': query, 'aggregator': 'last'}]
    request = {'response_format': response, 'queries': queries, 'formulas': [{'formula': 'q'}], **more}
    return {'type': kind, 'title': 'Chart', 'show_legend': True, 'requests': [request]}


def drawn(data: Recording, *definitions: dict[str, Any], **more: Any) -> Page:
    return draw(dashboard(*definitions, **more), data, EMPTY_LIBRARY)


def test_the_overview_shows_data_in_every_widget(demo: Recording) -> None:
    library = read_library(find_assets())
    page = draw(library.dashboard(OVERVIEW), demo, library)

    assert (page.empty, page.errors) == ((), ())
    assert page.html.count('data-state="data"') > 30
    assert 'product-titles' in page.html and 'line 17 has no' in page.html


def test_the_job_page_shows_data_in_every_widget(demo: Recording) -> None:
    library = read_library(find_assets())
    chosen = {'job_name': 'support-bot-v8', 'base_model': 'amazon.nova-lite-v1:0:300k'}
    page = draw(library.dashboard(JOB), demo, library, chosen)

    assert (page.empty, page.errors) == ((), ())
    assert '0.5127' in page.html


@pytest.mark.parametrize('kind', ['toplist', 'timeseries', 'query_table'])
def test_foreign_text_stays_text(kind: str) -> None:
    tags = [f'job_name:{HOSTILE}']
    data = recording([('a', 'gauge', 1.0, tags)], [('a', 'gauge', 2.0, tags)])
    page = drawn(data, chart('avg:a{*} by {job_name}', kind))

    assert (page.empty, page.errors) == ((), ())
    found = Tags(page.html)
    assert not found.names & {'script', 'img', 'iframe', 'object'}
    assert not any(name.startswith('on') for name, _ in found.attributes)
    assert '&lt;script&gt;' in page.html


def test_foreign_text_of_a_scatter_plot_stays_text() -> None:
    tags = [f'job_name:{HOSTILE}', f'base_model:{HOSTILE}']
    data = recording([('a', 'gauge', 1.0, tags), ('b', 'gauge', 2.0, tags)])
    queries = [
        {
            'data_source': 'metrics',
            'name': name,
            'query': f'avg:{name}{{*}} by {{job_name,base_model}}',
            'aggregator': 'last',
        }
        for name in ('a', 'b')
    ]
    formulas = [{'formula': 'a', 'dimension': 'x'}, {'formula': 'b', 'dimension': 'y'}]
    table = {'response_format': 'scalar', 'queries': queries, 'formulas': formulas}
    page = drawn(
        data, {'type': 'scatterplot', 'title': 'S', 'requests': {'table': table}, 'color_by_groups': ['base_model']}
    )

    assert page.errors == page.empty == ()
    assert 'script' not in Tags(page.html).names


def test_an_event_can_neither_run_nor_fetch_anything() -> None:
    text = f'{HOSTILE}\n\n![x](http://example.com/x.png) [go](javascript:alert(1)) [fine](https://example.com)'
    query = {'data_source': 'event_stream', 'query_string': 'source:bedrock_model_customization', 'event_size': 'l'}
    stream = {'type': 'list_stream', 'title': 'E', 'requests': [{'response_format': 'event_list', 'query': query}]}
    page = drawn(recording([], events=[event(HOSTILE, text)]), stream)

    found = Tags(page.html)
    assert page.errors == page.empty == ()
    assert not found.names & {'script', 'img'}
    assert [value for name, value in found.attributes if name == 'href'] == [
        'data:,',
        'http://example.com/x.png',  # a link and no picture
        'https://example.com',
    ]
    assert not any(name == 'src' or name.startswith('on') for name, _ in found.attributes)


def test_the_page_needs_nothing_else(demo: Recording) -> None:
    library = read_library(find_assets())
    html = draw(library.dashboard(OVERVIEW), demo, library).html

    assert 'Content-Security-Policy' in html and '<script' not in html and '@import' not in html
    assert not re.search(r'url\((?!#)', html)
    assert len(html) < 1_000_000


@pytest.mark.parametrize(
    ('definition', 'reason'),
    [
        ({'type': 'sunburst', 'title': 'S'}, 'a widget of the type sunburst is not drawn'),
        ({'type': 'toplist', 'title': 'T'}, "not of the form that is drawn: KeyError"),
        ({'type': 'toplist', 'title': 'T', 'requests': [{}]}, "not of the form that is drawn: KeyError"),
        (chart('p95:a{*}'), 'not understood'),
        (chart('avg:a{$nobody}'), r'\$nobody is used, but not declared'),
        (chart('avg:a{*} by {x}', 'query_value'), 'cannot have groups'),
        (chart('avg:a{*}', conditional_formats=[{'comparator': '>', 'value': 0, 'palette': 'blue'}]), 'palette blue'),
        (chart('avg:a{*}', conditional_formats=[{'comparator': '~', 'value': 0, 'palette': 'red'}]), 'comparator ~'),
    ],
)
def test_what_cannot_be_drawn_says_why_and_spoils_nothing_else(definition: dict[str, Any], reason: str) -> None:
    page = drawn(recording([('a', 'gauge', 1.0, ['x:y'])]), definition, chart('avg:a{*} by {x}'))

    assert len(page.errors) == 1 and re.search(reason, page.errors[0])
    assert page.html.count('data-state="error"') == page.html.count('data-state="data"') == 1


def test_a_widget_without_data_says_so() -> None:
    page = drawn(recording([('a', 'gauge', 1.0, [])]), chart('avg:nothing{*}'), chart('avg:nothing{*}', 'timeseries'))

    assert page.empty == ('Chart', 'Chart')
    assert page.html.count('No data') == 2


def test_variables_choose() -> None:
    data = recording([('a', 'gauge', 1.0, ['x:one']), ('a', 'gauge', 2.0, ['x:two'])])
    variables = [{'name': 'x', 'prefix': 'x', 'defaults': ['*']}]
    board = dashboard(chart('max:a{$x} by {x}'), template_variables=variables)

    assert 'two' in draw(board, data, EMPTY_LIBRARY).html
    assert 'two' not in draw(board, data, EMPTY_LIBRARY, {'x': 'one'}).html
    with pytest.raises(PreviewError, match='no variable y'):
        draw(board, data, EMPTY_LIBRARY, {'y': 'one'})


def test_a_form_that_is_not_known_is_refused() -> None:
    data = recording([])

    for board in (
        {'title': 'T', 'widgets': [{}]},
        {'title': 'T', 'widgets': [{'definition': {'type': 'note'}, 'layout': {}}]},
    ):
        with pytest.raises(PreviewError):
            draw(board, data, EMPTY_LIBRARY)


@pytest.mark.parametrize(
    ('value', 'unit', 'precision', 'expected'),
    [
        (None, '', None, '-'),
        (float('nan'), '', None, '-'),
        (0.0, '', None, '0'),
        (1234567.0, '', None, '1.23M'),
        (0.5127, '', 4, '0.5127'),
        (90.0, 'second', None, '1.5min'),
        (22138.0, 'second', 0, '6.1h'),
        (0.25, 'second', 2, '0.25s'),
        (71.43, '%', 0, '71%'),
    ],
)
def test_numbers(value: float | None, unit: str, precision: int | None, expected: str) -> None:
    shown = show(value, unit, precision)

    assert shown.text + shown.unit == expected


def test_the_first_format_that_fits_gives_the_tone() -> None:
    formats = [
        {'comparator': '>=', 'value': 2, 'palette': 'white_on_red'},
        {'comparator': '>=', 'value': 1, 'palette': 'white_on_yellow'},
    ]

    assert [tone(value, formats) for value in (3, 1.5, 0, None)] == ['red', 'yellow', '', '']


def test_the_command(demo_file: Path, tmp_path: Path) -> None:
    output = tmp_path / 'page.html'
    done = CliRunner().invoke(
        build(), ['assets', 'preview', str(demo_file), '--output', str(output), '--theme', 'dark']
    )

    assert done.exit_code == 0, done.output
    assert 'data-theme="dark"' in output.read_text(encoding='utf-8')


def test_the_command_fails_where_a_widget_has_no_data(tmp_path: Path) -> None:
    recorded, output = tmp_path / 'one.jsonl', tmp_path / 'page.html'
    recorded.write_text(
        f'{{"t": 0, "metrics": [["{NAMESPACE}can_connect", "gauge", 1, ["region:r"]]], "events": []}}\n'
    )
    done = CliRunner().invoke(build(), ['assets', 'preview', str(recorded), '-o', str(output)])

    assert done.exit_code == 1
    assert 'no data: Failed jobs' in done.output and output.is_file()


@pytest.mark.parametrize(
    'options',
    [['--dashboard', 'nothing'], ['--variable', 'team'], ['--variable', 'nobody=x'], ['-o', '/nonexistent/x']],
)
def test_the_command_says_what_is_wrong_with_an_option(options: list[str], demo_file: Path) -> None:
    done = CliRunner().invoke(build(), ['assets', 'preview', str(demo_file), *options])

    assert done.exit_code == 1
    assert 'Traceback' not in done.output
