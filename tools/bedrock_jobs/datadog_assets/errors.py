"""What can go wrong, in words for the person at the terminal."""

from __future__ import annotations

from collections.abc import Sequence


class AssetsError(Exception):
    """Something that the user has to decide or to put right. The text says what, and what to do."""


class DatadogError(AssetsError):
    """Datadog refused a request, or could not be reached.

    `status` is the HTTP status, 0 when there was no answer. `messages` are Datadog's own. `is_unclear` tells that the
    request may have been carried out all the same: it timed out, the connection broke, or the server failed.
    """

    def __init__(self, text: str, *, status: int = 0, messages: Sequence[str] = (), is_unclear: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.messages = tuple(messages)
        self.is_unclear = is_unclear
