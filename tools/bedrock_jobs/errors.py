"""What can go wrong, in words for the person at the terminal."""

from __future__ import annotations


class ToolError(Exception):
    """Something that ends a command. The text says what is wrong and what to do; the command line shows just that."""
