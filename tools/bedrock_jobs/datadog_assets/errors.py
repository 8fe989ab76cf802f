"""What is wrong with assets, in words."""

from __future__ import annotations

from ..errors import ToolError


class AssetsError(ToolError):
    """Something in the assets, the overlay or Datadog that the user has to decide or to put right."""
