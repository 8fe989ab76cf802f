"""The strict validator on bodies that the client would send as they are."""

from __future__ import annotations

from typing import Any

import pytest
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.service_level_objective_request import ServiceLevelObjectiveRequest
from datadog_api_client.v2.model.batch_upsert_rows_request_array import BatchUpsertRowsRequestArray
from datadog_api_client.v2.model.ddsql_tabular_query_request import DdsqlTabularQueryRequest
from datadog_api_client.v2.model.metric_payload import MetricPayload
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.datadog_assets.strict import check

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


def widgets(*definitions: dict[str, Any]) -> dict[str, Any]:
    return {'title': 'x', 'layout_type': 'ordered', 'widgets': [{'definition': one} for one in definitions]}


def said(body: Any, *types: Any, **options: Any) -> list[str]:
    return [str(problem) for problem in check(body, types, **options)]


@pytest.mark.parametrize(
    ('body', 'kind', 'expected'),
    [
        ({'query': 'q', 'type': 'query alert'}, Monitor, None),
        ({'query': 'q'}, Monitor, '$.type: is missing (Monitor)'),
        ({'query': 1, 'type': 'query alert'}, Monitor, '$.query: must be text, is 1'),
        ({'query': 'q', 'type': 'query alert', 'priority': None}, Monitor, None),
        (
            {'query': 'q', 'type': 'query alert', 'priority': True},
            Monitor,
            '$.priority: must be a whole number or null',
        ),
        ({'query': 'q', 'type': 'query alert', 'id': 1}, Monitor, '$.id: only Datadog sets this'),
        ({'query': 'q', 'type': 'query alert', 'option': {}}, Monitor, 'did you mean options?'),
        ({'query': 'q', 'type': 'query alert', 'options': {'min_failure_duration': 7201}}, Monitor, 'out of range'),
        ({'query': 'q', 'type': 'query alert', 'options': {'silenced': {'a': 'b'}}}, Monitor, '$.options.silenced.a'),
        ([], Monitor, '$: must be an object (Monitor), is a list'),
        (widgets({'type': 'note', 'content': 'x'}), Dashboard, None),
        (
            widgets({'type': 'note', 'content': 'x', 'colour': 'red'}),
            Dashboard,
            'unknown property (NoteWidgetDefinition)',
        ),
        (widgets({'type': 'notes', 'content': 'x'}), Dashboard, "definition: type 'notes' is not one of"),
        (widgets({'content': 'x'}), Dashboard, '$.widgets[0].definition'),
        (widgets({'type': 'query_value', 'requests': []}), Dashboard, 'has 0 items, fewer than 1'),
        ({**widgets(), 'tags': list('abcdef')}, Dashboard, 'has 6 items, more than 5'),
        (
            {'name': 'x', 'type': 'metric', 'thresholds': [{'target': '9', 'timeframe': '7d'}]},
            ServiceLevelObjectiveRequest,
            'target: must be a number',
        ),
        (
            {'data': [{'type': 'row', 'id': 'a', 'attributes': {'values': {'n': 1.5}}}]},
            BatchUpsertRowsRequestArray,
            'values.n',
        ),
        (
            {'data': [{'type': 'row', 'id': 'a', 'attributes': {'values': {'n': 1, 's': 't'}}}]},
            BatchUpsertRowsRequestArray,
            None,
        ),
        (
            {'data': {'type': 'ddsql_query_request', 'attributes': {'query': 'q', 'row_limit': 10001, 'time': {}}}},
            DdsqlTabularQueryRequest,
            'row_limit',
        ),
        ({'series': [{'metric': 'm', 'type': 4, 'points': []}]}, MetricPayload, '4 is not one of 0, 1, 2, 3'),
    ],
)
def test_bodies(body: Any, kind: Any, expected: str | None) -> None:
    found = said(body, kind)
    assert found == [] if expected is None else any(expected in one for one in found), found


def test_all_faults_are_found_at_any_depth() -> None:
    group = {'type': 'group', 'layout_type': 'ordered', 'widgets': widgets({'type': 'note', 'contents': 1})['widgets']}
    assert said(widgets(group), Dashboard) == [
        '$.widgets[0].definition.widgets[0].definition.content: is missing (NoteWidgetDefinition)',
        '$.widgets[0].definition.widgets[0].definition.contents: unknown property (NoteWidgetDefinition); '
        'did you mean content?',
    ]


def test_what_datadog_answers_may_have_what_only_datadog_sets() -> None:
    assert said({'query': 'q', 'type': 'query alert', 'id': 1}, Monitor, writing=False) == []


@given(JSON)
def test_any_json_is_judged_and_never_crashes(body: Any) -> None:
    for kind in (Monitor, Dashboard, ServiceLevelObjectiveRequest, MetricPayload):
        assert all(path.startswith('$') for path, _ in check(body, (kind,)))


@given(JSON)
def test_any_widget_definition_is_judged_and_never_crashes(definition: Any) -> None:
    assert said({'title': 'x', 'layout_type': 'ordered', 'widgets': [{'definition': definition}]}, Dashboard)
