"""What the real check emits in the demo."""

from __future__ import annotations

from tools.tests.preview.conftest import demo, demo_file

__all__ = ['demo', 'demo_file']
