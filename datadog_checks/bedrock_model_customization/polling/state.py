"""The state that survives a restart: a small document for each instance, and one for each account and Region.

The instance's own document takes precedence. The account's document is for an instance without one, because its filter
or its role was edited: it continues from what was known of the same jobs. So does an instance whose edit was undone:
since it last wrote its own document, another instance has started from the account's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from threading import RLock
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import uuid4

from ..jobs.times import parse_time
from .ledger import Entry, Memory

VERSION: Final = 2
# The Agent's cache neither locks nor renames, so a process that is killed while writing leaves half a document. Two
# slots, written in turn, keep the previous version intact.
SLOTS: Final = ('a', 'b')
# An unchanged memory is written again at this interval, to show that the instance still polls.
HEARTBEAT: Final = timedelta(hours=1)
# A Region that no instance has polled for this long starts afresh. An Agent that was merely down is not affected: it
# continues from the instance's own document, whatever its age.
STALE: Final = timedelta(days=1)
# The delay that version 1 allowed for: jobs up to this much older than its cursor are in its document.
CURSOR_OVERLAP: Final = timedelta(minutes=15)
# The most instances that one account's document remembers as having started from it.
MAX_BEGAN: Final = 20
BASE: Final = 36
DIGITS: Final = '0123456789abcdefghijklmnopqrstuvwxyz'

Read = Callable[[str], str]
Write = Callable[[str, str], None]


class Began(NamedTuple):
    """When an instance started from the account's document, and in which process."""

    at: datetime
    process: str


class Saved(NamedTuple):
    """A scope's memory, when it was written, and by which process.

    `began` holds, by instance id, the instances that started from this document.
    """

    at: datetime
    memory: Memory
    process: str = ''
    began: Mapping[str, Began] = MappingProxyType({})


Scopes = dict[str, Saved]
# Identifies this process of the Agent.
PROCESS = uuid4().hex[:12]
# Several Regions and several instances may write at the same time.
LOCK: Final = RLock()


class Document:
    """One document in two slots. `load` never raises; `save` raises whatever the cache raises, or OSError.

    `read` returns the text stored under a key, or an empty text. `write` stores one and may not report a full disk, so
    `save` reads back what it has written.
    """

    def __init__(self, read: Read, write: Write, key: str) -> None:
        self._read, self._write, self._key = read, write, key
        self._sequence = 0
        self.problems: list[str] = []

    def load(self) -> Scopes:
        """Return the newest intact version, empty if there is none. Unreadable ones are added to `problems`."""
        found: dict[int, Scopes] = {}
        for slot in SLOTS:
            key = f'{self._key}_{slot}'
            try:
                text = self._read(key)
                if text:
                    sequence, scopes = decode(text)
                    found[sequence] = scopes
            except Exception as error:
                self.problems.append(f'state {key} is unreadable and not used: {error}')
        self._sequence = max(found, default=0)
        return found.get(self._sequence, {})

    def save(self, scopes: Mapping[str, str]) -> None:
        """Write encoded scopes. If that fails, the previous version is still intact and the next call tries again."""
        sequence = self._sequence + 1
        key = f'{self._key}_{SLOTS[sequence % len(SLOTS)]}'
        body = ','.join(f'{json.dumps(name)}:{text}' for name, text in scopes.items())
        text = f'{{"version":{VERSION},"sequence":{sequence},"scopes":{{{body}}}}}'
        self._write(key, text)
        if self._read(key) != text:
            raise OSError(f'the Agent did not keep {key}; is the disk of its run_path full, or not writable?')
        self._sequence = sequence


