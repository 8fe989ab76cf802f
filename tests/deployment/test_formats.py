"""Every kind of file: its structure, Kubernetes' own schema, and where Datadog's chart and Operator look."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import yaml

from datadog_checks.bedrock_model_customization.deployment.accounts import Account
from datadog_checks.bedrock_model_customization.deployment.errors import DeploymentError
from datadog_checks.bedrock_model_customization.deployment.instances import Recipe, make_instances
from datadog_checks.bedrock_model_customization.deployment.pieces import split
from datadog_checks.bedrock_model_customization.deployment.reading import mistakes, read_confs
from datadog_checks.bedrock_model_customization.deployment.render import MAX_CONFIG_MAP, Format, render

from .conftest import account_ids

NAME = 'bedrock_model_customization'
OLD_YAML_BOOLEANS = ('no', 'on', 'y', '0x1f', '1_000', '12:30:45', 'null', '=')


def pieces(number: int, accounts: int = 5, **recipe: Any) -> list[list[dict[str, Any]]]:
    return split(make_instances([Account(one) for one in account_ids(accounts)], Recipe(**recipe)), number)


def documents(form: Format, number: int, **options: Any) -> list[dict[str, Any]]:
    (text,) = render(pieces(number), form, ['made'], **options)
    return list(yaml.safe_load_all(text))


@pytest.mark.parametrize('form', [Format.CONF, Format.CLUSTER_CHECK])
def test_files_of_an_agent(form: Format) -> None:
    texts = render(pieces(2), form, ['Made.'])
    assert [text.splitlines()[:2] for text in texts] == [
        ['# Made.', '# Piece 1.'.replace('1.', f'{n} of 2.')] for n in (1, 2)
    ]
    for text in texts:
        document = yaml.safe_load(text)
        assert list(document) == [*(['cluster_check'] if form.is_dispatched else []), 'init_config', 'instances']
        assert document.get('cluster_check') in (None, True)
        assert '&' not in text and '!!' not in text


@pytest.mark.parametrize('number', [1, 3])
def test_a_config_map_by_kubernetes_own_schema(number: int) -> None:
    validate = pytest.importorskip('kubernetes_validate').validate
    (document,) = documents(Format.CONFIGMAP, number, namespace='datadog')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        validate(document, '1.31', strict=True)
        broken = document | {'data': {'conf.yaml': {'instances': []}}}
        with pytest.raises(Exception, match='is not of type'):
            validate(broken, '1.31', strict=True)
    assert document['metadata']['namespace'] == 'datadog'
    assert list(document['data']) == [f'conf-{index:02}.yaml' for index in range(1, number + 1)]
    assert all(yaml.safe_load(text)['cluster_check'] is True for text in document['data'].values())


def test_helm_one_file_under_the_checks_name() -> None:
    (document,) = documents(Format.HELM, 1)
    assert document['datadog']['clusterChecks']['enabled'] is document['clusterAgent']['enabled'] is True
    # The name of the file is the name of the check that the Agent loads.
    (name,) = document['clusterAgent']['confd']
    assert name == f'{NAME}.yaml'


def test_helm_several_files_in_the_checks_folder() -> None:
    (document,) = documents(Format.HELM, 3)
    assert 'confd' not in document['clusterAgent']
    (folder,) = document['clusterAgent']['advancedConfd']
    assert folder == f'{NAME}.d'
    assert len(document['clusterAgent']['advancedConfd'][folder]) == 3


def test_operator_one_file() -> None:
    (document,) = documents(Format.OPERATOR, 1, namespace='datadog')
    assert (document['apiVersion'], document['kind']) == ('datadoghq.com/v2alpha1', 'DatadogAgent')
    assert document['metadata'] == {'name': 'datadog', 'namespace': 'datadog'}
    assert list(document['spec']['override']['clusterAgent']['extraConfd']['configDataMap']) == [f'{NAME}.yaml']


def test_operator_several_files() -> None:
    config_map, agent = documents(Format.OPERATOR, 3, namespace='datadog')
    extra = agent['spec']['override']['clusterAgent']['extraConfd']
    assert extra['configMap']['name'] == config_map['metadata']['name']
    assert [item['key'] for item in extra['configMap']['items']] == list(config_map['data'])
    assert [item['path'] for item in extra['configMap']['items']] == [f'{NAME}.d/{name}' for name in config_map['data']]
    assert config_map['metadata']['namespace'] == agent['metadata']['namespace']


@pytest.mark.parametrize('form', Format)
@pytest.mark.parametrize('text', OLD_YAML_BOOLEANS)
def test_a_text_stays_a_text_in_the_agents_yaml(form: Format, text: str) -> None:
    """The Agent reads YAML 1.1, as PyYAML does; an account id with a zero in front would be another number."""
    (rendered,) = render(pieces(1, external_id=text if len(text) > 1 else text * 2), form)
    (conf,) = read_confs(rendered)
    assert mistakes([conf]) == []
    assert all(isinstance(instance['external_id'], str) for instance in conf.document['instances'])


def test_what_kubernetes_would_not_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CONFIG_MAP == 1024 * 1024
    monkeypatch.setattr(f'datadog_checks.{NAME}.deployment.render.MAX_CONFIG_MAP', 8192)
    many = pieces(2, accounts=5, external_id='x' * 1200)
    for form in (Format.CONFIGMAP, Format.HELM, Format.OPERATOR):
        with pytest.raises(DeploymentError, match='more than a ConfigMap of Kubernetes takes'):
            render(many, form)
        assert render(pieces(2), form)
    assert len(render(many, Format.CLUSTER_CHECK)) == 2


def test_the_same_again() -> None:
    assert render(pieces(3), Format.HELM, ['a']) == render(pieces(3), Format.HELM, ['a'])
