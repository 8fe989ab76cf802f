"""Checks the content of a dashboard: widgets query what exists, variables are used, nothing overlaps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final, NamedTuple

from datadog_checks.bedrock_model_customization.telemetry.events import SOURCE
from datadog_checks.bedrock_model_customization.telemetry.tags import OWN_KEYS

from .files import Asset, walk
from .queries import FUNCTIONS, parse
from .render import PLACEHOLDER
from .strict import Problem
from .vocabulary import SCOPE_TAGS, Vocabulary, is_users_tag

COLUMNS: Final = 12
WITHOUT_DATA: Final = frozenset({'note', 'image', 'group', 'free_text', 'iframe', 'split_group'})
FORMATS: Final = {
    'timeseries': 'timeseries',
    'query_value': 'scalar',
    'toplist': 'scalar',
    'query_table': 'scalar',
    'sunburst': 'scalar',
    'treemap': 'scalar',
    'change': 'scalar',
    'bar_chart': 'scalar',
}
ELEMENTS: Final = frozenset({'requests', 'query', 'alert_id', 'slo_id', 'check', 'uid', 'url', 'event_size'})
_VARIABLE: Final = re.compile(r'\$([A-Za-z_][\w-]*)')
_NAME: Final = re.compile(r'\b([A-Za-z_]\w*)\b(?!\s*\()')
_TEXT: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_CALLED: Final = re.compile(r'\b([A-Za-z_]\w*)\s*\(')


class Page(NamedTuple):
    """What the widgets of one dashboard are checked against."""

    vocabulary: Vocabulary
    variables: frozenset[str]
    is_fixed: bool
    """Whether every widget needs a position."""


class Box(NamedTuple):
    """A widget's position and size on the grid, in columns and rows."""

    x: int
    y: int
    width: int
    height: int

    def overlaps(self, other: Box) -> bool:
        apart = self.x + self.width <= other.x or other.x + other.width <= self.x
        return not (apart or self.y + self.height <= other.y or other.y + other.height <= self.y)


