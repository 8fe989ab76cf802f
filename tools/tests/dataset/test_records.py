"""Every column from listed, described and hostile jobs; names and types as the dataset page has them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import botocore.session
import orjson
import pytest
from botocore.model import Shape
from hypothesis import given

from bedrock_jobs.dataset.columns import DESCRIPTIONS, NAMES, SQL_TYPES, TYPES
from bedrock_jobs.dataset.rows import camel_case, hstore, job_of, row
from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.telemetry.records import (
    MAPS_WITH_USER_KEYS,
    MAX_DEPTH,
    RECORD,
    job_log,
    plain,
    record,
    snake_case,
)
from tests.paths import ROOT

from .samples import ACCOUNT, NOVA, T0, arn, described, hostile, jobs, listed, model_arn

PAGE = list(csv.DictReader((Path(__file__).parent / 'dataset_page.csv').open(encoding='utf-8')))

LISTED: dict[str, Any] = {
    '_key': arn(1),
    'account_id': ACCOUNT,
    'base_model_arn': model_arn(),
    'client_request_token': None,
    'creation_time': '2026-11-16T09:30:00.000000Z',
    'customization_config': None,
    'customization_type': 'FINE_TUNING',
    'end_time': None,
    'failure_message': None,
    'hyper_parameters': None,
    'job_arn': arn(1),
    'job_name': 'job-1',
    'last_modified_time': '2026-11-16T10:30:00.000000Z',
    'output_data_config': None,
    'output_model_arn': None,
    'output_model_kms_key_arn': None,
    'output_model_name': None,
    'role_arn': None,
    'status': 'InProgress',
    'status_details': None,
    'tags': None,
    'training_data_config': None,
    'training_metrics': None,
    'validation_data_config': None,
    'validation_metrics': None,
    'vpc_config': None,
}
PHASE = {'status': 'Completed', 'creation_time': '2026-11-16T09:31:00Z', 'last_modified_time': '2026-11-16T09:34:00Z'}
DESCRIBED: dict[str, Any] = LISTED | {
    'client_request_token': 'token-1',
    'customization_config': {'distillation_config': {'teacher_model_config': {'teacher_model_identifier': 'teacher'}}},
    'end_time': '2026-11-16T11:30:00.000000Z',
    'failure_message': 'none',
    'hyper_parameters': {'epochCount': '2', 'learningRate': '0.00001'},
    'last_modified_time': '2026-11-16T11:30:00.000000Z',
    'output_data_config': {'s3_uri': 's3://example-model-output/'},
    'output_model_arn': f'arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/{NOVA}/abcdefabcdef',
    'output_model_kms_key_arn': f'arn:aws:kms:us-east-1:{ACCOUNT}:key/example',
    'output_model_name': 'model-1',
    'role_arn': f'arn:aws:iam::{ACCOUNT}:role/Example',
    'status': 'Completed',
    'status_details': {'validation_details': PHASE, 'training_details': PHASE},
    'tags': {'team': 'search', 'env': 'prod'},
    'training_data_config': {
        'invocation_logs_config': {
            'use_prompt_response': True,
            'invocation_log_source': {'s3_uri': 's3://example-logs/'},
            'request_metadata_filters': {'and_all': [{'equals': {'myKey': 'A'}}, {'not_equals': {'other_key': 'b'}}]},
        }
    },
    'training_metrics': {'training_loss': 0.8421},
    'validation_data_config': {'validators': [{'s3_uri': 's3://example-validation/a.jsonl'}]},
    'validation_metrics': [{'validation_loss': 0.9}, {'validation_loss': 1.1}],
    'vpc_config': {'subnet_ids': ['subnet-1'], 'security_group_ids': ['sg-1']},
}
HOSTILE: dict[str, Any] = DESCRIBED | {
    'job_name': 'nul and \ufffd and "quotes" \\ and\ttab\nline',
    'failure_message': '\\N',
    'hyper_parameters': {'a"b\\c': 'x"y\\z', '': '', 'nul': '', 'kéy': '=>, NULL'},
    'tags': {'multi': 'a,b', 'NULL': 'NULL', "q'": '$$'},
    'training_metrics': {'training_loss': None, 'other': None, 'text': '\ufffd'},
    'validation_metrics': [{'validation_loss': None}, None, 'x'],
}


def test_columns_are_those_of_the_dataset_page() -> None:
    assert {line['title']: line['type'] for line in PAGE} == TYPES
    assert len(TYPES) == 26


def test_descriptions_are_those_of_the_dataset_page() -> None:
    assert {line['title']: line['description'] for line in PAGE if line['description']} == DESCRIPTIONS


def test_the_documentation_says_of_each_column_what_the_table_says() -> None:
    lines = (ROOT / 'docs' / 'dataset.md').read_text(encoding='utf-8').splitlines()
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines if line.startswith('| `')]
    documented = {row[0].strip('`'): row[1:] for row in rows if row[0].strip('`') in COLUMNS}
    assert list(documented) == list(COLUMNS)
    for column, (kind, sql_type, source) in zip(COLUMNS.values(), documented.values(), strict=True):
        assert (kind, sql_type.split('`')[1]) == (column.type, SQL_TYPES[column.type])
        assert ('listing' in source) == (column.listed_as is not None)
        assert ('description' in source) or column.listed_as or not column.described_as


@pytest.mark.parametrize('column', COLUMNS)
@pytest.mark.parametrize(
    ('job', 'expected'), [(listed(), LISTED), (described(), DESCRIBED)], ids=['listed', 'described']
)
def test_each_column(column: str, job: Job, expected: dict[str, Any]) -> None:
    assert record(job)[column] == expected[column]


@pytest.mark.parametrize('column', [column for column in COLUMNS if column != 'vpc_config'])
def test_each_column_of_a_hostile_job(column: str) -> None:
    assert record(hostile())[column] == HOSTILE[column]


def test_nesting_ends_before_the_stack_does() -> None:
    depth, value = 0, record(hostile())['vpc_config']
    while isinstance(value, dict):
        depth, value = depth + 1, value['down']
    assert (depth, value) == (MAX_DEPTH, None)


@pytest.mark.parametrize(
    'empty', ['customization_config', 'hyper_parameters', 'tags', 'validation_metrics', 'vpc_config']
)
def test_nothing_is_null_and_not_an_empty_object(empty: str) -> None:
    assert record(described(**{empty: [] if empty == 'validation_metrics' else {}}))[empty] is None


def test_a_row_tells_no_tags_from_unknown_tags() -> None:
    tags = NAMES.index('tags')
    assert row(listed(tags={}))[tags] == ''
    assert row(listed(tags=None))[tags] is None


def test_keys_that_become_equal_keep_their_values_sorted() -> None:
    assert record(listed(tags={'team': 'b', 'team\x00': 'a'}))['tags'] == {'team': 'a,b'}


@pytest.mark.parametrize(
    ('values', 'text'),
    [({}, ''), ({'a': 'b'}, '"a"=>"b"'), ({'a"': 'b\\', 'c': ''}, '"a\\""=>"b\\\\","c"=>""')],
)
def test_hstore(values: dict[str, str], text: str) -> None:
    assert hstore(values) == text


@given(jobs(hostile=True))
def test_a_record_is_json_that_the_agent_can_send(job: Job) -> None:
    text = json.dumps(record(job), ensure_ascii=False, allow_nan=False)
    text.encode()
    assert '\\u0000' not in text.replace('\\\\', '')
    # What base's `send_log` writes with.
    assert orjson.loads(orjson.dumps(job_log(job, [], T0)))[RECORD] == json.loads(text)


@pytest.mark.parametrize(
    ('value', 'sent'),
    [
        (2**63, 2**63),
        (2**64 - 1, 2**64 - 1),
        (2**64, 1.8446744073709552e19),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, -9.223372036854775808e18),
        (10**30, 1e30),
        (10**309, None),
        (-(10**309), None),
        (True, True),
        (float('nan'), None),
        (float('-inf'), None),
        ('\ud800', '\ufffd'),
    ],
)
def test_a_value_that_the_agents_json_writer_refuses_is_sent_as_near_as_can_be(value: Any, sent: Any) -> None:
    deep = {'a': value, 'b': [{'c': [value]}], 'equals': {'k': value}}
    assert orjson.loads(orjson.dumps(plain(deep))) == {'a': sent, 'b': [{'c': [sent]}], 'equals': {'k': sent}}


@pytest.mark.parametrize('key', [2**64, 10**30, 1.5, float('nan'), None, True, '\ud800', '\0'])
def test_a_key_that_the_agents_json_writer_refuses_is_text(key: Any) -> None:
    for value in ({key: {'equals': {key: 1}}}, [{key: 1}]):
        orjson.dumps(plain(value))
    assert list(plain({key: 1})) == [str(key).lower().replace('\ud800', '\ufffd').replace('\0', '')]


def test_a_loss_that_is_no_number_is_null() -> None:
    job = Job(
        job_arn=arn(0),
        training_metrics={'trainingLoss': 'NaN'},
        validation_metrics=[{'validationLoss': '-Infinity'}, {'validationLoss': '0.5'}, {'validationLoss': 1e999}],
        customization_config={'name': 'NaN'},
    )
    written = record(job)
    assert written['training_metrics'] == {'training_loss': None}
    assert written['validation_metrics'] == [
        {'validation_loss': None},
        {'validation_loss': '0.5'},
        {'validation_loss': None},
    ]
    assert written['customization_config'] == {'name': 'NaN'}


@given(jobs())
def test_a_record_is_enough_to_know_the_job(job: Job) -> None:
    assert job_of(record(job)) == job


def test_a_record_without_key_is_refused() -> None:
    with pytest.raises(ValueError, match='_key'):
        job_of({'status': 'Completed'})


def _members(shape: Shape, seen: frozenset[str] = frozenset()) -> dict[str, Shape]:
    """Return every member below a shape by its path."""
    if shape.name in seen:
        return {}
    below = {'structure': lambda: shape.members, 'list': lambda: {'[]': shape.member}}.get(shape.type_name, dict)()
    found: dict[str, Shape] = {}
    for name, member in below.items():
        found[name] = member
        found |= {f'{name}.{path}': inner for path, inner in _members(member, seen | {shape.name}).items()}
    return found


def test_names_of_aws_survive_both_ways_and_user_keys_are_where_aws_has_them() -> None:
    """Held against botocore's model, which tells of members that AWS adds."""
    model = botocore.session.Session().get_service_model('bedrock')
    members = _members(model.operation_model('GetModelCustomizationJob').output_shape)
    names = {name for path in members for name in path.split('.') if name != '[]'}
    assert len(names) > 50
    assert {name for name in names if camel_case(snake_case(name)) != name} == set()
    maps = {snake_case(path.split('.')[-1]) for path, member in members.items() if member.type_name == 'map'}
    assert maps == MAPS_WITH_USER_KEYS | {'hyper_parameters'}
