"""Edits a DDSQL query where PostgreSQL would refuse it or interpret it differently.

The text is edited token by token, not regenerated from a syntax tree, so that everything else stays unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from sqlglot import Token, TokenType

from .shim import AS_TIMESTAMP
from .surface import DATADOG_FUNCTIONS, DATADOG_SCHEMA
from .text import GRAMMAR, Call, calls, is_word, matching, tokens

_OFFSET: Final = re.compile(r'\d\s*(?:Z|[+-]\d\d(?::?\d\d)?)\s*$', re.IGNORECASE)
_REFERENCE: Final = re.compile(r'\\(.)|\$(\d)|(\\)$', re.DOTALL)


class Edit(NamedTuple):
    """Replaces the characters from `start` up to but not including `end` with `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query for PostgreSQL and the edits that made it. `remote` are functions for which only Datadog has data."""

    sql: str
    edits: tuple[Edit, ...]
    remote: frozenset[str]

    def original(self, offset: int) -> int:
        """Convert an offset in `sql` to the offset in the original query."""
        shift = 0
        for edit in self.edits:
            start = edit.start + shift
            if offset < start:
                break
            if offset < start + len(edit.text):
                return edit.start
            shift += len(edit.text) - (edit.end - edit.start)
        return offset - shift


def prepare(sql: str) -> Prepared:
    """Return a query prepared for PostgreSQL. Raises sqlglot.errors.TokenError for a text that cannot be tokenized."""
    found = tokens(sql)
    every_call = list(calls(found))
    edits = sorted([*_subscripts(found), *_timestamps(found), *_semicolon(found)])
    for call in every_call:
        edits += _of_call(sql, found, call)
    edits.sort()
    parts, at = [], 0
    for edit in edits:
        parts += [sql[at : edit.start], edit.text]
        at = edit.end
    parts.append(sql[at:])
    remote = {call.name for call in every_call if call.schema == DATADOG_SCHEMA and call.name in DATADOG_FUNCTIONS}
    return Prepared(''.join(parts), tuple(edits), frozenset(remote))


def _subscripts(found: list[Token]) -> Iterator[Edit]:
    """`f(x)[1]` and `ARRAY[…][1]`: PostgreSQL needs parentheses around what is subscripted."""
    opening_of = {closing: opening for opening, closing in matching(found).items()}
    for index, token in enumerate(found[:-1]):
        if found[index + 1].token_type is not TokenType.L_BRACKET or index not in opening_of:
            continue
        first = opening_of[index]
        before = found[first - 1] if first else None
        if token.token_type is TokenType.R_BRACKET:
            if before is None or before.text.upper() != 'ARRAY':
                continue
            first -= 1
        elif token.token_type is TokenType.R_PAREN and before is not None and _is_name(before):
            first -= 1
            if first >= 2 and found[first - 1].token_type is TokenType.DOT:
                first -= 2
        else:
            continue
        yield Edit(found[first].start, found[first].start, '(')
        yield Edit(token.end + 1, token.end + 1, ')')


def _is_name(token: Token) -> bool:
    return token.token_type is TokenType.IDENTIFIER or (is_word(token) and token.text.upper() not in GRAMMAR)


def _timestamps(found: list[Token]) -> Iterator[Edit]:
    """`TIMESTAMP '… -04:00'`: PostgreSQL silently drops the offset, DDSQL converts the time to UTC."""
    for token, value in pairwise(found):
        if token.text.upper() == 'TIMESTAMP' and value.token_type is TokenType.STRING and _OFFSET.search(value.text):
            yield Edit(token.start, token.end + 1, '(TIMESTAMPTZ')
            yield Edit(value.end + 1, value.end + 1, " AT TIME ZONE 'UTC')")


def _semicolon(found: list[Token]) -> Iterator[Edit]:
    if found and found[-1].token_type is TokenType.SEMICOLON:
        yield Edit(found[-1].start, found[-1].end + 1, '')


def _of_call(sql: str, found: list[Token], call: Call) -> Iterator[Edit]:
    name, inner = found[call.opening - 1], call.inner(found)
    if call.schema is not None:
        return
    if call.name == 'approx_percentile':
        # DDSQL "returns the type of the expression": that is the discrete percentile, which is also exact.
        yield Edit(name.start, name.end + 1, 'percentile_disc')
    elif call.name == 'extract' and inner and inner[0].text.lower() == 'dow':
        # DDSQL numbers Monday 1 to Sunday 7, PostgreSQL's dow Sunday 0 to Saturday 6.
        yield Edit(inner[0].start, inner[0].end + 1, 'isodow')
    elif call.name == 'regexp_replace':
        yield from _replacement(sql, inner)
    elif call.name == 'cast' and [one.text.upper() for one in inner[-2:]] == ['AS', 'TIMESTAMP']:
        # As with literals, the offset in the text must be respected.
        yield Edit(name.start, name.end + 1, AS_TIMESTAMP)
        yield Edit(inner[-2].start, inner[-1].end + 1, '')


def _replacement(sql: str, inner: list[Token]) -> Iterator[Edit]:
    """ICU's `$1` in a replacement is `\\1` in PostgreSQL; a backslash escapes the next character."""
    commas = [index for index, token in enumerate(inner) if token.token_type is TokenType.COMMA]
    if len(commas) < 2 or commas[1] + 1 >= len(inner):
        return
    text = inner[commas[1] + 1]
    if text.token_type is TokenType.STRING:
        written = sql[text.start + 1 : text.end]
        yield Edit(text.start + 1, text.end, _REFERENCE.sub(_reference, written))


def _reference(match: re.Match[str]) -> str:
    if match[2] is not None:
        return '\\' + ('&' if match[2] == '0' else match[2])
    return '\\\\' if match[3] or match[1] == '\\' else match[1]
