"""Draws widgets: turns each kind of widget into the values that its part of the page's template shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from markdown_it import MarkdownIt
from markupsafe import Markup

from . import charts, states
from .errors import PreviewError
from .evaluate import NO_GROUP, Evaluator, Frame, Group, Table, Window, reduce, window_of
from .formats import COLOURS, NAMED_COLOURS, NOTHING, show, tone
from .language import Filter, Metric, parse_expression, parse_search, seconds
from .library import Library
from .recording import tag_values

ROW: Final = 72
"""Height of a grid row in pixels."""
COLUMN: Final = 112
GAP: Final = 8
TITLE: Final = 34
LEGEND_ROW: Final = 19
MAX_EVENTS: Final = 40

DATA: Final = 'data'
EMPTY: Final = 'empty'
ERROR: Final = 'error'

# An event's text is untrusted: no HTML, and nothing that a browser would fetch.
_MARKDOWN: Final = MarkdownIt('commonmark', {'html': False}).disable('image')


@dataclass(frozen=True, slots=True)
class Box:
    """A widget's position and size, in columns and rows of its group, from 0."""

    x: int
    y: int
    width: int
    height: int

    @property
    def pixels(self) -> charts.Size:
        """The space inside the widget, below its title."""
        width = self.width * (COLUMN + GAP) - GAP - 24
        return charts.Size(width, self.height * (ROW + GAP) - GAP - TITLE - 14)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A widget, ready for the template. `kind` is the part of the template, `values` is what that part shows."""

    kind: str
    title: str
    box: Box
    state: str = DATA
    span: str = ''
    values: Mapping[str, Any] = field(default_factory=dict)


class Painter:
    """Draws the widgets of one dashboard over one recording."""

    def __init__(self, evaluator: Evaluator, library: Library) -> None:
        self.evaluator, self.library = evaluator, library

    def draw(self, widget: Mapping[str, Any]) -> Drawn:
        """Draw a widget. One that cannot be drawn shows the reason in its place and does not affect the others."""
        definition, layout = widget['definition'], widget['layout']
        kind, title = definition['type'], definition.get('title', '')
        box = Box(layout['x'], layout['y'], layout['width'], layout['height'])
        span = definition.get('time', {}).get('live_span', '')
        try:
            if kind not in _PAINTERS:
                raise PreviewError(f'a widget of the type {kind} is not drawn')
            values = _PAINTERS[kind](self, definition, box)
        except PreviewError as error:
            return Drawn(kind, title, box, ERROR, span, {'message': str(error)})
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            return Drawn(kind, title, box, ERROR, span, {'message': f'not of the form that is drawn: {error!r}'})
        return Drawn(kind, title, box, DATA if values else EMPTY, span, values or {})

    # --- one method per kind of widget; each returns None if there is nothing to show

    def note(self, definition: Mapping[str, Any], _: Box) -> dict[str, Any]:
        return {'html': markdown(definition['content']), 'colour': definition.get('background_color', 'white')}

    def query_value(self, definition: Mapping[str, Any], box: Box) -> dict[str, Any] | None:
        request = _only(definition['requests'])
        formula = _only(request['formulas'])
        table = self._table(definition, request, formula)
        if set(table) - {NO_GROUP}:
            raise PreviewError('a single value cannot have groups')
        value = table.get(NO_GROUP)
        if value is None:
            return None
        unit = definition.get('custom_unit') or self._unit(request, formula)
        colour = tone(value, request.get('conditional_formats') or ())
        background = None
        if definition.get('timeseries_background'):
            frame = self._frame(definition, request, formula)
            points = list(zip(self._window(definition, request).times, frame.groups.get(NO_GROUP, []), strict=False))
            size = charts.Size(box.width * (COLUMN + GAP) - GAP, (box.height * ROW) // 3)
            background = charts.background(points, size) if points else None
        return {'value': show(value, unit, definition.get('precision')), 'tone': colour, 'background': background}

    def timeseries(self, definition: Mapping[str, Any], box: Box) -> dict[str, Any] | None:
        lines: list[charts.Line] = []
        legend: list[dict[str, Any]] = []
        unit, step = '', 0.0
        columns = [name for name in definition.get('legend_columns') or () if name in _LEGEND]
        for request in definition['requests']:
            window = self._window(definition, request)
            step = max(step, window.step or 0.0)
            for formula in request['formulas']:
                unit = self._unit(request, formula)
                frame = _limited(self._frame(definition, request, formula), formula.get('limit'))
                for group, points in frame.groups.items():
                    colour = _colour(formula, len(lines))
                    name = _group_name(group) or formula.get('alias') or formula['formula']
                    kind = request.get('display_type', 'line')
                    lines.append(charts.Line(name, colour, kind, list(zip(window.times, points, strict=True))))
                    row = [show(reduce(points, _LEGEND[column]), unit) for column in columns]
                    legend.append({'name': name, 'colour': colour, 'cells': row})
        if not any(value is not None for line in lines for _, value in line.points):
            return None
        rows = min(len(legend), int(box.pixels.height // (2.5 * LEGEND_ROW))) if definition.get('show_legend') else 0
        legend_height = (rows + 1 + (len(legend) > rows)) * LEGEND_ROW if rows else 0
        size = charts.Size(box.pixels.width, max(box.pixels.height - legend_height, 60))
        markers = [_marker(one) for one in definition.get('markers') or ()]
        return {
            'svg': charts.timeseries(lines, size, step, unit, markers),
            'columns': columns,
            'legend': legend[:rows],
            'more': len(legend) - rows if rows else 0,
        }

    def toplist(self, definition: Mapping[str, Any], _: Box) -> dict[str, Any] | None:
        request = _only(definition['requests'])
        formula = _only(request['formulas'])
        table = self._table(definition, request, formula)
        rows = _sorted([(group, [value]) for group, value in table.items() if value is not None], request)
        if not rows:
            return None
        unit, top = self._unit(request, formula), max(values[0] or 0 for _, values in rows)
        formats = request.get('conditional_formats') or ()
        return {
            'rows': [
                {
                    'name': _group_name(group) or formula.get('alias', ''),
                    'value': show(values[0], unit),
                    'share': 100 * max(values[0] or 0, 0) / top if top > 0 else 0,
                    'tone': tone(values[0], formats),
                    'colour': COLOURS[0],
                }
                for group, values in rows
            ]
        }

    def query_table(self, definition: Mapping[str, Any], _: Box) -> dict[str, Any] | None:
        request = _only(definition['requests'])
        formulas = request['formulas']
        tables = [self._table(definition, request, formula) for formula in formulas]
        # The first column decides which rows there are, as it does where one query has no answer for a group.
        groups = dict.fromkeys(group for table in tables for group, value in table.items() if value is not None)
        keys = [key for key, _ in max(groups, key=len, default=())]
        rows = _sorted([(group, [table.get(group) for table in tables]) for group in groups], request)
        if not rows:
            return None
        units = [self._unit(request, formula) for formula in formulas]
        tops = [max((values[index] or 0 for _, values in rows), default=0) for index in range(len(formulas))]
        return {
            'keys': keys,
            'columns': [formula.get('alias') or formula['formula'] for formula in formulas],
            'rows': [
                {
                    'names': [dict(group).get(key, NOTHING) for key in keys],
                    'cells': [
                        _cell(value, unit, formula, top)
                        for value, unit, formula, top in zip(values, units, formulas, tops, strict=True)
                    ],
                }
                for group, values in rows
            ],
        }

    def scatterplot(self, definition: Mapping[str, Any], box: Box) -> dict[str, Any] | None:
        request = definition['requests']['table']
        formulas = {formula['dimension']: formula for formula in request['formulas']}
        xs, ys = (self._table(definition, request, formulas[axis]) for axis in ('x', 'y'))
        by = definition.get('color_by_groups') or []
        points = []
        for group, x in xs.items():
            y = ys.get(group)
            if x is not None and y is not None:
                name = _group_name(tuple(pair for pair in group if pair[0] not in by))
                points.append((name, _group_name(tuple(pair for pair in group if pair[0] in by)), x, y))
        if not points:
            return None
        names = list(dict.fromkeys(series for _, series, _, _ in points))
        colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
        legend = [{'name': name, 'colour': colour, 'cells': []} for name, colour in colours.items()]
        size = charts.Size(box.pixels.width, box.pixels.height - LEGEND_ROW * len(legend))
        titles = (formulas['x'].get('alias', 'x'), formulas['y'].get('alias', 'y'))
        return {'svg': charts.scatter(points, size, titles, colours), 'columns': [], 'legend': legend, 'more': 0}

    def list_stream(self, definition: Mapping[str, Any], _: Box) -> dict[str, Any] | None:
        query = _only(definition['requests'])['query']
        if query['data_source'] != 'event_stream':
            raise PreviewError(f'a stream of {query["data_source"]} is not drawn')
        wanted = parse_search(query['query_string'])
        found = [event for event in self.evaluator.recording.events if self._is_wanted(event, wanted)]
        newest = sorted(found, key=lambda event: float(event['timestamp']), reverse=True)[:MAX_EVENTS]
        rows = [
            {
                'time': datetime.fromtimestamp(float(event['timestamp']), UTC).strftime('%b %d %H:%M'),
                'title': event['msg_title'],
                'html': markdown(str(event['msg_text']).removeprefix('%%% \n').removesuffix('\n %%%')),
                'tone': event.get('alert_type', 'info'),
            }
            for event in newest
        ]
        return {'rows': rows} if rows else None

    def manage_status(self, definition: Mapping[str, Any], _: Box) -> dict[str, Any] | None:
        rows = [
            state
            for document in self.library.monitors.values()
            if _is_named(definition['query'].removeprefix('tag:').strip('()'), document['tags'])
            for state in states.monitor_states(self.evaluator, document)
        ]
        rows.sort(key=lambda state: states.ORDER.index(state.status))
        counts = {status: sum(row.status == status for row in rows) for status in states.ORDER}
        return {'rows': rows, 'counts': counts} if rows else None

    def slo_list(self, definition: Mapping[str, Any], _: Box) -> dict[str, Any] | None:
        query = _only(definition['requests'])['query']['query_string']
        rows = []
        for document in self.library.slos.values():
            if _is_named(query, document['definition'].get('tags') or ()):
                state = states.slo_state(self.evaluator, document)
                met = None if state.value is None else state.value >= state.target
                rows.append(
                    {
                        'name': state.name,
                        'value': show(state.value, '%', 1),
                        'target': show(state.target, '%', 1),
                        'budget': show(state.budget_left, '%', 0),
                        'tone': {True: 'green', False: 'red', None: 'gray'}[met],
                    }
                )
        return {'rows': rows} if rows else None

    # --- queries

    def _window(self, definition: Mapping[str, Any], request: Mapping[str, Any]) -> Window:
        """Return a widget's time span, in the steps that one of its requests asks for."""
        span = definition.get('time', {}).get('live_span')
        window = window_of(self.evaluator.recording, seconds(span) if span else None)
        return self.evaluator.fitting((one['query'] for one in _queries(request)), window)

    def _table(self, definition: Mapping[str, Any], request: Mapping[str, Any], formula: Mapping[str, Any]) -> Table:
        queries = {one['name']: (one['query'], one.get('aggregator', 'avg')) for one in _queries(request)}
        return self.evaluator.scalars(queries, formula['formula'], self._window(definition, request))

    def _frame(self, definition: Mapping[str, Any], request: Mapping[str, Any], formula: Mapping[str, Any]) -> Frame:
        queries = {one['name']: one['query'] for one in _queries(request)}
        return self.evaluator.frames(queries, formula['formula'], self._window(definition, request))

    def _unit(self, request: Mapping[str, Any], formula: Mapping[str, Any]) -> str:
        """Return the unit set by the formula, or else that of the metric if the formula is just a query."""
        unit = formula.get('number_format', {}).get('unit', {}).get('unit_name')
        if unit:
            return str(unit)
        query = next((one for one in _queries(request) if one['name'] == formula['formula']), None)
        expression = parse_expression(query['query']) if query else None
        unit = self.library.units.get(expression.name, '') if isinstance(expression, Metric) else ''
        return unit if unit == 'second' else ''

    def _is_wanted(self, event: Mapping[str, Any], wanted: Filter) -> bool:
        tags = tag_values([*event['tags'], f'source:{event["source_type_name"]}'])
        return wanted.matches(tags, self.evaluator.variables)


