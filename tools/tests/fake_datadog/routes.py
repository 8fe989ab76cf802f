"""The operations that the fake knows: paths, authentication, parameters and body types, all from the client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.v1.api.dashboards_api import DashboardsApi
from datadog_api_client.v1.api.events_api import EventsApi as EventsV1
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v1.api.service_level_objectives_api import ServiceLevelObjectivesApi
from datadog_api_client.v2.api.ddsql_api import DDSQLApi
from datadog_api_client.v2.api.events_api import EventsApi as EventsV2
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.api.metrics_api import MetricsApi

from bedrock_jobs.datadog_assets.strict import Problem, check

APIS: Final = (
    DashboardsApi,
    MonitorsApi,
    ServiceLevelObjectivesApi,
    EventsV1,
    EventsV2,
    MetricsApi,
    LogsApi,
    DDSQLApi,
)
# The scope of the application key; DDSQL and the query endpoints share one.
SCOPES: Final = (
    ('/api/v1/dashboard', 'dashboards'),
    ('/api/v1/monitor', 'monitors'),
    ('/api/v1/slo', 'slos'),
    ('/api/v2/ddsql', 'timeseries_query'),
    ('/api/v2/query', 'timeseries_query'),
    ('/api/v2/events', 'events_read'),
    ('/api/v2/metrics', 'metrics_read'),
)
READS: Final = frozenset({'validate_monitor', 'validate_existing_monitor', 'search_events'})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API, as the client describes it."""

    name: str
    method: str
    path: str
    needs_app_key: bool
    scope: str | None
    body_types: tuple[Any, ...] | None
    body_is_required: bool
    response_types: tuple[Any, ...] | None
    query: Mapping[str, Mapping[str, Any]]

    @property
    def writes(self) -> bool:
        """Whether it may change what Datadog holds."""
        is_question = self.name in READS or self.scope in ('timeseries_query', 'events_read')
        return self.method != 'GET' and not is_question

    def match(self, path: str) -> dict[str, str] | None:
        pattern = re.sub(r'\{(\w+)\}', r'(?P<\1>[^/]+)', self.path)
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None

    def body_problems(self, body: object) -> list[Problem]:
        if self.body_types is None:
            return []
        if body is None:
            return [Problem('$', 'the body is missing')] if self.body_is_required else []
        return check(body, self.body_types, writing=False)

    def query_problems(self, given: Mapping[str, str]) -> list[Problem]:
        missing = [name for name, rule in self.query.items() if rule.get('required') and name not in given]
        return [Problem(f'?{name}', 'is missing') for name in missing]


def operations() -> list[Operation]:
    """Return every operation of the APIs above; those with fixed paths come before those with parameters."""
    client = ApiClient(Configuration())  # type: ignore[no-untyped-call]
    found = [
        _operation(endpoint)
        for api in APIS
        for name, endpoint in vars(api(client)).items()
        if name.endswith('_endpoint')
    ]
    return sorted(found, key=lambda one: (one.path.count('{'), one.path))


def _operation(endpoint: Any) -> Operation:
    settings, parameters = endpoint.settings, endpoint.params_map
    body = parameters.get('body')
    path, name, method = settings['endpoint_path'], settings['operation_id'], settings['http_method']
    needs_app_key = 'appKeyAuth' in settings['auth'] and not (name == 'create_event' and settings['version'] == 'v2')
    return Operation(
        name=f'{settings["version"]}.{name}' if name == 'create_event' else name,
        method=method,
        path=path,
        needs_app_key=needs_app_key,
        scope=_scope(path, name, method) if needs_app_key else None,
        body_types=tuple(body['openapi_types']) if body else None,
        body_is_required=bool(body and body.get('required')),
        response_types=settings['response_type'],
        query={
            rule['attribute']: {**rule, 'name': python_name}
            for python_name, rule in parameters.items()
            if rule.get('location') == 'query'
        },
    )


def _scope(path: str, name: str, method: str) -> str | None:
    for prefix, scope in SCOPES:
        if path.startswith(prefix):
            if '_' in scope:
                return scope
            return f'{scope}_read' if method == 'GET' or name in READS else f'{scope}_write'
    return None
