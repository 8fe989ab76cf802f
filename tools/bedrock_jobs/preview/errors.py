"""What can go wrong while a dashboard is drawn."""

from __future__ import annotations

from ..errors import ToolError


class PreviewError(ToolError):
    """Something in a dashboard, a monitor or a recording that cannot be drawn; the text says what, for a person."""
