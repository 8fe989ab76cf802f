"""Instances for any accounts are valid, or their mistakes are told; what is written reads the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_jobs.accounts.account import Account
from bedrock_jobs.accounts.errors import DeploymentError
from bedrock_jobs.accounts.instances import Recipe, make_instances, wrong_with
from bedrock_jobs.accounts.pieces import split
from bedrock_jobs.accounts.reading import mistakes, read_file
from bedrock_jobs.accounts.render import Format, render
from datadog_checks.bedrock_model_customization import config

ONE, TWO = '012345678901', '123456789012'
IDS = st.integers(0, 10**12 - 1).map('{:012}'.format)
REGIONS = st.lists(st.sampled_from(['us-east-1', 'us-west-2', 'eu-west-1', 'ap-south-1']), unique=True, max_size=4)
ACCOUNTS = st.builds(Account, IDS, st.text(max_size=50), REGIONS.map(tuple))
RECIPES = st.builds(
    Recipe,
    role_name=st.from_regex(r'[A-Za-z0-9+=,.@_-]{1,64}', fullmatch=True),
    role_path=st.sampled_from(['/', '/datadog/', '/a/b/']),
    external_id=st.none() | st.from_regex(r'[A-Za-z0-9_+=,.@:/-]{2,30}', fullmatch=True),
    options=st.fixed_dictionaries({}, optional={'lookback_hours': st.integers(1, 100), 'events': st.just([])}),
    name_tag=st.none() | st.just('account_name'),
)


@settings(max_examples=50)
@given(st.lists(ACCOUNTS, min_size=1, max_size=12, unique_by=lambda account: account.id), RECIPES, st.data())
def test_whatever_is_written_is_valid_and_reads_the_same(
    accounts: list[Account], recipe: Recipe, data: st.DataObject
) -> None:
    instances = make_instances(accounts, recipe)
    assert [instance['assume_role'].split(':')[4] for instance in instances] == sorted(one.id for one in accounts)
    for instance in instances:
        config.validate(instance, {})
    number = data.draw(st.integers(1, len(accounts)))
    pieces = split(instances, number)
    assert sorted(map(repr, instances)) == sorted(repr(instance) for piece in pieces for instance in piece)
    form = data.draw(st.sampled_from(Format))
    confs = [conf for text in render(pieces, form, ['made']) for conf in read_file(text).confs]
    assert mistakes(confs) == []
    assert [conf.document['instances'] for conf in confs] == pieces
    assert all(conf.document.get('cluster_check', False) is form.is_dispatched for conf in confs)


def test_an_instance() -> None:
    recipe = Recipe(role_path='/datadog/', external_id='example', options={'lookback_hours': 24}, name_tag='account')
    (own, other) = make_instances(
        [Account(TWO, 'Search, Prod', external_id='own'), Account(ONE, regions=('us-west-2',))],
        Recipe(**{name: getattr(recipe, name) for name in recipe.__slots__} | {'own_account': ONE}),
    )
    assert own == {'name': ONE, 'regions': ['us-west-2'], 'lookback_hours': 24}
    assert other == {
        'name': f'Search-Prod-{TWO}',
        'regions': ['us-east-1', 'us-west-2'],
        'assume_role': f'arn:aws:iam::{TWO}:role/datadog/DatadogBedrockModelCustomization',
        'external_id': 'own',
        'lookback_hours': 24,
        'tags': other['tags'],
    }
    assert len(other['tags']) == 1 and other['tags'][0].startswith('account:')


@pytest.mark.parametrize(
    ('region', 'partition'),
    [
        ('us-east-1', 'aws'),
        ('us-gov-west-1', 'aws-us-gov'),
        ('cn-north-1', 'aws-cn'),
        ('eusc-de-east-1', 'aws-eusc'),
        ('xx-nowhere-1', 'aws'),
    ],
)
def test_the_partition_is_that_of_the_regions(region: str, partition: str) -> None:
    (instance,) = make_instances([Account(ONE)], Recipe(regions=[region]))
    assert instance['assume_role'].startswith(f'arn:{partition}:iam::{ONE}:')


@pytest.mark.parametrize(
    ('recipe', 'words'),
    [
        ({'role_name': 'a/b'}, "role name 'a/b'"),
        ({'role_path': 'datadog/'}, 'must begin and end with a slash'),
        ({'role_path': '/a b/'}, 'visible ASCII characters'),
        ({'role_path': '/é/'}, 'visible ASCII characters'),
        ({'role_path': f'/{"a" * 511}/'}, 'up to 512'),
        ({'role_path': '/%%env_DD_API_KEY%%/'}, 'without %%, {{ and }}'),
        ({'role_path': '/{{x}}/'}, 'without %%, {{ and }}'),
        ({'name_tag': 'region'}, "name tag 'region': is the key of a tag that the check sets itself"),
        ({'name_tag': 'Account Name'}, 'is no key as Datadog writes it, such as account_name'),
        ({'name_tag': '%%host%%'}, 'is no key as Datadog writes it'),
        ({'name_tag': ''}, 'is no key as Datadog writes it'),
        (
            {'options': {'lokback_hours': 1}},
            'lokback_hours: there is no such option, it has no effect; did you mean lookback_hours?',
        ),
        ({'options': {'regions': []}}, 'regions: is made for each account'),
        ({'options': {'lookback_hours': 0}}, f'account {ONE}: lookback_hours: must be from 1 to 17520; given: 0'),
        ({'regions': ['us-east-1a']}, "'us-east-1a' is not the code of a Region"),
        ({'regions': []}, 'must name at least one Region'),
        ({'external_id': 'x'}, 'must have 2 to 1224 characters'),
        ({'regions': ['us-east-1', 'us-gov-west-1']}, 'must be Regions of one partition'),
        ({'partition': 'aws-cn'}, 'assume_role is of the partition aws-cn'),
    ],
)
def test_mistakes_are_told_once(recipe: dict[str, Any], words: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        make_instances([Account(TWO), Account(ONE)], Recipe(**recipe))
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('%%env_DD_API_KEY%%', '%env_DD_API_KEY%'),
        ('%%%%host%%%%', '%host%'),
        ('a {{ .Values.datadog.apiKey }} b', 'a { .Values.datadog.apiKey } b'),
        ('{\0{x}\0}', '{x}'),
        ('100 % {sure}', '100 % {sure}'),
    ],
)
def test_a_name_is_no_template(name: str, value: str) -> None:
    """The Agent would put its environment in the place of the one, Helm its values in that of the other."""
    (instance,) = make_instances([Account(ONE, name)], Recipe(name_tag='account_name'))
    assert instance['tags'] == [f'account_name:{value}']


@given(st.text(alphabet=st.sampled_from('%{}ab \0\n,'), max_size=60))
def test_no_name_is_a_template(name: str) -> None:
    (instance,) = make_instances([Account(ONE, name)], Recipe(name_tag='account_name'))
    assert not any(mark in tag for tag in instance.get('tags', ()) for mark in ('%%', '{{', '}}'))


def test_the_agents_notation_for_secrets() -> None:
    (instance,) = make_instances([Account(ONE)], Recipe(external_id='ENC[bedrock_external_id]'))
    assert instance['external_id'] == 'ENC[bedrock_external_id]'
    (line,) = wrong_with({'external_id': 'ENC[a b]'}, {})
    assert 'only used with assume_role' in line
    with pytest.raises(DeploymentError, match='must have 2 to 1224 characters'):
        make_instances([Account(ONE)], Recipe(external_id='ENC[]'))


def test_a_secret_is_not_shown_in_a_mistake() -> None:
    with pytest.raises(DeploymentError) as caught:
        make_instances([Account(ONE)], Recipe(external_id='s' * 2000))
    assert 'sss' not in str(caught.value)


def test_no_account_is_left() -> None:
    with pytest.raises(DeploymentError, match='no account is left to poll'):
        make_instances([], Recipe())
