"""Parses Datadog's metric query language into trees, as far as our dashboards, monitors and SLOs use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from lark import Lark, Transformer, Tree
from lark.exceptions import LarkError, UnexpectedInput, VisitError

from .errors import PreviewError

Tags = Mapping[str, frozenset[str]]
Variables = Mapping[str, tuple[str, str]]
"""Template variables by name, each with its tag key and chosen value. `*` matches everything."""
ANYTHING: Final = '*'


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on tags."""

    kind: Literal['all', 'any', 'none', 'tag', 'variable']
    parts: tuple[Filter, ...] = ()
    key: str = ''
    value: str = ''

    def matches(self, tags: Tags, variables: Variables) -> bool:
        """Whether a series or an event with these tags matches. Raises PreviewError for an unknown variable."""
        if self.kind == 'tag':
            return _has(tags, self.key, self.value)
        if self.kind == 'variable':
            if self.key not in variables:
                raise PreviewError(f'${self.key} is used, but not declared')
            key, value = variables[self.key]
            return value == ANYTHING or _has(tags, key, value)
        met = (part.matches(tags, variables) for part in self.parts)
        if self.kind == 'all':
            return all(met)
        return any(met) if self.kind == 'any' else not any(met)


@dataclass(frozen=True, slots=True)
class Metric:
    """`aggregator:name{scope} by {keys}`, with its suffixes."""

    aggregator: str
    name: str
    scope: Filter
    by: tuple[str, ...] = ()
    as_count: bool = False
    rollup: tuple[str, float | None] | None = None


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Variable:
    """The name of a query used in a formula."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Arithmetic: `+`, `-`, `*` or `/` between two expressions."""

    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to an expression, such as `default_zero(a)`."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Metric | Number | Variable | Operation | Call


@dataclass(frozen=True, slots=True)
class MonitorQuery:
    """`aggregator(window):expression comparator threshold`. The window is in seconds."""

    aggregator: str
    window: float
    expression: Expression
    comparator: str
    threshold: float


SPACE: Final = ('avg', 'sum', 'min', 'max')
FUNCTIONS: Final = ('default_zero', 'count_not_null', 'count_nonzero')
UNITS: Final = {'m': 60, 'h': 3600, 'd': 86400, 'w': 604800, 'mo': 30 * 86400}


def parse_expression(text: str) -> Expression:
    """Parse a query or a formula. If it cannot be parsed, raises PreviewError saying where."""
    parsed: Expression = _parse(text, 'start')
    return parsed


def parse_monitor(text: str) -> MonitorQuery:
    """Parse the query of a metric monitor. Raises PreviewError."""
    parsed: MonitorQuery = _parse(text, 'monitor')
    return parsed


def parse_search(text: str) -> Filter:
    """Parse the search of an event stream: tags and template variables separated by blanks. Raises PreviewError."""
    parsed: Filter = _parse(' AND '.join(text.split()) or ANYTHING, 'scope')
    return parsed


def seconds(window: str) -> float:
    """Return a time span such as `15m`, `1h` or `1mo` in seconds. Raises PreviewError."""
    digits = ''.join(character for character in window if character.isdigit())
    unit = window.removeprefix(digits)
    if not digits or unit not in UNITS:
        raise PreviewError(f'{window!r} is no time span that can be drawn')
    return float(int(digits) * UNITS[unit])


@cache
def _parser() -> Lark:
    grammar = files(__package__ or '').joinpath('language.lark').read_text(encoding='utf-8')
    return Lark(grammar, start=['start', 'monitor', 'scope'], parser='lalr', maybe_placeholders=False)


def _parse(text: str, start: str) -> Any:
    try:
        tree = _parser().parse(text, start=start)
        for metric in tree.find_data('metric'):
            _refuse_mixture(metric)
        return _Builder().transform(tree)
    except VisitError as error:
        raise PreviewError(f'{text!r}: {error.orig_exc}') from error
    except UnexpectedInput as error:
        column = getattr(error, 'column', None)
        raise PreviewError(f'{text!r} is not understood at character {column}') from error
    except LarkError as error:
        raise PreviewError(f'{text!r} is not understood: {error}') from error


