"""How every command ends: four exit codes, and where something is wrong a message on standard error, no traceback."""

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
"""Something is wrong: with what was asked for, with a file, with AWS, Datadog or a database, or with what was found."""
DIFFERENT: Final = 2
"""What was compared differs."""
INTERRUPTED: Final = 130
"""Somebody pressed Ctrl-C."""

# Newer versions of typer bring a copy of click along, older ones need click itself: this is the class of either.
_ClickException: Final[Any] = typer.BadParameter.__mro__[2]


class Commands(TyperGroup):
    """The command line as a whole: runs one command and ends the process."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> NoReturn:
        options |= {'prog_name': 'bedrock-jobs', 'standalone_mode': False}
        sys.exit(_ending_of(lambda: super(Commands, self).main(args, **options)))


def _ending_of(command: Callable[[], object]) -> int:
    """Run a command, say what went wrong, and return the exit code. A mistake of ours passes, with its traceback."""
    try:
        code = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except typer.Abort as error:
        return INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else ERROR
    except BrokenPipeError:
        # Whoever reads our output has had enough.
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
    """Keep Python from writing to a broken pipe or a full disk once more, and from complaining about it, at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def stderr() -> Console:
    """Return the console for what is not the answer: standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(message: str, style: str | None = None) -> None:
    """Tell people something. The text may come from AWS, and is shown as it is, whatever markup it holds."""
    from rich.text import Text

    from ..dataset.output import printable

    if message:
        stderr().print(Text(printable(message.expandtabs(4))), style=style, soft_wrap=True)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a missing library into a message that names the extra it comes with."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ToolError(
            f"this needs the extra {name!r} ({error.name} is missing): pip install './tools[{name}]'"
        ) from error
