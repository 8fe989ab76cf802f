"""The Datadog client: keys, site, proxy, timeouts, retries, and readable errors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException, OpenApiException
from datadog_api_client.v1.api.dashboards_api import DashboardsApi
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v1.api.service_level_objectives_api import ServiceLevelObjectivesApi
from datadog_api_client.v2.api.ddsql_api import DDSQLApi
from datadog_api_client.v2.api.events_api import EventsApi
from datadog_api_client.v2.api.metrics_api import MetricsApi

from .errors import ToolError

DEFAULT_SITE: Final = 'datadoghq.com'
URL_VARIABLE: Final = 'BEDROCK_JOBS_DATADOG_URL'
CONNECT_TIMEOUT: Final = 10.0
READ_TIMEOUT: Final = 60.0
RETRIES: Final = 4
LONGEST_WAIT: Final = 60.0
# A proxy in front of Datadog may have forwarded the request before it responded with one of these.
UNCLEAR: Final = frozenset({408, 500, 502, 503, 504, 512, 520, 522, 524})
LIMITED: Final = 429


class DatadogError(ToolError):
    """Datadog refused a request, or could not be reached.

    `status` is the HTTP status, or 0 if there was no response. `messages` are Datadog's own. `is_unclear` means that
    the request may still have been carried out: it timed out, the connection broke, or the server failed.
    """

    def __init__(self, text: str, *, status: int = 0, messages: Sequence[str] = (), is_unclear: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.messages = tuple(messages)
        self.is_unclear = is_unclear


@dataclass(frozen=True, slots=True)
class Connection:
    """Datadog's address and the keys to use. The keys are never shown, not even in a traceback."""

    api_key: str = field(repr=False)
    app_key: str = field(repr=False)
    site: str = DEFAULT_SITE
    url: str | None = None
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)
    """Seconds to wait for the connection, and for a response."""
    backoff: float = 1.0
    """Seconds before the second retry; each further one waits twice as long."""

    @property
    def host(self) -> str:
        """The API's base address."""
        return self.url or f'https://api.{self.site}'


def from_environment(environ: Mapping[str, str] | None = None) -> Connection:
    """Return the connection configured by DD_API_KEY, DD_APP_KEY, DD_SITE and the usual proxy and CA variables.

    Raises ToolError if a key is missing. BEDROCK_JOBS_DATADOG_URL replaces the API's address, for tests or a gateway.
    Plain http is allowed only on this machine, because each request carries the keys.
    """
    environ = os.environ if environ is None else environ
    api_key = environ.get('DD_API_KEY', '').strip()
    app_key = (environ.get('DD_APP_KEY') or environ.get('DD_APPLICATION_KEY') or '').strip()
    missing = [name for name, value in (('DD_API_KEY', api_key), ('DD_APP_KEY', app_key)) if not value]
    if missing:
        raise ToolError(f'Set {" and ".join(missing)} in the environment: this asks Datadog itself.')
    url = environ.get(URL_VARIABLE, '').strip().rstrip('/') or None
    if url and not _is_safe(url):
        raise ToolError(f'{URL_VARIABLE} must be https, or http on a loopback address: the keys go there.')
    site = (environ.get('DD_SITE') or DEFAULT_SITE).strip().removeprefix('https://').removeprefix('api.').strip('/')
    host = url or f'https://api.{site}'
    return Connection(
        api_key=api_key,
        app_key=app_key,
        site=site,
        url=url,
        proxy=_proxy(host),
        ca_file=environ.get('SSL_CERT_FILE') or environ.get('REQUESTS_CA_BUNDLE') or None,
    )


