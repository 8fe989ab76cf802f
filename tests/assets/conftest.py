"""What the real check emits in the demo."""

from __future__ import annotations

from tests.preview.conftest import demo, demo_file

__all__ = ['demo', 'demo_file']
