"""Pieces are balanced, do not depend on the order of accounts, and stay as they are when accounts come and go."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_jobs.accounts.account import Account
from bedrock_jobs.accounts.errors import DeploymentError
from bedrock_jobs.accounts.instances import (
    Instance,
    Recipe,
    account_of,
    make_instances,
)
from bedrock_jobs.accounts.pieces import scopes_of, split

REGIONS = ('us-east-1', 'us-west-2', 'eu-west-1', 'ap-south-1')
IDS = st.integers(0, 10**12 - 1).map('{:012}'.format)
WIDTHS = st.dictionaries(IDS, st.integers(1, len(REGIONS)), min_size=2, max_size=60)


def instances(widths: dict[str, int], **recipe: Any) -> list[Instance]:
    return make_instances([Account(one, regions=REGIONS[:width]) for one, width in widths.items()], Recipe(**recipe))


def places(pieces: Sequence[Sequence[Instance]]) -> dict[str | None, int]:
    return {account_of(instance): number for number, piece in enumerate(pieces) for instance in piece}


def moved(before: Sequence[Sequence[Instance]], after: Sequence[Sequence[Instance]]) -> int:
    then, now = places(before), places(after)
    return sum(now.get(account, number) != number for account, number in then.items())


@given(WIDTHS, st.data())
def test_balanced_complete_and_the_same_in_any_order(widths: dict[str, int], data: st.DataObject) -> None:
    made = instances(widths)
    number = data.draw(st.integers(1, len(made)))
    pieces = split(made, number)
    assert sorted(map(repr, made)) == sorted(repr(instance) for piece in pieces for instance in piece)
    sizes = [sum(map(scopes_of, piece)) for piece in pieces]
    assert min(sizes) > 0
    assert max(sizes) <= 1.1 * sum(sizes) / number + max(map(scopes_of, made))
    assert places(split(data.draw(st.permutations(made)), number)) == places(pieces)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 32), st.booleans())
def test_an_account_that_comes_or_goes_moves_few(seed: int, number: int, is_mixed: bool) -> None:
    random = Random(seed)
    ids = [f'{one:012}' for one in random.sample(range(10**12), 1001)]
    made = instances({one: random.choice((1, 2, 2, 2, 4)) if is_mixed else 2 for one in ids})
    without = [instance for instance in made if account_of(instance) != ids[-1]]
    # 1.2 on average and 26 at most of 400 tries; round robin moved almost all.
    assert moved(split(without, number), split(made, number)) <= 100


def test_the_bound_holds_for_many_small_accounts() -> None:
    sizes = [len(piece) for piece in split(instances({f'{one:012}': 1 for one in range(1000)}), 32)]
    assert max(sizes) <= 1.1 * 1000 / 32 + 1


def test_what_the_documentation_says_of_a_thousand_accounts() -> None:
    random = Random(20261125)
    moves = []
    for _ in range(30):
        ids = [f'{one:012}' for one in random.sample(range(10**12), 1001)]
        made = instances(dict.fromkeys(ids, 2))
        without = [instance for instance in made if account_of(instance) != ids[-1]]
        moves.append(moved(split(without, 8), split(made, 8)))
    print(
        f'1,000 accounts in 8 pieces and one more: {sum(moves) / len(moves):.1f} move on average, {max(moves)} at most'
    )
    assert sum(moves) / len(moves) < 1
    assert max(moves) <= 3


def test_another_piece_takes_its_share_and_leaves_the_rest() -> None:
    random = Random(1)
    made = instances({f'{one:012}': 2 for one in random.sample(range(10**12), 1000)})
    # 1,000 / 9 for the new piece, and what that frees or fills.
    assert moved(split(made, 8), split(made, 9)) < 200


def test_a_change_of_role_or_options_moves_nothing() -> None:
    widths = {f'{one:012}': 2 for one in range(1, 40)}
    others = instances(widths, role_name='Another', role_path='/a/', external_id='example', options={'tags': ['a:b']})
    assert places(split(instances(widths), 4)) == places(split(others, 4))


@pytest.mark.parametrize('number', [0, 3])
def test_as_many_pieces_as_accounts_at_most(number: int) -> None:
    with pytest.raises(DeploymentError, match='2 accounts make 1 to 2 pieces'):
        split(instances({'012345678901': 1, '123456789012': 2}), number)
