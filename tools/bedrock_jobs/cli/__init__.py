"""`bedrock-jobs`: a thin layer over the rest. Each module here that has a function `register` adds commands."""

from __future__ import annotations


def main() -> None:
    """Run the command line. Entry point of `bedrock-jobs`."""
    try:
        from .app import build
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"bedrock-jobs needs the extra 'cli' ({error.name} is missing): pip install '.[cli]'"
        ) from error
    build()()
