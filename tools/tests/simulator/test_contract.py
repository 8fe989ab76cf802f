"""Every operation, by boto3 over HTTP: what is on the wire fits botocore's model, and botocore reads the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from botocore.exceptions import ClientError

from bedrock_jobs.simulator import (
    Simulator,
    completes,
    distillation,
    fails,
    rft,
    stopped,
    stuck,
)

from .conftest import NOW
from .shapes import differences, violations

ROLE = 'arn:aws:iam::123456789012:role/Customization'
TRAINING = {'s3Uri': 's3://example-training-data/train.jsonl'}
OUTPUT = {'s3Uri': 's3://example-model-output/'}
INVOCATION_LOGS = {
    'invocationLogsConfig': {
        'usePromptResponse': True,
        'invocationLogSource': {'s3Uri': 's3://example-logs'},
        'requestMetadataFilters': {'andAll': [{'equals': {'team': 'search'}}, {'notEquals': {'env': 'dev'}}]},
    }
}
DISTILLATION = {
    'distillationConfig': {
        'teacherModelConfig': {
            'teacherModelIdentifier': 'amazon.nova-premier-v1:0',
            'maxResponseLengthForInference': 1000,
        }
    }
}
RFT = {
    'rftConfig': {
        'graderConfig': {
            'lambdaGrader': {'lambdaArn': 'arn:aws:lambda:us-east-1:123456789012:function:grader'},
        },
        'hyperParameters': {'epochCount': 2, 'batchSize': 64, 'learningRate': 0.0001, 'reasoningEffort': 'low'},
    }
}
VPC = {'subnetIds': ['subnet-0a1b2c3d'], 'securityGroupIds': ['sg-0a1b2c3d']}
KEY = 'arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555'
CREATE = {
    'jobName': 'created',
    'customModelName': 'model-1',
    'roleArn': ROLE,
    'baseModelIdentifier': 'meta.llama3-3-70b-instruct-v1:0:128k',
    'trainingDataConfig': TRAINING,
    'outputDataConfig': OUTPUT,
}
FOREIGN_MODEL = 'arn:aws:bedrock:us-east-1:210987654321:custom-model/amazon.nova-lite-v1:0:300k/abcdefghij12'
CUSTOM_BASE = 'arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghij12'


def decoded(response: dict[str, Any]) -> Any:
    body = response['body']
    return cbor2.loads(body) if 'cbor' in response['headers'].get('content-type', '') else json.loads(body or b'{}')


class Checked:
    """A client whose every answer is checked against the model on its way in."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.seen: set[str] = set()
        self._wire: Any = None
        self._model: Any = None
        client.meta.events.register('before-parse', self._on_answer)

    def _on_answer(self, operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
        self._model, self._wire = operation_model, response_dict

    def __call__(self, method: str, **parameters: Any) -> Any:
        parsed = getattr(self.client, method)(**parameters)
        shape, wire = self._model.output_shape, decoded(self._wire)
        assert self._wire['status_code'] == self._model.http.get('responseCode', 200)
        if shape is not None:
            assert not list(violations(shape, wire))
            assert not list(differences(shape, wire, parsed))
        self.seen.add(self._model.name)
        return parsed


@pytest.fixture
def checked(bedrock: Any) -> Checked:
    return Checked(bedrock)


@pytest.fixture
def fleet(simulator: Simulator) -> list[str]:
    """One job of every kind and fate, at a moment when each fate has been reached; returns the ARNs."""
    since = NOW - timedelta(days=2)
    stories = {
        'completed': completes(since, validation_losses=(0.91, 1.0)),
        'completed-bare': completes(since, training_loss=None),
        'distilled': distillation(since),
        'reinforced': rft(since),
        'failed': fails(since),
        'failed-late': fails(since, 'Internal error.', phase='training'),
        'stuck': stuck(since),
        'stopped': stopped(since),
        'stopping': stopped(NOW - timedelta(hours=1), after=timedelta(minutes=59, seconds=50)),
        'validating': completes(NOW - timedelta(minutes=1)),
        'training': completes(NOW - timedelta(minutes=10)),
        'new': completes(NOW),
    }
    extras: dict[str, dict[str, Any]] = {
        'completed': {'validators': ('s3://example-a/v.jsonl', 's3://example-b/v.jsonl'), 'kms_key_arn': KEY},
        'distilled': {'customization_type': 'DISTILLATION', 'customization_config': DISTILLATION},
        'reinforced': {'customization_type': 'REINFORCEMENT_FINE_TUNING', 'customization_config': RFT},
        'training': {'vpc_config': VPC, 'training_data': INVOCATION_LOGS},
        'stuck': {'base_model': CUSTOM_BASE},
    }
    jobs = [
        simulator.add_job('us-east-1', name=name, timeline=timeline, tags={'team': 'search'}, **extras.get(name, {}))
        for name, timeline in stories.items()
    ]
    return [job.arn for job in jobs]


def test_every_fate_fits_the_model(checked: Checked, fleet: list[str]) -> None:
    listed = checked('list_model_customization_jobs', maxResults=1000)['modelCustomizationJobSummaries']
    assert {job['jobArn'] for job in listed} == set(fleet)
    assert {job['status'] for job in listed} == {'InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped'}
    for summary in listed:
        details = checked('get_model_customization_job', jobIdentifier=summary['jobArn'])
        by_name = checked('get_model_customization_job', jobIdentifier=summary['jobName'])
        del details['ResponseMetadata'], by_name['ResponseMetadata']
        assert details == by_name
        shared = {'jobArn', 'jobName', 'status', 'statusDetails', 'creationTime', 'lastModifiedTime', 'endTime'}
        assert {k: v for k, v in details.items() if k in shared} == {k: v for k, v in summary.items() if k in shared}
        assert details.get('outputModelArn') == summary.get('customModelArn')
        if summary['status'] == 'Completed':
            model = checked('get_custom_model', modelIdentifier=details['outputModelArn'])
            assert model['jobArn'] == summary['jobArn']
            assert model.get('trainingMetrics') == details.get('trainingMetrics')


def test_running_jobs_have_no_results(checked: Checked, fleet: list[str]) -> None:
    details = checked('get_model_customization_job', jobIdentifier='training')
    assert not {'endTime', 'outputModelArn', 'trainingMetrics', 'failureMessage'} & details.keys()
    assert details['validationMetrics'] == []
    with pytest.raises(ClientError, match='ResourceNotFoundException'):
        checked('get_custom_model', modelIdentifier='training')


def test_terminal_jobs_are_modified_just_after_their_end(checked: Checked, fleet: list[str]) -> None:
    for name in ('completed', 'failed', 'stopped'):
        details = checked('get_model_customization_job', jobIdentifier=name)
        assert details['lastModifiedTime'] - details['endTime'] == timedelta(milliseconds=300)


@pytest.mark.parametrize('region', ['us-west-2', 'us-gov-west-1'])
def test_a_created_job_lives_its_life(simulator: Simulator, connect: Callable[..., Any], region: str) -> None:
    checked = Checked(connect('bedrock', region))
    request = {
        **CREATE,
        'hyperParameters': {'epochCount': '3'},
        'jobTags': [{'key': 'team', 'value': 'risk'}],
        'customModelTags': [{'key': 'model', 'value': 'yes'}],
        'customModelKmsKeyId': 'alias/example',
        'validationDataConfig': {'validators': [TRAINING]},
        'clientRequestToken': 'token-1',
    }
    arn = checked('create_model_customization_job', **request)['jobArn']
    assert checked('create_model_customization_job', **request)['jobArn'] == arn
    with pytest.raises(ClientError, match='ConflictException'):
        checked('create_model_customization_job', **{**request, 'clientRequestToken': 'token-2'})
    details = checked('get_model_customization_job', jobIdentifier=arn)
    assert (details['status'], details['creationTime']) == ('InProgress', NOW)
    assert details['hyperParameters']['epochCount'] == '3'

    simulator.clock.advance(timedelta(hours=3))
    details = checked('get_model_customization_job', jobIdentifier=arn)
    assert details['status'] == 'Completed'
    assert checked('get_custom_model', modelIdentifier='model-1')['modelArn'] == details['outputModelArn']
    tags = checked('list_tags_for_resource', resourceARN=details['outputModelArn'])['tags']
    assert tags == [{'key': 'model', 'value': 'yes'}]


def test_stop(simulator: Simulator, checked: Checked, fleet: list[str]) -> None:
    def status() -> str:
        return checked('get_model_customization_job', jobIdentifier='training')['status']

    checked('stop_model_customization_job', jobIdentifier='training')
    assert status() == 'Stopping'
    with pytest.raises(ClientError, match='ConflictException'):
        checked('stop_model_customization_job', jobIdentifier='training')
    simulator.clock.advance(timedelta(minutes=2))
    details = checked('get_model_customization_job', jobIdentifier='training')
    assert (details['status'], details['statusDetails']['trainingDetails']['status']) == ('Stopped', 'Stopped')
    for name in ('completed', 'failed', 'stopped'):
        with pytest.raises(ClientError, match='ConflictException'):
            checked('stop_model_customization_job', jobIdentifier=name)


def test_tags(checked: Checked, tagging: Any, fleet: list[str]) -> None:
    arn, resources = fleet[0], Checked(tagging)
    checked('tag_resource', resourceARN=arn, tags=[{'key': 'env', 'value': 'prod'}, {'key': 'team', 'value': 'risk'}])
    expected = [{'key': 'team', 'value': 'risk'}, {'key': 'env', 'value': 'prod'}]
    assert checked('list_tags_for_resource', resourceARN=arn)['tags'] == expected
    (mapping,) = resources('get_resources', ResourceARNList=[arn])['ResourceTagMappingList']
    assert mapping == {'ResourceARN': arn, 'Tags': [{'Key': tag['key'], 'Value': tag['value']} for tag in expected]}
    checked('untag_resource', resourceARN=arn, tagKeys=['env', 'team', 'absent'])
    assert checked('list_tags_for_resource', resourceARN=arn)['tags'] == []


def errors() -> Iterator[Any]:
    wrong_account = (
        'arn:aws:bedrock:us-east-1:210987654321:model-customization-job/amazon.nova-lite-v1:0:300k/' + 'a' * 12
    )
    wrong_region = wrong_account.replace('us-east-1', 'us-west-2').replace('210987654321', '123456789012')
    yield 'get_model_customization_job', {'jobIdentifier': 'absent'}, 'ResourceNotFoundException', 404
    yield 'get_model_customization_job', {'jobIdentifier': 'bad name!'}, 'ValidationException', 400
    yield 'get_model_customization_job', {'jobIdentifier': wrong_account}, 'AccessDeniedException', 403
    yield 'get_model_customization_job', {'jobIdentifier': wrong_region}, 'ValidationException', 400
    yield 'get_custom_model', {'modelIdentifier': 'absent'}, 'ResourceNotFoundException', 404
    yield 'list_tags_for_resource', {'resourceARN': 'arn:aws:iam::aws:policy/Any'}, 'ValidationException', 400
    yield 'stop_model_customization_job', {'jobIdentifier': 'absent'}, 'ResourceNotFoundException', 404
    yield 'get_model_customization_job', {'jobIdentifier': 'a' + '-' * 50 + '!'}, 'ValidationException', 400
    yield 'get_custom_model', {'modelIdentifier': 'bad name!'}, 'ValidationException', 400
    yield 'list_tags_for_resource', {'resourceARN': FOREIGN_MODEL}, 'AccessDeniedException', 403
    yield 'create_model_customization_job', {}, 'ValidationException', 400
    yield 'create_model_customization_job', {**CREATE, 'jobName': 'bad name!'}, 'ValidationException', 400
    yield 'create_model_customization_job', {**CREATE, 'customizationType': 'MAGIC'}, 'ValidationException', 400
    yield 'create_model_customization_job', {**CREATE, 'baseModelIdentifier': 'nova'}, 'ValidationException', 400
    yield 'create_model_customization_job', {**CREATE, 'jobTags': [{'key': 'k'}]}, 'ValidationException', 400
    yield 'tag_resource', {'tags': []}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'maxResults': 1001}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'maxResults': 0}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'nextToken': 'made-up'}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'nextToken': 'WyJhIiwgImIiLCAiYyJd'}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'statusEquals': 'Queued'}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'sortBy': 'Status'}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'sortOrder': 'Random'}, 'ValidationException', 400
    yield 'list_model_customization_jobs', {'nameContains': ' '}, 'ValidationException', 400


@pytest.mark.parametrize(('method', 'parameters', 'code', 'status'), list(errors()))
def test_errors(connect: Callable[..., Any], method: str, parameters: dict[str, Any], code: str, status: int) -> None:
    # botocore would refuse a value below a minimum itself.
    bedrock = connect('bedrock', config={'parameter_validation': False})
    with pytest.raises(ClientError) as caught:
        getattr(bedrock, method)(**parameters)
    response = caught.value.response
    assert response['Error']['Code'] == code
    assert response['Error']['Message']
    assert response['ResponseMetadata']['HTTPStatusCode'] == status
    assert response['ResponseMetadata']['RequestId']


def test_the_checker_itself_finds_what_is_wrong(bedrock: Any) -> None:
    shape = bedrock.meta.service_model.operation_model('GetModelCustomizationJob').output_shape
    document = {'jobName': ' ', 'status': 'Queued', 'creationTime': '2026-11-23', 'made': 1, 'validationMetrics': {}}
    found = ' '.join(violations(shape, document))
    for words in ('jobName', 'not one of', 'ISO 8601', 'not in the model', 'required and missing'):
        assert words in found
