"""Who may ask: signatures, roles, expired credentials; and S3, which moto answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_jobs.simulator import Simulator, completes

from .conftest import NOW

OTHER = '210987654321'


def assume(simulator: Simulator, connect: Callable[..., Any], **options: Any) -> dict[str, Any]:
    credentials = connect('sts').assume_role(RoleSessionName='agent', **options)['Credentials']
    return {
        **simulator.client_options(),
        'aws_access_key_id': credentials['AccessKeyId'],
        'aws_secret_access_key': credentials['SecretAccessKey'],
        'aws_session_token': credentials['SessionToken'],
    }


def code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = caught.value.response
    return response['Error']['Code'], response['ResponseMetadata']['HTTPStatusCode']


def test_an_assumed_role_sees_its_own_account(simulator: Simulator, connect: Callable[..., Any]) -> None:
    simulator.add_job('us-east-1', name='mine', timeline=completes(NOW))
    simulator.add_job('us-east-1', name='theirs', timeline=completes(NOW), account=OTHER)
    options = assume(simulator, connect, RoleArn=f'arn:aws:iam::{OTHER}:role/any')
    bedrock = boto3.client('bedrock', **options)
    (job,) = bedrock.list_model_customization_jobs()['modelCustomizationJobSummaries']
    assert (job['jobName'], job['jobArn'].split(':')[4]) == ('theirs', OTHER)
    assert boto3.client('sts', **options).get_caller_identity()['Account'] == OTHER
    assert connect('sts').get_caller_identity()['Account'] == '123456789012'
    assert simulator.requests.count(account=OTHER) == 2


@pytest.mark.parametrize('account', ['123456789012', OTHER])
def test_every_key_is_told_whose_it_is(connect: Callable[..., Any], account: str) -> None:
    caller = connect('sts', account=account).get_caller_identity()
    assert (caller['Account'], caller['Arn'].split(':')[4]) == (account, account)


def test_trust(simulator: Simulator, connect: Callable[..., Any]) -> None:
    arn = simulator.account(OTHER).add_role('datadog', external_id='external-1')
    for options in ({}, {'ExternalId': 'external-2'}):
        with pytest.raises(ClientError) as caught:
            assume(simulator, connect, RoleArn=arn, **options)
        assert code(caught) == ('AccessDenied', 403)
    with pytest.raises(ClientError, match='AccessDenied'):
        assume(simulator, connect, RoleArn=f'arn:aws:iam::{OTHER}:role/other')
    assert assume(simulator, connect, RoleArn=arn, ExternalId='external-1')


def test_credentials_expire(simulator: Simulator, connect: Callable[..., Any]) -> None:
    arn = f'arn:aws:iam::{OTHER}:role/any'
    bedrock = boto3.client('bedrock', **assume(simulator, connect, RoleArn=arn))
    assert simulator.expire_credentials(OTHER) == 1
    with pytest.raises(ClientError) as caught:
        bedrock.list_model_customization_jobs()
    assert code(caught) == ('ExpiredTokenException', 403)
    assert boto3.client('bedrock', **assume(simulator, connect, RoleArn=arn)).list_model_customization_jobs()


@pytest.mark.parametrize('headers', [{}, {'Authorization': 'Bearer token'}, {'Authorization': 'Basic eDp5'}])
def test_unsigned_requests_are_refused(simulator: Simulator, raw: Callable[..., Any], headers: dict[str, str]) -> None:
    answer = raw(None, 'GET', '/model-customization-jobs', headers=headers)
    assert answer.status == 403
    assert answer.headers['x-amzn-errortype'] in ('AccessDeniedException', 'MissingAuthenticationTokenException')
    assert answer.json()['message']


def test_a_bearer_token_in_the_environment_is_noticed(
    connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('AWS_BEARER_TOKEN_BEDROCK', 'token')
    # 1.43 sends the token, which is refused here; 1.44 will not send one without TLS.
    with pytest.raises((ClientError, BotoCoreError), match=r'AccessDeniedException|Bearer'):
        connect('bedrock').list_model_customization_jobs()
    assert connect('bedrock', config={'signature_version': 'v4'}).list_model_customization_jobs()


@pytest.mark.parametrize(
    ('service', 'method', 'path'),
    [
        ('bedrock', 'GET', '/foundation-models'),
        ('bedrock', 'GET', '/model-customization-jobs/arn:aws:bedrock:a/b/c'),
        ('bedrock', 'DELETE', '/model-customization-jobs/name'),
        ('tagging', 'POST', '/'),
        ('ec2', 'POST', '/'),
    ],
)
def test_other_operations_are_unknown(raw: Callable[..., Any], service: str, method: str, path: str) -> None:
    answer = raw(service, method, path)
    assert answer.status == 404
    assert b'is not simulated' in answer.body


def test_s3_objects(simulator: Simulator, connect: Callable[..., Any]) -> None:
    key = 'out/model-customization-job-abc/training_artifacts/step_wise_training_metrics.csv'
    body = b'step_number,epoch_number,training_loss\n1,0,1.25\n' + b'x' * 2_000_000
    for region in ('us-east-1', 'us-west-2'):
        simulator.put_object(f'example-{region}', key, body, region=region)
        s3 = connect('s3', region)
        listed = s3.list_objects_v2(Bucket=f'example-{region}', Prefix='out/')
        assert [item['Key'] for item in listed['Contents']] == [key]
        answer = s3.get_object(Bucket=f'example-{region}', Key=key)
        assert answer['Body'].read() == body
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=f'example-{region}', Key=key, IfNoneMatch=answer['ETag'])
        assert code(caught)[1] == 304
        assert s3.head_object(Bucket=f'example-{region}', Key=key)['ContentLength'] == len(body)
        s3.put_object(Bucket=f'example-{region}', Key='big', Body=body)
        assert s3.get_object(Bucket=f'example-{region}', Key='big', Range='bytes=0-3')['Body'].read() == b'step'
    with pytest.raises(ClientError, match='NoSuchKey'):
        connect('s3').get_object(Bucket='example-us-east-1', Key='absent')
    assert simulator.requests.by_operation()['GetObject'] == 7
    assert [request.error for request in simulator.requests][-1] == 'NoSuchKey'


def test_buckets_do_not_outlive_the_simulator(connect: Callable[..., Any], simulator: Simulator) -> None:
    simulator.put_object('example-short', 'key', b'')
    simulator.stop()
    simulator.start()
    with pytest.raises(ClientError, match='NoSuchBucket'):
        connect('s3').list_objects_v2(Bucket='example-short')


def test_time_moves_on_for_the_caller_too(simulator: Simulator, connect: Callable[..., Any]) -> None:
    """Credentials live in wall time: advancing the clock of the jobs expires nothing."""
    bedrock = boto3.client('bedrock', **assume(simulator, connect, RoleArn=f'arn:aws:iam::{OTHER}:role/any'))
    simulator.clock.advance(timedelta(days=30))
    assert bedrock.list_model_customization_jobs()
