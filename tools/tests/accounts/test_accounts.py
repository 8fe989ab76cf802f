"""Accounts out of a file, and which of them are wanted."""

from __future__ import annotations

import pytest

from bedrock_jobs.accounts.account import Account, Selection, read_accounts
from bedrock_jobs.accounts.errors import DeploymentError

ONE, TWO, THREE = '012345678901', '123456789012', '210987654321'
KNOWN = [
    Account(ONE, 'search-prod', units=('ou-sim1-products',)),
    Account(TWO, 'search-dev', units=('ou-sim1-research', 'ou-sim1-deeper')),
    Account(THREE, 'risk-prod', units=()),
]


@pytest.mark.parametrize(
    'text',
    [
        f'{TWO}\n{ONE}\n',
        f'\ufeff# ours\r\n\r\n{TWO}\r\n  {ONE}  ',
        f'account_id\n{ONE}\n{TWO}',
        f'"{TWO}"\n"{ONE}"',
    ],
)
def test_one_id_a_line(text: str) -> None:
    assert read_accounts(text) == [Account(ONE), Account(TWO)]


def test_names_and_regions() -> None:
    text = f'{ONE}, "search, prod", us-east-1 us-west-2\n{TWO},,us-east-1;us-west-2\n{THREE},risk\n'
    assert read_accounts(text) == [
        Account(ONE, 'search, prod', ('us-east-1', 'us-west-2')),
        Account(TWO, '', ('us-east-1', 'us-west-2')),
        Account(THREE, 'risk'),
    ]


def test_columns_in_another_order() -> None:
    assert read_accounts(f'name,account_id\nsearch,{ONE}\n') == [Account(ONE, 'search')]


@pytest.mark.parametrize('header', ['', 'Account ID{0}Name{0}Regions\n', '# ours\n\naccount-id{0}NAME{0}regions\n'])
@pytest.mark.parametrize('delimiter', [',', ';', '\t'])
def test_what_spreadsheets_write(header: str, delimiter: str) -> None:
    regions = '"us-east-1,us-west-2"'
    text = f'{header.format(delimiter)}{ONE}{delimiter}"search"{delimiter}{regions}\n{delimiter * 2}\n{TWO}\n'
    assert read_accounts(text) == [Account(ONE, 'search', ('us-east-1', 'us-west-2')), Account(TWO)]


def test_a_comment_opens_no_quotes() -> None:
    assert read_accounts(f'# see, "there\n{ONE}\n{TWO}\n') == [Account(ONE), Account(TWO)]


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('account_id\n1.23457E+11', 'line 2: .* a spreadsheet took it for a number'),
        ('account_id;name\n1,23457E+11;a', 'line 2: .* a spreadsheet took it for a number'),
        (f'Konto,Name\n{ONE},a', 'line 1: .*; the first line may name the columns: account_id, name, regions'),
        (f'account_id,name\n{ONE},"a\n{TWO},b\n', 'line 3: is no CSV'),
    ],
)
def test_a_hint_for_what_spreadsheets_do(text: str, words: str) -> None:
    with pytest.raises(DeploymentError, match=words) as caught:
        read_accounts(text)
    assert len(str(caught.value).splitlines()) == 1


def test_an_external_id_of_its_own() -> None:
    text = f'account_id,external_id\n{ONE},example-1\n{TWO},\n'
    assert [account.external_id for account in read_accounts(text)] == ['example-1', '']


def test_every_mistake_is_told_with_its_line() -> None:
    text = f'account_id,nam\n12345678901,a\n{ONE},b\n{ONE},c\nx,d\n{TWO},e,f'
    with pytest.raises(DeploymentError) as caught:
        read_accounts(text)
    assert str(caught.value).splitlines() == [
        "line 1: 'nam' is none of account_id, name, regions, external_id",
        "line 2: '12345678901' is not an account id of 12 digits; a spreadsheet may have cut off zeros in front",
        f'line 4: account {ONE} is given twice',
        "line 5: 'x' is not an account id of 12 digits",
        'line 6: has 3 cells, not 2',
    ]


@pytest.mark.parametrize('text', ['', '\n# nothing\n', 'account_id\n'])
def test_no_account_is_a_mistake(text: str) -> None:
    with pytest.raises(DeploymentError, match='no account is given'):
        read_accounts(text)


@pytest.mark.parametrize(
    ('include', 'exclude', 'wanted'),
    [
        ((), (), [ONE, TWO, THREE]),
        (('search-*',), (), [ONE, TWO]),
        ((THREE, 'search-dev'), (), [TWO, THREE]),
        ((), ('*-dev', THREE), [ONE]),
        (('search-*',), (ONE,), [TWO]),
        (('ou-sim1-research',), (), [TWO]),
        (('ou-sim1-deeper',), (), [TWO]),
        ((), ('ou-sim1-products',), [TWO, THREE]),
    ],
)
def test_filters(include: tuple[str, ...], exclude: tuple[str, ...], wanted: list[str]) -> None:
    assert [account.id for account in Selection(include, exclude).of(reversed(KNOWN))] == wanted


@pytest.mark.parametrize('text', ['999999999999', 'serach-*', 'ou-sim1-none'])
def test_a_filter_about_nothing_is_a_mistake(text: str) -> None:
    for selection in (Selection(include=(text,)), Selection(exclude=(text,))):
        with pytest.raises(DeploymentError, match='is about none of the 3 accounts'):
            selection.of(KNOWN)


@pytest.mark.parametrize('text', ['999999999999', 'gone', 'ou-sim1-closed'])
def test_an_account_that_is_not_active_may_be_excluded_and_not_included(text: str) -> None:
    inactive = [Account('999999999999', 'gone', units=('ou-sim1-closed',))]
    assert Selection(exclude=(text,)).of(KNOWN, inactive) == KNOWN
    with pytest.raises(DeploymentError, match='is about none of the 3 accounts'):
        Selection(include=(text,)).of(KNOWN, inactive)


def test_units_of_accounts_from_a_file_are_not_known() -> None:
    with pytest.raises(DeploymentError, match='are not known'):
        Selection(include=('ou-sim1-research',)).of(read_accounts(ONE))
