"""All demos tell one story: the same jobs, owners, outcomes and losses."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from bedrock_jobs.cli.app import build
from bedrock_jobs.preview.recording import Recording, read_recording
from bedrock_jobs.simulator import story

ROOT = Path(__file__).parents[2]
QUERY = """
SELECT job_name, status, tags->'owner' AS owner, json_extract_path_text(training_metrics, 'training_loss') AS loss
FROM aws.bedrock_model_customization_job ORDER BY job_name
"""


class Told(NamedTuple):
    """What one demo says of one job; the loss is empty where there is none."""

    status: str
    owner: str
    loss: str


def run(*words: str) -> str:
    done = CliRunner().invoke(build(), words)
    assert done.exit_code == 0, done.output
    return done.stdout


def loss_text(loss: float | str | None) -> str:
    return f'{float(loss):.4f}' if loss not in (None, '') else ''


@pytest.fixture(scope='module')
def expected() -> dict[str, Told]:
    """The story itself, at its end."""
    start = datetime.now(UTC) - story.LASTS
    ends = {part.name: (part, part.timeline.at(start + story.LASTS)) for part in story.parts(start)}
    return {
        name: Told(end.status, part.owner, loss_text(end.training_loss)) for name, (part, end) in ends.items() if end
    }


@pytest.fixture(scope='module')
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('demo') / 'demo.jsonl'
    run('demo', '--seconds', '0', '--record', str(path))
    return path


def test_the_story_has_every_outcome(expected: dict[str, Told]) -> None:
    assert len(expected) == 14
    assert {told.status for told in expected.values()} == {'InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped'}
    assert expected['support-bot-v7'] == ('Completed', 'ana', '0.8421')


def test_the_live_demo(recording: Path, expected: dict[str, Told]) -> None:
    last = json.loads(recording.read_text(encoding='utf-8').splitlines()[-1])
    jobs, losses = ({}, {})
    for name, _, value, tags in last['metrics']:
        tag = dict(one.split(':', 1) for one in tags if ':' in one)
        if name.endswith('.job.duration'):
            jobs[tag['job_name']] = (tag['status'], tag['owner'])
        if name.endswith('.job.training_loss'):
            losses[tag['job_name']] = value

    assert {name: Told(*job, loss_text(losses.get(name))) for name, job in jobs.items()} == expected
    assert sum(value for name, _, value, _ in last['metrics'] if name.endswith('_customization.jobs')) == len(expected)


def test_the_preview_of_dashboards(recording: Path, expected: dict[str, Told]) -> None:
    read = read_recording(recording)
    jobs, losses = latest(read, 'job.duration'), latest(read, 'job.training_loss')

    found = {
        name: Told(next(iter(tags['status'])), next(iter(tags['owner'])), loss_text(losses.get(name, (None, {}))[0]))
        for name, (_, tags) in jobs.items()
    }
    assert found == {name: told._replace(status=told.status.lower()) for name, told in expected.items()}


def latest(recording: Recording, name: str) -> dict[str, tuple[float, Any]]:
    """Return the last values of a metric, each with its tags, by job."""
    return {
        next(iter(series.tags['job_name'])): (series.values[-1], series.tags)
        for series in recording.series[f'bedrock_model_customization.{name}']
        if series.times[-1] == recording.end
    }


@pytest.mark.parametrize('source', ['demo', 'snapshot'])
def test_the_dataset(source: str, expected: dict[str, Told], tmp_path: Path) -> None:
    words = ['--demo']
    if source == 'snapshot':
        words = ['--snapshot', str(tmp_path / 'jobs.jsonl')]
        run('dataset', 'snapshot', words[1], '--demo')
    answer = json.loads(run('sql', *words, '--format', 'json', QUERY))
    columns = {column['name']: column['values'] for column in answer['columns']}
    rows = zip(*(columns[name] for name in ('job_name', 'status', 'owner', 'loss')), strict=True)

    assert {name: Told(status, owner, loss_text(loss)) for name, status, owner, loss in rows} == expected


def test_the_training_report(expected: dict[str, Told], tmp_path: Path) -> None:
    run('report', '--demo', '--out', str(tmp_path / 'report.html'))
    page = Table()
    page.feed((tmp_path / 'report.html').read_text(encoding='utf-8'))

    assert {row[0] for row in page.rows} == set(expected)
    for (name, *cells), text in zip(page.rows, page.texts, strict=True):
        told = expected[name]
        assert told.status in cells and (not told.loss or told.loss in cells), name
        assert f'owner:{told.owner}' in text.split(), name


class Table(HTMLParser):
    """The rows of the table with the id `table`, without its header, and what a filter looks at in each."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self._is_in = False
        self._has_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_in = self._is_in or (tag == 'table' and dict(attrs).get('id') == 'table')
        if self._is_in and tag == 'tr':
            self.rows.append([])
            self.texts.append(dict(attrs).get('data-text') or '')
        self._has_cell = tag in ('td', 'th') or (self._has_cell and tag != 'tr')

    def handle_endtag(self, tag: str) -> None:
        self._is_in = self._is_in and tag != 'table'
        if tag == 'thead' and self._is_in:
            self.rows.clear()
            self.texts.clear()

    def handle_data(self, data: str) -> None:
        if self._is_in and self._has_cell and data.strip():
            self.rows[-1].append(data.strip())


def test_the_picture_in_the_readme(expected: dict[str, Told]) -> None:
    """Made by `bedrock-jobs demo --seconds 0 --picture images/demo.svg`."""
    texts = re.sub(r'<[^>]*>', ' ', (ROOT / 'images' / 'demo.svg').read_text(encoding='utf-8')).replace('&#160;', ' ')
    words = set(texts.split())

    assert words >= set(expected)
    assert words >= {word for told in expected.values() for word in (told.status, told.loss) if word}
