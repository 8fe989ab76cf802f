"""STS and S3 from moto, called in this process through its WSGI application.

moto is imported on the first such request: it takes a third of a second and some 60 MB, and most runs never need it.
Its state is global to the process, so simulators that run at the same time share their buckets.
"""

from __future__ import annotations

import re
import threading
from importlib import import_module
from typing import Any, Final

from .wire import Answer, Call

_ACCESS_KEY: Final = re.compile(rb'<AccessKeyId>([^<]+)</AccessKeyId>')
_ERROR_CODE: Final = re.compile(rb'<Error>.*?<Code>([^<]+)</Code>', re.DOTALL)
# werkzeug sets these itself from its arguments.
_NOT_PASSED: Final = frozenset({'content-length', 'transfer-encoding', 'connection', 'expect'})

# Global, because the moto state that they guard is global.
_lock: Final = threading.Lock()
_apps: Final[dict[str, Any]] = {}
_users: Final[set[int]] = set()


class MotoBackend:
    """Answers STS and S3 calls; safe to call from several threads, one call at a time."""

    def answer(self, call: Call, endpoint_url: str) -> Answer:
        """Return moto's response to a call."""
        with _lock:
            _users.add(id(self))
            response = _app(call.service).open(
                call.path,
                method=call.method,
                query_string=call.query_string,
                base_url=endpoint_url or 'http://127.0.0.1',
                headers=[(name, value) for name, value in call.headers.items() if name.lower() not in _NOT_PASSED],
                data=call.body,
            )
            headers = {name: value for name, value in response.headers.items() if name.lower() != 'content-length'}
            content_type = headers.pop('Content-Type', 'application/xml')
            if call.method == 'HEAD':
                # Keep the length that GET would send: a HEAD response has no body to measure.
                headers['Content-Length'] = response.headers.get('Content-Length', '0')
            return Answer(response.status_code, response.get_data(), headers, content_type)

    def release(self) -> None:
        """Stop using moto; when the last user leaves, every bucket and issued credential is deleted."""
        with _lock:
            if id(self) not in _users:
                return
            _users.discard(id(self))
            if not _users:
                for service in _apps:
                    import_module('moto.backends').get_backend(service).reset()


def issued_access_key(answer: Answer) -> str | None:
    """Return the access key issued in an AssumeRole response."""
    match = _ACCESS_KEY.search(answer.body)
    return match[1].decode() if match else None


def error_code(answer: Answer) -> str | None:
    """Return AWS's error code from an XML response."""
    match = _ERROR_CODE.search(answer.body) if answer.status >= 400 else None
    return match[1].decode() if match else None


def _app(service: str) -> Any:
    """Return a client of moto's application for a service, created on first use."""
    if service not in _apps:
        make_app = import_module('moto.server').create_backend_app
        _apps[service] = import_module('werkzeug.test').Client(make_app(service))
    return _apps[service]
