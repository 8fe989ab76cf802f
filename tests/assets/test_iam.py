"""IAM: what the policies and roles allow is what the code asks of AWS, and nothing more."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import botocore.session
import hcl2
import pytest
import yaml
from botocore import xform_name
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from datadog_checks.bedrock_model_customization.aws.errors import IAM_ACTIONS
from tests.paths import ROOT

IAM: Final = ROOT / 'assets' / 'iam'
AWS: Final = ROOT / 'datadog_checks' / 'bedrock_model_customization' / 'aws'
SERVICES: Final = ('bedrock', 'resourcegroupstaggingapi', 's3', 'sts', 'organizations')
READ: Final = IAM / 'read-policy.json'
ASSUME: Final = IAM / 'assume-role-policy.json'
OPTIONAL: Final = sorted((IAM / 'optional').glob('*.json'))
POLICIES: Final = [READ, ASSUME, *OPTIONAL]
# Needs no permission.
FREE: Final = {'GetCallerIdentity'}
# Made by botocore or AWS on our behalf, or by people: decryption of what GetObject reads, the list of accounts from
# which a configuration is written.
ON_OUR_BEHALF: Final = {'kms:Decrypt', 'organizations:ListAccounts'}
# EKS Pod Identity makes it implicitly: its session tags are transitive, and AssumeRole passes them on.
POD_IDENTITY: Final = {'sts:TagSession'}


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms, such as `!Sub`, as what they are applied to."""


def _short_form(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


Template.add_multi_constructor('!', _short_form)


def calls() -> set[str]:
    """Return the operations whose client methods the code names, as attributes or as text."""
    session = botocore.session.Session()
    methods = {
        xform_name(operation): operation
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
    }
    found = set()
    for path in AWS.glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, 'value', None)
            if isinstance(name, str) and name in methods and '_' in name:
                found.add(methods[name])
    return found


def needed() -> set[str]:
    # AssumeRole is called by botocore, through the class that AwsSession hands it.
    return {IAM_ACTIONS[operation] for operation in calls() | {'AssumeRole'} if operation not in FREE}