def _refuse_mixture(metric: Tree[Any]) -> None:
    """Raise PreviewError if a scope has both signs and words, since Datadog refuses such a query."""
    several = {rule.data for rule in metric.iter_subtrees() if len(rule.children) > 1}
    alone = {rule.data for rule in metric.iter_subtrees()}
    signs = several & {'listed'} | alone & {'excluded'}
    words = several & {'any_of', 'all_of'} | alone & {'none_of', 'one_of', 'not_one_of'}
    if signs and words:
        raise PreviewError('a scope has either the signs ! and , or the words NOT, AND, OR and IN')


def _has(tags: Tags, key: str, value: str) -> bool:
    """Whether a tag is present. A star in the value matches any text, but never a missing tag."""
    values = tags.get(key.lower(), frozenset())
    head, star, tail = value.lower().partition(ANYTHING)
    if not star:
        return head in values
    return any(len(one) >= len(head) + len(tail) and one.startswith(head) and one.endswith(tail) for one in values)


class _Builder(Transformer[Any, Any]):
    """Builds the trees from what the grammar recognised."""

    def number(self, items: Sequence[Any]) -> Number:
        return Number(float(items[0]))

    def variable(self, items: Sequence[Any]) -> Variable:
        return Variable(str(items[0]))

    def call(self, items: Sequence[Any]) -> Call:
        name, arguments = str(items[0]), tuple(items[1].children)
        if name not in FUNCTIONS:
            raise PreviewError(f'the function {name}() is not drawn')
        if len(arguments) != 1:
            raise PreviewError(f'{name}() takes one argument')
        return Call(name, arguments)

    def add(self, items: Sequence[Any]) -> Operation:
        return Operation('+', *items)

    def subtract(self, items: Sequence[Any]) -> Operation:
        return Operation('-', *items)

    def multiply(self, items: Sequence[Any]) -> Operation:
        return Operation('*', *items)

    def divide(self, items: Sequence[Any]) -> Operation:
        return Operation('/', *items)

    def negative(self, items: Sequence[Any]) -> Operation:
        return Operation('-', Number(0.0), items[0])

    def metric(self, items: Sequence[Any]) -> Metric:
        aggregator, _, name = str(items[0]).partition(':')
        if aggregator not in SPACE:
            raise PreviewError(f'the aggregator {aggregator} is not drawn')
        by: tuple[str, ...] = ()
        as_count, rollup = False, None
        for item in items[2:]:
            if item[0] == 'by':
                by = item[1]
            elif item[1] == 'as_count' and not item[2]:
                as_count = True
            elif item[1] == 'rollup' and item[2] and item[2][0] in SPACE:
                rollup = item[2][0], float(item[2][1]) if len(item[2]) > 1 else None
            else:
                raise PreviewError(f'.{item[1]}({", ".join(item[2])}) is not drawn')
        return Metric(aggregator, name, items[1], by, as_count, rollup)

    def by(self, items: Sequence[Any]) -> tuple[str, tuple[str, ...]]:
        return 'by', tuple(items)

    def suffix(self, items: Sequence[Any]) -> tuple[str, str, list[str]]:
        return 'suffix', str(items[0]), [str(item) for item in items[1:]]

    def all_of(self, items: Sequence[Any]) -> Filter:
        return items[0] if len(items) == 1 else Filter('all', tuple(items))

    def any_of(self, items: Sequence[Any]) -> Filter:
        return items[0] if len(items) == 1 else Filter('any', tuple(items))

    def none_of(self, items: Sequence[Any]) -> Filter:
        return Filter('none', tuple(items))

    listed = all_of
    excluded = none_of

    def everything(self, _: Sequence[Any]) -> Filter:
        return Filter('all')

    def tag(self, items: Sequence[Any]) -> Filter:
        key, _, value = str(items[0]).partition(':')
        return Filter('tag', key=key, value=value)

    def template_variable(self, items: Sequence[Any]) -> Filter:
        return Filter('variable', key=str(items[0])[1:])

    def one_of(self, items: Sequence[Any]) -> Filter:
        return Filter('any', tuple(Filter('tag', key=items[0], value=value) for value in items[1:]))

    def not_one_of(self, items: Sequence[Any]) -> Filter:
        return Filter('none', (self.one_of(items),))

    def key(self, items: Sequence[Any]) -> str:
        return str(items[0])

    value = key

    def monitor(self, items: Sequence[Any]) -> MonitorQuery:
        window = str(items[1]).removeprefix('last_')
        return MonitorQuery(str(items[0]), seconds(window), items[2], str(items[3]), float(items[4]))
