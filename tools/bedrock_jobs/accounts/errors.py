"""The error raised when a configuration cannot be written."""

from __future__ import annotations

from ..errors import ToolError


class DeploymentError(ToolError):
    """A mistake in the request. Its text is meant for people, with one line for each mistake."""
