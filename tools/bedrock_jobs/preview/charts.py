"""Draws charts as SVG with Vega-Lite. Colours are CSS variables, so one picture suits a light and a dark page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import vl_convert
from markupsafe import Markup

from .errors import PreviewError
from .formats import SECOND, TIMES

SCHEMA: Final = 'https://vega.github.io/schema/vega-lite/v5.json'
VEGA_LITE: Final = '5.21'
FONT: Final = 'Inter, system-ui, sans-serif'
MARKS: Final = ('line', 'area', 'bars')
CONFIG: Final[dict[str, Any]] = {
    'font': FONT,
    'background': None,
    'padding': {'left': 2, 'right': 8, 'top': 6, 'bottom': 2},
    'view': {'stroke': None},
    'axis': {
        'domain': False,
        'ticks': False,
        'gridColor': 'var(--grid)',
        'labelColor': 'var(--muted)',
        'labelFontSize': 10.5,
        'labelPadding': 6,
        'titleColor': 'var(--muted)',
        'titleFontSize': 11,
        'titleFontWeight': 500,
    },
}


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart: its name, colour, kind (`line`, `area` or `bars`) and points by time in seconds."""

    name: str
    colour: str
    kind: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Size:
    """A size in pixels, including axes."""

    width: int
    height: int


def timeseries(
    lines: Sequence[Line], size: Size, step: float, unit: str, markers: Iterable[tuple[float, str, str]] = ()
) -> Markup:
    """Draw lines, stacked areas or stacked bars over time. `markers` are values, each with a label and a colour."""
    top = max((value for line in lines for _, value in line.points if value is not None), default=0.0)
    divisor, name = _axis_unit(top, unit)
    layers = [
        _layer(kind, [line for line in lines if line.kind == kind], step, (divisor, name), size) for kind in MARKS
    ]
    shown = [layer for layer in layers if layer]
    if not shown:
        raise PreviewError('there is nothing to draw')
    # Leave out markers far above the data, which would flatten it.
    marks = [_marker(value / divisor, label, colour) for value, label, colour in markers if value <= top * 3]
    return _svg({'layer': [*shown, *(part for parts in marks for part in parts)]}, size)


def background(points: Sequence[tuple[float, float | None]], size: Size) -> Markup:
    """Draw the faint background of a large number: bars without axes."""
    encoding = {
        'x': {'field': 't', 'type': 'ordinal', 'axis': None},
        'y': {'field': 'v', 'type': 'quantitative', 'axis': None},
    }
    data = {'values': [{'t': time, 'v': value or 0.0} for time, value in points]}
    return _svg({'data': data, 'mark': {'type': 'bar', 'color': 'currentColor'}, 'encoding': encoding}, size)


def scatter(
    points: Sequence[tuple[str, str, float, float]], size: Size, titles: tuple[str, str], colours: Mapping[str, str]
) -> Markup:
    """Draw points (name, series, x, y) and the line where x equals y."""
    top = max(max(x, y) for _, _, x, y in points) * 1.08
    data = {'values': [{'name': name, 'series': series, 'x': x, 'y': y} for name, series, x, y in points]}
    axes = {
        axis: {
            'field': axis,
            'type': 'quantitative',
            'title': title,
            'scale': {'domain': [0, top], 'nice': False},
            'axis': {'tickCount': 5},
        }
        for axis, title in zip(('x', 'y'), titles, strict=True)
    }
    colour = {
        'field': 'series',
        'type': 'nominal',
        'legend': None,
        'scale': {'domain': list(colours), 'range': list(colours.values())},
    }
    diagonal = {
        'data': {'values': [{'x': 0, 'y': 0}, {'x': top, 'y': top}]},
        'mark': {'type': 'line', 'color': 'var(--muted)', 'strokeDash': [4, 4], 'strokeWidth': 1},
    }
    circles = {
        'data': data,
        'mark': {'type': 'point', 'filled': True, 'size': 110, 'opacity': 0.9},
        'encoding': {'color': colour},
    }
    labels = [_names(data, 'left', f'datum.x <= {top * 0.6}'), _names(data, 'right', f'datum.x > {top * 0.6}')]
    return _svg({'layer': [diagonal, circles, *labels], 'encoding': axes}, size)


