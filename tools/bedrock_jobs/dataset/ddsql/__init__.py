"""DDSQL, Datadog's subset of PostgreSQL: what its reference documents, and how we make PostgreSQL follow it."""

from .linter import lint
from .prepass import Prepared, prepare
from .text import Finding

__all__ = ['Finding', 'Prepared', 'lint', 'prepare']
