from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from botocore.exceptions import ClientError

from bedrock_jobs.simulator import SimulatedJob, Simulator, completes

from .conftest import NOW

CBOR = {'smithy-protocol': 'rpc-v2-cbor', 'content-type': 'application/cbor'}
JOB_TYPE = 'bedrock:model-customization-job'


def add(simulator: Simulator, name: str, tags: dict[str, str] | None = None, **options: Any) -> SimulatedJob:
    return simulator.add_job('us-east-1', name=name, timeline=completes(NOW - timedelta(days=1)), tags=tags, **options)


def arns(answer: dict[str, Any]) -> list[str]:
    return [mapping['ResourceARN'] for mapping in answer['ResourceTagMappingList']]


def test_never_tagged_is_absent_and_untagged_is_empty(simulator: Simulator, bedrock: Any, tagging: Any) -> None:
    tagged, never, once = add(simulator, 'tagged', {'team': 'a'}), add(simulator, 'never'), add(simulator, 'once')
    bedrock.tag_resource(resourceARN=once.arn, tags=[{'key': 'k', 'value': 'v'}])
    bedrock.untag_resource(resourceARN=once.arn, tagKeys=['k'])
    bedrock.untag_resource(resourceARN=never.arn, tagKeys=['k'])
    expected = {tagged.arn: [{'Key': 'team', 'Value': 'a'}], once.arn: []}
    for request in ({'ResourceTypeFilters': [JOB_TYPE]}, {'ResourceARNList': [tagged.arn, never.arn, once.arn]}):
        found = tagging.get_resources(**request)['ResourceTagMappingList']
        assert {mapping['ResourceARN']: mapping['Tags'] for mapping in found} == expected


def test_pages(simulator: Simulator, tagging: Any) -> None:
    jobs = [add(simulator, f'job-{number}', {'n': str(number)}) for number in range(7)]
    pages = tagging.get_paginator('get_resources').paginate(PaginationConfig={'PageSize': 3})
    pages = [arns(page) for page in pages]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(arn for page in pages for arn in page) == sorted(job.arn for job in jobs)


def test_filters(simulator: Simulator, tagging: Any) -> None:
    one = add(simulator, 'one', {'team': 'a', 'env': 'dev'})
    two = add(simulator, 'two', {'team': 'b'})
    simulator.tag(one.output_model_arn, {'team': 'a'})

    def found(*filters: dict[str, Any], types: tuple[str, ...] = (JOB_TYPE,)) -> set[str]:
        return set(arns(tagging.get_resources(TagFilters=list(filters), ResourceTypeFilters=list(types))))

    assert found({'Key': 'team', 'Values': ['a', 'c']}) == {one.arn}
    assert found({'Key': 'team'}) == {one.arn, two.arn}
    assert found({'Key': 'team'}, {'Key': 'env', 'Values': ['dev']}) == {one.arn}
    assert found(types=('bedrock:custom-model',)) == {one.output_model_arn}
    assert found(types=('bedrock',)) == {one.arn, two.arn, one.output_model_arn}
    assert found(types=('ec2:instance',)) == set()


def test_other_accounts_and_regions_are_not_seen(simulator: Simulator, connect: Callable[..., Any]) -> None:
    job = add(simulator, 'mine', {'team': 'a'})
    for place in (('us-west-2', None), ('us-east-1', '210987654321')):
        client = connect('resourcegroupstaggingapi', *place)
        assert arns(client.get_resources()) == []
        assert arns(client.get_resources(ResourceARNList=[job.arn])) == []


@pytest.mark.parametrize(
    'request_',
    [
        {'ResourceARNList': ['arn:aws:bedrock:x:y:z'], 'ResourceTypeFilters': [JOB_TYPE]},
        {'ResourceARNList': ['arn:aws:bedrock:x:y:z'], 'TagFilters': [{'Key': 'a'}]},
        {'ResourceARNList': ['arn:aws:bedrock:x:y:z'], 'ResourcesPerPage': 10},
        {'ResourceARNList': [f'arn:aws:bedrock:x:y:{number}' for number in range(101)]},
        {'ResourcesPerPage': 101},
        {'PaginationToken': 'made-up'},
    ],
)
def test_refused_requests(tagging: Any, request_: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        tagging.get_resources(**request_)
    assert caught.value.response['Error']['Code'] == 'InvalidParameterException'
    assert caught.value.response['ResponseMetadata']['HTTPStatusCode'] == 400


@pytest.mark.parametrize('headers', [{'X-Amz-Target': 'ResourceGroupsTaggingAPI_20170126.GetResources'}, CBOR])
@pytest.mark.parametrize('body', [b'\xbf', b'[]', b'{'])
def test_unreadable_requests(raw: Callable[..., Any], headers: dict[str, str], body: bytes) -> None:
    path = '/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources' if headers is CBOR else '/'
    answer = raw('tagging', 'POST', path, headers=headers, body=body)
    assert answer.status == 400
    assert b'SerializationException' in answer.body


def test_tags_from_outside(simulator: Simulator, bedrock: Any) -> None:
    job = add(simulator, 'job')
    simulator.tag(job.arn, {'a': '1', 'b': '2'})
    simulator.untag(job.arn, 'a')
    assert bedrock.list_tags_for_resource(resourceARN=job.arn)['tags'] == [{'key': 'b', 'value': '2'}]


def test_too_many_and_forbidden_tags(simulator: Simulator, bedrock: Any) -> None:
    job = add(simulator, 'job', {'k0': ''})
    with pytest.raises(ClientError, match='TooManyTagsException'):
        bedrock.tag_resource(resourceARN=job.arn, tags=[{'key': f'k{n}', 'value': ''} for n in range(1, 51)])
    with pytest.raises(ClientError, match='ValidationException'):
        bedrock.tag_resource(resourceARN=job.arn, tags=[{'key': 'aws:team', 'value': 'a'}])
    assert bedrock.list_tags_for_resource(resourceARN=job.arn)['tags'] == [{'key': 'k0', 'value': ''}]


def test_both_protocols_say_the_same(simulator: Simulator, raw: Callable[..., Any]) -> None:
    job = add(simulator, 'job', {'team': 'a'})
    expected = {
        'PaginationToken': '',
        'ResourceTagMappingList': [{'ResourceARN': job.arn, 'Tags': [{'Key': 'team', 'Value': 'a'}]}],
    }
    target = 'ResourceGroupsTaggingAPI_20170126'
    as_json = raw('tagging', 'POST', '/', headers={'X-Amz-Target': f'{target}.GetResources'}, body=b'{}')
    assert (as_json.json(), as_json.headers['content-type']) == (expected, 'application/x-amz-json-1.1')
    as_cbor = raw(
        'tagging',
        'POST',
        f'/service/{target}/operation/GetResources',
        headers=CBOR,
        body=cbor2.dumps({}),
    )
    assert cbor2.loads(as_cbor.body) == expected
    assert as_cbor.headers['smithy-protocol'] == 'rpc-v2-cbor'
