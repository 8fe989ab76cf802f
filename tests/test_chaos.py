"""Chaos in small: some seeds of tests/chaos.py, its own judge put to the test, and processes that are really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from bedrock_jobs.simulator import Clock, Simulator, completes, fails
from bedrock_jobs.simulator.timeline import Timeline

from . import chaos
from .paths import ROOT

KILLS = 4


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_nothing_is_lost_nothing_is_wrong(seed: int) -> None:
    ledger = chaos.run(seed, transitions=100, faults=200, kills=6)
    assert not (ledger.lost or ledger.wrong or ledger.differing), str(ledger)
    assert ledger.transitions >= 100 and ledger.faults.total() >= 200 and ledger.kills.total() >= 6
    assert ledger.told + ledger.passed_unseen == ledger.transitions


def test_the_judge_sees_what_is_lost_wrong_or_different(monkeypatch: pytest.MonkeyPatch) -> None:
    calm_down = chaos.Chaos._calm_down

    def spoil(self: chaos.Chaos) -> None:
        calm_down(self)
        lost, wrong, differing = (event for event in self.events[:3])
        self.events.remove(lost)
        self.events.append({**differing, 'msg_title': 'another'})
        wrong['timestamp'] += 1

    monkeypatch.setattr(chaos.Chaos, '_calm_down', spoil)
    ledger = chaos.run(seed=1, transitions=20, faults=0, kills=0)
    assert (len(ledger.lost), len(ledger.wrong), len(ledger.differing)) == (1, 1, 1)


AGENT = '''
import json, sys
from pathlib import Path
from datadog_checks.base.stubs import aggregator, datadog_agent
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck

endpoint_url, folder = sys.argv[1], Path(sys.argv[2])

def write(key, value):
    (folder / key.replace(':', '_')).write_text(value)

def read(key):
    path = folder / key.replace(':', '_')
    return path.read_text() if path.exists() else ''

def send(check, check_id, event):
    with (folder / 'events').open('a') as file:
        file.write(json.dumps(event) + '\\n')

datadog_agent.write_persistent_cache, datadog_agent.read_persistent_cache = write, read
aggregator.submit_event = send
instance = {'regions': ['us-east-1'], 'endpoint_url': endpoint_url}
check = BedrockModelCustomizationCheck('bedrock_model_customization', {}, [instance])
check.check_id = 'bedrock_model_customization:killed'
while True:
    error = check.run()
    assert not error, error
    (folder / 'polled').touch()
'''


@pytest.mark.slow
def test_a_process_that_is_really_killed_loses_nothing(aws_environment: None, tmp_path: Path) -> None:
    """SIGKILL at any moment, in real time: what one process did not get to, the next one tells."""
    rng = Random(7)
    lives: dict[str, Timeline] = {}
    with Simulator(Clock()) as simulator:
        command = [sys.executable, '-c', AGENT, simulator.endpoint_url, str(tmp_path)]
        environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
        _run_until_polled(command, environment, tmp_path)
        for number in range(40):
            born = datetime.now(UTC) + timedelta(seconds=rng.uniform(0, 10))
            second = timedelta(seconds=1)
            life = fails(born, after=second) if number % 2 else completes(born, validation=second, training=second)
            lives[f'job-{number}'] = life
            simulator.add_job('us-east-1', name=f'job-{number}', timeline=life)
        for _ in range(KILLS):
            _run_until_polled(command, environment, tmp_path, rng.uniform(0, 1))
        last = max(life.settled_at for life in lives.values())
        time.sleep(max((last - datetime.now(UTC)).total_seconds(), 0) + 0.1)
        for _ in range(2):
            _run_until_polled(command, environment, tmp_path)
    told: dict[tuple[str, str], set[tuple[str, str, int]]] = {}
    for line in (tmp_path / 'events').read_text().splitlines():
        event = json.loads(line)
        tags = dict(tag.split(':', 1) for tag in event['tags'])
        facts = (event['aggregation_key'], event['msg_title'], event['timestamp'])
        told.setdefault((tags['job_name'], tags['transition']), set()).add(facts)
    expected = {
        (name, str(news.kind)): int(news.at.timestamp())
        for name, life in lives.items()
        for news in life.transitions()
        if news.phase is None
    }
    assert {key: [at for _, _, at in facts] for key, facts in told.items()} == {
        key: [at] for key, at in expected.items()
    }


def _run_until_polled(command: list[str], environment: dict[str, str], folder: Path, then: float = 0.0) -> None:
    """Run the Agent's stand-in until it has polled once, `then` so many seconds more, and kill it."""
    (folder / 'polled').unlink(missing_ok=True)
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + 60
        while not (folder / 'polled').exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(then)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
