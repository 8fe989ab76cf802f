"""How every command ends: one of four exit codes, and errors as a message on standard error without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from ..errors import ToolError

if TYPE_CHECKING:
    from rich.console import Console

OK: Final = 0
ERROR: Final = 1
"""Something is wrong: with the arguments, a file, AWS, Datadog, a database, or with what was found."""
DIFFERENT: Final = 2
"""What was compared differs."""
INTERRUPTED: Final = 130
"""Somebody pressed Ctrl-C."""

# Newer versions of typer bundle a copy of click, older ones depend on click: this finds the class in both.
_ClickException: Final[Any] = typer.BadParameter.__mro__[2]


class Commands(TyperGroup):
    """The whole command line: runs one command and exits."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> NoReturn:
        options |= {'prog_name': 'bedrock-jobs', 'standalone_mode': False}
        sys.exit(_ending_of(lambda: super(Commands, self).main(args, **options)))


def _ending_of(command: Callable[[], object]) -> int:
    """Run a command, report what went wrong, and return the exit code. Bugs of ours propagate with their traceback."""
    try:
        code = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except typer.Abort as error:
        return INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else ERROR
    except BrokenPipeError:
        # The reader of our output closed the pipe.
        return ERROR
    except (ToolError, OSError, _ClickException) as error:
        say(_in_words(error), 'red')
        return ERROR
    finally:
        _give_up_broken_streams()
    return code if isinstance(code, int) else OK


def _in_words(error: Exception) -> str:
    if isinstance(error, _ClickException):
        context = getattr(error, 'ctx', None)
        hint = f"\nTry '{context.command_path} --help'." if context and error.format_message() else ''
        return f'{error.format_message()}{hint}'
    if isinstance(error, OSError) and error.strerror:
        where = f'{error.filename}: ' if error.filename else ''
        return f'{where}{error.strerror}'
    return str(error)


def _give_up_broken_streams() -> None:
    """Stop Python from writing again to a broken pipe or full disk at exit, and from reporting the failure."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def stderr() -> Console:
    """Return the console on standard error, for everything but the command's result."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(message: str, style: str | None = None) -> None:
    """Print a message for the user. The text may come from AWS, so markup in it is shown literally."""
    from rich.text import Text

    from ..dataset.output import printable

    if message:
        stderr().print(Text(printable(message.expandtabs(4))), style=style, soft_wrap=True)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a missing library into a message that names the extra that provides it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ToolError(
            f"this needs the extra {name!r} ({error.name} is missing): pip install './tools[{name}]'"
        ) from error
