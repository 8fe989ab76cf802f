"""Shares instances out in pieces that give about the same work, and that stay as they are when accounts come and go."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from .errors import DeploymentError
from .instances import Instance, account_of

SLACK: Final = 1.1
"""How far above the mean a piece may be: with less, an account that comes or goes moves more of the others."""


def split(instances: Sequence[Instance], number: int) -> list[list[Instance]]:
    """Return so many pieces, none with more scopes than `SLACK` times their mean and one account's Regions.

    This is rendezvous hashing with a limit: each account goes to the piece that comes first by a hash of both and has
    room, so that few of the others move when one comes or goes. The order within a piece is that of `instances`, which
    decides nothing else. Raises DeploymentError for more pieces than instances.
    """
    if not 1 <= number <= len(instances):
        raise DeploymentError(f'{len(instances)} accounts make 1 to {len(instances)} pieces, not {number}')
    limit = SLACK * sum(map(scopes_of, instances)) / number
    pieces: list[set[int]] = [set() for _ in range(number)]
    loads = [0] * number
    # The widest first, as they find room least easily; else in an order that others cannot change.
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
    """Return how many scopes an instance polls: one for each Region."""
    return len(instance['regions'])


def _rank(instance: Instance, index: int) -> tuple[int, bytes, int]:
    return -scopes_of(instance), _hash(account_of(instance)), index


def _nearest(instance: Instance, pieces: Sequence[int]) -> int:
    """Return the piece that the account prefers."""
    account = account_of(instance)
    return min(pieces, key=lambda piece: _hash(account, piece))


def _hash(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=8).digest()
