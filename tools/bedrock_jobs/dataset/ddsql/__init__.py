"""DDSQL, Datadog's subset of PostgreSQL: what its reference documents, and how PostgreSQL is made to follow it."""

from .linter import lint
from .prepass import Prepared, prepare
from .text import Finding

__all__ = ['Finding', 'Prepared', 'lint', 'prepare']
