"""Apply is killed at every request, before and after Datadog carried it out; a rerun ends in the same state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedrock_jobs.datadog_assets.deploy import Deployer
from bedrock_jobs.datadog_assets.files import read
from bedrock_jobs.datadog_assets.overlay import Overlay
from bedrock_jobs.datadog_assets.render import render
from bedrock_jobs.datadog_client import Datadog
from tools.tests.fake_datadog import FakeDatadog


class Killed(BaseException):
    """Stands in for the end of the process: nothing catches it."""


def build(fake: FakeDatadog, folder: Path) -> Deployer:
    return Deployer(Datadog(fake.connection()), 'default', render(read(folder).assets, Overlay()))


def kill_at(run: Deployer, position: int, *, after: bool) -> None:
    """Let a run die at its request of that number, either before it is sent or before the answer is read."""
    asked = iter(range(10_000))
    plain = run.datadog.call

    def call(*args: Any, **kwargs: Any) -> Any:
        dies = next(asked) == position
        if dies and not after:
            raise Killed
        answer = plain(*args, **kwargs)
        if dies:
            raise Killed
        return answer

    run.datadog.call = call  # type: ignore[method-assign]


def change_every_file(edit: Callable[..., None]) -> None:
    for name in ('job_failed', 'job_stopped'):
        edit(f'monitors/{name}.json', lambda d: d['definition'].update(priority=1))
    edit('slos/no_failures.json', lambda d: d['definition']['thresholds'][0].update(target=98))
    edit('slos/success.json', lambda d: d['definition']['thresholds'][0].update(target=80))
    edit('dashboards/overview.json', lambda d: d.update(description='Other'))


@pytest.mark.parametrize('after', [False, True], ids=['unsent', 'unanswered'])
def test_first_apply_killed_at_every_request(fake: FakeDatadog, folder: Path, after: bool) -> None:
    build(fake, folder).apply()
    wanted, total = fake.snapshot(), len(fake.requests)
    assert total >= 10
    for position in range(total):
        with FakeDatadog() as other:
            run = build(other, folder)
            kill_at(run, position, after=after)
            with pytest.raises(Killed):
                run.apply()
            build(other, folder).apply()
            assert other.snapshot() == wanted, position
            writes = len(other.writes)
            build(other, folder).apply()
            assert len(other.writes) == writes, position


@pytest.mark.parametrize('after', [False, True], ids=['unsent', 'unanswered'])
def test_second_apply_killed_at_every_request(
    fake: FakeDatadog, folder: Path, edit: Callable[..., None], after: bool
) -> None:
    """The same, where every object is there already and every one changes."""
    build(fake, folder).apply()
    old = render(read(folder).assets, Overlay())
    before = len(fake.requests)
    change_every_file(edit)
    build(fake, folder).apply()
    wanted, total = fake.snapshot(), len(fake.requests) - before
    for position in range(total):
        with FakeDatadog() as other:
            Deployer(Datadog(other.connection()), 'default', old).apply()
            run = build(other, folder)
            kill_at(run, position, after=after)
            with pytest.raises(Killed):
                run.apply()
            build(other, folder).apply()
            assert other.snapshot() == wanted, position


@pytest.mark.parametrize('after', [False, True], ids=['unsent', 'unanswered'])
def test_destroy_killed_at_every_request(fake: FakeDatadog, folder: Path, after: bool) -> None:
    build(fake, folder).apply()
    before = len(fake.requests)
    run = build(fake, folder)
    run.destroy(run.owned())
    for position in range(len(fake.requests) - before):
        with FakeDatadog() as other:
            build(other, folder).apply()
            run = build(other, folder)
            kill_at(run, position, after=after)
            with pytest.raises(Killed):
                run.destroy(run.owned())
            run = build(other, folder)
            run.destroy(run.owned())
            assert other.snapshot() == {'monitors': [], 'slos': [], 'dashboards': []}


@pytest.mark.parametrize('operation', ['create_monitor', 'create_slo', 'create_dashboard'])
def test_a_real_process_killed_while_it_writes(fake: FakeDatadog, folder: Path, operation: str) -> None:
    """SIGKILL while Datadog carries the request out: the process never sees the answer."""
    build(fake, folder).apply()
    wanted = fake.snapshot()
    position = next(i for i, request in enumerate(fake.requests) if request.operation == operation)
    with FakeDatadog() as other:
        command = [sys.executable, '-m', 'bedrock_jobs.cli']
        command += ['assets', 'apply', '--yes', '--assets', str(folder)]
        environment = {**os.environ, **other.environment()}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        other.on_request = lambda number: process.send_signal(signal.SIGKILL) if number == position else None
        assert process.wait(timeout=60) == -signal.SIGKILL
        # The server's thread may still be at the last request.
        other.on_request = lambda number: None
        build(other, folder).apply()
        assert other.snapshot() == wanted
