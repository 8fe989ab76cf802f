"""What an Agent runs imports none of the tools, nothing that the Agent does not ship, and follows the arrows."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from .paths import ROOT

PACKAGE: Final = 'datadog_checks.bedrock_model_customization'
SOURCE: Final = ROOT.joinpath(*PACKAGE.split('.'))
# The Agent installs no dependency of a wheel.
SHIPPED: Final = frozenset({'boto3', 'botocore', 'datadog_checks.base', 'pydantic'})
# What a part of the check may import: of the check, and of SHIPPED. A part that is not here may import everything.
ARROWS: Final[Mapping[str, tuple[set[str], set[str]]]] = {
    'jobs': (set(), set()),
    'curves': (set(), set()),
    'aws': ({'jobs'}, {'boto3', 'botocore'}),
    'telemetry': ({'jobs', 'curves'}, set()),
    'polling': ({'aws', 'jobs', 'curves'}, set()),
}


def imports(path: Path, text: str) -> Iterator[str]:
    """Yield the full name of all that a file of the check imports, also within functions and for type checkers."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = [*PACKAGE.split('.'), *path.parts]
            base = '.'.join([*(above[: -node.level] if node.level else []), *filter(None, [node.module])])
            yield from (f'{base}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == '__import__':
            yield 'importlib'


def wrong(path: Path, text: str) -> list[str]:
    """Return what a file of the check must not import, and does."""
    part = path.parts[0].removesuffix('.py')
    ours, shipped = ARROWS.get(part, (None, SHIPPED))
    found = []
    for name in imports(path, text):
        top, second, third = [*name.split('.'), '', ''][:3]
        if name.startswith(f'{PACKAGE}.'):
            right = ours is None or third in {part, *ours}
        else:
            package = f'{top}.{second}' if top == 'datadog_checks' else top
            right = package in shipped or (package in sys.stdlib_module_names and package != 'importlib')
        if not right:
            found.append(f'{path}: {name}')
    return found


def test_imports_follow_the_arrows() -> None:
    paths = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob('*.py'))
    assert {path.parts[0].removesuffix('.py') for path in paths} > ARROWS.keys()
    assert [found for path in paths for found in wrong(path, (SOURCE / path).read_text())] == []


@pytest.mark.parametrize(
    ('path', 'line', 'is_wrong'),
    [
        ('check.py', 'from bedrock_jobs.simulator import Simulator', True),
        ('check.py', 'def f():\n    import bedrock_jobs', True),
        ('check.py', 'import typer', True),
        ('check.py', 'import datadog_checks.dev', True),
        ('check.py', "__import__('typer')", True),
        ('check.py', 'from importlib import import_module', True),
        ('jobs/job.py', 'from ..aws import session', True),
        ('jobs/job.py', 'from .. import aws', True),
        ('jobs/job.py', 'import botocore.session', True),
        ('jobs/deep/job.py', 'from ...aws.session import AwsSession', True),
        ('curves/series.py', 'from ..jobs.job import finite', True),
        ('aws/s3.py', 'from ..curves.curve import read_curve', True),
        ('aws/session.py', f'from {PACKAGE}.telemetry.tags import Tagger', True),
        ('telemetry/tags.py', 'from ..polling import scope', True),
        ('polling/scope.py', 'from ..telemetry import tags', True),
        ('check.py', 'from . import config\nfrom datadog_checks.base import AgentCheck\nimport pydantic', False),
        ('jobs/job.py', 'from .times import parse\nfrom . import arn\nimport json', False),
        ('aws/session.py', 'from ..jobs.job import Job\nfrom boto3 import Session', False),
    ],
)
def test_a_wrong_import_is_found(path: str, line: str, is_wrong: bool) -> None:
    assert bool(wrong(Path(path), line)) == is_wrong
