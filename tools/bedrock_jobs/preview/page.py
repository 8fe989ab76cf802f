"""Assembles a dashboard as one self-contained HTML page: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .errors import PreviewError
from .evaluate import Evaluator
from .language import ANYTHING, Variables
from .library import Library
from .recording import Recording
from .widgets import EMPTY, ERROR, GAP, ROW, Box, Drawn, Painter

Theme = Literal['auto', 'light', 'dark']
COLUMNS: Final = 12


@dataclass(frozen=True, slots=True)
class Group:
    """A group of widgets. Its width in columns is also that of its own grid."""

    title: str
    colour: str
    box: Box
    widgets: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and what is missing from it: widgets without data, and widgets that could not be drawn."""

    html: str
    empty: tuple[str, ...]
    errors: tuple[str, ...]


def draw(
    dashboard: Mapping[str, Any],
    recording: Recording,
    library: Library,
    chosen: Mapping[str, str] | None = None,
    theme: Theme = 'auto',
) -> Page:
    """Draw a dashboard with the values `chosen` for its template variables. Raises PreviewError.

    A widget that cannot be drawn shows the reason in its place. A dashboard that cannot be laid out is an error.
    """
    variables = read_variables(dashboard, chosen or {})
    painter = Painter(Evaluator(recording, variables), library)
    try:
        groups = [_group(widget, painter) for widget in dashboard['widgets']]
    except (KeyError, TypeError) as error:
        raise PreviewError(f'the dashboard is not of the form that is drawn: {error!r}') from error
    widgets = [widget for group in groups for widget in group.widgets]
    html = _template().render(
        title=dashboard['title'],
        variables=variables,
        groups=groups,
        start=_moment(recording.start),
        end=_moment(recording.end),
        theme=theme,
        row=ROW,
        gap=GAP,
        columns=COLUMNS,
    )
    return Page(html, _titles(widgets, EMPTY), _titles(widgets, ERROR))


def read_variables(dashboard: Mapping[str, Any], chosen: Mapping[str, str]) -> Variables:
    """Return the template variables with their chosen values, or else their first defaults. Raises PreviewError."""
    declared = {one['name']: one for one in dashboard.get('template_variables') or ()}
    for name in chosen:
        if name not in declared:
            raise PreviewError(f'there is no variable {name}; there are {", ".join(declared) or "none"}')
    return {
        name: (one.get('prefix') or name, chosen.get(name) or next(iter(one.get('defaults') or ()), ANYTHING))
        for name, one in declared.items()
    }


def _group(widget: Mapping[str, Any], painter: Painter) -> Group:
    definition, layout = widget['definition'], widget['layout']
    if definition['type'] != 'group':
        raise PreviewError(f'a {definition["type"]} stands outside of every group')
    return Group(
        definition['title'],
        definition.get('background_color', 'white'),
        Box(layout['x'], layout['y'], layout['width'], layout['height']),
        tuple(painter.draw(inner) for inner in definition['widgets']),
    )


def _template() -> Any:
    loader = PackageLoader(__package__ or '', 'templates')
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # The style sheet is our own text, and escaping would break it.
    environment.globals['style'] = Markup(loader.get_source(environment, 'page.css')[0])
    return environment.get_template('page.html')


def _titles(widgets: Iterable[Drawn], state: str) -> tuple[str, ...]:
    return tuple(
        f'{widget.title or widget.kind}{": " + widget.values["message"] if state == ERROR else ""}'
        for widget in widgets
        if widget.state == state
    )


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime('%b %d, %H:%M')
