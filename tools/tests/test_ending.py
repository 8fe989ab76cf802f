"""Every command ends in the same few ways: tools/README.md has the table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bedrock_jobs.cli import _ending
from bedrock_jobs.cli.app import build
from bedrock_jobs.errors import ToolError

COMMAND = [sys.executable, '-m', 'bedrock_jobs.cli']


def commands(group: Any, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the words that call each command."""
    for name, command in group.commands.items():
        yield from commands(command, *names, name) if hasattr(command, 'commands') else [(*names, name)]


EVERY = sorted(commands(typer.main.get_command(build())))


def test_all_commands_are_known() -> None:
    assert {names[0] for names in EVERY} == {'assets', 'check', 'config', 'dataset', 'demo', 'doctor', 'report', 'sql'}
    assert len(EVERY) == 18


@pytest.mark.parametrize('names', EVERY, ids=' '.join)
def test_wrong_usage(names: tuple[str, ...]) -> None:
    done = CliRunner().invoke(build(), [*names, '--no-such-option'])

    assert (done.exit_code, done.stdout) == (1, '')
    words = ' '.join(names)
    assert done.stderr == f"No such option: --no-such-option\nTry 'bedrock-jobs {words} --help'.\n"


@pytest.mark.parametrize('names', [(), ('assets',), ('config',), ('dataset',), ('nothing',), ('dataset', 'publish')])
def test_half_a_command(names: tuple[str, ...]) -> None:
    assert CliRunner().invoke(build(), names).exit_code == 1


@pytest.mark.parametrize('names', EVERY, ids=' '.join)
def test_help_is_fine(names: tuple[str, ...]) -> None:
    assert CliRunner().invoke(build(), [*names, '--help']).exit_code == 0


@pytest.mark.parametrize(
    'words',
    [
        'assets preview MISSING',
        'assets validate --assets MISSING',
        'assets plan --overlay MISSING',
        'check -c MISSING',
        'config generate --accounts MISSING',
        'config validate MISSING',
        'dataset compare --snapshot MISSING',
        'dataset snapshot jobs.jsonl -c MISSING',
        'doctor -c MISSING',
        'report -c MISSING',
        'sql --file MISSING',
        'sql -c MISSING SELECT',
    ],
)
def test_a_file_that_is_not_there(words: str, tmp_path: Path) -> None:
    missing = str(tmp_path / 'not-there')
    done = CliRunner().invoke(build(), words.replace('MISSING', missing).split())

    assert done.exit_code == 1
    assert missing in done.stderr


@pytest.mark.parametrize(
    'words',
    [
        'assets export -o MISSING/x',
        'dataset snapshot MISSING/x --demo',
        'demo --record MISSING/x',
    ],
)
def test_a_path_that_cannot_be_written(words: str, tmp_path: Path) -> None:
    missing = str(tmp_path / 'not-there')
    done = CliRunner().invoke(build(), words.replace('MISSING', missing).split())

    assert (done.exit_code, done.stdout) == (1, '')
    assert done.stderr.startswith(f'{missing}/x') and done.stderr.endswith(': No such file or directory\n')


@pytest.mark.parametrize(
    ('words', 'library', 'extra'),
    [
        ('assets validate', 'bedrock_jobs.datadog_assets.lint', 'api'),
        ('demo --json', 'bedrock_jobs.simulator', 'simulator'),
        ('sql SELECT', 'psycopg', 'sql'),
    ],
)
def test_a_missing_extra(words: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    done = CliRunner().invoke(build(), words.split())

    assert done.exit_code == 1
    assert f"this needs the extra '{extra}'" in done.stderr


@pytest.mark.parametrize(
    ('outcome', 'code', 'said'),
    [
        (None, 0, ''),
        (typer.Exit(2), 2, ''),
        (typer.Abort(), 1, ''),
        (KeyboardInterrupt(), 130, ''),
        (BrokenPipeError(), 1, ''),
        (PermissionError(13, 'Permission denied', 'a'), 1, 'a: Permission denied\n'),
        (ToolError('[bold]wrong\x1b[2J'), 1, '[bold]wrong\ufffd[2J\n'),
    ],
)
def test_each_ending(outcome: BaseException | None, code: int, said: str) -> None:
    app = typer.Typer(cls=_ending.Commands)

    @app.command()
    def one() -> None:
        if outcome:
            raise outcome

    app.command('other')(lambda: None)
    done = CliRunner().invoke(app, ['one'])

    assert (done.exit_code, done.stdout, done.stderr.lstrip('\n')) == (code, '', said)


def test_a_question_that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise typer.Abort from None

    assert _ending._ending_of(interrupted) == 130


def test_a_mistake_of_ours_has_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        _ending._ending_of(lambda: 1 // 0)


def test_a_reader_that_has_gone() -> None:
    with subprocess.Popen(
        [*COMMAND, 'demo', '--json'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout and running.stderr
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()

    assert (running.returncode, said) == (1, '')


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='no /dev/full')
def test_a_full_disk() -> None:
    with Path('/dev/full').open('w') as full:
        done = subprocess.run([*COMMAND, '--version'], stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, 'No space left on device\n')


def test_an_interrupted_command() -> None:
    with subprocess.Popen(
        [*COMMAND, 'demo', '--seconds', '600'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout and running.stderr
        time.sleep(0.1)
        running.stdout.readline()
        os.kill(running.pid, signal.SIGINT)
        said = running.stderr.read()

    assert (running.returncode, said) == (130, '')
