"""AWS Organizations as the simulator has it: who may ask, pages, and the shapes of botocore's model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from bedrock_jobs.simulator import Simulator, Throttle

from .shapes import violations

TARGET = {'X-Amz-Target': 'AWSOrganizationsV20161128.ListAccounts'}


@pytest.fixture
def members(simulator: Simulator) -> list[str]:
    ids = [f'{100_000_000_000 + number}' for number in range(45)]
    for number, account_id in enumerate(ids):
        units = ('ou-sim1-aaaaaaaa', 'ou-sim1-bbbbbbbb') if number % 2 else ()
        simulator.organization.add(account_id, f'team-{number}', units=units)
    return ids


def test_every_member_is_on_one_page(members: list[str], connect: Callable[..., Any]) -> None:
    pages = list(connect('organizations').get_paginator('list_accounts').paginate())
    assert [len(page['Accounts']) for page in pages] == [20, 20, 5]
    listed = [account['Id'] for page in pages for account in page['Accounts']]
    assert sorted(listed) == members
    assert listed != members


def test_the_answer_has_the_models_shape(simulator: Simulator, members: list[str], raw: Callable[..., Any]) -> None:
    model = botocore.session.Session().get_service_model('organizations')
    document = raw('organizations', 'POST', '/', headers=TARGET).json()
    for account in document['Accounts']:
        # Numbers in this protocol, where the checker knows Bedrock's texts.
        assert isinstance(account.pop('JoinedTimestamp'), int)
        assert 'Status' not in account
    assert list(violations(model.operation_model('ListAccounts').output_shape, document)) == []
    described = raw(
        'organizations', 'POST', '/', headers={'X-Amz-Target': 'AWSOrganizationsV20161128.DescribeOrganization'}
    ).json()
    assert list(violations(model.operation_model('DescribeOrganization').output_shape, described)) == []


def test_only_the_management_account_and_its_delegates_may_ask(
    simulator: Simulator, members: list[str], connect: Callable[..., Any]
) -> None:
    with pytest.raises(ClientError, match='AccessDeniedException'):
        connect('organizations', account=members[0]).list_accounts()
    simulator.organization.delegated.add(members[0])
    assert len(connect('organizations', account=members[0]).list_accounts()['Accounts']) == 20


def test_without_members_there_is_no_organization(connect: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match='AWSOrganizationsNotInUseException'):
        connect('organizations').list_accounts()


def test_refusals(simulator: Simulator, members: list[str], connect: Callable[..., Any]) -> None:
    client = connect('organizations', config={'parameter_validation': False})
    for wrong in ({'MaxResults': 21}, {'NextToken': 'x'}):
        with pytest.raises(ClientError, match='InvalidInputException'):
            client.list_accounts(**wrong)
    with pytest.raises(ClientError, match='UnknownOperationException'):
        client.list_roots()
    with simulator.faults.during(Throttle()), pytest.raises(ClientError, match='TooManyRequestsException'):
        client.list_accounts()
