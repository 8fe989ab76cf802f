"""What survives a restart: one small, versioned JSON document for each scope, in the Agent's persistent cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .jobs.inventory import Memory
from .jobs.times import parse_time

VERSION: Final = 1
# The Agent's cache neither locks nor renames: a process killed while it writes leaves half a document. Two slots,
# written in turn, keep the one before whole.
SLOTS: Final = ('a', 'b')


class Loaded(NamedTuple):
    """What was found: the memory, None for a first look, and what was wrong with the documents found."""

    memory: Memory | None
    problems: list[str]


class StateStore:
    """Reads and writes the memory of one instance's scopes.

    `read` returns the text under a key, empty where there is none; `write` stores one. Both may raise anything, and
    `write` need not: the Agent's own is silent about a full disk, so what was written is read again.
    """

    def __init__(self, read: Callable[[str], str], write: Callable[[str, str], None]) -> None:
        self._read, self._write = read, write
        self._sequence: dict[str, int] = {}
        self._saved: dict[str, Memory] = {}

    def load(self, region: str) -> Loaded:
        """Return the newest whole memory of a Region. Never raises."""
        found: dict[int, Memory] = {}
        problems = []
        for slot in SLOTS:
            try:
                text = self._read(_key(region, slot))
                if text:
                    sequence, memory = decode(text)
                    found[sequence] = memory
            except Exception as error:
                problems.append(f'state {_key(region, slot)} is unreadable and not used: {error}')
        self._sequence[region] = max(found, default=0)
        if not found:
            return Loaded(None, problems)
        self._saved[region] = found[max(found)]
        return Loaded(self._saved[region], problems)

    def save(self, region: str, memory: Memory) -> bool:
        """Write a Region's memory, if it is not what was written last; return whether it was written.

        Raises what the cache raises, and OSError where it did not keep what it was given. The document before is then
        still whole, and the next call tries again, in the same slot.
        """
        if self._saved.get(region) == memory:
            return False
        sequence = self._sequence.get(region, 0) + 1
        key, text = _key(region, SLOTS[sequence % len(SLOTS)]), encode(sequence, memory)
        self._write(key, text)
        if self._read(key) != text:
            raise OSError(f'the Agent did not keep {key}; is the disk of its run_path full, or not writable?')
        self._sequence[region], self._saved[region] = sequence, memory
        return True


def _key(region: str, slot: str) -> str:
    # The Agent drops every character but letters, digits, '-' and '_' from a key.
    return f'scope_{region}_{slot}'


def encode(sequence: int, memory: Memory) -> str:
    """Return a memory as text."""
    document = {
        'version': VERSION,
        'sequence': sequence,
        'account_id': memory.account_id,
        'newest_creation': memory.newest_creation.isoformat() if memory.newest_creation else None,
        'first_look_at': memory.first_look_at.isoformat() if memory.first_look_at else None,
        'reported': {arn: sorted(keys) for arn, keys in sorted(memory.reported.items())},
    }
    return json.dumps(document, separators=(',', ':'))


def decode(text: str) -> tuple[int, Memory]:
    """Return the sequence number and memory in a text. Raises ValueError for anything that is not a whole document."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get('version') != VERSION:
        raise ValueError(f'not a document of version {VERSION}')
    sequence, account_id = document.get('sequence'), document.get('account_id')
    newest, reported = document.get('newest_creation'), document.get('reported')
    newest_creation = parse_time(newest)
    if type(sequence) is not int or not isinstance(account_id, str | None):
        raise ValueError('sequence or account_id has another type')
    if (newest is not None and newest_creation is None) or not isinstance(reported, dict):
        raise ValueError('newest_creation or reported has another type')
    keys_by_arn = {str(arn): _keys(keys) for arn, keys in reported.items()}
    return sequence, Memory(account_id, newest_creation, keys_by_arn, parse_time(document.get('first_look_at')))


def _keys(keys: Any) -> frozenset[str]:
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError('reported holds something other than texts')
    return frozenset(keys)
