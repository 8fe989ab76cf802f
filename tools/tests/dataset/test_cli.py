"""`bedrock-jobs sql` and `bedrock-jobs dataset`, as people call them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from bedrock_jobs.cli._ending import ERROR
from bedrock_jobs.cli.app import build
from bedrock_jobs.dataset.columns import FULL_NAME
from bedrock_jobs.dataset.engine import local_engine
from bedrock_jobs.dataset.saved import read_saved, saved_queries, saved_query
from bedrock_jobs.dataset.shell import command, completer
from bedrock_jobs.dataset.snapshot import write_snapshot
from bedrock_jobs.dataset.source import demo_jobs
from bedrock_jobs.simulator import Simulator, completes

from .samples import described, hostile, listed

COUNT = f'SELECT status, COUNT(*) AS jobs FROM {FULL_NAME} GROUP BY status ORDER BY status'


def call(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(
        build(), [str(one) for one in arguments], input=text, env={'COLUMNS': '200', 'BEDROCK_JOBS_DSN': ''}
    )


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    write_snapshot(tmp_path / 'jobs.jsonl', [described(1), listed(2), hostile(3)])
    return tmp_path / 'jobs.jsonl'


def test_one_command_answers_a_question_about_the_demo() -> None:
    result = call('sql', '--demo', '--format', 'csv', COUNT)
    assert result.exit_code == 0
    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert rows[0] == ['status', 'jobs']
    assert sum(int(count) for _, count in rows[1:]) == len(demo_jobs())


def test_formats_and_files(snapshot: Path, tmp_path: Path) -> None:
    assert 'Completed' in call('sql', '--snapshot', snapshot, COUNT).stdout
    document = json.loads(call('sql', '--snapshot', snapshot, '--format', 'json', COUNT).stdout)
    assert document['columns'] == [
        {'name': 'status', 'type': 'VARCHAR', 'values': ['Completed', 'InProgress']},
        {'name': 'jobs', 'type': 'BIGINT', 'values': [2, 1]},
    ]
    (tmp_path / 'query.sql').write_text(COUNT)
    for name in ('table', 'csv', 'json', 'parquet'):
        result = call(
            'sql', '--snapshot', snapshot, '--file', tmp_path / 'query.sql', '--format', name, '-o', tmp_path / name
        )
        assert (result.exit_code, result.stdout) == (0, '')
        assert b'InProgress' in (tmp_path / name).read_bytes()
    assert 'InProgress' in call('sql', '--snapshot', snapshot, '--file', '-', text=COUNT).stdout


@pytest.mark.parametrize('ending', ['csv', 'json', 'jsonl', 'parquet', 'txt'])
def test_the_format_is_that_of_the_file(ending: str, snapshot: Path, tmp_path: Path) -> None:
    path = tmp_path / f'out.{ending}'
    assert call('sql', COUNT, '-o', path, '--snapshot', snapshot).exit_code == 0
    beginning = {'csv': b'status,jobs\n', 'json': b'{', 'jsonl': b'{"status": ', 'parquet': b'PAR1', 'txt': b' status'}
    assert path.read_bytes().startswith(beginning[ending])


def test_rows_have_named_members(snapshot: Path) -> None:
    query = f'SELECT job_name, tags, training_metrics, creation_time, end_time - creation_time AS took FROM {FULL_NAME}'
    made = call('sql', f"{query} WHERE job_name = 'job-1'", '--format', 'records', '--snapshot', snapshot)
    (row,) = json.loads(made.stdout)
    lines = call('sql', query, '--format', 'jsonl', '--snapshot', snapshot).stdout.splitlines()
    assert row in [json.loads(line) for line in lines] and len(lines) == 3
    assert list(row) == ['job_name', 'tags', 'training_metrics', 'creation_time', 'took']
    assert isinstance(row['tags'], dict) and isinstance(row['training_metrics'], dict)
    assert row['creation_time'].endswith('Z')


def test_what_is_typed_wins_over_the_environment(snapshot: Path) -> None:
    made = CliRunner().invoke(
        build(),
        ['sql', COUNT, '--snapshot', str(snapshot), '--format', 'csv'],
        env={'BEDROCK_JOBS_DSN': 'host=127.0.0.1 port=1'},
    )
    assert made.exit_code == 0 and made.stdout.startswith('status,jobs')
    made = CliRunner().invoke(build(), ['sql', COUNT], env={'BEDROCK_JOBS_DSN': 'host=127.0.0.1 port=1'})
    assert made.exit_code == 1 and 'BEDROCK_JOBS_DSN' in made.stderr


def test_csv_for_a_spreadsheet_has_no_formulas(snapshot: Path) -> None:
    query = "SELECT '=1+1' AS a, '-x' AS b, 'plain' AS c, -1 AS d"
    plain = call('sql', query, '--format', 'csv', '--snapshot', snapshot)
    safe = call('sql', query, '--format', 'csv', '--spreadsheet', '--snapshot', snapshot)
    assert plain.stdout.splitlines()[1] == '=1+1,-x,plain,-1'
    assert safe.stdout.splitlines()[1] == "'=1+1,'-x,plain,-1"


@pytest.mark.parametrize('form', ['csv', 'json', 'table'])
def test_no_control_character_reaches_a_terminal(form: str, snapshot: Path) -> None:
    query = "SELECT 'a\x1b[2J\x1b]0;x\x07\u202e\x9bb' AS a"
    arguments = ['-m', 'bedrock_jobs.cli', 'sql', query, '--format', form, '--snapshot', str(snapshot)]
    terminal = pexpect.spawn(sys.executable, arguments, dimensions=(24, 80), timeout=60)
    shown = terminal.read().decode()
    assert not any(mark in shown for mark in ('\x1b[2J', '\x1b]0', '\u202e', '\x9b'))
    assert '\ufffd' in shown


def test_files_are_for_their_owner(snapshot: Path, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        for form in ('csv', 'json', 'table', 'parquet'):
            path = tmp_path / form
            assert call('sql', COUNT, '--format', form, '-o', path, '--snapshot', snapshot).exit_code == 0
            assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    assert snapshot.stat().st_mode & 0o777 == 0o600


def test_mistakes_are_shown_below_their_line(snapshot: Path) -> None:
    result = call('sql', '--snapshot', snapshot, f'SELECT\n  statos FROM {FULL_NAME}')
    assert result.exit_code == 1
    assert result.stdout == ''
    assert '2:3: there is no column statos; documented: status' in result.stderr
    assert f'      statos FROM {FULL_NAME}\n      ^' in result.stderr


def test_the_dialect_of_postgresql(snapshot: Path) -> None:
    query = f"SELECT training_metrics->>'training_loss' FROM {FULL_NAME} ORDER BY 1 LIMIT 1"
    assert call('sql', '--snapshot', snapshot, query).exit_code == 1
    assert '0.8421' in call('sql', '--snapshot', snapshot, '--dialect', 'postgres', query).stdout


@pytest.mark.parametrize('query', ["COPY (SELECT 1) TO PROGRAM 'touch {0}'", "SELECT pg_read_file('/etc/hostname')"])
def test_who_asks_is_no_superuser(snapshot: Path, tmp_path: Path, query: str) -> None:
    result = call('sql', '--snapshot', snapshot, '--dialect', 'postgres', query.format(tmp_path / 'touched'))
    assert result.exit_code == 1
    assert 'permission denied' in result.stderr or 'must be superuser' in result.stderr
    assert not (tmp_path / 'touched').exists()


def test_the_time_frame(snapshot: Path) -> None:
    query = "SELECT CURRENT_SETTING('dd.time_frame_start') AS a, CURRENT_SETTING('dd.time_frame_end') AS b"
    frame = ('--from', '2026-11-01', '--to', '2026-11-02T03:04:05')
    result = call('sql', '--snapshot', snapshot, *frame, '--format', 'csv', query)
    assert result.stdout == 'a,b\n2026-11-01 00:00:00.000+00:00,2026-11-02 03:04:05.000+00:00\n'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('sql', '--demo', '--snapshot', __file__, 'SELECT 1'), 'exclude one another'),
        (('sql', '--dsn', 'dbname=x', '--demo', 'SELECT 1'), 'dataset sync'),
        (('sql', '--saved', 'jobs_per_dya'), 'jobs_per_day'),
        (('sql', '--saved', 'x', 'SELECT 1'), 'exclude one another'),
        (('sql', '--file', '/nonexistent', '--demo'), 'No such file'),
        (('sql', '--snapshot', __file__, 'SELECT 1'), 'line 1'),
        (('sql', '--dsn', 'host=/nonexistent', 'SELECT 1'), 'failed'),
        (('dataset', 'sync', '--dsn', 'host=/nonexistent', '--demo'), 'failed'),
        (('dataset', 'sync', '--dsn', 'x'), 'is needed'),
        (('dataset', 'sync', '--dsn', 'x', '--demo', '--loop', '5'), 'needs --config'),
        (('dataset', 'snapshot', '/nonexistent/file', '--demo'), 'No such file'),
        (('dataset', 'snapshot', 'file'), 'is needed'),
    ],
)
def test_wrong_calls_say_what_is_wrong(arguments: tuple[str, ...], message: str) -> None:
    result = call(*arguments)
    assert result.exit_code != 0
    assert message in ' '.join(result.stderr.replace('│', ' ').split())
    assert 'Traceback' not in result.output


def test_a_snapshot_goes_into_a_database_and_is_asked_there(dsn: str, tmp_path: Path) -> None:
    assert call('dataset', 'snapshot', tmp_path / 'demo.jsonl', '--demo').exit_code == 0
    number = len(demo_jobs())
    for written in (number, 0):
        result = call('dataset', 'sync', '--dsn', dsn, '--snapshot', tmp_path / 'demo.jsonl')
        assert (result.exit_code, result.stderr.strip()) == (0, f'{number} jobs seen, {written} rows written')
    query = f'SELECT COUNT(*) AS jobs FROM {FULL_NAME}'
    assert call('sql', '--dsn', dsn, '--format', 'csv', query).stdout == f'jobs\n{number}\n'


def test_jobs_of_an_account_go_into_a_database(aws_environment: None, dsn: str, tmp_path: Path) -> None:
    conf = tmp_path / 'conf.yaml'
    with Simulator() as simulator:
        made = datetime.now(UTC) - timedelta(days=400)
        simulator.add_job('us-east-1', name='old', timeline=completes(made), tags={'team': 'a'})
        instance = f'[{{regions: [us-east-1], endpoint_url: "{simulator.endpoint_url}"}}'
        conf.write_text(f'init_config:\ninstances: {instance}]\n')
        result = call('dataset', 'sync', '--dsn', dsn, '--config', conf)
        assert (result.exit_code, result.stderr.splitlines()[-1]) == (0, '1 jobs seen, 1 rows written')
        nowhere = '{regions: [eu-west-1], endpoint_url: "http://127.0.0.1:9", connect_timeout: 1, max_attempts: 1}'
        conf.write_text(f'init_config:\ninstances: {instance}, {nowhere}]\n')
        result = call('dataset', 'sync', '--dsn', dsn, '--config', conf, '--days', '7')
        assert result.exit_code == ERROR
        assert 'instance 2, eu-west-1: not reached, its rows stay as they are' in result.stderr
        conf.write_text(f'init_config:\ninstances: [{nowhere}]\n')
        assert call('dataset', 'sync', '--dsn', dsn, '--config', conf).exit_code == 1
    with psycopg.connect(dsn) as connection:
        found = connection.execute(f"SELECT job_name, tags->'team' FROM {FULL_NAME}").fetchall()
    assert found == [('old', 'a')]


def test_saved_queries_are_listed_and_run(snapshot: Path) -> None:
    listing = call('sql', '--list-saved').stdout
    assert len(saved_queries()) >= 12
    assert all(saved.name in listing for saved in saved_queries().values())
    assert 'Completed' in call('sql', '--snapshot', snapshot, '--saved', 'jobs_by_status').stdout


def test_every_saved_query_has_a_title_and_a_description_and_runs() -> None:
    with local_engine(demo_jobs()) as engine:
        for saved in saved_queries().values():
            assert saved.title != saved.name
            assert saved.description.endswith('.')
            assert saved.sql.lstrip().startswith(('SELECT', 'WITH'))
            assert engine(saved.sql).columns


def test_the_header_of_a_saved_query(tmp_path: Path) -> None:
    path = tmp_path / 'a.sql'
    path.write_text('-- title: A: b\n-- description: one\n--   two\n\nSELECT 1\n')
    assert read_saved(path) == ('a', 'A: b', 'one two', 'SELECT 1\n')
    with pytest.raises(KeyError, match='no saved query'):
        saved_query('nothing')


def test_the_prompt(snapshot: Path) -> None:
    said: list[str] = []
    asked: list[str] = []
    assert command(r'\d', asked.append, said.append)
    assert 'customization_config' in said[0]
    assert command(r'\s', asked.append, said.append)
    assert command(r'\s jobs_per_day', asked.append, said.append)
    assert asked == [saved_queries()['jobs_per_day'].sql]
    assert command(r'\help', asked.append, said.append)
    assert not command(r'\q', asked.append, said.append)
    assert {'failure_message', FULL_NAME, 'json_extract_path_text'} <= set(completer().words)


def test_a_session_at_the_prompt(snapshot: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    from bedrock_jobs.dataset.shell import read_loop

    asked: list[str] = []
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text('SELECT 1\n  FROM x;\n\nforgotten\x03\\q\n')
        read_loop(asked.append, lambda text: None, tmp_path / 'deep' / 'history')
    assert asked == ['SELECT 1\n  FROM x;']
    assert 'SELECT 1' in (tmp_path / 'deep' / 'history').read_text()


@pytest.mark.parametrize('leave', ['exit', 'QUIT;', '\\q', 'SELECT 1\n\\q'])
def test_the_prompt_is_left_by_words_too(leave: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    from bedrock_jobs.dataset.shell import HELP, read_loop

    asked: list[str] = []
    said: list[str] = []
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(f'help\n{leave}\nSELECT 2;\n\x04')
        read_loop(asked.append, said.append, None)
    assert (asked, said) == ([], [HELP, HELP])


@pytest.mark.parametrize('missing', ['psycopg', 'sqlglot', 'orjson'])
def test_without_the_extra_the_help_works_and_the_message_names_it(missing: str) -> None:
    package = 'bedrock_jobs.cli'
    blocked = f'import sys; sys.modules[{missing!r}] = None; from {package} import main; main()'

    def run(*arguments: str) -> Any:
        return subprocess.run([sys.executable, '-c', blocked, *arguments], capture_output=True, text=True)

    assert 'dataset' in run('--help').stdout
    assert run('sql', '--list-saved').returncode == 0
    failed = run('sql', '--demo', 'SELECT 1')
    assert failed.returncode == 1
    assert f"this needs the extra 'sql' ({missing} is missing)" in failed.stderr
