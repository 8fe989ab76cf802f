"""Finds tables and columns that do not exist, and suggests the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.scope import Scope, traverse_scope

from .text import Finding
from .tree import place

Tables = Mapping[str, Mapping[str, object]]
Columns = set[str] | None
"""The column names of a source; None if they cannot be determined."""

_SCALAR_COLUMN: Final = 'value'


def unknown_names(sql: str, tree: exp.Expr, tables: Tables | None) -> Iterator[Finding]:
    """Yield the tables and columns of a query that do not exist. With `tables` None, every table is accepted."""
    try:
        scopes = traverse_scope(tree)
    except OptimizeError:
        return
    # A source comes before the scope that selects from it, so each scope is visited once.
    outputs: dict[int, Columns] = {}
    for scope in scopes:
        # A function in FROM is a scope of its own that sees the columns of the sources before it.
        selected = {name: source for name, (_, source) in scope.selected_sources.items()}
        selected = selected if not scope.is_udtf else scope.sources
        sources = {name: _columns(source, tables or {}, outputs) for name, source in selected.items()}
        outputs[id(scope)] = _outputs(scope, tables or {}, outputs)
        for source in selected.values():
            if tables is not None and isinstance(source, exp.Table):
                yield from _table(sql, source, tables)
        for column in scope.columns:
            yield from _column(sql, column, scope, sources)


def _table(sql: str, table: exp.Table, tables: Tables) -> Iterator[Finding]:
    name = _full_name(table)
    if isinstance(table.this, exp.Func) or name in tables:
        return
    bare = {known.rpartition('.')[2]: known for known in tables}
    like = get_close_matches(name.rpartition('.')[2], bare, n=1, cutoff=0.4)
    yield Finding(*place(sql, table), f'table {name} is not here', bare[like[0]] if like else ', '.join(tables))


def _full_name(table: exp.Table) -> str:
    return '.'.join(part.name if part.args.get('quoted') else part.name.lower() for part in table.parts)


def _columns(source: exp.Expr | Scope, tables: Tables, outputs: Mapping[int, Columns]) -> Columns:
    if isinstance(source, Scope):
        return outputs.get(id(source))
    if isinstance(source, exp.Table) and not isinstance(source.this, exp.Func):
        known = tables.get(_full_name(source))
        return set(known) if known else None
    return _aliased(source)


def _outputs(scope: Scope, tables: Tables, outputs: Mapping[int, Columns]) -> Columns:
    """Return the columns of a common table expression: those it names, and all of them for a star."""
    if not isinstance(scope.expression, exp.Select):
        return _aliased(scope.expression)
    names: set[str] = set()
    for selected in scope.expression.selects:
        if selected.is_star:
            for _, source in scope.selected_sources.values():
                found = _columns(source, tables, outputs)
                if found is None:
                    return None
                names |= found
        else:
            names.add(selected.alias_or_name)
    cte = scope.expression.parent
    renamed = cte.args['alias'].columns if isinstance(cte, exp.CTE) and cte.args.get('alias') else []
    return {one.name for one in renamed} or names


def _aliased(source: exp.Expr) -> Columns:
    """Return the columns of a function in FROM: those of its alias, or one named like the alias if it has none."""
    alias = source.args.get('alias')
    if not isinstance(alias, exp.TableAlias):
        return None
    if alias.columns:
        return {one.name for one in alias.columns}
    function = source.this if isinstance(source, exp.Table) else source
    if isinstance(function, exp.Anonymous) and isinstance(source, exp.Table) and source.args.get('db'):
        return None
    return {alias.name, _SCALAR_COLUMN} if alias.name else None


def _column(sql: str, column: exp.Column, scope: Scope, sources: Mapping[str, Columns]) -> Iterator[Finding]:
    name = _case(column.this)
    if isinstance(column.this, exp.Star):
        return
    if column.table:
        yield from _qualified(sql, column, name, sources)
        return
    known: set[str] = set()
    for found in sources.values():
        if found is None:
            return
        known |= found
    known |= set(sources)
    if column.find_ancestor(exp.Order, exp.Group) and isinstance(scope.expression, exp.Select):
        known |= set(scope.expression.named_selects)
    if name not in known:
        yield _missing(sql, column, name, known)


def _qualified(sql: str, column: exp.Column, name: str, sources: Mapping[str, Columns]) -> Iterator[Finding]:
    table = _case(column.args['table'])
    if table not in sources:
        like = get_close_matches(table, list(sources), n=1, cutoff=0.4)
        yield Finding(*place(sql, column), f'there is no table or alias {table} in FROM', like[0] if like else None)
        return
    known = sources[table]
    if known is not None and name not in known:
        yield _missing(sql, column, name, known)


def _missing(sql: str, column: exp.Column, name: str, known: set[str]) -> Finding:
    like = get_close_matches(name, [*sorted(known), *_INSTEAD], n=1, cutoff=0.5)
    instead = _INSTEAD.get(like[0], like[0]) if like else None
    if instead is None and column.this.args.get('quoted'):
        instead = f"'{name}', as a text is written in single quotes"
    return Finding(*place(sql, column), f'there is no column {name}', instead)


def _case(identifier: exp.Expr) -> str:
    return identifier.name if identifier.args.get('quoted') else identifier.name.lower()


# Names that people look for but that are not columns, and what to write instead.
_INSTEAD: Final = {
    'region': "SPLIT_PART(job_arn, ':', 4)",
    'base_model': "SPLIT_PART(base_model_arn, '/', 2)",
    'duration': 'end_time - creation_time',
    'training_loss': "json_extract_path_text(training_metrics, 'training_loss')",
    'team': "tags->'team'",
}
