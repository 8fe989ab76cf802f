"""Keys, sites, proxies, retries and errors."""

from __future__ import annotations

import pytest

from bedrock_jobs.datadog_client import (
    Connection,
    Datadog,
    DatadogError,
    _configuration,
    _Retry,
    from_environment,
)
from bedrock_jobs.errors import ToolError
from tools.tests.fake_datadog import FakeDatadog
from tools.tests.fake_datadog.answers import Refused
from tools.tests.fake_datadog.server import DROP, DROP_AFTER

KEYS = {'DD_API_KEY': 'secret-api', 'DD_APP_KEY': 'secret-app'}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ('given', 'host'),
    [
        ({}, 'https://api.datadoghq.com'),
        ({'DD_SITE': 'datadoghq.eu'}, 'https://api.datadoghq.eu'),
        ({'DD_SITE': 'xx9.example.com'}, 'https://api.xx9.example.com'),
        ({'DD_SITE': ' https://api.us3.datadoghq.com/ '}, 'https://api.us3.datadoghq.com'),
        ({'BEDROCK_JOBS_DATADOG_URL': 'http://127.0.0.1:8080/'}, 'http://127.0.0.1:8080'),
    ],
)
def test_sites_known_or_not(given: dict[str, str], host: str) -> None:
    connection = from_environment({**KEYS, **given})
    assert connection.host == host
    assert _configuration(connection, _Retry.once(connection)).host == host


def test_missing_keys_are_named() -> None:
    with pytest.raises(ToolError, match='Set DD_APP_KEY in'):
        from_environment({'DD_API_KEY': 'x', 'DD_APP_KEY': ' '})
    assert from_environment({'DD_API_KEY': 'x', 'DD_APPLICATION_KEY': 'y'}).app_key == 'y'


@pytest.mark.parametrize('url', ['http://example.com', 'http://10.0.0.1', 'ftp://127.0.0.1', 'example.com'])
def test_keys_do_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(ToolError, match='must be https'):
        from_environment({**KEYS, 'BEDROCK_JOBS_DATADOG_URL': url})


def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HTTPS_PROXY', 'http://proxy.example.com:3128')
    assert from_environment(KEYS).proxy == 'http://proxy.example.com:3128'
    monkeypatch.setenv('NO_PROXY', 'datadoghq.com')
    assert from_environment(KEYS).proxy is None


def test_keys_are_never_shown(fake: FakeDatadog) -> None:
    connection = fake.connection()
    assert connection.api_key not in repr(connection) and connection.app_key not in repr(connection)
    fake.faults = [Refused(400, {'errors': [f'{connection.api_key} and {connection.app_key} are wrong']})]
    datadog = Datadog(connection)
    with pytest.raises(DatadogError, match=r'400: \*\*\* and \*\*\* are wrong'):
        datadog.call(datadog.monitors.list_monitors)


@pytest.mark.parametrize(
    ('fault', 'text'),
    [
        (Refused(403, {'errors': ['Forbidden']}), r'403: Forbidden \(wrong keys.*docs/assets.md'),
        (Refused(401, {'errors': ['Unauthorized']}), r'401: Unauthorized \(the keys were not accepted'),
        (Refused(400, 'Event too far in the past'), '400: Event too far in the past'),
        (Refused(404, {'errors': [{'title': 'Not Found', 'detail': 'gone'}]}), '404: Not Found: gone'),
        (Refused(409, {'errors': {'7': 'is on a dashboard'}}), '409: 7: is on a dashboard'),
        (Refused(418), '418'),
    ],
)
def test_refusals_in_words(fake: FakeDatadog, fault: Refused, text: str) -> None:
    fake.faults = [fault]
    datadog = Datadog(fake.connection())
    with pytest.raises(DatadogError, match=text) as raised:
        datadog.call(datadog.monitors.list_monitors)
    assert raised.value.status == fault.status and not raised.value.is_unclear


def test_no_connection_in_words() -> None:
    datadog = Datadog(Connection('a', 'b', url='http://127.0.0.1:9', timeout=(0.2, 0.2), backoff=0.0))
    with pytest.raises(DatadogError, match=r'Cannot reach http://127.0.0.1:9: .*refused. Check DD_SITE') as raised:
        datadog.call(datadog.monitors.list_monitors)
    assert not raised.value.is_unclear


def test_a_timeout_in_words(fake: FakeDatadog) -> None:
    import time

    fake.on_request = lambda number: time.sleep(0.4)
    datadog = Datadog(fake.connection(timeout=(1.0, 0.1)))
    body = {'type': 'query alert', 'query': 'avg(last_5m):avg:a{*} > 1'}
    with pytest.raises(DatadogError, match=r'Cannot reach .*(timed out|timeout)') as raised:
        datadog.call(datadog.monitors.create_monitor, body=body)
    assert raised.value.is_unclear


def test_something_else_than_json_in_words(fake: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake.monitors, 'list_monitors', lambda **_: '<html>', raising=True)
    monkeypatch.setattr('tools.tests.fake_datadog.server._surprises', lambda body, operation: [])
    datadog = Datadog(fake.connection())
    with pytest.raises(DatadogError, match='not JSON'):
        datadog.call(datadog.monitors.list_monitors)


@pytest.mark.parametrize('fault', [DROP, DROP_AFTER, Refused(500), Refused(503)])
def test_reads_are_repeated_and_creates_are_not(fake: FakeDatadog, fault: Refused) -> None:
    datadog = Datadog(fake.connection())
    fake.faults = [fault, fault]
    assert datadog.call(datadog.monitors.list_monitors) == []
    fake.faults = [fault]
    before = len(fake.requests)
    with pytest.raises(DatadogError) as raised:
        datadog.call(
            datadog.monitors.create_monitor, body={'type': 'query alert', 'query': 'avg(last_5m):avg:a{*} > 1'}
        )
    assert raised.value.is_unclear and len(fake.requests) == before + 1


def test_a_rate_limit_is_waited_for_even_by_creates(fake: FakeDatadog) -> None:
    fake.faults = [Refused(429, None, {'X-RateLimit-Reset': '0'})] * 2
    datadog = Datadog(fake.connection())
    body = {'type': 'query alert', 'query': 'avg(last_5m):avg:a{*} > 1'}
    assert datadog.call(datadog.monitors.create_monitor, body=body)['id']
    assert [request.status for request in fake.requests] == [429, 429, 200]


@pytest.mark.parametrize('status', [301, 302, 307, 308])
def test_keys_do_not_follow_a_redirect(fake: FakeDatadog, status: int) -> None:
    with FakeDatadog() as other:
        fake.faults = [Refused(status, None, {'Location': f'{other.url}/api/v1/monitor'})]
        datadog = Datadog(fake.connection())
        with pytest.raises(DatadogError, match=str(status)):
            datadog.call(datadog.monitors.list_monitors)
        assert other.requests == []
