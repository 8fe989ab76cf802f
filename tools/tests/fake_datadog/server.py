"""The HTTP server: keys, scopes, strict bodies, faults on demand, and a record of every request."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from bedrock_jobs.datadog_assets.strict import check
from bedrock_jobs.datadog_client import Connection

from .answers import Accepted, Refused
from .clock import Ids
from .dashboards import Dashboards
from .ddsql import Ddsql
from .monitors import Monitors
from .routes import Operation, operations
from .slos import Slos
from .telemetry import Telemetry

API_KEY: Final = 'fake-api-key-0123456789'
APP_KEY: Final = 'fake-app-key-0123456789'
DROP: Final = Refused(0)
"""A fault: the request is not carried out, and the connection breaks."""
DROP_AFTER: Final = Refused(-1)
"""A fault: the request is carried out, but the connection breaks before the answer."""

known_operations = cache(operations)


@dataclass(frozen=True)
class Request:
    """One request as it came; `operation` is None where no operation has that path."""

    method: str
    path: str
    operation: str | None
    body: Any
    headers: dict[str, str]
    status: int


class FakeDatadog:
    """Datadog on a loopback port. `faults` are used up by the next requests; None in it lets one through."""

    def __init__(self) -> None:
        ids = Ids()
        self.monitors = Monitors(ids, self._needs_monitor)
        self.dashboards = Dashboards(ids)
        self.slos = Slos(ids, lambda id: id in self.monitors.all, self.dashboards.using)
        self.telemetry = Telemetry(ids)
        self.ddsql = Ddsql(ids)
        self.requests: list[Request] = []
        self.faults: list[Refused | None] = []
        self.scopes: set[str] | None = None
        """What the application key may do; None is everything."""
        self.on_request: Callable[[int], None] = lambda number: None
        """Called before the request of that number is carried out, from the server's thread."""
        self._lock = threading.Lock()
        self._server = _Server(('127.0.0.1', 0), _Handler)
        self._server.fake = self
        self._parts = (self.monitors, self.dashboards, self.slos, self.telemetry, self.ddsql)

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self._server.server_address[1]}'

    @property
    def writes(self) -> list[Request]:
        """Requests that may have changed something, whatever became of them."""
        names = {operation.name for operation in known_operations() if operation.writes}
        return [request for request in self.requests if request.operation in names]

    def connection(self, **changes: Any) -> Connection:
        """Return a connection that leads here, with short waits."""
        defaults = {'api_key': API_KEY, 'app_key': APP_KEY, 'url': self.url, 'timeout': (2.0, 5.0), 'backoff': 0.01}
        return Connection(**{**defaults, **changes})

    def environment(self) -> dict[str, str]:
        """Return the environment variables that lead the command line here."""
        return {'DD_API_KEY': API_KEY, 'DD_APP_KEY': APP_KEY, 'BEDROCK_JOBS_DATADOG_URL': self.url}

    def snapshot(self) -> dict[str, list[Any]]:
        """Return what Datadog holds, without ids and times: to tell whether two end states are the same."""
        return {
            'monitors': sorted((_timeless(one, self) for one in self.monitors.all.values()), key=json.dumps),
            'slos': sorted((_timeless(one, self) for one in self.slos.all.values()), key=json.dumps),
            'dashboards': sorted((_timeless(one, self) for one in self.dashboards.all.values()), key=json.dumps),
        }

    def __enter__(self) -> FakeDatadog:
        threading.Thread(target=self._server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def handle(self, handler: _Handler) -> None:
        """Answer one request, one at a time."""
        with self._lock:
            self._handle(handler)

    def _handle(self, handler: _Handler) -> None:
        split = urlsplit(handler.path)
        raw = handler.read()
        operation, parameters = self._find(handler.command, split.path)
        self.on_request(len(self.requests))
        fault = self.faults.pop(0) if self.faults else None
        body: Any = None
        answer: Accepted | Refused
        try:
            if fault is not None and fault is not DROP_AFTER:
                raise fault
            if operation is None:
                raise Refused(404, {'errors': [f'no such path: {handler.command} {split.path}']})
            self._authorise(operation, handler)
            body = json.loads(raw) if raw else None
            query = dict(parse_qsl(split.query, keep_blank_values=True))
            answer = self._perform(operation, parameters, query, body)
        except Refused as refused:
            answer = refused
        except ValueError as error:
            answer = Refused(400, {'errors': [f'invalid JSON: {error}']})
        status = -1 if fault is DROP_AFTER else answer.status
        name = operation.name if operation else None
        self.requests.append(Request(handler.command, split.path, name, body, dict(handler.headers), status))
        if fault is DROP_AFTER or answer is DROP:
            handler.drop()
        else:
            handler.answer(answer, operation)

    def _find(self, method: str, path: str) -> tuple[Operation | None, dict[str, str]]:
        for operation in known_operations():
            parameters = operation.match(path) if operation.method == method else None
            if parameters is not None:
                return operation, parameters
        return None, {}

    def _authorise(self, operation: Operation, handler: _Handler) -> None:
        keys_fit = handler.headers.get('DD-API-KEY') == API_KEY
        if operation.needs_app_key:
            keys_fit = keys_fit and handler.headers.get('DD-APPLICATION-KEY') == APP_KEY
        if not keys_fit:
            raise Refused(403, {'errors': ['Forbidden']})
        if self.scopes is not None and operation.scope and operation.scope not in self.scopes:
            raise Refused(403, {'errors': [f'Failed permission authorization checks: {operation.scope}']})

    def _perform(self, operation: Operation, parameters: dict[str, str], query: dict[str, str], body: Any) -> Accepted:
        problems = [*operation.body_problems(body), *operation.query_problems(query)]
        if problems:
            raise Refused(400, {'errors': [str(problem) for problem in problems]})
        name = operation.name.replace('v1.create_event', 'create_event_v1').replace(
            'v2.create_event', 'create_event_v2'
        )
        part = next((part for part in self._parts if hasattr(part, name)), None)
        if part is None:
            raise Refused(501, {'errors': [f'the fake does not do {operation.name}']})
        named = {operation.query[key]['name']: value for key, value in query.items() if key in operation.query}
        bodies = {'body': body} if operation.body_types is not None else {}
        done = getattr(part, name)(**bodies, **parameters, **named)
        accepted = done if isinstance(done, Accepted) else Accepted(200, done)
        if operation.response_types and accepted.body is not None and operation.response_types != (dict,):
            wrong = _surprises(accepted.body, operation)
            if wrong:
                raise Refused(501, {'errors': [f'the fake answers what the client cannot read: {wrong}']})
        return accepted

    def _needs_monitor(self, id: int) -> str | None:
        users = self.slos.monitor_users(id)
        return f'monitor [{id}] is referenced in SLOs: {", ".join(users)}' if users else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeDatadog

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Else each answer waits 40 ms for the client's acknowledgement of its headers.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self.server.fake.handle(self)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def read(self) -> bytes:
        raw = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        encoding = self.headers.get('Content-Encoding')
        if encoding == 'gzip':
            return gzip.decompress(raw)
        return zlib.decompress(raw) if encoding == 'deflate' else raw

    def answer(self, answer: Accepted | Refused, operation: Operation | None) -> None:
        is_text = isinstance(answer.body, str)
        data = b'' if answer.body is None else (answer.body if is_text else json.dumps(answer.body)).encode()
        if 'gzip' in self.headers.get('Accept-Encoding', '') and len(data) > 1000:
            data, encoding = gzip.compress(data), 'gzip'
        else:
            encoding = None
        self.send_response(answer.status)
        headers = {
            'Content-Type': 'text/plain' if is_text else 'application/json',
            'Content-Length': str(len(data)),
            'X-RateLimit-Limit': '500',
            'X-RateLimit-Period': '10',
            'X-RateLimit-Remaining': '499',
            'X-RateLimit-Reset': '1',
            'X-RateLimit-Name': operation.name if operation else 'unknown',
            **({'Content-Encoding': encoding} if encoding else {}),
            **(answer.headers if isinstance(answer, Refused) else {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the tests look at `requests`."""


def _surprises(body: Any, operation: Operation) -> list[str]:
    """Return what the client could not read. Real answers have more properties than the models know."""
    return [
        str(problem)
        for problem in check(body, operation.response_types or (), writing=False)
        if 'unknown property' not in problem.message and 'is none of' not in problem.message
    ]


def _timeless(value: Any, fake: FakeDatadog) -> Any:
    if isinstance(value, dict):
        volatile = {'id', 'created', 'created_at', 'modified', 'modified_at', 'url', 'overall_state_modified'}
        return {key: _timeless(item, fake) for key, item in sorted(value.items()) if key not in volatile}
    if isinstance(value, list):
        return [_timeless(item, fake) for item in value]
    if isinstance(value, int) and value in fake.monitors.all:
        return fake.monitors.all[value]['name']
    if isinstance(value, str):
        for names in (_names(fake.monitors.all), _names(fake.slos.all)):
            for id, name in names:
                value = value.replace(id, name)
    return value


def _names(known: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    return ((str(id), one['name']) for id, one in known.items())