def _names(data: Mapping[str, Any], align: str, condition: str) -> dict[str, Any]:
    """Return the names of the points that meet a condition, drawn to the right or to the left of each point."""
    mark = {'type': 'text', 'align': align, 'dx': 9 if align == 'left' else -9, 'fontSize': 10.5, 'limit': 120}
    encoding = {'text': {'field': 'name'}, 'color': {'value': 'var(--text)'}}
    return {'data': data, 'transform': [{'filter': condition}], 'mark': mark, 'encoding': encoding}


def _layer(kind: str, lines: Sequence[Line], step: float, unit: tuple[float, str], size: Size) -> dict[str, Any] | None:
    if not lines:
        return None
    names = [str(index) for index, _ in enumerate(lines)]
    values = [
        {'t': time * 1000, 'v': value / unit[0], 'series': name, 'run': run}
        for name, line in zip(names, lines, strict=True)
        for time, value, run in _runs(line.points, step)
    ]
    steps = max(len(line.points) for line in lines)
    stacks = kind != 'line'
    mark: dict[str, Any] = {
        'line': {'type': 'line', 'strokeWidth': 1.8, 'interpolate': 'linear'},
        'area': {'type': 'area', 'opacity': 0.75, 'interpolate': 'step-after'},
        'bars': {'type': 'bar', 'width': max(size.width * 0.7 / steps, 2), 'align': 'left'},
    }[kind]
    y = {
        'field': 'v',
        'type': 'quantitative',
        'title': None,
        'stack': 'zero' if stacks else None,
        'axis': {'tickCount': 4, 'labelExpr': _label(unit[1])},
    }
    if not any(value['v'] for value in values):
        y['scale'] = {'domain': [0, 1]}
    scale = {'domain': names, 'range': [line.colour for line in lines]}
    encoding: dict[str, Any] = {
        'x': {
            'field': 't',
            'type': 'temporal',
            'title': None,
            'axis': {'grid': False, 'tickCount': 6, 'format': '%H:%M'},
        },
        'y': y,
        'color': {'field': 'series', 'type': 'nominal', 'legend': None, 'scale': scale},
    }
    encoding['x']['scale'] = {'type': 'utc'}
    if kind == 'line':
        encoding['detail'] = {'field': 'run'}
    if stacks:
        encoding['order'] = {'field': 'series'}
    return {'data': {'values': values}, 'mark': mark, 'encoding': encoding}


def _runs(points: Sequence[tuple[float, float | None]], step: float) -> Iterable[tuple[float, float, int]]:
    """Yield the points that have a value, each with the number of its run, so that a line does not cross a gap."""
    there = [(time, value) for time, value in points if value is not None]
    run = 0
    for index, (time, value) in enumerate(there):
        if index and time - there[index - 1][0] > step * 1.5:
            run += 1
        yield time, value, run


def _marker(value: float, label: str, colour: str) -> list[dict[str, Any]]:
    data = {'values': [{'v': value, 'label': label}]}
    y = {'field': 'v', 'type': 'quantitative'}
    rule = {'type': 'rule', 'color': colour, 'strokeDash': [5, 4], 'strokeWidth': 1.3}
    text = {'type': 'text', 'align': 'right', 'dy': -6, 'x': 'width', 'color': colour, 'fontSize': 10.5}
    return [
        {'data': data, 'mark': rule, 'encoding': {'y': y}},
        {'data': data, 'mark': text, 'encoding': {'y': y, 'text': {'field': 'label'}}},
    ]


def _axis_unit(top: float, unit: str) -> tuple[float, str]:
    """Return a divisor for the values and the resulting unit, chosen so that ticks are round numbers."""
    return next((one for one in TIMES if top >= one[0] * 2), TIMES[-1]) if unit == SECOND else (1.0, '')


def _label(unit: str) -> str:
    number = "abs(datum.value) < 1 ? format(datum.value, '~g') : format(datum.value, '~s')"
    return f"({number}) + ' {unit}'" if unit else number


def _svg(spec: Mapping[str, Any], size: Size) -> Markup:
    whole = {
        '$schema': SCHEMA,
        'config': CONFIG,
        'width': size.width,
        'height': size.height,
        'autosize': {'type': 'fit', 'contains': 'padding'},
        **spec,
    }
    # The SVG from Vega has all text escaped.
    return Markup(vl_convert.vegalite_to_svg(whole, vl_version=VEGA_LITE))
