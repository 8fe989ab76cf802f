"""AWS errors in the format of each wire protocol, and the code each service uses for the same problem."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

from .wire import CBOR, JSON, QUERY, REST_JSON, S3, Answer, encode_cbor


class ApiError(Exception):
    """An error response: AWS's error `code`, its `message` and the HTTP `status`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f'{code}: {message}')
        self.code = code
        self.message = message
        self.status = status


class Trouble(StrEnum):
    """Kinds of errors that every service has, each under its own code."""

    THROTTLED = 'throttled'
    DENIED = 'denied'
    INTERNAL = 'internal'
    EXPIRED = 'expired'
    UNSIGNED = 'unsigned'


_CODES: Final[dict[tuple[str, Trouble], tuple[str, int]]] = {
    ('bedrock', Trouble.THROTTLED): ('ThrottlingException', 429),
    ('bedrock', Trouble.DENIED): ('AccessDeniedException', 403),
    ('bedrock', Trouble.INTERNAL): ('InternalServerException', 500),
    ('bedrock', Trouble.EXPIRED): ('ExpiredTokenException', 403),
    ('bedrock', Trouble.UNSIGNED): ('MissingAuthenticationTokenException', 403),
    ('tagging', Trouble.THROTTLED): ('ThrottledException', 400),
    ('tagging', Trouble.DENIED): ('AccessDeniedException', 400),
    ('tagging', Trouble.INTERNAL): ('InternalServiceException', 500),
    ('tagging', Trouble.EXPIRED): ('ExpiredTokenException', 400),
    ('tagging', Trouble.UNSIGNED): ('MissingAuthenticationTokenException', 403),
    ('organizations', Trouble.THROTTLED): ('TooManyRequestsException', 400),
    ('organizations', Trouble.DENIED): ('AccessDeniedException', 400),
    ('organizations', Trouble.INTERNAL): ('ServiceException', 500),
    ('organizations', Trouble.EXPIRED): ('ExpiredTokenException', 400),
    ('organizations', Trouble.UNSIGNED): ('MissingAuthenticationTokenException', 403),
    ('sts', Trouble.THROTTLED): ('Throttling', 400),
    ('sts', Trouble.DENIED): ('AccessDenied', 403),
    ('sts', Trouble.INTERNAL): ('InternalFailure', 500),
    ('sts', Trouble.EXPIRED): ('ExpiredToken', 403),
    ('sts', Trouble.UNSIGNED): ('MissingAuthenticationToken', 403),
    ('s3', Trouble.THROTTLED): ('SlowDown', 503),
    ('s3', Trouble.DENIED): ('AccessDenied', 403),
    ('s3', Trouble.INTERNAL): ('InternalError', 500),
    ('s3', Trouble.EXPIRED): ('ExpiredToken', 400),
    ('s3', Trouble.UNSIGNED): ('AccessDenied', 403),
}


def trouble(service: str, kind: Trouble, message: str) -> ApiError:
    """Return the error with which `service` reports `kind`."""
    code, status = _CODES.get((service, kind), _CODES['bedrock', kind])
    return ApiError(code, message, status)


def not_found(message: str) -> ApiError:
    return ApiError('ResourceNotFoundException', message, 404)


def invalid(message: str) -> ApiError:
    return ApiError('ValidationException', message, 400)


def conflict(message: str) -> ApiError:
    return ApiError('ConflictException', message, 400)


def render(error: ApiError, protocol: str) -> Answer:
    """Return the error as an HTTP response in the wire protocol."""
    if protocol == REST_JSON:
        body = json.dumps({'message': error.message}).encode()
        return Answer(error.status, body, {'x-amzn-errortype': error.code})
    if protocol == JSON:
        body = json.dumps({'__type': error.code, 'Message': error.message}).encode()
        return Answer(error.status, body, content_type='application/x-amz-json-1.1')
    if protocol == CBOR:
        body = encode_cbor({'__type': f'com.amazonaws.resourcegroupstaggingapi#{error.code}', 'Message': error.message})
        return Answer(error.status, body, {'smithy-protocol': CBOR}, content_type='application/cbor')
    detail = f'<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>'
    if protocol == S3:
        text = f'<?xml version="1.0" encoding="UTF-8"?><Error>{detail}</Error>'
        return Answer(error.status, text.encode(), content_type='application/xml')
    assert protocol == QUERY
    text = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f'<Error><Type>Sender</Type>{detail}</Error><RequestId>simulated</RequestId></ErrorResponse>'
    )
    return Answer(error.status, text.encode(), content_type='text/xml')
