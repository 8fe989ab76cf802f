"""Reads the assets that a preview needs: the dashboard, the monitors and SLOs that it lists, and units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ..shipped import ASSETS, metadata_of
from .errors import PreviewError
from .formats import read_units

DASHBOARDS: Final = 'dashboards'


@dataclass(frozen=True, slots=True)
class Library:
    """Asset documents by file stem, without the monitors and SLOs that are off by default."""

    dashboards: Mapping[str, dict[str, Any]]
    monitors: Mapping[str, dict[str, Any]]
    slos: Mapping[str, dict[str, Any]]
    units: Mapping[str, str]

    def dashboard(self, stem: str) -> dict[str, Any]:
        """Return a dashboard. Raises PreviewError if there is none with that name."""
        if stem not in self.dashboards:
            raise PreviewError(f'there is no dashboard {stem}; there are {", ".join(sorted(self.dashboards))}')
        return self.dashboards[stem]


def find_assets(wanted: Path | None = None) -> Path:
    """Return the given assets folder, or the one shipped with the package."""
    folder = wanted or ASSETS
    if folder is None or not (folder / DASHBOARDS).is_dir():
        raise PreviewError('no folder with dashboards is found; name the assets folder with --assets')
    return folder


def read_library(folder: Path) -> Library:
    """Read an assets folder. Raises PreviewError for a file that cannot be read."""
    off = _off(folder / 'deploy.yaml')
    return Library(
        dashboards=_documents(folder / DASHBOARDS),
        monitors={stem: one for stem, one in _documents(folder / 'monitors').items() if ('monitors', stem) not in off},
        slos={stem: one for stem, one in _documents(folder / 'slos').items() if ('slos', stem) not in off},
        units=read_units(metadata_of(folder)),
    )


def _documents(folder: Path) -> dict[str, dict[str, Any]]:
    documents = {}
    for path in sorted(folder.glob('*.json')):
        try:
            document = json.loads(path.read_text(encoding='utf-8'))
        except (OSError, ValueError) as error:
            raise PreviewError(f'{path} cannot be read: {error}') from error
        if not isinstance(document, dict):
            raise PreviewError(f'{path} is not a JSON object')
        documents[path.stem] = document
    return documents


def _off(path: Path) -> set[tuple[str, str]]:
    try:
        settings = yaml.safe_load(path.read_text(encoding='utf-8')) if path.is_file() else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PreviewError(f'{path} cannot be read: {error}') from error
    return {
        (kind, stem)
        for kind, named in (settings or {}).items()
        if isinstance(named, dict)
        for stem, one in named.items()
        if isinstance(one, dict) and one.get('enabled') is False
    }
