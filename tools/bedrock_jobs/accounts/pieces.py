"""Splits instances into pieces of about equal work that change little when accounts are added or removed."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from .errors import DeploymentError
from .instances import Instance, account_of

SLACK: Final = 1.1
"""How far above the mean a piece may be. A lower value would move more accounts when one is added or removed."""


def split(instances: Sequence[Instance], number: int) -> list[list[Instance]]:
    """Return `number` pieces, none with more scopes than `SLACK` times the mean plus one account's Regions.

    This is rendezvous hashing with a limit: a hash of account and piece ranks the pieces, and each account goes to its
    first one that has room, so that few accounts move when another is added or removed. Within a piece, instances keep
    the order of `instances`, which affects nothing else. Raises DeploymentError for more pieces than instances.
    """
    if not 1 <= number <= len(instances):
        raise DeploymentError(f'{len(instances)} accounts make 1 to {len(instances)} pieces, not {number}')
    limit = SLACK * sum(map(scopes_of, instances)) / number
    pieces: list[set[int]] = [set() for _ in range(number)]
    loads = [0] * number
    # Widest first, as they are hardest to fit; otherwise in an order that does not depend on other accounts.
    for index in sorted(range(len(instances)), key=lambda index: _rank(instances[index], index)):
        scopes = scopes_of(instances[index])
        roomy = [piece for piece in range(number) if loads[piece] + scopes <= limit]
        piece = _nearest(instances[index], roomy or [loads.index(min(loads))])
        pieces[piece].add(index)
        loads[piece] += scopes
    for empty in (piece for piece in pieces if not piece):
        fullest = max(pieces, key=len)
        empty.add(max(fullest, key=lambda index: _rank(instances[index], index)))
        fullest -= empty
    return [[instances[index] for index in sorted(piece)] for piece in pieces]


def scopes_of(instance: Instance) -> int:
    """Return the number of scopes that an instance polls: one for each Region."""
    return len(instance['regions'])


def _rank(instance: Instance, index: int) -> tuple[int, bytes, int]:
    return -scopes_of(instance), _hash(account_of(instance)), index


def _nearest(instance: Instance, pieces: Sequence[int]) -> int:
    """Return the piece that ranks first for the account."""
    account = account_of(instance)
    return min(pieces, key=lambda piece: _hash(account, piece))


def _hash(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=8).digest()
