"""The `bedrock-jobs` command line, a thin layer. Each module here with a `register` function adds commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. This is the entry point of `bedrock-jobs`."""
    try:
        from .app import build

        build()()
    except KeyboardInterrupt:
        sys.exit(130)
