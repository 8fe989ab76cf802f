"""Runs objects in fresh processes, so that their CPU, memory and GIL figures include nothing else."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Concatenate, Generic, ParamSpec, Self, TypeVar

Subject = TypeVar('Subject')
P = ParamSpec('P')
R = TypeVar('R')

PATIENCE = 10.0
"""Seconds that a process is given to end."""


class ApartError(RuntimeError):
    """An exception in the other process. The message is its traceback."""


class Apart(Generic[Subject]):
    """An object made by `make(*arguments)` in a new process. As a context manager, ends the process on exit."""

    def __init__(self, make: Callable[P, Subject], *args: P.args, **kwargs: P.kwargs) -> None:
        # A forked process would start with this process's memory, and count it.
        context = get_context('spawn')
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()
        try:
            self._ask(make, args, kwargs)
        except ApartError:
            self.end()
            raise

    def call(self, function: Callable[Concatenate[Subject, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a module's function or a class's method with the object, and return the result.

        Arguments and result must be picklable. Raises ApartError for any exception in the other process.
        """
        answer: R = self._ask(function, args, kwargs)  # type: ignore[assignment]
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End the process."""
        self._here.close()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.terminate()

    def _ask(self, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        self._here.send((function, args, kwargs))
        try:
            succeeded, answer = self._here.recv()
        except EOFError:
            raise ApartError('the process ended') from None
        if not succeeded:
            raise ApartError(answer)
        return answer


def _serve(connection: Connection) -> None:
    """Make the object, then call functions with it until the other side closes the connection."""
    subject: tuple[object, ...] = ()
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            function, args, kwargs = connection.recv()
            try:
                answer = function(*subject, *args, **kwargs)
                if not subject:
                    subject, answer = (answer,), None
                connection.send((True, answer))
            except Exception:
                connection.send((False, traceback.format_exc()))
