"""Stops reading a response once it is larger than any that AWS sends, while it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

# A page of 1,000 jobs has 1 to 2 MB. Parsed JSON takes ten times its size in memory, or more.
MAX_BYTES: Final = 32 * 2**20
# An error says what is wrong in its first lines, and in a header.
MAX_ERROR_BYTES: Final = 2**20
CHUNK: Final = 2**16


class MalformedAnswerError(ValueError):
    """A response that is not a JSON object, is larger than `MAX_BYTES`, or is truncated CBOR."""


def limit_bodies(client: BaseClient) -> None:
    """Make a client refuse responses larger than `MAX_BYTES`, and cut error responses at `MAX_ERROR_BYTES`.

    botocore has no hook between a response's headers and its body, so its HTTP session is wrapped.
    """
    endpoint = client._endpoint  # type: ignore[attr-defined]
    endpoint.http_session = _LimitedSession(endpoint.http_session)


class _LimitedSession:
    """botocore's HTTP session, but for how bodies are read."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        is_streamed = request.stream_output
        request.stream_output = True
        response: AWSResponse = self._session.send(request)
        if is_streamed and response.status_code < 300:
            # An object in S3, whose reader has a limit of its own.
            return response
        try:
            response.raw = _Read(_read(response))
        except MalformedAnswerError:
            raise
        except Exception as error:
            # What botocore makes of these where it reads a body itself, so that the request is tried again.
            if 'Timeout' in type(error).__name__:
                raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
            raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
        return response


class _Read:
    """A body that was read, in the form in which botocore expects one that was not."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._body


def _read(response: AWSResponse) -> bytes:
    is_error = response.status_code >= 300
    parts, size = [], 0
    for part in response.raw.stream(CHUNK):
        parts.append(part)
        size += len(part)
        if is_error and size > MAX_ERROR_BYTES:
            response.raw.close()
            return b''.join(parts)[:MAX_ERROR_BYTES]
        if size > MAX_BYTES:
            response.raw.close()
            raise MalformedAnswerError(f'more than {MAX_BYTES >> 20} MB in one answer')
    return b''.join(parts)
