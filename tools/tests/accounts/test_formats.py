"""Every kind of file: its structure, Kubernetes' own schema, and where Datadog's chart and Operator look."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
import yaml

from bedrock_jobs.accounts.account import Account
from bedrock_jobs.accounts.errors import DeploymentError
from bedrock_jobs.accounts.instances import DEFAULTS, DISPATCHED, Recipe, make_instances
from bedrock_jobs.accounts.pieces import split
from bedrock_jobs.accounts.reading import clashes, mistakes, read_file
from bedrock_jobs.accounts.render import MAX_CONFIG_MAP, Format, Place, render

from .conftest import account_ids

NAME = 'bedrock_model_customization'
OLD_YAML_BOOLEANS = ('no', 'on', 'y', '0x1f', '1_000', '12:30:45', 'null', '=')


def pieces(number: int, accounts: int = 5, **recipe: Any) -> list[list[dict[str, Any]]]:
    return split(make_instances([Account(one) for one in account_ids(accounts)], Recipe(**recipe)), number)


def documents(form: Format, number: int, namespace: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
    (text,) = render(pieces(number), form, ['made'], Place(namespace, name))
    return list(yaml.safe_load_all(text))


def validate(document: dict[str, Any]) -> None:
    """Raise where an object is none by the newest schema of Kubernetes that is at hand."""
    kubernetes_validate = pytest.importorskip('kubernetes_validate')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


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
    (document,) = documents(Format.CONFIGMAP, number, namespace='datadog')
    validate(document)
    with pytest.raises(Exception, match='is not of type'):
        validate(document | {'data': {'conf.yaml': {'instances': []}}})
    assert document['metadata']['namespace'] == 'datadog'
    assert list(document['data']) == [f'conf-{index:02}.yaml' for index in range(1, number + 1)]
    assert all(yaml.safe_load(text)['cluster_check'] is True for text in document['data'].values())


@pytest.mark.parametrize('number', [1, 3])
def test_helm_puts_files_where_the_chart_executes_no_template(number: int) -> None:
    """The chart runs `clusterAgent.confd` through `tpl`, and `advancedConfd` not."""
    shared = pieces(number, options={'tags': ['template:{{ .Values.datadog.apiKey }}']})
    (text,) = render(shared, Format.HELM)
    document = yaml.safe_load(text)
    assert document['datadog']['clusterChecks']['enabled'] is document['clusterAgent']['enabled'] is True
    assert 'confd' not in document['clusterAgent']
    # The name of the folder is the name of the check that the Agent loads.
    (folder,) = document['clusterAgent']['advancedConfd']
    assert folder == f'{NAME}.d'
    files = document['clusterAgent']['advancedConfd'][folder]
    assert list(files) == [f'conf-{index:02}.yaml' for index in range(1, number + 1)]
    assert all('{{ .Values.datadog.apiKey }}' in file for file in files.values())


def test_operator_one_file() -> None:
    (document,) = documents(Format.OPERATOR, 1, namespace='datadog')
    assert (document['apiVersion'], document['kind']) == ('datadoghq.com/v2alpha1', 'DatadogAgent')
    assert document['metadata'] == {'name': 'datadog', 'namespace': 'datadog'}
    assert list(document['spec']['override']['clusterAgent']['extraConfd']['configDataMap']) == [f'{NAME}.yaml']


@pytest.mark.parametrize(('number', 'name'), [(3, None), (3, 'research'), (1, 'research')])
def test_operator_several_files(number: int, name: str | None) -> None:
    config_map, agent = documents(Format.OPERATOR, number, 'datadog', name)
    validate(config_map)
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
    (conf,) = read_file(rendered).confs
    assert mistakes([conf]) == []
    assert all(isinstance(instance['external_id'], str) for instance in conf.document['instances'])


def test_what_kubernetes_would_not_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CONFIG_MAP == 1024 * 1024
    monkeypatch.setattr('bedrock_jobs.accounts.render.MAX_CONFIG_MAP', 8192)
    many = pieces(2, accounts=5, external_id='x' * 1200)
    for form in (Format.CONFIGMAP, Format.HELM, Format.OPERATOR):
        with pytest.raises(DeploymentError, match='more than a ConfigMap of Kubernetes takes'):
            render(many, form)
        assert render(pieces(2), form)
    assert len(render(many, Format.CLUSTER_CHECK)) == 2


@pytest.mark.parametrize('form', [Format.CONFIGMAP, Format.HELM])
def test_files_with_names_of_their_own_live_side_by_side(form: Format) -> None:
    """Values for Helm are merged key by key; a ConfigMap replaces one of the same name."""

    def files(*names: str | None) -> list[tuple[str, Any]]:
        texts = [render(pieces(2), form, place=Place(name=name))[0] for name in names]
        return [(f'{number}.yaml', read_file(text)) for number, text in enumerate(texts)]

    assert clashes(files(None, 'research', 'products')) == []
    found = clashes(files('research', 'products', 'research'))
    what = ['key conf-research-01.yaml', 'key conf-research-02.yaml']
    what = ['ConfigMap bedrock-model-customization-research'] if form is Format.CONFIGMAP else what
    assert [line.partition(': has the same ')[0] for line in found] == ['2.yaml'] * len(what)
    assert all(one in line and 'as 0.yaml' in line for one, line in zip(what, found, strict=True))


def test_a_datadog_agent_takes_one_config_map() -> None:
    texts = [render(pieces(2), Format.OPERATOR, place=Place(name=name))[0] for name in ('a', 'b')]
    (line,) = clashes((name, read_file(text)) for name, text in zip('ab', texts, strict=True))
    assert line.startswith('b: has the same DatadogAgent datadog, override.clusterAgent.extraConfd as a')


def test_a_config_map_with_a_name_of_its_own() -> None:
    (document,) = documents(Format.CONFIGMAP, 2, name='research')
    validate(document)
    assert document['metadata']['name'] == 'bedrock-model-customization-research'
    assert list(document['data']) == ['conf-research-01.yaml', 'conf-research-02.yaml']


@pytest.mark.parametrize('text', ['', 'Research', 'a_b', '-a', 'a-', 'a.b', 'a/b', 'a' * 64, 'a\n'])
def test_what_is_no_name_in_kubernetes_is_refused(text: str) -> None:
    for place in (Place(name=text), Place(namespace=text)):
        with pytest.raises(DeploymentError, match='must be 1 to 63 small letters'):
            render(pieces(1), Format.CONFIGMAP, place=place)


@pytest.mark.parametrize('form', Format)
def test_a_place_that_has_no_effect_is_refused(form: Format) -> None:
    places = {'--namespace': Place(namespace='datadog'), '--name': Place(name='research')}
    refused = set()
    for option, place in places.items():
        try:
            render(pieces(1), form, place=place)
        except DeploymentError as error:
            assert str(error) == f'{option} has no effect with --format {form.value}'
            refused.add(option)
    assert refused == ({*places} if form.is_file_of_agent else {'--namespace'} if form is Format.HELM else set())


@pytest.mark.parametrize('form', Format)
def test_the_usage_says_how_it_comes_into_force(form: Format) -> None:
    usage = ' '.join(form.usage)
    assert ('kubectl apply --server-side' in usage) is (form in (Format.CONFIGMAP, Format.OPERATOR))
    # Datadog's chart restarts the Cluster Agent by itself.
    assert ('kubectl rollout restart' in usage) is (form not in (Format.CONF, Format.HELM))
    assert all(len(line) <= 120 for line in form.usage)


@pytest.mark.parametrize(('name', 'fit', 'annotated'), [('', 3_900, 900), ('x' * 20, 3_100, 700)])
def test_the_sizes_that_the_documentation_tells(name: str, fit: int, annotated: int) -> None:
    """So many accounts fit into a ConfigMap, and so many into kubectl's annotation, to within a hundred."""
    recipe = Recipe(
        external_id='00000000-0000-0000-0000-000000000001', options={**DEFAULTS, **DISPATCHED}, name_tag='account_name'
    )
    instances = make_instances([Account(one, name) for one in account_ids(1000)], recipe)
    (text,) = render(split(instances, 20), Format.CONFIGMAP)
    document = yaml.load(text, Loader=yaml.CSafeLoader)
    in_map = sum(len(key) + len(file) for key, file in document['data'].items()) / 1000
    assert 0 <= MAX_CONFIG_MAP - 4096 - fit * in_map < 100 * in_map
    in_annotation = len(json.dumps(document)) / 1000
    assert 0 <= 256 * 1024 - annotated * in_annotation < 100 * in_annotation


def test_the_same_again() -> None:
    assert render(pieces(3), Format.HELM, ['a']) == render(pieces(3), Format.HELM, ['a'])