class StateStore:
    """Reads and writes the memory of one instance's scopes, each an account and a Region.

    `instance_id` identifies the instance, `regions` are those that it polls. `read_old` reads what version 1 wrote for
    this instance.
    """

    def __init__(
        self,
        read: Read,
        write: Write,
        instance_id: str,
        regions: Iterable[str],
        read_old: Read = lambda key: '',
    ) -> None:
        self._read, self._write, self._read_old = read, write, read_old
        # The Agent drops every character but letters, digits, '-' and '_' from a key.
        self._own = Document(read, write, f'instance_{instance_id}')
        wanted = set(regions)
        # Regions that are no longer polled are left out: the account's document is more up to date for them.
        self._scopes = {name: saved for name, saved in self._own.load().items() if name.split('/')[1] in wanted}
        self._texts = {name: encode(saved) for name, saved in self._scopes.items()}
        self._instance_id = instance_id
        self._began: dict[str, Began] = {}
        # The scopes that this process has written.
        self._written: set[str] = set()
        self.problems = self._own.problems

    def take_problems(self) -> list[str]:
        """Return the problems of the documents read since the last call of this method, and clear them."""
        with LOCK:
            taken = list(dict.fromkeys(self.problems))
            self.problems.clear()
        return taken

    def last_account(self, region: str) -> str | None:
        """Return the account that this instance last polled in a Region, None if it is not known."""
        known = {name.split('/')[0]: saved.at for name, saved in self._scopes.items() if name.split('/')[1] == region}
        return max(known, key=lambda account: known[account], default=None) or self._old_account(region)

    def load(self, account_id: str, region: str, now: datetime) -> Memory | None:
        """Return the memory of a scope, or None for a new one. Never raises."""
        name = f'{account_id}/{region}'
        with LOCK:
            own, shared = self._scopes.get(name), self._load_shared(name)
            if own and not (shared and self._was_replaced(own, shared)):
                return own.memory
            self._began[name] = Began(now, PROCESS)
            if shared and (own or now - shared.at <= STALE):
                return shared.memory
            old = None if own or shared else self._load_old(region)
        return old[1] if old and old[0] in (None, account_id) else None

    def _was_replaced(self, own: Saved, shared: Saved) -> bool:
        """Whether another instance has started from the account's document since this one wrote its own.

        An instance that started in the process that wrote `own` ran beside this one and does not replace it.
        """
        return any(
            began.at > own.at and began.process != own.process
            for instance_id, began in shared.began.items()
            if instance_id != self._instance_id
        )

    def begin(self, account_id: str, region: str, memory: Memory, now: datetime) -> None:
        """Write a scope's memory if this process has not written it yet. Raises as `save` does."""
        if f'{account_id}/{region}' not in self._written:
            self.save(account_id, region, memory, now)

    def save(self, account_id: str, region: str, memory: Memory, now: datetime) -> bool:
        """Write a scope's memory if it changed or the last write is too old; return whether it was written.

        Raises whatever the cache raises, or OSError if the cache did not keep the text; the next call tries again.
        """
        name = f'{account_id}/{region}'
        with LOCK:
            saved = self._scopes.get(name)
            is_recent = saved and name in self._written and timedelta() <= now - saved.at < HEARTBEAT
            if saved and is_recent and _is_same(saved.memory, memory):
                return False
            new = Saved(now, memory, PROCESS)
            text = encode(new)
            self._own.save({**self._texts, name: text})
            self._save_shared(name, new)
            self._scopes[name], self._texts[name] = new, text
            self._written.add(name)
        return True

    def _save_shared(self, name: str, new: Saved) -> None:
        document = self._document(name)
        known = document.load().get(name)
        began = dict(known.began) if known else {}
        if name in self._began:
            began[self._instance_id] = self._began[name]
        newest = sorted(began, key=lambda instance_id: began[instance_id].at)[-MAX_BEGAN:]
        document.save({name: encode(new._replace(began={known_id: began[known_id] for known_id in newest}))})

    def _load_shared(self, name: str) -> Saved | None:
        document = self._document(name)
        saved = document.load().get(name)
        self.problems += document.problems
        return saved

    def _document(self, name: str) -> Document:
        return Document(self._read, self._write, f'scope_{name.replace("/", "_")}')

    def _old_account(self, region: str) -> str | None:
        old = self._load_old(region)
        return old[0] if old else None

    def _load_old(self, region: str) -> tuple[str | None, Memory] | None:
        """Return the account and memory that version 1 wrote for a Region, None if there are none."""
        found: dict[int, tuple[str | None, Memory]] = {}
        for slot in SLOTS:
            try:
                text = self._read_old(f'scope_{region}_{slot}')
                if text:
                    sequence, account_id, memory = decode_version_1(text)
                    found[sequence] = account_id, memory
            except Exception as error:
                self.problems.append(f'state of version 1 of {region} is unreadable and not used: {error}')
        return found[max(found)] if found else None


def _is_same(one: Memory, other: Memory) -> bool:
    """Whether two memories are equal apart from the floor, which moves at every poll; an older one still works."""
    return (one.first, one.cursor, one.reported) == (other.first, other.cursor, other.reported)


# --- the format


