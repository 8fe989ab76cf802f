"""Finds and reads the files under `assets/`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ..shipped import ASSETS, metadata_of
from .errors import AssetsError
from .strict import Problem

Kind = Literal['monitor', 'slo', 'dashboard']
"""The kind of object an asset creates, in order of creation: a later kind may refer to an earlier one."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
FOLDERS: Final[Mapping[Kind, str]] = {'monitor': 'monitors', 'slo': 'slos', 'dashboard': 'dashboards'}
_STEM: Final = re.compile(r'^[a-z0-9][a-z0-9_]{0,99}$')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: the kind of object it creates, and the whole document in it."""

    kind: Kind
    stem: str
    document: Mapping[str, Any]
    """As in the file. For a dashboard this is the body itself; for the others the body is under `definition`."""
    file: str
    """The path relative to the assets folder, used in messages."""

    @property
    def body(self) -> dict[str, Any]:
        """The body for Datadog, as in the file; empty if the file has none."""
        body = self.document if self.kind == 'dashboard' else self.document.get('definition')
        return dict(body) if isinstance(body, Mapping) else {}

    @property
    def title(self) -> str:
        """The asset's name in Datadog, without any prefix."""
        return str(self.body.get('title' if self.kind == 'dashboard' else 'name') or self.stem)


@dataclass(frozen=True, slots=True)
class Library:
    """The assets in a folder, and the problems of files that could not be read."""

    folder: Path
    assets: tuple[Asset, ...]
    problems: Mapping[str, list[Problem]]

    @property
    def metadata(self) -> Path | None:
        """The `metadata.csv` that belongs to the assets."""
        return metadata_of(self.folder)


def find_folder(wanted: Path | None = None) -> Path:
    """Return the given assets folder, or the one shipped with the package."""
    folder = wanted or ASSETS
    if folder and any((folder / name).is_dir() for name in FOLDERS.values()):
        return folder.resolve()
    where = f'{wanted} has' if wanted else 'This installation has'
    raise AssetsError(f'{where} no folder dashboards/, monitors/ or slos/. Name the assets folder with --assets.')


def read(folder: Path) -> Library:
    """Read every asset in a folder. Files that are not JSON or are badly named are recorded as problems, not raised."""
    assets: list[Asset] = []
    problems: dict[str, list[Problem]] = {}
    for kind in KINDS:
        for path in sorted((folder / FOLDERS[kind]).glob('*.json')):
            file = f'{FOLDERS[kind]}/{path.name}'
            try:
                assets.append(_asset(kind, path, file))
            except ValueError as error:
                problems[file] = [Problem('$', str(error))]
    return Library(folder, tuple(assets), problems)


def _asset(kind: Kind, path: Path, file: str) -> Asset:
    if not _STEM.match(path.stem):
        raise ValueError('a file name needs lower case letters, digits and _ only: it becomes a tag')
    document = json.loads(path.read_text(encoding='utf-8'), object_pairs_hook=_object, parse_constant=_constant)
    if not isinstance(document, dict):
        raise ValueError('is not a JSON object')
    return Asset(kind, path.stem, document, file)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f'has the key {next(key for key in keys if keys.count(key) > 1)} twice')
    return built


def _constant(name: str) -> Any:
    raise ValueError(f'{name} is not JSON')


def walk(value: Any, path: str = '$') -> Iterator[tuple[str, Any]]:
    """Yield every value in a document with its path, starting with the document itself."""
    yield path, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(item, f'{path}.{key}')
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from walk(item, f'{path}[{position}]')
