"""Finds what the DDSQL reference does not document in a query, with its position and the documented alternative."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from ..columns import FULL_NAME, TYPES
from . import surface
from .names import unknown_names
from .text import GRAMMAR, OPENING, Call, Dialect, Finding, calls, is_word, position, tokens
from .tree import undocumented_syntax

TABLES: Final[Mapping[str, Mapping[str, str]]] = {FULL_NAME: TYPES}
_WRITES: Final = frozenset(
    'ALTER BEGIN CALL COMMENT COMMIT COPY CREATE DELETE DO DROP EXECUTE GRANT INSERT LOCK MERGE REFRESH RENAME REVOKE '
    'ROLLBACK SET TRUNCATE UPDATE VACUUM'.split()
)
MAX_DEPTH: Final = 100
_UNFINISHED: Final = 'a quoted text, a quoted name or a comment is not closed'


def lint(sql: str, tables: Mapping[str, Mapping[str, str]] | None = TABLES) -> list[Finding]:
    """Return what is undocumented in a query, in the order of the text; an empty list means that Datadog runs it.

    `tables` maps each available table to its columns and their types; None accepts any table, as Datadog has many
    more. Never raises.
    """
    try:
        found = tokens(sql)
    except TokenError:
        return [Finding(*position(sql, max(sql.rfind("'"), sql.rfind('"'), sql.rfind('/*'))), _UNFINISHED)]
    if not found:
        return [Finding(1, 1, 'there is no query')]
    findings = [*_statements(sql, found), *_depth(sql, found)]
    if not findings:
        findings += _symbols(sql, found)
        findings += _words(sql, found)
        for call in calls(found):
            findings += _call(sql, found, call)
        findings += _literals(sql, found)
        findings += _tree(sql, tables, quiet=bool(findings))
    return sorted(set(findings))


def close_to(name: str, known: Mapping[str, object] | frozenset[str]) -> str | None:
    """Return the known name most similar to this one, or None if none is similar."""
    found = get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _at(sql: str, token: Token, message: str, suggestion: str | None = None) -> Finding:
    return Finding(*position(sql, token.start), message, suggestion)


def _statements(sql: str, found: list[Token]) -> Iterator[Finding]:
    first = found[0]
    word = first.text.upper()
    if word in _WRITES:
        yield _at(sql, first, f'{word} is not documented: DDSQL only reads', 'SELECT')
    elif word not in ('SELECT', 'WITH'):
        like = close_to(word, frozenset({'select', 'with'}))
        yield _at(
            sql,
            first,
            f'a query does not begin with {first.text!r}',
            like.upper() if like else 'SELECT, or WITH … SELECT',
        )
    for index, token in enumerate(found[:-1]):
        if token.token_type is TokenType.SEMICOLON:
            yield _at(sql, found[index + 1], 'more than one statement', 'one SELECT at a time')
            return


def _depth(sql: str, found: list[Token]) -> Iterator[Finding]:
    """Reject unrealistically deep nesting before any slower check has to process it."""
    depth = 0
    for token in found:
        depth += (token.token_type in OPENING) - (token.token_type in OPENING.values())
        if depth > MAX_DEPTH:
            yield _at(sql, token, f'this is nested more than {MAX_DEPTH} levels deep')
            return


def _symbols(sql: str, found: list[Token]) -> Iterator[Finding]:
    for index, token in enumerate(found):
        symbol = sql[token.start : token.end + 1]
        quoted = token.token_type in (TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER)
        if token.token_type is TokenType.ARROW:
            yield from _arrow(sql, found, index)
        elif (
            symbol[:1] in ('E', 'e', 'U', 'u', 'B', 'b', 'X', 'x', '$')
            and symbol[-1:] in ("'", '$')
            and len(symbol) > 1
        ):
            yield _at(sql, token, f'texts written as {symbol[:2]}… are not documented', "'text'")
        elif not quoted and not is_word(token) and symbol not in surface.SYMBOLS:
            yield _at(sql, token, f'operator {symbol} is not documented', surface.SYMBOL_ALTERNATIVES.get(symbol))


def _arrow(sql: str, found: list[Token], index: int) -> Iterator[Finding]:
    left = found[index - 1] if index else None
    kind = TYPES.get(left.text) if left and left.token_type is not TokenType.STRING else None
    key = found[index + 1] if index + 1 < len(found) else None
    shown = f"'{key.text}'" if key and key.token_type is TokenType.STRING else 'key'
    if left and kind == 'json':
        instead = f'json_extract_path_text({left.text}, {shown})'
        yield _at(sql, found[index], f'operator -> on the json column {left.text} is not documented', instead)
    elif left and kind and kind != 'hstore':
        yield _at(sql, found[index], f'operator -> works on hstore, and {left.text} is a {kind}', f'tags->{shown}')
    elif key is None or key.token_type is not TokenType.STRING:
        yield _at(sql, found[index], 'operator -> is documented with a quoted key only', "tags->'key'")


def _words(sql: str, found: list[Token]) -> Iterator[Finding]:
    for index, token in enumerate(found):
        word = token.text.upper()
        before = found[index - 1] if index else None
        is_name = before is not None and (before.token_type is TokenType.DOT or before.text.upper() == 'AS')
        if word in surface.KEYWORD_ALTERNATIVES and is_word(token) and not is_name:
            yield _at(sql, token, f'{word} is not documented', surface.KEYWORD_ALTERNATIVES[word])


def _call(sql: str, found: list[Token], call: Call) -> Iterator[Finding]:
    token = found[call.first]
    if call.schema is not None:
        if call.schema != surface.DATADOG_SCHEMA or call.name not in surface.DATADOG_FUNCTIONS:
            like = close_to(call.name, surface.DATADOG_FUNCTIONS)
            name = f'{call.schema}.{call.name}'
            yield _at(sql, token, f'table function {name} is not documented', f'dd.{like}' if like else None)
        return
    arity = surface.FUNCTIONS.get(call.name)
    if arity is None:
        if not _is_type(found, call):
            like = close_to(call.name, surface.FUNCTIONS)
            instead = surface.FUNCTION_ALTERNATIVES.get(call.name) or (like.upper() if like else None)
            yield _at(sql, token, f'function {call.name} is not documented', instead)
        return
    if call.arguments < arity.least or (arity.most is not None and call.arguments > arity.most):
        message = f'{call.name} with {call.arguments} arguments is not documented'
        yield _at(sql, token, message, _usage(call.name, arity))
    inner = call.inner(found)
    words = [one.text.upper() for one in inner if is_word(one)]
    if call.name in ('trim', 'substring') and 'FROM' in words:
        yield _at(sql, token, f'{call.name} with FROM is not documented', surface_usage(call.name))
    yield from _arguments(sql, call.name, token, inner, words)


def _is_type(found: list[Token], call: Call) -> bool:
    """Whether `VARCHAR(10)` is the type of a column or of a cast, which follows a name or AS, and no call."""
    before = found[call.first - 1] if call.first else None
    is_known = call.name.upper() in surface.TYPES | set(surface.TYPE_ALTERNATIVES)
    is_after_name = before is not None and is_word(before) and before.text.upper() not in GRAMMAR - {'AS'}
    return is_known and is_after_name


def _usage(name: str, arity: surface.Arity) -> str:
    if name == 'round':
        return 'ROUND(number * 100) / 100'
    return surface_usage(name) if name in _USAGES else f'{name} with {_span(arity)}'


def _span(arity: surface.Arity) -> str:
    if arity.most is None:
        return f'{arity.least} or more'
    return str(arity.least) if arity.least == arity.most else f'{arity.least} to {arity.most}'


_USAGES: Final = {
    'substring': 'SUBSTRING(text, start, length)',
    'trim': 'TRIM(text)',
    'lag': 'LAG(column) OVER (…)',
    'lead': 'LEAD(column) OVER (…)',
    'date_bin': 'DATE_BIN(stride, timestamp, origin)',
}


def surface_usage(name: str) -> str:
    """Return the documented way to write a function."""
    return _USAGES[name]


def _arguments(sql: str, name: str, token: Token, inner: list[Token], words: list[str]) -> Iterator[Finding]:
    """Check arguments that must come from a fixed list: units, settings, formats, flags, types."""
    texts = [one for one in inner if one.token_type is TokenType.STRING]
    if name == 'extract' and inner:
        yield from _one_of(sql, inner[0], 'unit', surface.EXTRACT_UNITS)
    elif name == 'date_trunc' and inner and inner[0].token_type is TokenType.STRING:
        yield from _one_of(sql, inner[0], 'unit', surface.TRUNC_UNITS)
    elif name == 'current_setting' and inner and inner[0].token_type is TokenType.STRING:
        yield from _one_of(sql, inner[0], 'setting', frozenset(surface.SETTINGS))
    elif name in ('to_char', 'to_timestamp') and texts and texts[-1] is inner[-1]:
        yield from _time_format(sql, texts[-1])
    elif name in ('regexp_match', 'regexp_replace') and len(texts) > (1 if name == 'regexp_match' else 2):
        flags = texts[-1]
        if texts[-1] is inner[-1] and set(flags.text) - surface.REGEX_FLAGS:
            yield _at(sql, flags, f'flags {flags.text!r} are not documented', 'i, n, m, g')
    elif name == 'cast' and 'AS' in words:
        last = max(index for index, one in enumerate(inner) if one.text.upper() == 'AS')
        yield from _cast(sql, inner[last + 1 :], token)


def _one_of(sql: str, token: Token, what: str, known: frozenset[str]) -> Iterator[Finding]:
    if token.text.lower() not in known:
        yield _at(
            sql,
            token,
            f'{what} {token.text!r} is not documented',
            close_to(token.text, known) or ', '.join(sorted(known)),
        )


def _time_format(sql: str, token: Token) -> Iterator[Finding]:
    rest = re.sub(r'"[^"]*"', '', token.text)
    for pattern in surface.TIME_PATTERNS:
        rest = rest.replace(pattern, ' ')
    strange = re.search(r'[A-Za-z]+', rest)
    # ISO 8601 has a T between date and time; PostgreSQL and DDSQL both take it literally.
    if strange and strange[0] != 'T':
        yield _at(
            sql, token, f'pattern {strange[0]!r} in a time format is not documented', ' '.join(surface.TIME_PATTERNS)
        )


def _cast(sql: str, target: list[Token], cast: Token) -> Iterator[Finding]:
    name = ' '.join(one.text.upper() for one in target).replace(' ( )', '(…)')
    if name not in surface.CAST_TARGETS:
        first = target[0].text.upper() if target else ''
        instead = surface.TYPE_ALTERNATIVES.get(first, first)
        instead = instead if instead in surface.CAST_TARGETS else ', '.join(sorted(surface.CAST_TARGETS))
        yield _at(sql, target[0] if target else cast, f'CAST to {name} is not documented', instead)


def _literals(sql: str, found: list[Token]) -> Iterator[Finding]:
    """Check typed literals such as `TIMESTAMP '2026-11-23'`."""
    for token, value in pairwise(found):
        if token.text.upper() == 'INTERVAL' and value.token_type is TokenType.NUMBER:
            yield _at(sql, value, 'an INTERVAL has its number within quotes', "INTERVAL '1 day'")
        if value.token_type is not TokenType.STRING or not is_word(token):
            continue
        name = token.text.upper()
        if name in surface.TYPE_ALTERNATIVES:
            yield _at(
                sql, token, f'literals of type {name} are not documented', f"{surface.TYPE_ALTERNATIVES[name]} '…'"
            )
        elif name == 'INTERVAL':
            if value.text.strip().isdigit():
                yield _at(sql, value, 'an INTERVAL has its unit within the quotes', "INTERVAL '1 day'")
            for unit in re.findall(r'[A-Za-z]+', value.text):
                if unit.lower() not in surface.INTERVAL_UNITS:
                    message = f'unit {unit!r} of an interval is not documented'
                    yield _at(sql, value, message, 'days, hours, minutes, seconds, milliseconds')


def _tree(sql: str, tables: Mapping[str, Mapping[str, str]] | None, *, quiet: bool) -> Iterator[Finding]:
    """Check syntax and names. A parse error is reported only if no earlier finding explains it."""
    try:
        trees = [tree for tree in Dialect().parse(sql) if tree is not None]
    except (ParseError, RecursionError) as error:
        if not quiet:
            yield _parse_error(sql, error)
        return
    for tree in trees:
        yield from undocumented_syntax(sql, tree)
        if isinstance(tree, exp.Select):
            yield from unknown_names(sql, tree, tables)


def _parse_error(sql: str, error: Exception) -> Finding:
    known = error.errors[0] if isinstance(error, ParseError) and error.errors else None
    if not known:
        return Finding(
            1, 1, 'this is nested too deeply' if isinstance(error, RecursionError) else 'this cannot be parsed'
        )
    highlight = str(known.get('highlight') or '')
    # sqlglot gives the column of the end of the token.
    line, column = int(known.get('line') or 1), max(int(known.get('col') or 1) - max(len(highlight), 1) + 1, 1)
    return Finding(line, column, f'syntax error at {highlight!r}' if highlight else 'syntax error')
