"""A site's changes to the assets, made without editing them: a strictly checked YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import AssetsError

Handle = Annotated[str, Field(pattern=r'^@\S+$')]
Tag = Annotated[str, Field(pattern=r'^[A-Za-z][\w\-./]*:[^,\s]+$', max_length=200)]


OFF_BY_DEFAULT: Final = frozenset({('monitor', 'no_completed_job'), ('monitor', 'job_failed_with_message')})
"""Assets that only some sites want. An overlay turns them on with `enabled: true`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra='forbid', frozen=True)


class Thresholds(_Strict):
    """A monitor's thresholds. Those not given stay as in the file; null removes one."""

    critical: float | None = None
    warning: float | None = None
    critical_recovery: float | None = None
    warning_recovery: float | None = None


class MonitorOverlay(_Strict):
    """A site's changes to one monitor."""

    enabled: bool | None = None
    thresholds: Thresholds = Thresholds()
    handles: list[Handle] | None = None
    """Who is notified, instead of the overlay's general handles."""
    tags: list[Tag] = []
    priority: Annotated[int, Field(ge=1, le=5)] | None = None


class Target(_Strict):
    """An SLO's target in percent over a timeframe."""

    timeframe: Literal['7d', '30d', '90d']
    target: Annotated[float, Field(gt=0, lt=100)]
    warning: Annotated[float, Field(gt=0, lt=100)] | None = None


class SloOverlay(_Strict):
    """A site's changes to one SLO."""

    enabled: bool | None = None
    thresholds: list[Target] | None = None
    tags: list[Tag] = []


class DashboardOverlay(_Strict):
    """A site's changes to one dashboard."""

    enabled: bool | None = None


class Overlay(_Strict):
    """A site's changes. Keys under `monitors`, `slos` and `dashboards` are file names without `.json`."""

    deployment: Annotated[str, Field(pattern=r'^[a-z0-9][a-z0-9_-]{0,49}$')] = 'default'
    """Distinguishes several sets of assets in one organisation; part of the ownership marker."""
    prefix: str = ''
    team: Annotated[str, Field(pattern=r'^[a-z0-9][\w\-./]*$')] | None = None
    tags: list[Tag] = []
    handles: list[Handle] = []
    monitors: dict[str, MonitorOverlay] = {}
    slos: dict[str, SloOverlay] = {}
    dashboards: dict[str, DashboardOverlay] = {}

    def monitor(self, stem: str) -> MonitorOverlay:
        return self.monitors.get(stem, MonitorOverlay())

    def slo(self, stem: str) -> SloOverlay:
        return self.slos.get(stem, SloOverlay())

    def is_enabled(self, kind: str, stem: str) -> bool:
        """Whether an asset is to be deployed."""
        enabled = self._named(kind, stem)
        return (kind, stem) not in OFF_BY_DEFAULT if enabled is None else enabled

    def _named(self, kind: str, stem: str) -> bool | None:
        every: Mapping[str, Mapping[str, Any]] = {
            'monitor': self.monitors,
            'slo': self.slos,
            'dashboard': self.dashboards,
        }
        return every[kind][stem].enabled if stem in every[kind] else None


def read_overlay(path: Path | None) -> Overlay:
    """Read an overlay file. Without a file, return an overlay that changes nothing. Raises AssetsError."""
    try:
        return Overlay.model_validate(_load(path) if path else {})
    except ValidationError as error:
        details = '\n'.join(f'  {".".join(map(str, one["loc"]))}: {one["msg"]}' for one in error.errors())
        raise AssetsError(f'{path} cannot be used:\n{details}') from None


def _load(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise AssetsError(f'{path} cannot be read: {" ".join(str(error).split())}') from None
    if document is not None and not isinstance(document, dict):
        raise AssetsError(f'{path} is not a mapping of settings.')
    return document or {}
