"""SQL as text with positions: its tokens, its function calls, and findings with their line and column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from sqlglot import Token, TokenType
from sqlglot.dialects.postgres import Postgres

OPENING = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.L_BRACKET: TokenType.R_BRACKET}
# Keywords that may precede a parenthesis without being function names.
GRAMMAR = frozenset(
    'ALL AND ANY ARRAY AS BETWEEN BY CASE CUBE DISTINCT ELSE EXCEPT EXISTS FILTER FROM FULL GROUP HAVING ILIKE IN '
    'INNER INTERSECT IS JOIN LATERAL LEADING LIKE LIMIT MATERIALIZED NOT OFFSET ON OR ORDER OUTER OVER PARTITION '
    'RECURSIVE ROLLUP ROW SELECT SETS SIMILAR SOME THEN UNION USING VALUES WHEN WHERE WINDOW WITH'.split()
)


class Dialect(Postgres):
    """sqlglot's PostgreSQL grammar, with fixes for what DDSQL queries need and it gets wrong."""

    class Tokenizer(Postgres.Tokenizer):
        # Documented for inet; in the syntax tree they are ordinary comparisons.
        KEYWORDS: ClassVar[Any] = {**Postgres.Tokenizer.KEYWORDS, '<<=': TokenType.LTE, '>>=': TokenType.GTE}

    class Parser(Postgres.Parser):  # type: ignore[misc, valid-type]
        # In an argument, `tags->'key'` is a subscript, not a lambda.
        LAMBDAS: ClassVar[Any] = {
            token: build for token, build in Postgres.Parser.LAMBDAS.items() if token is not TokenType.ARROW
        }


class Finding(NamedTuple):
    """What is wrong with a query. Line and column count from 1; 0 where the place is not known.

    `suggestion` is what Datadog documents instead.
    """

    line: int
    column: int
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        hint = f'; documented: {self.suggestion}' if self.suggestion else ''
        place = f'{self.line}:{self.column}: ' if self.line else ''
        return f'{place}{self.message}{hint}'


def position(sql: str, offset: int) -> tuple[int, int]:
    """Return the line and column of an offset in a text, both counted from 1."""
    before = sql[: max(offset, 0)]
    return before.count('\n') + 1, len(before) - (before.rfind('\n') + 1) + 1


def tokens(sql: str) -> list[Token]:
    """Return the tokens of a text. Raises sqlglot.errors.TokenError if a quote or a comment is not closed."""
    return Dialect().tokenize(sql)


def is_word(token: Token) -> bool:
    """Whether a token is an unquoted word: a keyword or a name."""
    return token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER) and token.text[:1].isidentifier()


@dataclass(frozen=True, slots=True)
class Call:
    """A function call: the token indexes of its name and parentheses."""

    name: str
    schema: str | None
    first: int
    opening: int
    closing: int
    arguments: int

    def inner(self, found: list[Token]) -> list[Token]:
        """Return the tokens between the parentheses, without those inside nested ones."""
        return [found[index] for index in top_level(found, self.opening + 1, self.closing)]


def calls(found: list[Token]) -> Iterator[Call]:
    """Yield the function calls among tokens, ignoring keywords, aliases with columns, and CTEs."""
    pairs = matching(found)
    for index in range(len(found) - 1):
        token = found[index]
        opening = index + 1
        if found[opening].token_type is not TokenType.L_PAREN or opening not in pairs:
            continue
        if not is_word(token) or token.text.upper() in GRAMMAR or _is_alias(found, index, pairs[opening]):
            continue
        is_qualified = index >= 2 and found[index - 1].token_type is TokenType.DOT
        first = index - 2 if is_qualified else index
        yield Call(
            name=token.text.lower(),
            schema=found[first].text.lower() if is_qualified else None,
            first=first,
            opening=opening,
            closing=pairs[opening],
            arguments=_arguments(found, opening, pairs[opening]),
        )


def matching(found: list[Token]) -> dict[int, int]:
    """Return the index of the closing parenthesis or bracket for the index of each opening one."""
    pairs: dict[int, int] = {}
    open_indexes: list[int] = []
    for index, token in enumerate(found):
        if token.token_type in OPENING:
            open_indexes.append(index)
        elif token.token_type in OPENING.values() and open_indexes:
            pairs[open_indexes.pop()] = index
    return pairs


def top_level(found: list[Token], start: int, end: int) -> Iterator[int]:
    """Yield the indexes from `start` up to but not including `end` that are not inside parentheses or brackets."""
    depth = 0
    for index in range(start, end):
        token = found[index]
        depth -= token.token_type in OPENING.values()
        if depth == 0:
            yield index
        depth += token.token_type in OPENING


def _is_alias(found: list[Token], index: int, closing: int) -> bool:
    """Whether a name before a parenthesis is an alias with columns or a common table expression."""
    before = found[index - 1] if index else None
    if before is None or before.token_type is TokenType.DOT:
        return False
    if before.text.upper() in ('AS', 'WITH', 'RECURSIVE') and is_word(before):
        return True
    if before.token_type in (TokenType.R_PAREN, TokenType.VAR, TokenType.IDENTIFIER):
        return True
    after = [token.text.upper() for token in found[closing + 1 : closing + 3]]
    return before.token_type is TokenType.COMMA and after == ['AS', '(']


def _arguments(found: list[Token], opening: int, closing: int) -> int:
    if closing == opening + 1:
        return 0
    return 1 + sum(found[index].token_type is TokenType.COMMA for index in top_level(found, opening + 1, closing))