def encode(saved: Saved) -> str:
    """Return a scope as JSON. Jobs with the same ARN prefix and keys form a group, so ten thousand take about 250 KB.

    A group is `{"arn": ..., "keys": [...], "jobs": "id created id created ..."}`, where `arn` is the ARN up to the
    job's id and `created` is in milliseconds, base 36.
    """
    memory = saved.memory
    groups: defaultdict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
    times: dict[str, dict[str, str]] = {}
    counted: dict[str, list[str]] = {}
    for arn, entry in memory.reported.items():
        prefix, slash, job_id = arn.rpartition('/')
        groups[prefix + slash, entry.keys] += (job_id, _encode_time(entry.created))
        if entry.counted:
            counted[arn] = sorted(entry.counted)
        if entry.times:
            times[arn] = {key: at.isoformat() for key, at in entry.times.items()}
    document = {
        'at': saved.at.isoformat(),
        'process': saved.process,
        'began': {known_id: [began.at.isoformat(), began.process] for known_id, began in saved.began.items()},
        'first': memory.first and memory.first.isoformat(),
        'floor': memory.floor and memory.floor.isoformat(),
        'cursor': memory.cursor and memory.cursor.isoformat(),
        'reported': [
            {'arn': prefix, 'keys': sorted(keys), 'jobs': ' '.join(jobs)} for (prefix, keys), jobs in groups.items()
        ],
        'counted': counted,
        'times': times,
    }
    return json.dumps(document, separators=(',', ':'))


def decode(text: str) -> tuple[int, Scopes]:
    """Return the sequence number and the scopes in a text. Raises ValueError if it is not an intact document."""
    document = _object(json.loads(text))
    if document.get('version') != VERSION or type(document.get('sequence')) is not int:
        raise ValueError(f'not a document of version {VERSION}')
    scopes = _object(document.get('scopes'))
    if not all(name.count('/') == 1 for name in scopes):
        raise ValueError('a scope is an account and a Region')
    return document['sequence'], {name: _decode_scope(scope) for name, scope in scopes.items()}


def _decode_scope(scope: Any) -> Saved:
    scope = _object(scope)
    reported: dict[str, Entry] = {}
    for group in _list(scope.get('reported')):
        prefix, keys = str(_object(group).get('arn')), frozenset(_texts(group.get('keys')))
        words = str(group.get('jobs')).split()
        for job_id, created in zip(words[::2], words[1::2], strict=True):
            reported[prefix + job_id] = Entry(_decode_time(created), keys)
    for arn, keys in _object(scope.get('counted')).items():
        reported[arn] = reported[arn]._replace(counted=frozenset(_texts(keys)))
    for arn, times in _object(scope.get('times')).items():
        known = {key: _time(at) for key, at in _object(times).items()}
        reported[arn] = reported[arn]._replace(times=known)
    first, floor, cursor = (_time(scope[name]) if scope.get(name) else None for name in ('first', 'floor', 'cursor'))
    began = {}
    for instance_id, known in _object(scope.get('began')).items():
        at, process = _texts(known)
        began[instance_id] = Began(_time(at), process)
    return Saved(_time(scope.get('at')), Memory(first, floor, reported, cursor), str(scope.get('process')), began)


def decode_version_1(text: str) -> tuple[int, str | None, Memory]:
    """Return the sequence number, account and memory in a text of version 1. Raises ValueError for anything else.

    Version 1's cursor is the creation time of the newest known job: older jobs that are not in its document are old. It
    had no `first`; a day before the cursor is used, which is longer than it ever held news back.
    """
    document = _object(json.loads(text))
    sequence, account_id = document.get('sequence'), document.get('account_id')
    if document.get('version') != 1 or type(sequence) is not int or not isinstance(account_id, str | None):
        raise ValueError('not a document of version 1')
    newest = document.get('newest_creation')
    # Set only if version 1 never completed its first poll.
    first_look = parse_time(document.get('first_look_at'))
    cursor = None if first_look and newest is None else _time(newest) - CURSOR_OVERLAP
    first = first_look or (cursor and cursor - STALE)
    reported = {
        str(arn): Entry(None, frozenset(_texts(keys))) for arn, keys in _object(document.get('reported')).items()
    }
    return sequence, account_id, Memory(first, first_look, reported, cursor)


def _encode_time(moment: datetime | None) -> str:
    if moment is None:
        return '-'
    number = int(moment.timestamp() * 1000)
    digits = ''
    while number > 0:
        number, digit = divmod(number, BASE)
        digits = DIGITS[digit] + digits
    return digits or '0'


def _decode_time(text: str) -> datetime | None:
    return None if text == '-' else datetime.fromtimestamp(int(text, BASE) / 1000, UTC)


def _time(value: Any) -> datetime:
    moment = parse_time(value)
    if moment is None:
        raise ValueError(f'no time: {value!r}')
    return moment


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'no object: {str(value)[:40]}')
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f'no list: {str(value)[:40]}')
    return value


def _texts(value: Any) -> list[str]:
    if not all(isinstance(text, str) for text in _list(value)):
        raise ValueError('something other than texts')
    return list(value)
