"""A PostgreSQL of our own is found, started, and always stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bedrock_jobs.dataset import server as module
from bedrock_jobs.dataset.server import (
    Installation,
    ServerError,
    installations,
    temporary_server,
)

FOUND = installations()
PRINT_AND_WAIT = """
import sys, time
from bedrock_jobs.dataset.server import temporary_server
with temporary_server() as dsn:
    print(dsn, flush=True)
    time.sleep(60)
"""


def folder_of(dsn: str) -> Path:
    return Path(dsn.split()[0].removeprefix('host='))


@pytest.mark.parametrize('installation', FOUND, ids=lambda found: f'{found.version}{"-embedded" * found.is_embedded}')
def test_every_installation_starts_and_goes_away(installation: Installation) -> None:
    with temporary_server(installation) as dsn:
        folder = folder_of(dsn)
        with psycopg.connect(dsn) as connection:
            (version,) = connection.execute('SHOW server_version_num').fetchone() or ('',)
            connection.execute('CREATE EXTENSION hstore')
            assert connection.execute('SHOW listen_addresses').fetchone() == ('',)
            assert connection.execute("SELECT lower('Ü')").fetchone() == ('ü',)
        assert int(version) // 10000 == installation.version
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_an_installed_server_comes_before_the_embedded_one() -> None:
    assert [found.is_embedded for found in FOUND] == sorted(found.is_embedded for found in FOUND)


@pytest.mark.skipif(not any(found.is_embedded for found in FOUND), reason="the extra 'sql' is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason='only root needs a copy')
def test_root_may_keep_its_virtual_environment_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, '_is_reachable', lambda programs: False)
    with temporary_server(FOUND[-1]) as dsn, psycopg.connect(dsn) as connection:
        assert (folder_of(dsn) / 'programs').is_dir()
        connection.execute('CREATE EXTENSION hstore')


def test_an_error_inside_stops_the_server() -> None:
    folders = []
    with pytest.raises(RuntimeError), temporary_server() as dsn:
        folders.append(folder_of(dsn))
        raise RuntimeError
    assert not folders[0].exists()


@pytest.mark.skipif(sys.platform != 'linux', reason='asks Linux to stop it')
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_the_server_stops_when_the_process_is_ended(number: int) -> None:
    process = subprocess.Popen([sys.executable, '-c', PRINT_AND_WAIT], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    folder = folder_of(process.stdout.readline().strip())
    server = int((folder / 'data' / 'postmaster.pid').read_text().splitlines()[0])
    process.send_signal(number)
    process.wait(20)
    process.stdout.close()
    for _ in range(200):
        if not Path(f'/proc/{server}/stat').exists() or ') Z ' in Path(f'/proc/{server}/stat').read_text():
            break
        signal.sigtimedwait([], 0.05)
    else:
        pytest.fail('the server still runs')
    assert folder.exists() == (number == signal.SIGKILL)
    if folder.exists():
        subprocess.run(['rm', '-r', folder], check=True)


def test_an_impatient_second_ctrl_c_leaves_nothing_behind() -> None:
    with subprocess.Popen(
        [sys.executable, '-c', PRINT_AND_WAIT], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        folder = folder_of(process.stdout.readline().decode())
        process.send_signal(signal.SIGINT)
        # The second one comes while the server is being stopped, which takes longer than this.
        for _ in range(50):
            process.send_signal(signal.SIGINT)
        process.communicate()
    assert not folder.exists()


def test_nothing_found_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'installations', list)
    with pytest.raises(ServerError, match=r"pip install '\./tools\[sql\]'"), temporary_server():
        pass


def test_what_cannot_start_is_told(tmp_path: Path) -> None:
    for name in ('initdb', 'postgres'):
        (tmp_path / name).write_text('#!/bin/sh\necho broken >&2\nexit 1\n')
        (tmp_path / name).chmod(0o755)
    with pytest.raises(ServerError, match='could not be started'), temporary_server(Installation(tmp_path, 15)):
        pass


@pytest.mark.parametrize(
    ('version', 'hstore', 'usable'),
    [
        ('14.9', True, False),
        ('15.0', False, False),
        ('15.2', True, True),
        ('18beta1', True, True),
        ('nothing', True, False),
    ],
)
def test_too_old_or_without_hstore_is_not_used(tmp_path: Path, version: str, hstore: bool, usable: bool) -> None:
    programs = tmp_path / 'bin'
    programs.mkdir()
    (programs / 'initdb').write_text(f'#!/bin/sh\necho "initdb (PostgreSQL) {version}"\n')
    (programs / 'initdb').chmod(0o755)
    if hstore:
        (tmp_path / 'share' / 'extension').mkdir(parents=True)
        (tmp_path / 'share' / 'extension' / 'hstore.control').touch()
    assert (module._installation(programs) is not None) is usable
