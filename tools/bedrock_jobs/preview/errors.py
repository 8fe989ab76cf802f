"""The error raised when a dashboard cannot be drawn."""

from __future__ import annotations

from ..errors import ToolError


class PreviewError(ToolError):
    """Something in a dashboard, a monitor or a recording that cannot be drawn. The text says what, for people."""
