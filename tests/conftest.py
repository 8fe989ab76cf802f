"""Fixtures that every test may use."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from datadog_checks.bedrock_model_customization.aws.session import default_session

from .strict_agent import StrictAgent

# A busy machine is no fault of the code: nothing here asserts how long anything takes.
settings.register_profile('default', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('default')


LOGGERS = [logging.getLogger(name) for name in ('bedrock_jobs', 'datadog_checks')]
LEVELS = [logger.level for logger in LOGGERS]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> None:
    """Undo what the command line does to the log, in tests that call it in this process."""
    for logger, level in zip(LOGGERS, LEVELS, strict=True):
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def strict_agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictAgent]:
    """The Agent of every check that any test runs: as strict as the real one, and given nothing that it would lose."""
    agent = StrictAgent()
    agent.install(monkeypatch)
    yield agent
    assert agent.losses == []


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up credentials, and nothing else of this machine's AWS configuration."""
    made_up_credentials(monkeypatch)


def made_up_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_BEARER_TOKEN_BEDROCK', 'AWS_ENDPOINT_URL', 'AWS_CA_BUNDLE'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('AWS_CONFIG_FILE', '/nonexistent')
    monkeypatch.setenv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent')
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'example')
    default_session.cache_clear()
