"""Finds syntax that DDSQL does not document, using an allow-list of syntax tree nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sqlglot import exp

from ..columns import TYPES
from .surface import ROW_FUNCTIONS
from .text import Finding, position

DOCUMENTED: Final[tuple[type[exp.Expr], ...]] = (
    exp.Add, exp.Alias, exp.Array, exp.BitwiseLeftShift, exp.BitwiseRightShift, exp.Boolean, exp.Bracket, exp.CTE,
    exp.Case, exp.Cast, exp.Column, exp.ColumnDef, exp.DPipe, exp.DataType, exp.Distinct, exp.Div, exp.Dot, exp.EQ,
    exp.From, exp.GT, exp.GTE, exp.Group, exp.Having, exp.Identifier, exp.In, exp.Interval, exp.Is, exp.JSONPath,
    exp.JSONPathPart, exp.Join, exp.Kwarg, exp.LT, exp.LTE, exp.Like, exp.Limit, exp.Literal, exp.Mul, exp.NEQ, exp.Neg,
    exp.Not, exp.Null, exp.Offset, exp.Order, exp.Ordered, exp.Paren, exp.Select, exp.Star, exp.Sub, exp.Table,
    exp.TableAlias, exp.Unnest, exp.Var, exp.Where, exp.Window, exp.WindowSpec, exp.With, exp.WithinGroup,
)  # fmt: skip
# Nodes that sqlglot treats as functions but that are written as syntax. Operators are checked as symbols.
NOT_FUNCTIONS: Final[tuple[type[exp.Expr], ...]] = (exp.Exists, exp.AtTimeZone, exp.Collate, exp.Explode)
ALTERNATIVES: Final[dict[type[exp.Expr], tuple[str, str | None]]] = {
    exp.All: ('ALL', None),
    exp.Any: ('ANY', 'IN (…)'),
    exp.AtTimeZone: ('AT TIME ZONE', 'times are in UTC: add an INTERVAL'),
    exp.Between: ('BETWEEN', 'value >= low AND value <= high'),
    exp.Collate: ('COLLATE', 'LOWER(text), to compare without case'),
    exp.Cube: ('CUBE', 'GROUP BY'),
    exp.Except: ('EXCEPT', 'LEFT JOIN … WHERE other.key IS NULL'),
    exp.Exists: ('EXISTS', 'JOIN'),
    exp.Explode: ('UNNEST outside FROM', 'FROM table, UNNEST(array) AS item'),
    exp.Fetch: ('FETCH', 'LIMIT'),
    exp.Filter: ('FILTER', 'SUM(CASE WHEN condition THEN 1 ELSE 0 END)'),
    exp.GroupingSets: ('GROUPING SETS', 'GROUP BY'),
    exp.ILike: ('ILIKE', 'LOWER(text) LIKE pattern'),
    exp.Intersect: ('INTERSECT', 'JOIN'),
    exp.Into: ('INTO', None),
    exp.Lateral: ('LATERAL', 'FROM table, json_array_elements(column) AS item'),
    exp.Lock: ('FOR UPDATE', None),
    exp.NullSafeEQ: ('IS NOT DISTINCT FROM', 'a = b OR (a IS NULL AND b IS NULL)'),
    exp.NullSafeNEQ: ('IS DISTINCT FROM', 'a <> b OR a IS NULL OR b IS NULL'),
    exp.Rollup: ('ROLLUP', 'GROUP BY'),
    exp.SimilarTo: ('SIMILAR TO', 'REGEXP_LIKE(text, pattern)'),
    exp.Subquery: ('a subquery', 'WITH name AS (SELECT …), and JOIN it'),
    exp.TableSample: ('TABLESAMPLE', 'LIMIT'),
    exp.Union: ('UNION', 'one query each'),
    exp.Values: ('VALUES', None),
}
# Written with a suggestion on them already, or by what holds them.
_SILENT: Final = (
    exp.BitString, exp.BitwiseAnd, exp.BitwiseNot, exp.BitwiseOr, exp.BitwiseXor, exp.ByteString, exp.DataTypeParam,
    exp.HexString, exp.LimitOptions, exp.Mod, exp.Parameter, exp.Placeholder, exp.Pow, exp.UnicodeString,
)  # fmt: skip


def undocumented_syntax(sql: str, tree: exp.Expr) -> Iterator[Finding]:
    """Yield everything in the tree that DDSQL does not document."""
    for node in tree.walk():
        yield from _node(sql, node)


def place(sql: str, node: exp.Expr, word: str = '') -> tuple[int, int]:
    """Return line and column, from 1, of the first part of a node that has a position, or else of a word."""
    starts = [int(part.meta['start']) for part in node.walk() if 'start' in part.meta]
    if not starts and word:
        starts = [found.start() for found in re.finditer(rf'\b{re.escape(word)}\b', sql, re.IGNORECASE)]
    return position(sql, min(starts, default=0))


def _node(sql: str, node: exp.Expr) -> Iterator[Finding]:
    kind = type(node)
    if isinstance(node, _SILENT):
        return
    if kind in ALTERNATIVES or not isinstance(node, (*DOCUMENTED, exp.Func)) or isinstance(node, NOT_FUNCTIONS):
        if isinstance(node.parent, exp.Exists) or (
            isinstance(node, exp.Tuple) and isinstance(node.parent, exp.Distinct)
        ):
            return
        name, instead = ALTERNATIVES.get(kind, (_name(node), None))
        yield Finding(*place(sql, node, name.split()[0]), f'{name} is not documented', instead)
        return
    message = _detail(node)
    if message:
        yield Finding(*place(sql, node, message[0].split()[0]), message[0], message[1])


def _detail(node: exp.Expr) -> tuple[str, str | None] | None:
    """Return what is wrong with a node of a kind that is documented only in another form."""
    if isinstance(node, exp.Distinct) and node.args.get('on'):
        return 'DISTINCT ON is not documented', 'ROW_NUMBER() OVER (PARTITION BY …) in a WITH, and = 1'
    if isinstance(node, exp.Join) and node.args.get('method'):
        return f'{node.args["method"]} JOIN is not documented', 'JOIN … USING (column)'
    if isinstance(node, exp.Join) and node.args.get('kind') == 'CROSS':
        return 'CROSS JOIN is not documented', 'a comma in FROM'
    if isinstance(node, exp.With) and node.args.get('recursive'):
        return 'WITH RECURSIVE is not documented', None
    if isinstance(node, exp.Table) and node.args.get('ordinality'):
        return 'WITH ORDINALITY is not documented', 'ROW_NUMBER() OVER (…)'
    if isinstance(node, exp.Unnest) and node.args.get('offset'):
        return 'WITH ORDINALITY is not documented', 'ROW_NUMBER() OVER (…)'
    if isinstance(node, exp.Is) and not isinstance(node.expression, exp.Null):
        return 'IS is documented with NULL and NOT NULL only', '= true'
    if isinstance(node, exp.Order) and not isinstance(node.parent, (exp.Select, exp.Window, exp.WithinGroup)):
        return 'ORDER BY inside a function is not documented', None
    if (
        isinstance(node, exp.Anonymous)
        and node.name.lower() in ROW_FUNCTIONS
        and not isinstance(node.parent, exp.Table)
    ):
        return f'{node.name.lower()} is documented in FROM only', f'FROM table, {node.name.lower()}(column) AS item'
    if isinstance(node, exp.Bracket) and any(one.is_string for one in node.expressions):
        return '[…] is documented with a number only', f'{node.this.sql()}->{node.expressions[0].sql()}'
    if isinstance(node, exp.Group) and node.args.get('all'):
        return 'GROUP BY ALL is not documented', 'the columns by name'
    if isinstance(node, exp.Limit) and not node.expression.is_number:
        return f'LIMIT {node.expression.sql()} is not documented', 'a number, or no LIMIT'
    if isinstance(node, exp.Star) and any(node.args.values()):
        return '* with exceptions is not documented', 'the columns by name'
    if isinstance(node, exp.Select) and node.args.get('windows'):
        return 'WINDOW is not documented', 'OVER (…) with all that belongs in it'
    if isinstance(node, exp.Anonymous) and node.name.upper() == 'ROW':
        return 'ROW(…) is not documented', 'one column for each value'
    return _text_for_a_time(node)


def _text_for_a_time(node: exp.Expr) -> tuple[str, str] | None:
    """Return what is wrong with a comparison of a timestamp or an interval with a bare text."""
    if isinstance(node, (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
        sides = [node.this, node.expression]
    elif isinstance(node, exp.In):
        sides = [node.this, *node.expressions]
    else:
        return None
    kind = next(filter(None, map(_kind, sides)), None)
    text = next((one for one in sides if one.is_string), None)
    if not kind or text is None:
        return None
    article = 'an' if kind == 'INTERVAL' else 'a'
    return f'comparing {article} {kind} with a bare text is not documented', f'{kind} {text.sql()}'


def _kind(node: exp.Expr) -> str | None:
    """Return TIMESTAMP or INTERVAL where a value is known to be one, and else None."""
    node = node.unnest()
    if isinstance(node, exp.Column):
        return 'TIMESTAMP' if TYPES.get(node.name.lower()) == 'timestamp' else None
    if isinstance(node, (exp.CurrentTimestamp, exp.DateBin, exp.StrToTime, exp.TimestampTrunc, exp.UnixToTime)):
        return 'TIMESTAMP'
    if isinstance(node, exp.Interval):
        return 'INTERVAL'
    if isinstance(node, exp.Cast):
        return 'TIMESTAMP' if node.to.is_type(exp.DataType.Type.TIMESTAMP) else None
    if isinstance(node, (exp.Max, exp.Min)):
        return _kind(node.this)
    if isinstance(node, (exp.Add, exp.Sub)):
        kinds = {_kind(node.this), _kind(node.expression)}
        if kinds == {'TIMESTAMP'}:
            return 'INTERVAL'
        return 'TIMESTAMP' if kinds == {'TIMESTAMP', 'INTERVAL'} else None
    return None


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Command):
        return str(node.this).upper()
    return node.key.upper().replace('_', ' ')
