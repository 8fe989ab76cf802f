"""The error raised for problems with assets."""

from __future__ import annotations

from ..errors import ToolError


class AssetsError(ToolError):
    """Something in the assets, the overlay or Datadog that the user has to decide or fix."""
