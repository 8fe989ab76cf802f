"""What survives a restart, whatever happened to it on disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.jobs.inventory import Memory
from datadog_checks.bedrock_model_customization.state import StateStore, decode, encode

from .harness import Disk

T0 = datetime(2026, 11, 23, 10, 0, 0, 123000, tzinfo=UTC)
memories = st.builds(
    Memory,
    account_id=st.none() | st.just('123456789012'),
    newest_creation=st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC)),
    reported=st.dictionaries(st.text(max_size=8), st.frozensets(st.text(max_size=8), max_size=3), max_size=3),
)


def memory(count: int) -> Memory:
    return Memory('123456789012', T0, {f'arn{number}': frozenset({'created'}) for number in range(count)})


@given(memories)
def test_a_memory_is_read_as_it_was_written(original: Memory) -> None:
    assert decode(encode(3, original)) == (3, original)


def test_the_last_one_saved_is_loaded_and_an_equal_one_is_not_written() -> None:
    disk = Disk()
    store = disk.store()
    assert store.load('us-east-1').memory is None
    for count in (1, 2, 3, 3):
        store.save('us-east-1', memory(count))
    assert disk.writes == 3
    assert disk.store().load('us-east-1').memory == memory(3)
    assert disk.store().load('us-west-2').memory is None


@given(saves=st.integers(2, 5), cut=st.floats(0, 0.99))
def test_a_write_cut_short_leaves_the_one_before(saves: int, cut: float) -> None:
    disk = Disk()
    store = disk.store()
    store.load('us-east-1')
    for count in range(1, saves + 1):
        before = dict(disk.files)
        store.save('us-east-1', memory(count))
    (written,) = [key for key, text in disk.files.items() if before.get(key) != text]
    disk.files[written] = disk.files[written][: int(len(disk.files[written]) * cut)]
    loaded = disk.store().load('us-east-1')
    assert loaded.memory == memory(saves - 1)
    assert len(loaded.problems) == (1 if disk.files[written] else 0)


@pytest.mark.parametrize(
    'garbage',
    [
        '{',
        'null',
        '[]',
        '{"version":2}',
        '\x00',
        json.dumps({'version': 1, 'sequence': 'x', 'account_id': None, 'newest_creation': None, 'reported': {}}),
        json.dumps({'version': 1, 'sequence': 1, 'account_id': 5, 'newest_creation': None, 'reported': {}}),
        json.dumps({'version': 1, 'sequence': 1, 'account_id': None, 'newest_creation': 'soon', 'reported': {}}),
        json.dumps({'version': 1, 'sequence': 1, 'account_id': None, 'newest_creation': None, 'reported': {'a': 1}}),
        json.dumps({'version': 1, 'sequence': 1, 'account_id': None, 'newest_creation': None, 'reported': {'a': [1]}}),
    ],
)
def test_garbage_is_a_first_look_and_says_so(garbage: str) -> None:
    disk = Disk()
    disk.files = {'scope_us-east-1_a': garbage, 'scope_us-east-1_b': garbage}
    loaded = disk.store().load('us-east-1')
    assert loaded.memory is None
    assert len(loaded.problems) == 2


def test_a_disk_that_cannot_be_written_is_tried_again() -> None:
    disk = Disk()

    def full(key: str, text: str) -> None:
        raise OSError('no space left on device')

    store = StateStore(disk.read, full)
    store.load('us-east-1')
    with pytest.raises(OSError, match='no space'):
        store.save('us-east-1', memory(1))
    store._write = disk.write
    assert store.save('us-east-1', memory(1))


def test_a_full_disk_that_says_nothing_costs_one_slot_and_not_both() -> None:
    disk, is_full = Disk(), False

    def write(key: str, text: str) -> None:
        disk.write(key, '' if is_full else text)

    store = StateStore(disk.read, write)
    store.load('us-east-1')
    assert store.save('us-east-1', memory(1))
    is_full = True
    for number in range(2, 6):
        with pytest.raises(OSError, match='did not keep'):
            store.save('us-east-1', memory(number))
    assert disk.store().load('us-east-1').memory == memory(1)
    is_full = False
    assert store.save('us-east-1', memory(6))
    assert disk.store().load('us-east-1').memory == memory(6)
