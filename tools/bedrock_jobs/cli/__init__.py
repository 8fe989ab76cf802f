"""`bedrock-jobs`: a thin layer over the rest. Each module here that has a function `register` adds commands."""

from __future__ import annotations


def main() -> None:
    """Run the command line. Entry point of `bedrock-jobs`."""
    from .app import build

    build()()
