"""Errors with messages for the user at the terminal."""

from __future__ import annotations


class ToolError(Exception):
    """An error that ends a command. The message says what is wrong and what to do; the user sees only that."""
