"""Finds the shipped assets: at the root of a checkout, or inside this package if installed from its wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent
ASSETS: Final = next(
    (folder for folder in (_PACKAGE / 'assets', _PACKAGE.parent.parent / 'assets') if (folder / 'dashboards').is_dir()),
    None,
)


def metadata_of(assets: Path) -> Path | None:
    """Return the `metadata.csv` of an assets folder: beside it in a checkout, inside it in a wheel."""
    return next((path for path in (assets.parent / 'metadata.csv', assets / 'metadata.csv') if path.is_file()), None)
