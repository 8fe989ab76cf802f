"""The subset comparison: Datadog's own additions are no difference, everything else is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.datadog_assets.diff import changes, extras, merged, needs_replacement
from bedrock_jobs.datadog_assets.files import read
from bedrock_jobs.datadog_assets.overlay import Overlay
from bedrock_jobs.datadog_assets.render import Desired, render
from tools.tests.fake_datadog import FakeDatadog

ROOT = Path(__file__).parents[3]
SHIPPED = render(read(ROOT / 'assets').assets, Overlay())

JSON = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text(min_size=1, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.text(min_size=1, max_size=4), JSON, max_size=4)


def stored(fake: FakeDatadog, desired: Desired) -> dict[str, Any]:
    """Return what Datadog answers to the creation of an asset."""
    body = copy.deepcopy(dict(desired.body))
    if desired.kind == 'monitor':
        return fake.monitors.create_monitor(body)
    if desired.kind == 'slo':
        found: dict[str, Any] = fake.slos.create_slo(body)['data'][0]
        return found
    return fake.dashboards.create_dashboard(body)


@pytest.mark.parametrize('desired', SHIPPED, ids=lambda one: one.label)
def test_a_shipped_asset_comes_back_without_difference(fake: FakeDatadog, desired: Desired) -> None:
    remote = stored(fake, desired)
    assert changes(desired.kind, desired.body, remote) == []
    assert extras(desired.kind, desired.body, remote) == []
    assert not needs_replacement(desired.kind, desired.body, remote)


@given(OBJECT)
def test_a_body_has_no_difference_from_itself_with_additions(body: dict[str, Any]) -> None:
    def add(value: Any) -> Any:
        if isinstance(value, dict):
            return {'~': 1, **{key: add(item) for key, item in value.items()}}
        return [add(item) for item in value] if isinstance(value, list) else value

    assert changes('dashboard', body, add(body)) == []


@given(OBJECT, OBJECT)
def test_no_difference_means_that_everything_desired_is_there(desired: dict[str, Any], remote: dict[str, Any]) -> None:
    def holds(one: Any, other: Any) -> bool:
        if one in (None, [], {}, '') and other in (None, [], {}, ''):
            return True
        if isinstance(one, dict):
            return isinstance(other, dict) and all(holds(item, other.get(key)) for key, item in one.items())
        if isinstance(one, list):
            return isinstance(other, list) and len(one) == len(other) and all(map(holds, one, other))
        return type(one) is type(other) and one == other

    if not changes('dashboard', desired, remote):
        assert holds(desired, remote)


@pytest.mark.parametrize(
    ('desired', 'remote', 'path'),
    [
        ({'a': [{'x': 1}]}, {'a': [{'x': 1, 'id': 9}]}, None),
        ({'a': [1, 2]}, {'a': [1]}, '$.a[1]'),
        ({'a': [1]}, {'a': [1, 2]}, '$.a[1]'),
        ({'a': 1}, {'a': 1.0}, None),
        ({'a': True}, {'a': 1}, '$.a'),
        ({'a': None}, {'a': 5}, None),
        ({'a': []}, {}, None),
        ({'a': []}, {'a': [1]}, '$.a[0]'),
        ({'a': {'b': 1}}, {'a': None}, '$.a'),
        ({'type': 'metric alert'}, {'type': 'query alert'}, None),
        ({'type': 'event-v2 alert'}, {'type': 'query alert'}, '$.type'),
        ({'tags': ['b', 'a']}, {'tags': ['a', 'b', 'c']}, None),
        ({'tags': ['b']}, {'tags': ['a']}, '$.tags'),
        ({'tags': ['Env:Prod']}, {'tags': ['env:prod']}, None),
        ({'options': {'on_missing_data': 'default'}}, {'options': {}}, None),
        ({'options': {'on_missing_data': 'resolve'}}, {'options': {}}, '$.options.on_missing_data'),
        ({'message': 'x'}, {'message': 'x\n\n@slack-a'}, None),
        ({'message': 'x @slack-a'}, {'message': 'x'}, '$.message'),
        ({'message': 'x'}, {'message': 'y @slack-a'}, '$.message'),
    ],
)
def test_rules(desired: Any, remote: Any, path: str | None) -> None:
    assert [change.path for change in changes('monitor', desired, remote)] == ([path] if path else [])


def test_a_merge_is_no_difference_any_more() -> None:
    desired = {'message': 'new', 'tags': ['a'], 'options': {'thresholds': {'critical': 1}}}
    remote = {
        'message': 'old {{#is_alert}}@slack-a{{/is_alert}}',
        'tags': ['b'],
        'options': {'silenced': {'*': None}, 'locked': True},
        'draft_status': 'published',
    }
    body = merged('monitor', desired, remote)
    assert changes('monitor', desired, body) == []
    assert body['tags'] == ['a', 'b'] and body['options']['silenced'] == {'*': None}
    assert 'draft_status' not in body and 'locked' not in body['options']
