"""Imports run along the arrows of the design: from the check towards the pure core, and never out to the tools."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from .paths import ROOT

PACKAGE: Final = 'datadog_checks.bedrock_model_customization'
SOURCE: Final = ROOT.joinpath(*PACKAGE.split('.'))

# What each room of the core may import of ours. A room that is not here is a tool around the core: it may import the
# core, and nothing here may import it.
ARROWS: Final[Mapping[str, frozenset[str]]] = {
    '__about__': frozenset(),
    '__init__': frozenset({'__about__', 'check'}),
    'jobs': frozenset(),
    'aws': frozenset({'jobs'}),
    'reporting': frozenset({'jobs'}),
    'polling': frozenset({'aws', 'jobs'}),
    'config_models': frozenset(),
    'config': frozenset({'config_models'}),
    'settings': frozenset({'aws', 'config_models', 'jobs', 'polling', 'reporting'}),
    'check': frozenset({'aws', 'config', 'config_models', 'jobs', 'polling', 'reporting', 'settings'}),
}
# What the core may import of others: the Agent installs no dependency, so it must ship all of them.
SHIPPED: Final[Mapping[str, frozenset[str]]] = {
    '__about__': frozenset(),
    '__init__': frozenset(),
    'jobs': frozenset(),
    'aws': frozenset({'boto3', 'botocore'}),
    'reporting': frozenset(),
    'polling': frozenset(),
    'config_models': frozenset({'datadog_checks.base', 'pydantic'}),
    'config': frozenset({'datadog_checks.base', 'pydantic'}),
    'settings': frozenset(),
    'check': frozenset({'datadog_checks.base'}),
}


class Import(NamedTuple):
    """An import statement: where it stands, and the module it names in full."""

    path: Path
    line: int
    module: str


def room(path: Path) -> str:
    """Return the part of the package that a file below it belongs to."""
    return path.parts[0].removesuffix('.py')


def imports(source: Path, path: Path) -> Iterator[Import]:
    """Yield every import of a file, those within functions and for type checkers too."""
    for node in ast.walk(ast.parse((source / path).read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                above = [*PACKAGE.split('.'), *path.parts[:-1]]
                above = above[: len(above) - node.level + 1]
                base = '.'.join([*above, *([node.module] if node.module else [])])
            # A name that is taken out of the package, or of a folder above it, may be a room.
            if PACKAGE.startswith(base):
                for alias in node.names:
                    yield Import(path, node.lineno, f'{base}.{alias.name}')
            else:
                yield Import(path, node.lineno, base)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split('.')[-1] in ('import_module', '__import__'):
            yield Import(path, node.lineno, 'importlib')


def complaint(found: Import) -> str | None:
    """Return what is wrong with an import of the core, if anything is."""
    importer = room(found.path)
    if found.module.startswith(f'{PACKAGE}.'):
        imported = found.module.removeprefix(f'{PACKAGE}.').split('.')[0]
        if imported == importer or imported in ARROWS[importer]:
            return None
        return f'{found.path}:{found.line}: {importer} must not import {imported}'
    package = found.module.split('.')[0]
    if package == 'datadog_checks':
        package = '.'.join(found.module.split('.')[:2])
    if package == 'importlib':
        return f'{found.path}:{found.line}: {importer} must not hide what it imports'
    if package in sys.stdlib_module_names or package in SHIPPED[importer]:
        return None
    return f'{found.path}:{found.line}: {importer} must not import {package}'


def complaints(source: Path) -> list[str]:
    """Return what is wrong with the imports of the core below a folder."""
    files = sorted(path.relative_to(source) for path in source.rglob('*.py'))
    found = (one for path in files if room(path) in ARROWS for one in imports(source, path))
    return [text for one in found if (text := complaint(one))]


def test_imports_follow_the_arrows() -> None:
    assert complaints(SOURCE) == []


def test_every_room_of_the_core_is_there() -> None:
    rooms = {room(path.relative_to(SOURCE)) for path in SOURCE.rglob('*.py')}
    assert ARROWS.keys() <= rooms
    assert ARROWS.keys() == SHIPPED.keys()


@pytest.mark.parametrize(
    ('path', 'line', 'wrong'),
    [
        ('jobs/job.py', 'from ..aws import session', 'jobs must not import aws'),
        ('jobs/job.py', 'from .. import aws', 'jobs must not import aws'),
        ('jobs/deep/job.py', 'from ...aws.session import AwsSession', 'jobs must not import aws'),
        ('jobs/job.py', f'import {PACKAGE}.polling.state', 'jobs must not import polling'),
        ('jobs/job.py', 'import botocore.session', 'jobs must not import botocore'),
        ('aws/session.py', f'from {PACKAGE}.reporting.tags import Tagger', 'aws must not import reporting'),
        ('aws/session.py', 'import rich', 'aws must not import rich'),
        (
            'reporting/tags.py',
            'def f():\n    from ..polling.collector import Collector',
            'reporting must not import polling',
        ),
        ('polling/scope.py', 'from ..reporting import tags', 'polling must not import reporting'),
        (
            'polling/scope.py',
            'from datadog_checks.base import AgentCheck',
            'polling must not import datadog_checks.base',
        ),
        ('check.py', 'from .simulator import Simulator', 'check must not import simulator'),
        ('check.py', 'from . import cli', 'check must not import cli'),
        ('check.py', 'import datadog_checks.dev', 'check must not import datadog_checks.dev'),
        ('check.py', "__import__('typer')", 'check must not hide what it imports'),
        ('check.py', 'from importlib import import_module', 'check must not hide what it imports'),
        ('settings.py', 'from .check import BedrockModelCustomizationCheck', 'settings must not import check'),
    ],
)
def test_a_wrong_import_is_found(path: str, line: str, wrong: str, tmp_path: Path) -> None:
    write(tmp_path, path, line)
    assert [text.partition(': ')[2] for text in complaints(tmp_path)] == [wrong]


@pytest.mark.parametrize(
    ('path', 'line'),
    [
        ('jobs/job.py', 'from .times import parse\nfrom . import arn\nimport json'),
        ('aws/session.py', 'from ..jobs.job import Job\nfrom boto3 import Session'),
        (
            'check.py',
            'from . import config\nfrom .polling import collector\nfrom datadog_checks.base import AgentCheck',
        ),
        ('simulator/server.py', 'import aiohttp\nfrom ..check import BedrockModelCustomizationCheck'),
    ],
)
def test_a_right_import_is_not(path: str, line: str, tmp_path: Path) -> None:
    write(tmp_path, path, line)
    assert complaints(tmp_path) == []


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
