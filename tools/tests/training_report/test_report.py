"""What a report is made of, and the command that makes it, over HTTP against the simulator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from bedrock_jobs.simulator import AccessDenied, Clock, Simulator, completes
from bedrock_jobs.simulator.artifacts import leave_artifacts
from bedrock_jobs.training_report.demo import demo
from bedrock_jobs.training_report.phases import stretches
from bedrock_jobs.training_report.runs import Report, Run, allow_artifacts, look
from bedrock_jobs.training_report.view import thin, view
from datadog_checks.bedrock_model_customization.curves.curve import TRAINING_LOSS, read_curve
from datadog_checks.bedrock_model_customization.jobs.job import Job

from .conftest import HOSTILE, NOW

ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'
HOUR = timedelta(hours=1)
PACKAGE = 'bedrock_jobs.training_report'


def text_of(page_file: Path) -> str:
    return page_file.read_text(encoding='utf-8')


# --- the page


def test_the_page_is_small_and_names_no_other_place(page_file: Path) -> None:
    text = text_of(page_file)
    assert len(text) < 300 * 1024
    urls = set(re.findall(r'(?:src|href)="([^"#][^"]*)"', text)) - {'data:,'}
    assert all(re.match(r'https://[a-z0-9-]+\.console\.aws\.amazon\.com/', url) for url in urls)
    assert not re.search(r'@import|url\(', text)


def test_hostile_text_is_escaped_everywhere(page_file: Path) -> None:
    text = text_of(page_file)
    assert HOSTILE not in text
    assert text.count('<script') == 3, 'the data, the library and the page itself'


def test_the_same_runs_give_the_same_page(made: Report, page_file: Path) -> None:
    from bedrock_jobs.training_report.page import render

    assert render(made) == text_of(page_file)


def test_the_bundled_library_is_the_one_that_was_published() -> None:
    bundled = {path.name: sha256(path.read_bytes()).hexdigest() for path in (files(PACKAGE) / 'vendor').iterdir()}
    assert bundled['uPlot.iife.min.js'] == '19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f'
    assert bundled['uPlot.min.css'] == 'df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04'


def test_what_the_page_shows(made: Report) -> None:
    shown = view(made)
    rows = {row['name']: row for row in shown['rows']}
    assert len(rows) == 17
    overfit = rows['summaries-haiku']
    assert (overfit['training_loss'], overfit['has_risen'], overfit['best_loss'] < overfit['validation_losses'][0]) == (
        '0.2114',
        True,
        True,
    )
    assert [place['title'] for place in rows['product-reviews']['charts']] == ['Loss', 'Perplexity']
    assert [place['title'] for place in rows['math-tutor']['charts']] == ['Rewards']
    assert rows['no-files']['no_curve'] == 'It left no loss curve in S3, or the curve may not be read.'
    assert rows['product-titles']['stretches'][-1].startswith('waiting 6 h')
    (overlay,) = (found for found in shown['overlays'] if found['model'] == 'amazon.nova-lite-v1:0:300k')
    assert overlay['parameters'] == ['epochCount', 'learningRate', 'learningRateWarmupSteps']
    assert len(overlay['rows']) == 4
    assert [len(failure['rows']) for failure in shown['failures']] == [2, 1, 1]


def test_a_job_of_which_little_is_known_is_shown() -> None:
    shown = view(Report(NOW, [Run(Job(job_arn=ARN)), Run(Job(job_arn=ARN, status='Paused', creation_time=NOW - HOUR))]))
    assert [(row['name'], row['known_status']) for row in shown['rows']] == [('miee4df3g2vt', 'Unknown')] * 2
    assert len(shown['gantt']['rows']) == 1


def test_points_are_thinned_and_the_last_stays() -> None:
    points: Any = [(step, 0.0) for step in range(1000)]
    assert thin(points, 1000) == points
    few = thin(points, 100)
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert len(few) <= 101


# --- phases


def test_the_stretches_of_a_life_follow_one_another(made: Report) -> None:
    for run in made.runs:
        life = stretches(run.job, NOW)
        assert life[0].start == run.job.creation_time
        assert life[-1].end <= NOW
        assert all(
            left.end == right.start or left.end <= right.start + timedelta(seconds=1) for left, right in pairwise(life)
        )
        assert all(found.end >= found.start for found in life)


# --- looking


def test_one_job_by_its_name(aws_environment: None) -> None:
    with demo(NOW) as instances:
        report = look(instances, NOW, job_name='intent-llama')
        assert [run.job.job_name for run in report.runs] == ['intent-llama']
        assert report.runs[0].job.tags == {'team': 'search', 'owner': 'li', 'env': 'demo'}
        assert look(instances, NOW, job_name='nobody').runs == []


def test_only_the_jobs_of_the_time_asked_for(aws_environment: None) -> None:
    with demo(NOW) as instances:
        names = {run.job.job_name for run in look(instances, NOW, since=HOUR).runs}
    assert names == {'fraud-narratives-2', 'math-tutor', 'product-titles', 'summaries-haiku-b'}, 'all of them run'


def test_nothing_is_read_from_s3_unless_allowed(aws_environment: None) -> None:
    with demo(NOW) as instances:
        refused = [allow_artifacts(settings, False) for settings in instances]
        assert not any(run.has_curve for run in look(refused, NOW).runs)
        assert allow_artifacts(replace(instances[0], artifacts=None), None).artifacts is None
        assert allow_artifacts(refused[0], True).artifacts is not None


# --- the command


@pytest.fixture
def conf(aws_environment: None, tmp_path: Path) -> Iterator[tuple[Simulator, Path]]:
    """A simulator with one completed job, and a conf.yaml that leads to it."""
    with Simulator(Clock.manual(NOW)) as simulator:
        job = simulator.add_job(
            'us-east-1',
            name='bot',
            timeline=completes(NOW - 5 * HOUR, training=HOUR, validation_losses=(0.9,)),
            validators=('s3://example-v/v',),
        )
        leave_artifacts(simulator, [job])
        path = tmp_path / 'conf.yaml'
        instance = {'regions': ['us-east-1'], 'endpoint_url': simulator.endpoint_url, 'collect_artifacts': True}
        path.write_text(yaml.safe_dump({'init_config': {}, 'instances': [instance]}))
        yield simulator, path


def run(*arguments: object) -> Any:
    from typer.testing import CliRunner

    from bedrock_jobs.cli.app import build

    return CliRunner().invoke(build(), ['report', *map(str, arguments)])


def test_a_page_from_a_configuration(conf: tuple[Simulator, Path], tmp_path: Path) -> None:
    pytest.importorskip('jinja2')
    simulator, path = conf
    out = tmp_path / 'report.html'
    result = run('--config', path, '--since', '520w', '--out', out)
    assert result.exit_code == 0, result.output
    assert '1 jobs, 1 with a loss curve' in result.output
    assert '>bot</a>' in out.read_text()
    simulator.requests.reset()
    assert run('--config', path, '--since', '520w', '--out', out, '--no-artifacts').exit_code == 0
    assert not any(request.operation == 'GetObject' for request in simulator.requests)


def test_a_scope_that_cannot_be_reached_is_a_problem_and_no_crash(conf: tuple[Simulator, Path], tmp_path: Path) -> None:
    pytest.importorskip('jinja2')
    simulator, path = conf
    simulator.faults.add(AccessDenied(operation='ListModelCustomizationJobs'))
    result = run('--config', path, '--out', tmp_path / 'report.html')
    assert result.exit_code == 0, result.output
    assert 'allow the IAM action bedrock:ListModelCustomizationJobs' in result.output
    assert 'No jobs were found.' in (tmp_path / 'report.html').read_text()


def test_a_picture_of_one_job(conf: tuple[Simulator, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('matplotlib')
    monkeypatch.chdir(tmp_path)
    result = run('--config', conf[1], '--job', 'bot', '--format', 'png')
    assert result.exit_code == 0, result.output
    assert (tmp_path / 'bot.png').read_bytes().startswith(b'\x89PNG')
    assert run('--config', conf[1], '--format', 'png').exit_code == 1


def test_a_picture_of_a_hostile_job(made: Report, tmp_path: Path) -> None:
    pytest.importorskip('matplotlib')
    from bedrock_jobs.training_report.picture import draw

    (hostile,) = (run for run in made.runs if HOSTILE in str(run.job.job_name))
    draw(hostile, tmp_path / 'hostile.png')
    assert (tmp_path / 'hostile.png').stat().st_size > 10_000


def test_a_plot_in_the_terminal(conf: tuple[Simulator, Path], tmp_path: Path) -> None:
    pytest.importorskip('plotext')
    result = run('--config', conf[1], '--job', 'bot', '--format', 'text')
    assert result.exit_code == 0, result.output
    assert 'bot (line: training, o: validation)' in result.output
    assert '\x1b' not in result.output


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ([], 'give one of --config, --demo and --replay'),
        (['--demo', '--since', '7x'], 'is no time'),
        (['--demo', '--format', 'png'], 'name it with --job'),
        (['--demo', '--job', 'nobody'], "no job 'nobody' was found"),
        (['--demo', '--out', '/nonexistent/report.html'], '/nonexistent/report.html: No such file or directory'),
    ],
)
def test_mistakes_are_explained(aws_environment: None, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert said in ' '.join(result.output.replace('│', ' ').split())


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'jinja2', None)
    result = run('--demo')
    assert "needs the extra 'report'" in result.stderr + result.output


def test_file_names_lead_nowhere_else() -> None:
    from bedrock_jobs.cli.report import file_name

    assert file_name('../../etc/x y') == 'etc-x-y'
    assert file_name('///') == 'job'


@pytest.mark.parametrize(
    'losses', [(1e308, -1e308, 5), (5e-324, 1e-310, 0), (2, 2, 2), (1.7e308, 1.7e308), (1,), (1e308, 0, 1)]
)
def test_losses_at_the_limits_of_numbers_are_drawn(losses: tuple[float, ...], tmp_path: Path) -> None:
    from bedrock_jobs.training_report.page import render
    from bedrock_jobs.training_report.picture import draw
    from bedrock_jobs.training_report.terminal import plot

    rows = ''.join(f'{step},{loss!r}\n' for step, loss in enumerate(losses))
    curve = read_curve([b'step,loss\n' + rows.encode()], TRAINING_LOSS)
    run = Run(Job(job_arn=ARN, job_name='extreme'), None, curve, [])
    assert 'extreme' in plot(run, 80, colors=False)
    draw(run, tmp_path / 'x.png')
    assert (tmp_path / 'x.png').read_bytes().startswith(b'\x89PNG')
    assert 'extreme' in render(Report(NOW, [run]))


def test_the_text_tells_phases_and_failures() -> None:
    from bedrock_jobs.training_report.terminal import describe

    created = NOW - timedelta(hours=3)
    times = {'creationTime': created.isoformat(), 'lastModifiedTime': (created + timedelta(minutes=4)).isoformat()}
    job = Job(
        job_arn=ARN,
        job_name='bad',
        status='Failed',
        creation_time=created,
        end_time=created + timedelta(minutes=5),
        status_details={'validationDetails': {'status': 'Failed', **times}},
        failure_message='Line 17\nhas no messages member. ' * 5,
    )
    told = describe(Run(job), NOW, 80).splitlines()
    assert told[:3] == ['bad: Failed, 5 min', '  phases: validation Failed 4 min', told[2]]
    assert told[2].startswith('  Line 17 has no messages member. Line 17') and len(told) > 3
    assert all(len(line) <= 80 for line in told)