def statements(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the statements anywhere in a JSON or YAML document."""
    if isinstance(document, dict):
        if 'Effect' in document:
            yield document
        for value in document.values():
            yield from statements(value)
    elif isinstance(document, list):
        for value in document:
            yield from statements(value)


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def allowed(document: Any) -> set[str]:
    found = set()
    for statement in statements(document):
        assert statement['Effect'] == 'Allow'
        found |= set(listed(statement['Action']))
    return found


def policy(path: Path) -> Any:
    return json.loads(path.read_text(encoding='utf-8'))


def terraform() -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for path in sorted((IAM / 'terraform').glob('*.tf')):
        with path.open(encoding='utf-8') as file:
            for kind, blocks in hcl2.load(file).items():
                merged.setdefault(kind, []).extend(blocks if isinstance(blocks, list) else [blocks])
    return merged


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip('"')
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(item)


def actions_of_terraform() -> set[str]:
    services = ('bedrock:', 'tag:', 's3:', 'kms:', 'sts:', 'organizations:', 'iam:')
    conditions = {'s3:prefix', 'sts:ExternalId', 'kms:ViaService'}
    return {text for text in texts(terraform()['data']) if text.startswith(services)} - conditions


def cloudformation() -> Any:
    return yaml.load((IAM / 'role.cloudformation.yaml').read_text(encoding='utf-8'), Loader=Template)


def test_the_walk_finds_the_calls() -> None:
    assert {'ListModelCustomizationJobs', 'GetModelCustomizationJob', 'GetResources', 'GetCallerIdentity'} <= calls()


def test_what_the_code_calls_is_allowed_and_nothing_more() -> None:
    granted = set[str]().union(*(allowed(policy(path)) for path in POLICIES))

    assert granted - ON_OUR_BEHALF - POD_IDENTITY == needed()
    assert not any('*' in action for action in granted)


def test_without_options_only_jobs_and_their_tags_are_read() -> None:
    assert allowed(policy(READ)) == {
        'bedrock:GetModelCustomizationJob',
        'bedrock:ListModelCustomizationJobs',
        'bedrock:ListTagsForResource',
        'tag:GetResources',
    }


@pytest.mark.parametrize('path', POLICIES, ids=lambda path: path.stem)
def test_only_what_has_no_resource_is_allowed_on_all(path: Path) -> None:
    assert policy(path)['Version'] == '2012-10-17'
    for statement in statements(policy(path)):
        if '*' in listed(statement['Resource']):
            without = {'bedrock:ListModelCustomizationJobs', 'tag:GetResources', 'organizations:ListAccounts'}
            assert set(listed(statement['Action'])) <= without
        assert 'NotAction' not in statement and 'NotResource' not in statement


@pytest.mark.parametrize('actions', [lambda: allowed(cloudformation()), actions_of_terraform], ids=['cfn', 'terraform'])
def test_the_roles_allow_what_the_policies_do(actions: Any) -> None:
    optional = allowed(policy(IAM / 'optional' / 'artifacts.json')) | allowed(
        policy(IAM / 'optional' / 'custom-models.json')
    )

    # Those of STS are in the trust policy of the role.
    assert actions() == allowed(policy(READ)) | optional | {'sts:AssumeRole'} | POD_IDENTITY


def trust_of_terraform() -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield actions, principals and condition of each statement of the trust policy."""
    (document,) = (
        body['trust']
        for block in terraform()['data']
        for body in [{name.strip('"'): value for name, value in next(iter(block.values())).items()}]
        if 'trust' in body
    )
    for statement in document['statement']:
        parts = [list(texts(statement.get(name))) for name in ('actions', 'principals', 'condition')]
        yield parts[0][0], [text for text in parts[1] if 'var.' in text], parts[2]


def test_the_roles_trust_nobody_without_the_external_id() -> None:
    role = cloudformation()['Resources']['Role']['Properties']
    found = {trust['Action']: trust for trust in statements(role['AssumeRolePolicyDocument'])}

    # TagSession alone gives no credentials, and comes with no external id: it must be a statement of its own.
    assert found.keys() == {'sts:AssumeRole'} | POD_IDENTITY
    assert found['sts:AssumeRole']['Condition'] == {'StringEquals': {'sts:ExternalId': 'ExternalId'}}
    assert 'Condition' not in found['sts:TagSession']
    assert all(trust['Principal'] == {'AWS': 'AgentPrincipalArn'} for trust in found.values())

    assume, tag = trust_of_terraform()
    assert (assume[0], tag[0]) == ('sts:AssumeRole', 'sts:TagSession')
    assert assume[1] == tag[1] == ['${var.agent_principal_arn}']
    assert {'StringEquals', 'sts:ExternalId', '${var.external_id}'} <= set(assume[2])
    assert tag[2] == []


def test_the_agent_may_assume_and_pass_session_tags_to_the_same_roles() -> None:
    (statement,) = statements(policy(ASSUME))

    assert set(listed(statement['Action'])) == {'sts:AssumeRole'} | POD_IDENTITY
    assert statement['Resource'].endswith(f":role/{cloudformation()['Parameters']['RoleName']['Default']}")


def test_the_agents_own_role_trusts_one_service_account() -> None:
    irsa, pod_identity = (
        next(statements(policy(IAM / 'agent' / f'trust-{name}.json'))) for name in ('irsa', 'pod-identity')
    )
    provider = irsa['Principal']['Federated'].partition(':oidc-provider/')[2]

    assert irsa['Action'] == 'sts:AssumeRoleWithWebIdentity'
    assert irsa['Condition'] == {
        'StringEquals': {
            f'{provider}:aud': 'sts.amazonaws.com',
            f'{provider}:sub': 'system:serviceaccount:datadog:datadog-cluster-checks',
        }
    }
    assert set(pod_identity['Action']) == {'sts:AssumeRole'} | POD_IDENTITY
    assert pod_identity['Principal'] == {'Service': 'pods.eks.amazonaws.com'}
    assert pod_identity['Condition'] == {
        'StringEquals': {
            'aws:RequestTag/kubernetes-namespace': 'datadog',
            'aws:RequestTag/kubernetes-service-account': 'datadog-cluster-checks',
        }
    }


def commands_of_aws() -> Iterator[list[str]]:
    text = (ROOT / 'docs' / 'iam.md').read_text(encoding='utf-8')
    for block in re.findall(r'```shell\n(.*?)```', text, flags=re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            if line.strip().startswith('aws '):
                yield shlex.split(line)


def test_the_options_of_the_commands_are_those_of_the_api() -> None:
    asked = {(service, operation): words for _, service, operation, *words in commands_of_aws()}

    assert asked.keys() >= {('cloudformation', 'create-stack-set'), ('cloudformation', 'create-stack-instances')}
    for (service, operation), words in asked.items():
        model = botocore.session.Session().get_service_model(service)
        operations = {xform_name(name, '-'): name for name in model.operation_names}
        # `deploy` is made of several operations, and known to the AWS CLI alone.
        name = {'deploy': 'create-change-set'}.get(operation, operation)
        members = {xform_name(member, '-') for member in model.operation_model(operations[name]).input_shape.members}
        extra = {'template-file', 'parameter-overrides'} if operation == 'deploy' else set()
        assert {word[2:] for word in words if word.startswith('--')} <= members | extra, operation


def test_a_stack_set_makes_the_role_once_in_each_account() -> None:
    (instances,) = (words for words in commands_of_aws() if words[2] == 'create-stack-instances')
    regions = instances[instances.index('--regions') + 1 :]

    assert len(regions) == 1


def test_optional_permissions_are_off_unless_asked_for() -> None:
    parameters = cloudformation()['Parameters']
    defaults = {
        name.strip('"'): body['default']
        for block in terraform()['variable']
        for name, body in block.items()
        if 'default' in body
    }

    assert [parameters[name]['Default'] for name in ('ReadCustomModels', 'ArtifactBucket', 'ArtifactKmsKeyArn')] == [
        'false',
        '',
        '',
    ]
    assert not defaults['read_custom_models'] and not defaults['artifact_buckets']
    assert 'external_id' not in defaults and 'Default' not in parameters['ExternalId']


def test_the_template_is_valid_by_cfn_lint() -> None:
    template = (IAM / 'role.cloudformation.yaml').read_text(encoding='utf-8')

    assert lint(template, config=ManualArgs(regions=['us-east-1'])) == []