_PAINTERS: Final[Mapping[str, Callable[[Painter, Mapping[str, Any], Box], dict[str, Any] | None]]] = {
    'note': Painter.note,
    'query_value': Painter.query_value,
    'timeseries': Painter.timeseries,
    'toplist': Painter.toplist,
    'query_table': Painter.query_table,
    'scatterplot': Painter.scatterplot,
    'list_stream': Painter.list_stream,
    'manage_status': Painter.manage_status,
    'slo_list': Painter.slo_list,
}
_LEGEND: Final = {'avg': 'avg', 'max': 'max', 'min': 'min', 'sum': 'sum', 'value': 'last'}


def markdown(text: str) -> Markup:
    """Return Markdown as HTML that contains only text, lists, emphasis, code and links."""
    return Markup(_MARKDOWN.render(text))


def _cell(value: float | None, unit: str, formula: Mapping[str, Any], top: float) -> dict[str, Any]:
    is_bar = formula.get('cell_display_mode') == 'bar' and top > 0
    return {
        'value': show(value, unit),
        'tone': tone(value, formula.get('conditional_formats') or ()),
        'share': 100 * max(value or 0, 0) / top if is_bar else None,
    }


def _queries(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    for query in request['queries']:
        if query['data_source'] != 'metrics':
            raise PreviewError(f'the data source {query["data_source"]} is not drawn')
    return list(request['queries'])


def _sorted(
    rows: list[tuple[Group, list[float | None]]], request: Mapping[str, Any]
) -> list[tuple[Group, list[float | None]]]:
    sort = request.get('sort') or {}
    for one in reversed(sort.get('order_by') or ()):
        index, sign = one['index'], -1 if one['order'] == 'desc' else 1
        rows = sorted(rows, key=lambda row: (row[1][index] is None, sign * (row[1][index] or 0)))
    return rows[: sort.get('count', len(rows))]


def _limited(frame: Frame, limit: Mapping[str, Any] | None) -> Frame:
    if not limit:
        return frame
    sign = -1 if limit.get('order', 'desc') == 'desc' else 1
    ranked = sorted(frame.groups.items(), key=lambda item: sign * (reduce(item[1], 'avg') or 0))
    return Frame(frame.by, dict(ranked[: limit.get('count', len(ranked))]))


def _group_name(group: Group) -> str:
    return ', '.join(value for _, value in group)


def _colour(formula: Mapping[str, Any], position: int) -> str:
    named = formula.get('style', {}).get('palette')
    return NAMED_COLOURS.get(named) or COLOURS[position % len(COLOURS)]


def _marker(marker: Mapping[str, Any]) -> tuple[float, str, str]:
    sign, _, value = marker['value'].partition('=')
    if sign.strip() != 'y':
        raise PreviewError(f'the marker {marker["value"]} is not drawn')
    colour = 'var(--red)' if str(marker.get('display_type', '')).startswith('error') else 'var(--orange)'
    return float(value), str(marker.get('label', '')).strip(), colour


def _is_named(query: str, tags: Sequence[str]) -> bool:
    return query in tags


def _only(items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if len(items) != 1:
        raise PreviewError(f'has {len(items)} requests or formulas where one is drawn')
    return items[0]
