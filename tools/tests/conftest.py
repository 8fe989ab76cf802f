"""The fixtures of the check's tests, for the tools' tests too."""

from tests.conftest import aws_environment, logging_as_it_was, strict_agent

__all__ = ['aws_environment', 'logging_as_it_was', 'strict_agent']
