"""The fixtures of the check's tests, for the tools' tests too, and a Datadog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import aws_environment, logging_as_it_was, strict_agent
from tools.tests.fake_datadog import FakeDatadog

__all__ = ['aws_environment', 'fake', 'logging_as_it_was', 'strict_agent']


@pytest.fixture
def fake() -> Iterator[FakeDatadog]:
    with FakeDatadog() as fake:
        yield fake
