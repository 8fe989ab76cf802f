"""The strict Datadog behaves as the recordings of the real one show."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException, ForbiddenException, NotFoundException
from datadog_api_client.v1.api.dashboards_api import DashboardsApi
from datadog_api_client.v1.api.events_api import EventsApi
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.api.metrics_api import MetricsApi

from tools.tests.fake_datadog import FakeDatadog
from tools.tests.fake_datadog.answers import Refused
from tools.tests.fake_datadog.routes import operations
from tools.tests.fake_datadog.server import API_KEY, APP_KEY

MONITOR = {
    'name': 'x',
    'type': 'metric alert',
    'query': 'avg(last_5m):avg:a{*} > 1',
    'options': {'thresholds': {'critical': 1.0}, 'on_missing_data': 'default'},
}


@pytest.fixture
def client(fake: FakeDatadog) -> ApiClient:
    """The client as anybody would set it up: with its models, its defaults and its retries."""
    configuration = Configuration(  # type: ignore[no-untyped-call]
        host=fake.url, api_key={'apiKeyAuth': API_KEY, 'appKeyAuth': APP_KEY}, enable_retry=True
    )
    return ApiClient(configuration)


def api(kind: Any, client: ApiClient) -> Any:
    return kind(client)


def test_the_clients_models_can_read_a_monitor(client: ApiClient) -> None:
    made = api(MonitorsApi, client).create_monitor(body=MONITOR)
    assert str(made.type) == 'query alert' and made.options.new_host_delay == 300 and made.options.include_tags
    assert 'on_missing_data' not in made.options.to_dict()
    assert api(MonitorsApi, client).get_monitor(made.id).name == 'x'
    assert api(MonitorsApi, client).delete_monitor(made.id).deleted_monitor_id == made.id
    with pytest.raises(NotFoundException):
        api(MonitorsApi, client).get_monitor(made.id)


def test_a_second_monitor_of_the_same_content_is_refused(client: ApiClient) -> None:
    made = api(MonitorsApi, client).create_monitor(body=MONITOR)
    with pytest.raises(ApiException) as raised:
        api(MonitorsApi, client).create_monitor(body=MONITOR)
    assert raised.value.body == {'errors': [f'Duplicate of an existing monitor_id:{made.id} org_id:1']}


@pytest.mark.parametrize(
    ('change', 'complaint'),
    [
        ({'type': 'bogus'}, '$.type'),
        ({'options': {'renotify_intervall': 1}}, 'renotify_intervall'),
        ({'query': 'avg(last_5m):avg:a{*} > 2'}, 'does not match that used in the query (2.0)'),
        ({'query': 'nonsense'}, "parameter 'query' is invalid"),
        ({'priority': 9}, 'priority'),
    ],
)
def test_what_the_client_sends_all_the_same_is_refused(client: ApiClient, change: Any, complaint: str) -> None:
    with pytest.raises(ApiException) as raised:
        api(MonitorsApi, client).validate_monitor(body={**MONITOR, **change})
    assert raised.value.status == 400 and complaint in raised.value.body['errors'][0]


def test_dashboards_have_team_tags_only_and_summaries_in_the_list(client: ApiClient) -> None:
    dashboard = {'title': 'x', 'layout_type': 'ordered', 'description': 'd', 'widgets': []}
    with pytest.raises(ApiException) as raised:
        api(DashboardsApi, client).create_dashboard(body={**dashboard, 'tags': ['managed_by:x']})
    assert raised.value.body == {'errors': ['Invalid tag format. Valid tag keys are: team.']}
    made = api(DashboardsApi, client).create_dashboard(body={**dashboard, 'tags': ['team:x']})
    [summary] = api(DashboardsApi, client).list_dashboards().dashboards
    assert summary.id == made.id and summary.description == 'd'
    assert not {'widgets', 'tags'} & summary.to_dict().keys()


def test_events_have_large_ids_and_are_not_old(client: ApiClient) -> None:
    event = {'title': 'x', 'text': 'y', 'date_happened': int(time.time())}
    made = api(EventsApi, client).create_event(body=event).event
    assert made.id > 2**53 and made.id_str == str(made.id)
    with pytest.raises(ApiException) as raised:
        api(EventsApi, client).create_event(body={**event, 'date_happened': int(time.time()) - 19 * 3600})
    assert raised.value.body == 'Event too far in the past'


@pytest.mark.parametrize('encoding', ['gzip', 'deflate'])
def test_compressed_bodies(client: ApiClient, fake: FakeDatadog, encoding: str) -> None:
    series = [{'metric': 'a.b', 'type': 3, 'points': [{'timestamp': int(time.time()), 'value': 1.0}]}]
    api(MetricsApi, client).submit_metrics(body={'series': series}, content_encoding=encoding)
    api(LogsApi, client).submit_log(body=[{'message': 'x'}], content_encoding=encoding)
    assert fake.telemetry.series[0]['metric'] == 'a.b' and fake.telemetry.logs == [{'message': 'x'}]


def test_wrong_keys_and_missing_scopes(fake: FakeDatadog) -> None:
    configuration = Configuration(  # type: ignore[no-untyped-call]
        host=fake.url, api_key={'apiKeyAuth': API_KEY, 'appKeyAuth': 'x'}
    )
    with pytest.raises(ForbiddenException):
        api(MonitorsApi, ApiClient(configuration)).list_monitors()
    configuration.api_key['appKeyAuth'] = APP_KEY
    fake.scopes = {'monitors_read'}
    assert api(MonitorsApi, ApiClient(configuration)).list_monitors() == []
    with pytest.raises(ForbiddenException):
        api(MonitorsApi, ApiClient(configuration)).create_monitor(body=MONITOR)


def test_faults_on_demand(client: ApiClient, fake: FakeDatadog) -> None:
    fake.faults = [Refused(429, None, {'X-RateLimit-Reset': '0'})]
    assert api(MonitorsApi, client).list_monitors() == []
    assert [request.status for request in fake.requests] == [429, 200]


def test_every_answer_has_rate_limit_headers(fake: FakeDatadog) -> None:
    request = urllib.request.Request(f'{fake.url}/api/v1/monitor')
    request.add_header('DD-API-KEY', API_KEY)
    request.add_header('DD-APPLICATION-KEY', APP_KEY)
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert json.load(answer) == []
        assert {'X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'} <= set(answer.headers)


def test_routes_are_the_clients_own() -> None:
    found = operations()
    paths = {(operation.method, operation.path) for operation in found}
    assert len(found) > 70
    assert ('POST', '/api/v2/ddsql/query/tabular/fetch') in paths and ('POST', '/api/v1/monitor/validate') in paths
    assert {operation.name for operation in found if operation.writes}.isdisjoint({'validate_monitor', 'search_events'})
