"""`bedrock-jobs`: a thin layer over the rest. Each module here that has a function `register` adds commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Entry point of `bedrock-jobs`."""
    try:
        from .app import build

        build()()
    except KeyboardInterrupt:
        sys.exit(130)