def dashboard_problems(asset: Asset, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield the problems in a dashboard's content."""
    body = asset.body
    title = str(body.get('title') or '')
    if not title.strip() or '-' in title:
        yield Problem('$.title', 'must be there, without a hyphen')
    if not str(body.get('description') or '').strip():
        yield Problem('$.description', 'is empty')
    for tag in _list(body.get('tags')):
        if not str(tag).startswith('team:'):
            yield Problem('$.tags', f'{tag!r}: Datadog allows only team: on dashboards')
    if not _list(body.get('widgets')):
        yield Problem('$.widgets', 'is empty')
    variables = {str(one.get('name')) for one in _list(body.get('template_variables')) if isinstance(one, Mapping)}
    yield from _variable_problems(body, variables)
    page = Page(
        vocabulary, frozenset(variables), body.get('reflow_type') == 'fixed' or body.get('layout_type') == 'free'
    )
    yield from _widgets_problems(_list(body.get('widgets')), '$.widgets', COLUMNS, page)


def _variable_problems(body: Mapping[str, Any], declared: set[str]) -> Iterator[Problem]:
    # An amount of money in a text looks like a variable but starts with a digit.
    used = {
        name
        for path, value in walk(body.get('widgets'), '$.widgets')
        if isinstance(value, str)
        for name in _VARIABLE.findall(value)
    }
    for name in sorted(used - declared):
        yield Problem('$.template_variables', f'${name} is used, but not declared')
    for name in sorted(declared - used):
        yield Problem('$.template_variables', f'${name} is declared, but not used')
    names = [one.get('name') for one in _list(body.get('template_variables')) if isinstance(one, Mapping)]
    if len(names) != len(set(names)):
        yield Problem('$.template_variables', 'declares a name twice')
    for position, one in enumerate(_list(body.get('template_variables'))):
        path = f'$.template_variables[{position}]'
        if not isinstance(one, Mapping):
            continue
        prefix = one.get('prefix')
        if prefix is not None and prefix not in OWN_KEYS | SCOPE_TAGS and not is_users_tag(str(prefix)):
            yield Problem(f'{path}.prefix', f'{prefix} is no tag of ours')
        if 'default' in one:
            yield Problem(f'{path}.default', 'is deprecated: use defaults')
    for position, preset in enumerate(_list(body.get('template_variable_presets'))):
        for one in _list(_mapping(preset).get('template_variables')):
            if _mapping(one).get('name') not in declared:
                yield Problem(f'$.template_variable_presets[{position}]', 'sets a variable that is not declared')


def _widgets_problems(widgets: Sequence[Any], path: str, columns: int, page: Page) -> Iterator[Problem]:
    yield from _layout_problems(widgets, path, columns, page.is_fixed)
    for position, widget in enumerate(widgets):
        definition = _mapping(_mapping(widget).get('definition'))
        place = f'{path}[{position}].definition'
        if definition.get('type') == 'group':
            inner = _list(definition.get('widgets'))
            box = _box(widget)
            width = box.width if box else columns
            yield from _widgets_problems(inner, f'{place}.widgets', width, page)
            if not inner:
                yield Problem(f'{place}.widgets', 'is empty')
        if definition.get('type') not in WITHOUT_DATA | {'group'}:
            yield from _data_problems(definition, place, page)
        if definition.get('type') not in WITHOUT_DATA and not str(definition.get('title') or '').strip():
            yield Problem(f'{place}.title', 'is missing')


def _data_problems(definition: Mapping[str, Any], path: str, page: Page) -> Iterator[Problem]:
    if not ELEMENTS & definition.keys() and definition.get('type') not in ('manage_status', 'event_stream'):
        yield Problem(path, 'asks for nothing')
    for key, kind in (('alert_id', 'monitor'), ('slo_id', 'slo')):
        if key in definition and not PLACEHOLDER.fullmatch(str(definition[key])):
            yield Problem(f'{path}.{key}', f'is no placeholder such as {{{{{kind}:...}}}}')
    requests = definition.get('requests')
    for position, request in enumerate(requests if isinstance(requests, list) else []):
        if isinstance(request, Mapping):
            place = f'{path}.requests[{position}]'
            yield from _request_problems(str(definition.get('type')), request, place, page)
    for place, value in walk(definition, path):
        if isinstance(value, Mapping) and value.get('data_source') in ('events', 'event_stream'):
            text = str(value.get('query_string') or _mapping(value.get('search')).get('query') or '')
            if f'source:{SOURCE}' not in text:
                yield Problem(place, f'does not look for source:{SOURCE}')


def _request_problems(kind: str, request: Mapping[str, Any], path: str, page: Page) -> Iterator[Problem]:
    queries = [one for one in _list(request.get('queries')) if isinstance(one, Mapping)]
    if not queries and not {'q', 'query', 'apm_stats_query', 'projection'} & request.keys():
        yield Problem(path, 'asks for nothing')
    if isinstance(request.get('q'), str):
        yield from page.vocabulary.problems(parse(request['q']), f'{path}.q', page.variables)
    wanted = FORMATS.get(kind)
    if queries and wanted and request.get('response_format') != wanted:
        yield Problem(f'{path}.response_format', f'is not {wanted}, which a {kind} draws')
    names = [str(one.get('name')) for one in queries]
    if len(names) != len(set(names)):
        yield Problem(f'{path}.queries', 'has a name twice')
    for position, one in enumerate(queries):
        if one.get('data_source') == 'metrics':
            query = parse(str(one.get('query', '')))
            yield from page.vocabulary.problems(query, f'{path}.queries[{position}].query', page.variables)
    used: set[str] = set()
    for position, one in enumerate(_list(request.get('formulas'))):
        text = _TEXT.sub('', str(_mapping(one).get('formula', '')))
        mentioned = set(_NAME.findall(text))
        used |= mentioned
        for name in sorted(mentioned - set(names)):
            yield Problem(f'{path}.formulas[{position}]', f'{name} is no query of this request')
        for name in _CALLED.findall(text):
            if name not in FUNCTIONS:
                yield Problem(f'{path}.formulas[{position}]', f'{name}() is no function')
    if request.get('formulas'):
        for name in sorted(set(names) - used):
            yield Problem(f'{path}.queries', f'{name} is in no formula')


def _layout_problems(widgets: Sequence[Any], path: str, columns: int, is_fixed: bool) -> Iterator[Problem]:
    boxes = [(position, _box(widget)) for position, widget in enumerate(widgets)]
    placed = [(position, box) for position, box in boxes if box]
    if (placed or is_fixed) and len(placed) < len(boxes):
        missing = next(position for position, box in boxes if not box)
        yield Problem(f'{path}[{missing}].layout', 'is missing, or not four whole numbers')
    for position, box in placed:
        if box.x < 0 or box.y < 0 or box.width < 1 or box.height < 1 or box.x + box.width > columns:
            yield Problem(f'{path}[{position}].layout', f'leaves the grid of {columns} columns')
    for (one, box), (other, other_box) in combinations(placed, 2):
        if box.overlaps(other_box):
            yield Problem(f'{path}[{other}].layout', f'overlaps the widget at {path}[{one}]')


def _box(widget: Any) -> Box | None:
    layout = _mapping(_mapping(widget).get('layout'))
    values = [layout.get(key) for key in ('x', 'y', 'width', 'height')]
    return Box(*values) if all(isinstance(value, int) for value in values) else None  # type: ignore[arg-type]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
