"""A report of the demo's jobs and of hostile ones, made once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bedrock_jobs.simulator import Simulator
    from bedrock_jobs.training_report.runs import Report

NOW = datetime(2026, 11, 23, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOSTILE = '"><script>document.title="hijacked"</script><img src=x onerror=alert(1)>'
HOSTILE_NAME = f'hostile-{HOSTILE}-$x_{{1}}$'


def misfits(simulator: Simulator) -> None:
    """Add two hostile jobs, and one that left no files."""
    from bedrock_jobs.simulator import ReplaceMember, completes, fails
    from bedrock_jobs.simulator.artifacts import leave_artifacts
    from bedrock_jobs.simulator.timeline import TRAINING

    long_ago = NOW - timedelta(hours=50)
    life = completes(long_ago, training_loss=1.0407, validation_losses=(1.1313,))
    job = simulator.add_job('us-east-1', name='hostile', timeline=life, validators=('s3://example-training-data/v',))
    leave_artifacts(simulator, [job])
    message = f'Internal error. {HOSTILE}\n<b>Try</b> again.'
    simulator.add_job('us-east-1', name='hostile-message', timeline=fails(long_ago - HOUR, message, phase=TRAINING))
    simulator.add_job('us-east-1', name='no-files', timeline=completes(long_ago - 2 * HOUR, training_loss=None))
    # AWS would refuse such a name; a page must not depend on that.
    for operation in ('ListModelCustomizationJobs', 'GetModelCustomizationJob'):
        simulator.faults.add(ReplaceMember(operation=operation, job='hostile', member='jobName', value=HOSTILE_NAME))


@pytest.fixture(scope='session')
def made() -> Report:
    """A report of the demo's jobs, and of some that nobody would wish for."""
    from bedrock_jobs.training_report.demo import demo
    from bedrock_jobs.training_report.runs import look

    with demo(NOW, misfits) as instances:
        return look(instances, NOW, since=timedelta(days=7))


@pytest.fixture(scope='session')
def page_file(made: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's report as a page."""
    pytest.importorskip('jinja2', reason="needs the extra 'report'")
    from bedrock_jobs.training_report.page import render

    path = tmp_path_factory.mktemp('report') / 'report.html'
    path.write_text(render(made), encoding='utf-8')
    return path
