"""What survives a restart, whatever happened to it on disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.polling import state
from datadog_checks.bedrock_model_customization.polling.ledger import Entry, Memory
from datadog_checks.bedrock_model_customization.polling.state import Saved, StateStore, decode, decode_version_1, encode

from ..harness import Disk

ACCOUNT, REGION = '123456789012', 'us-east-1'
PREFIX = f'arn:aws:bedrock:{REGION}:{ACCOUNT}:model-customization-job/amazon.nova-lite-v1:0:300k/'
T0 = datetime(2026, 11, 23, 10, 0, 0, 123000, tzinfo=UTC)
HOUR = timedelta(hours=1)

milliseconds = st.integers(0, 32_000_000_000_000).map(lambda number: datetime.fromtimestamp(number // 1000, UTC))
arns = st.text('abc0/:-~!"\\{', min_size=1, max_size=9).map(lambda text: f'{PREFIX}{text}'.rstrip('/') + 'x')
keys = st.frozensets(st.sampled_from(['created', 'failed', 'phase_started:training', 'unknown_status:Ö "']), max_size=3)
entries = st.builds(
    Entry,
    created=st.none() | milliseconds,
    keys=keys,
    times=st.dictionaries(st.sampled_from(['stopping', 'failed']), milliseconds, max_size=2),
    counted=keys,
)
memories = st.builds(
    Memory,
    first=st.none() | milliseconds,
    floor=st.none() | milliseconds,
    reported=st.dictionaries(arns, entries, max_size=4),
    cursor=st.none() | milliseconds,
)


def memory(count: int) -> Memory:
    return Memory(T0, T0, {f'{PREFIX}job{number}': Entry(T0, frozenset({'created'})) for number in range(count)})


def store(disk: Disk, instance_id: str = 'one', regions: tuple[str, ...] = (REGION,)) -> StateStore:
    return StateStore(disk.read, disk.write, instance_id, regions)


@given(memories)
def test_a_memory_is_read_as_it_was_written(original: Memory) -> None:
    text = f'{{"version":2,"sequence":3,"scopes":{{"{ACCOUNT}/{REGION}":{encode(Saved(T0, original))}}}}}'
    assert decode(text) == (3, {f'{ACCOUNT}/{REGION}': Saved(T0, original)})


def test_ten_thousand_jobs_take_less_than_300_kb() -> None:
    reported = {
        f'{PREFIX if number % 3 else PREFIX.replace("lite", "micro")}{number:012x}': Entry(
            T0 + number * timedelta(seconds=7.001),
            frozenset({'created', 'phase_started:validation', 'phase_ended:validation', 'failed'}),
        )
        for number in range(10_000)
    }
    disk = Disk()
    assert store(disk).save(ACCOUNT, REGION, Memory(T0, T0, reported), T0)
    assert max(len(text) for text in disk.files.values()) < 300_000
    assert store(disk).load(ACCOUNT, REGION, T0) == Memory(T0, T0, reported)


def test_the_last_one_saved_is_loaded_and_an_equal_one_is_not_written() -> None:
    disk = Disk()
    kept = store(disk)
    assert kept.load(ACCOUNT, REGION, T0) is None
    for count in (1, 2, 3, 3):
        kept.save(ACCOUNT, REGION, memory(count), T0)
    assert disk.writes == 3 * 2
    assert store(disk).load(ACCOUNT, REGION, T0) == memory(3)
    assert store(disk).load(ACCOUNT, 'us-west-2', T0) is None
    assert store(disk).load('210987654321', REGION, T0) is None


def test_a_memory_that_does_not_change_is_written_once_an_hour() -> None:
    disk = Disk()
    kept = store(disk)
    written = [kept.save(ACCOUNT, REGION, memory(1), T0 + number * HOUR / 4) for number in range(9)]
    assert written == [True, False, False, False, True, False, False, False, True]


@given(saves=st.integers(2, 5), cut=st.floats(0, 0.99))
def test_a_write_cut_short_leaves_the_one_before(saves: int, cut: float) -> None:
    disk = Disk()
    kept = store(disk)
    for count in range(1, saves + 1):
        before = dict(disk.files)
        kept.save(ACCOUNT, REGION, memory(count), T0)
    (written,) = [key for key, text in disk.files.items() if before.get(key) != text and key.startswith('instance')]
    disk.files[written] = disk.files[written][: int(len(disk.files[written]) * cut)]
    again = store(disk)
    assert again.load(ACCOUNT, REGION, T0) == memory(saves - 1)
    assert len(again.take_problems()) == (1 if disk.files[written] else 0)
    assert again.take_problems() == []


@pytest.mark.parametrize(
    'garbage',
    [
        '{',
        'null',
        '[]',
        '{"version":1}',
        '{"version":3}',
        '\x00',
        '{"version":2,"sequence":"x","scopes":{}}',
        '{"version":2,"sequence":1,"scopes":[]}',
        '{"version":2,"sequence":1,"scopes":{"123456789012/us-east-1":{"at":"soon","reported":[]}}}',
        '{"version":2,"sequence":1,"scopes":{"123456789012/us-east-1":{"at":"2026-11-23T10:00:00Z","reported":{}}}}',
        '{"version":2,"sequence":1,"scopes":{"123456789012/us-east-1":{"at":"2026-11-23T10:00:00Z","reported":'
        '[{"arn":"a","keys":[1],"jobs":""}]}}}',
        '{"version":2,"sequence":1,"scopes":{"123456789012/us-east-1":{"at":"2026-11-23T10:00:00Z","reported":'
        '[{"arn":"a","keys":[],"jobs":"one"}]}}}',
    ],
)
def test_garbage_is_a_first_look_and_says_so(garbage: str) -> None:
    disk = Disk()
    keys = [f'{key}_{slot}' for key in ('instance_one', f'scope_{ACCOUNT}_{REGION}') for slot in 'ab']
    disk.files = dict.fromkeys(keys, garbage)
    kept = store(disk)
    assert kept.load(ACCOUNT, REGION, T0) is None
    assert len(kept.take_problems()) == 4


def test_a_disk_that_cannot_be_written_is_tried_again() -> None:
    disk = Disk()
    is_full = True

    def write(key: str, text: str) -> None:
        if is_full:
            raise OSError('no space left on device')
        disk.write(key, text)

    kept = StateStore(disk.read, write, 'one', [REGION])
    with pytest.raises(OSError, match='no space'):
        kept.save(ACCOUNT, REGION, memory(1), T0)
    is_full = False
    assert kept.save(ACCOUNT, REGION, memory(1), T0)


def test_a_full_disk_that_says_nothing_costs_one_slot_and_not_both() -> None:
    disk, is_full = Disk(), False

    def write(key: str, text: str) -> None:
        disk.write(key, '' if is_full else text)

    kept = StateStore(disk.read, write, 'one', [REGION])
    assert kept.save(ACCOUNT, REGION, memory(1), T0)
    is_full = True
    for number in range(2, 6):
        with pytest.raises(OSError, match='did not keep'):
            kept.save(ACCOUNT, REGION, memory(number), T0)
    assert store(disk).load(ACCOUNT, REGION, T0) == memory(1)
    is_full = False
    assert kept.save(ACCOUNT, REGION, memory(6), T0)
    assert store(disk).load(ACCOUNT, REGION, T0) == memory(6)


# --- whose document is read


def test_an_instance_without_a_document_goes_on_from_the_accounts() -> None:
    disk = Disk()
    store(disk, 'one').save(ACCOUNT, REGION, memory(1), T0)
    assert store(disk, 'edited').load(ACCOUNT, REGION, T0 + HOUR) == memory(1)
    assert store(disk, 'edited').last_account(REGION) is None
    assert store(disk, 'one').last_account(REGION) == ACCOUNT


def test_each_of_two_instances_goes_on_from_its_own() -> None:
    disk = Disk()
    slow, fast = store(disk, 'slow'), store(disk, 'fast')
    for kept, later in ((slow, 0), (fast, 1)):
        kept.load(ACCOUNT, REGION, T0 + later * HOUR)
        kept.save(ACCOUNT, REGION, memory(1), T0 + later * HOUR)
    slow.save(ACCOUNT, REGION, memory(1), T0 + 2 * HOUR)
    fast.save(ACCOUNT, REGION, memory(2), T0 + 3 * HOUR)
    assert store(disk, 'slow').load(ACCOUNT, REGION, T0 + 4 * HOUR) == memory(1)


def test_an_undone_edit_goes_on_from_what_was_known_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    store(disk, 'one').save(ACCOUNT, REGION, memory(1), T0)
    for later, (instance_id, count) in enumerate((('edited', 2), ('one', 3), ('edited', 4)), 1):
        monkeypatch.setattr(state, 'PROCESS', f'process {later}')
        kept, now = store(disk, instance_id), T0 + later * HOUR / 10
        assert kept.load(ACCOUNT, REGION, now) == memory(count - 1)
        kept.save(ACCOUNT, REGION, memory(count), now)


def test_a_region_that_nobody_polled_for_a_day_begins_anew() -> None:
    disk, regions = Disk(), (REGION, 'us-west-2')
    kept = store(disk, regions=regions)
    for region in regions:
        kept.save(ACCOUNT, region, memory(1), T0)
    store(disk).save(ACCOUNT, REGION, memory(2), T0 + HOUR)
    assert store(disk, regions=regions).load(ACCOUNT, 'us-west-2', T0 + 2 * HOUR) == memory(1)
    assert store(disk, regions=regions).load(ACCOUNT, 'us-west-2', T0 + 72 * HOUR) is None
    # Where the Agent was down, its own document knows what was reported.
    assert store(disk, regions=regions).load(ACCOUNT, REGION, T0 + 72 * HOUR) == memory(2)


# --- version 1


def test_version_1_is_read() -> None:
    document = {
        'version': 1,
        'sequence': 7,
        'account_id': ACCOUNT,
        'newest_creation': T0.isoformat(),
        'first_look_at': None,
        'reported': {f'{PREFIX}a': ['created']},
    }
    cursor = T0 - timedelta(minutes=15)
    expected = Memory(cursor - 24 * HOUR, None, {f'{PREFIX}a': Entry(None, frozenset({'created'}))}, cursor)
    assert decode_version_1(json.dumps(document)) == (7, ACCOUNT, expected)
    files = {f'scope_{REGION}_a': json.dumps(document)}
    disk = Disk()
    kept = StateStore(disk.read, disk.write, 'one', [REGION], lambda key: files.get(key, ''))
    assert kept.last_account(REGION) == ACCOUNT
    assert kept.load(ACCOUNT, REGION, T0) == expected
    assert kept.load('210987654321', REGION, T0) is None


@pytest.mark.parametrize('garbage', ['{', '{"version":2}', '{"version":1,"sequence":1,"reported":{}}'])
def test_garbage_of_version_1_is_said(garbage: str) -> None:
    kept = StateStore(lambda key: '', lambda key, text: None, 'one', [REGION], lambda key: garbage)
    assert kept.load(ACCOUNT, REGION, T0) is None
    (problem,) = kept.take_problems()
    assert problem.startswith('state of version 1 of us-east-1 is unreadable and not used')
