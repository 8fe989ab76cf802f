"""The interactive prompt of `bedrock-jobs sql`: history, completion of column names, saved queries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import PostgresLexer

from .columns import FULL_NAME, TYPES
from .ddsql.surface import FUNCTIONS
from .saved import saved_queries

HELP: Final = r"""End a query with ; to run it.
\d        the columns of the table
\s        the saved queries
\s NAME   show and run a saved query
help      show this
\q        leave (also exit, quit, Ctrl-D)"""
WORDS: Final = {'exit': r'\q', 'quit': r'\q', 'help': r'\?'}
"""Commands that are also understood as a word, where no query has begun."""
KEYWORDS: Final = (
    'SELECT DISTINCT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET JOIN LEFT ON USING WITH AS CASE WHEN THEN ELSE END '
    'AND OR NOT IN LIKE IS NULL OVER PARTITION INTERVAL TIMESTAMP DESC'.split()
)


def read_loop(answer: Callable[[str], object], say: Callable[[str], None], history: Path | None) -> None:
    """Read queries until the user leaves. `answer` shows a query's result or error, `say` shows a message."""
    session: PromptSession[str] = PromptSession(
        history=_history(history),
        lexer=PygmentsLexer(PostgresLexer),
        completer=completer(),
        complete_while_typing=False,
    )
    say(HELP)
    pending = ''
    while True:
        try:
            line = session.prompt('   ...> ' if pending else 'ddsql> ')
        except KeyboardInterrupt:
            pending = ''
            continue
        except EOFError:
            return
        wanted = line.strip() if pending else WORDS.get(line.strip(' ;').lower(), line.strip())
        if wanted.startswith('\\'):
            if not command(wanted, answer, say):
                return
            continue
        pending = f'{pending}\n{line}' if pending else line
        if pending.rstrip().endswith(';'):
            answer(pending)
            pending = ''
        elif not pending.strip():
            pending = ''


def command(line: str, answer: Callable[[str], object], say: Callable[[str], None]) -> bool:
    """Run a backslash command; return whether to continue."""
    name, _, argument = line.partition(' ')
    if name in (r'\q', r'\quit'):
        return False
    if name == r'\d':
        say('\n'.join(f'{column:26}{kind}' for column, kind in TYPES.items()))
    elif name == r'\s' and argument.strip() in saved_queries():
        query = saved_queries()[argument.strip()].sql
        say(query)
        answer(query)
    elif name == r'\s':
        say('\n'.join(f'{saved.name:32}{saved.title}' for saved in saved_queries().values()))
    else:
        say(HELP)
    return True


def completer() -> WordCompleter:
    """Complete the names of columns, the table and functions, and keywords, ignoring case."""
    return WordCompleter([*TYPES, FULL_NAME, *sorted(FUNCTIONS), *KEYWORDS], ignore_case=True)


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Queries may contain private names.
    path.touch(mode=0o600)
    return FileHistory(path)
