"""Results as people, spreadsheets and programs read them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from pyarrow import parquet
from rich.console import Console

from bedrock_jobs.dataset.output import to_csv, to_json, to_table, write_parquet
from bedrock_jobs.dataset.result import Column, Result

RESULT = Result(
    [
        Column('name', 'VARCHAR', ['[red]a[/]', '"b",\n', None]),
        Column('at', 'TIMESTAMP', [1795392000000, 1795392000123, None]),
        Column('took', 'INTERVAL', [93_600_000, 0, None]),
        Column('count', 'BIGINT', [1, 2, None]),
        Column('count', 'DECIMAL', [1, 0.5, None]),
        Column('ok', 'BOOLEAN', [True, False, None]),
        Column('parts', 'VARCHAR[]', [['a', None], [], None]),
    ],
    ['something is missing'],
)


def test_csv() -> None:
    assert list(csv.reader(io.StringIO(to_csv(RESULT)))) == [
        ['name', 'at', 'took', 'count', 'count', 'ok', 'parts'],
        ['[red]a[/]', '2026-11-23T00:00:00Z', '1 day, 2:00:00', '1', '1', 'true', '["a", null]'],
        ['"b",\n', '2026-11-23T00:00:00.123Z', '0:00:00', '2', '0.5', 'false', '[]'],
        [''] * 7,
    ]


def test_json_is_shaped_like_the_answer_of_datadogs_api() -> None:
    document = json.loads(to_json(RESULT))
    assert document['state'] == 'completed'
    assert document['columns'][1] == {'name': 'at', 'type': 'TIMESTAMP', 'values': [1795392000000, 1795392000123, None]}
    assert document['warnings'] == ['something is missing']


def test_a_table_shows_text_as_it_is() -> None:
    hostile = Result([Column('[b]\x1b[2J', 'VARCHAR', ['[red]a[/] \x1b]8;;http://example.com\x07 [/nothing]'])])
    text = io.StringIO()
    Console(file=text, width=120, force_terminal=True, color_system=None).print(to_table(hostile))
    assert '[red]a[/]' in text.getvalue()
    assert '[/nothing]' in text.getvalue()
    assert '\x1b' not in text.getvalue().replace('\x1b[1m', '').replace('\x1b[0m', '')


def test_parquet() -> None:
    file = io.BytesIO()
    write_parquet(RESULT, file)
    table = parquet.read_table(io.BytesIO(file.getvalue()))
    assert table.column_names == ['name', 'at', 'took', 'count', 'count_2', 'ok', 'parts']
    assert table.to_pylist()[0] == {
        'name': '[red]a[/]',
        'at': datetime(2026, 11, 23, tzinfo=UTC),
        'took': timedelta(hours=26),
        'count': 1,
        'count_2': 1.0,
        'ok': True,
        'parts': ['a', None],
    }
    assert table.to_pylist()[2] == dict.fromkeys(table.column_names)


@pytest.mark.parametrize('write', [to_csv, to_json])
def test_no_rows(write: object) -> None:
    assert 'name' in write(Result([Column('name', 'VARCHAR', [])]))  # type: ignore[operator]
