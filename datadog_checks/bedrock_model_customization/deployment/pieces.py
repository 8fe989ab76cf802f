"""Shares instances out in pieces that give about the same work."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import DeploymentError
from .instances import Instance


def split(instances: Sequence[Instance], number: int) -> list[list[Instance]]:
    """Return so many pieces, whose numbers of scopes (accounts times Regions) differ by at most one account's Regions.

    The order within a piece is that of `instances`. Raises DeploymentError for more pieces than instances.
    """
    if not 1 <= number <= len(instances):
        raise DeploymentError(f'{len(instances)} accounts make 1 to {len(instances)} pieces, not {number}')
    members: list[list[int]] = [[] for _ in range(number)]
    scopes = [0] * number
    # The widest first, each to the piece that has least.
    for index in sorted(range(len(instances)), key=lambda index: (-scopes_of(instances[index]), index)):
        lightest = min(range(number), key=lambda piece: (scopes[piece], piece))
        members[lightest].append(index)
        scopes[lightest] += scopes_of(instances[index])
    return [[instances[index] for index in sorted(piece)] for piece in members]


def scopes_of(instance: Instance) -> int:
    """Return how many scopes an instance polls: one for each Region."""
    return len(instance['regions'])
