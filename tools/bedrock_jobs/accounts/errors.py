"""What is said to whoever asked for a configuration that cannot be written."""

from __future__ import annotations

from ..errors import ToolError


class DeploymentError(ToolError):
    """A mistake in what was asked for. Its text is for a person, a line for each mistake."""