class Datadog:
    """The parts of Datadog's API that we use. Responses are JSON as Datadog sent it.

    They are not converted to the client's models, so that values added by Datadog later cannot cause failures and
    nothing is lost between reading and writing.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._client = ApiClient(_configuration(connection, _Retry.once(connection)))
        # POST requests that change nothing may be retried; those that create something may not.
        self._reader = ApiClient(_configuration(connection, _Retry.always(connection)))

    @cached_property
    def monitors(self) -> MonitorsApi:
        return MonitorsApi(self._client)  # type: ignore[no-untyped-call]

    @cached_property
    def monitor_validation(self) -> MonitorsApi:
        return MonitorsApi(self._reader)  # type: ignore[no-untyped-call]

    @cached_property
    def slos(self) -> ServiceLevelObjectivesApi:
        return ServiceLevelObjectivesApi(self._client)  # type: ignore[no-untyped-call]

    @cached_property
    def dashboards(self) -> DashboardsApi:
        return DashboardsApi(self._client)  # type: ignore[no-untyped-call]

    @cached_property
    def metrics(self) -> MetricsApi:
        return MetricsApi(self._reader)  # type: ignore[no-untyped-call]

    @cached_property
    def events(self) -> EventsApi:
        return EventsApi(self._reader)  # type: ignore[no-untyped-call]

    @cached_property
    def ddsql(self) -> DDSQLApi:
        return DDSQLApi(self._reader)  # type: ignore[no-untyped-call]

    def call(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call one operation of the APIs above and return its JSON. Raises DatadogError with a readable reason."""
        try:
            response = operation(*args, **kwargs)
            data = response.data
        except ApiException as error:
            raise self._refused(error) from None
        except OpenApiException as error:
            raise ToolError(f'datadog-api-client does not send this request: {error}') from None
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        try:
            return json.loads(data) if data else None
        except ValueError:
            raise DatadogError(
                f'{self.connection.host} answered with something that is not JSON. Is it Datadog, or a proxy?',
                status=response.status,
                is_unclear=True,
            ) from None

    def close(self) -> None:
        self._client.close()
        self._reader.close()

    def _refused(self, error: ApiException) -> DatadogError:
        status = int(error.status or 0)
        messages = [self._clean(text) for text in _messages(error.body)]
        said = '; '.join(messages) or str(error.reason or 'no reason given')
        if not status:
            return DatadogError(f'No secure connection to {self.connection.host}: {self._clean(said)}', is_unclear=True)
        hint = _hint(status, said)
        return DatadogError(
            f'Datadog answered {status}: {said}{hint}',
            status=status,
            messages=messages,
            is_unclear=status in UNCLEAR,
        )

    def _unreachable(self, error: Exception) -> DatadogError:
        cause = getattr(error, 'reason', None) or error
        through = ' through the proxy' if self.connection.proxy else ''
        inner = next((one for one in reversed(cause.args) if isinstance(one, Exception)), cause)
        reason = self._clean(str(inner).rpartition(': ')[2] or type(inner).__name__)
        never_sent = isinstance(cause, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError))
        return DatadogError(
            f'Cannot reach {self.connection.host}{through}: {reason}. Check DD_SITE, the proxy and the network.',
            is_unclear=not never_sent,
        )

    def _clean(self, text: str) -> str:
        for secret in (self.connection.api_key, self.connection.app_key, self.connection.proxy):
            text = text.replace(secret, '***') if secret else text
        return ' '.join(text.split())[:500]


class _Retry(urllib3.Retry):
    """Retries requests that are safe to retry, and waits as long as Datadog's rate limit asks.

    A request answered with 429 was not carried out, so any request may be retried after it.
    """

    @classmethod
    def once(cls, connection: Connection) -> _Retry:
        return cls._of(connection, frozenset({'GET', 'PUT', 'DELETE'}))

    @classmethod
    def always(cls, connection: Connection) -> _Retry:
        return cls._of(connection, frozenset({'GET', 'PUT', 'DELETE', 'POST'}))

    @classmethod
    def _of(cls, connection: Connection, repeatable: frozenset[str]) -> _Retry:
        return cls(
            total=RETRIES,
            # A redirect would send the keys to another host.
            redirect=False,
            allowed_methods=repeatable,
            status_forcelist=UNCLEAR,
            backoff_factor=connection.backoff,
            backoff_max=LONGEST_WAIT,
            raise_on_status=False,
        )

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return status_code == LIMITED or super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        seconds = response.headers.get('X-RateLimit-Reset') if response.status == LIMITED else None
        return min(float(seconds), LONGEST_WAIT) if seconds and seconds.isdigit() else None


def _configuration(connection: Connection, retry: urllib3.Retry) -> Configuration:
    configuration = Configuration(  # type: ignore[no-untyped-call]
        api_key={'apiKeyAuth': connection.api_key, 'appKeyAuth': connection.app_key},
        request_timeout=connection.timeout,
        retry_policy=retry,
        preload_content=False,
        check_input_type=False,
        is_iac=True,
    )
    if connection.url:
        configuration.host = connection.url
    else:
        # The client refuses sites that are not on its list; this entry of the list accepts any.
        configuration.server_index = 2
        configuration.server_variables = {'site': connection.site}
    configuration.proxy = connection.proxy
    configuration.ssl_ca_cert = connection.ca_file
    return configuration


def _proxy(host: str) -> str | None:
    parts = urlsplit(host)
    name = parts.hostname or ''
    if _is_loopback(name) or proxy_bypass(name):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get('all')


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == 'https' or (parts.scheme == 'http' and _is_loopback(parts.hostname or ''))


def _is_loopback(name: str) -> bool:
    try:
        return name == 'localhost' or ip_address(name).is_loopback
    except ValueError:
        return False


def _messages(body: object) -> list[str]:
    """Return the messages in an error body: `{"errors": [...]}` in v1, `{"errors": [{"title", "detail"}]}` in v2."""
    if isinstance(body, (bytes, str)):
        text = body.decode('utf-8', 'replace') if isinstance(body, bytes) else body
        return [text[:300]] if text else []
    if not isinstance(body, dict):
        return []
    errors = body.get('errors', body.get('error'))
    if isinstance(errors, dict):
        errors = [f'{key}: {value}' for key, value in errors.items()]
    elif isinstance(errors, str):
        errors = [errors]
    found = []
    for error in errors or ():
        if isinstance(error, dict):
            found.append(': '.join(str(error[key]) for key in ('title', 'detail') if error.get(key)) or str(error))
        else:
            found.append(str(error))
    return found


def _hint(status: int, said: str) -> str:
    if status == 401:
        return ' (the keys were not accepted: do they belong to this DD_SITE?)'
    if status == 403 and 'read-only' not in said.lower() and 'permission to edit' not in said.lower():
        return ' (wrong keys, another DD_SITE, or the application key lacks a scope: see docs/assets.md)'
    if status == LIMITED:
        return ' (rate limit; try again later)'
    return ''
