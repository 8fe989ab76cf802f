"""Classifies failures of AWS calls by what to do about them."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from .secrets import without_credentials


class Kind(Enum):
    """Kinds of failure. The value is shown to people, and is the `reason` tag of `api.errors`."""

    DENIED = 'access_denied'
    CREDENTIALS = 'credentials'
    THROTTLED = 'throttled'
    NOT_FOUND = 'not_found'
    INVALID = 'invalid_request'
    SERVER = 'server_error'
    UNREACHABLE = 'unreachable'
    MALFORMED = 'malformed_response'
    INTERRUPTED = 'interrupted'
    OTHER = 'other'


IAM_ACTIONS: Final = {
    'ListModelCustomizationJobs': 'bedrock:ListModelCustomizationJobs',
    'GetModelCustomizationJob': 'bedrock:GetModelCustomizationJob',
    'ListTagsForResource': 'bedrock:ListTagsForResource',
    'GetResources': 'tag:GetResources',
    'GetCustomModel': 'bedrock:GetCustomModel',
    'GetObject': 's3:GetObject',
    'HeadBucket': 's3:ListBucket',
    'ListObjectsV2': 's3:ListBucket',
    'AssumeRole': 'sts:AssumeRole',
    'ListAccounts': 'organizations:ListAccounts',
}
"""The IAM action that each API operation needs (GetCallerIdentity needs none)."""

TAG_SESSION: Final = 'sts:TagSession'
"""The IAM action that a session with tags needs, besides sts:AssumeRole, to assume a role."""

FINDING_CREDENTIALS: Final = 'credentials'
"""Used in place of an API operation in errors about finding credentials."""

CREDENTIAL_OPERATIONS: Final = frozenset({'AssumeRoleWithWebIdentity', 'GetRoleCredentials'})
"""The operations that boto3 requests credentials with."""

# Exceptions that boto3 raises when it cannot obtain credentials, grouped by cause.
BAD_CONFIGURATION: Final = (
    'ConfigNotFound',
    'ConfigParseError',
    'InfiniteLoopConfigError',
    'InvalidConfigError',
    'UnknownCredentialError',
)
NOT_SIGNED_IN: Final = (
    'LoginAuthorizationCodeError',
    'LoginError',
    'LoginInsufficientPermissions',
    'LoginRefreshRequired',
    'LoginTokenLoadError',
    'NoAuthTokenError',
    'SSOError',
    'SSOTokenLoadError',
    'TokenRetrievalError',
    'UnauthorizedSSOTokenError',
)
# boto3 itself opens files only for credentials; TLS files are opened elsewhere.
BAD_FILE: Final = ('FileNotFoundError', 'IsADirectoryError', 'NotADirectoryError', 'PermissionError')
NO_CREDENTIALS: Final = (
    'CredentialRetrievalError',
    'JSONDecodeError',
    'MetadataRetrievalError',
    'MissingDependencyException',
    'NoCredentialsError',
    'PartialCredentialsError',
    'ProfileNotFound',
    'RefreshWithMFAUnsupportedError',
    *BAD_CONFIGURATION,
    *NOT_SIGNED_IN,
    *BAD_FILE,
)

_KINDS_BY_CODE: Final = {
    Kind.DENIED: {'AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'NotAuthorized', 'OptInRequired'},
    Kind.CREDENTIALS: {
        'ExpiredToken',
        'ExpiredTokenException',
        'IncompleteSignature',
        'InvalidAccessKeyId',
        'InvalidClientTokenId',
        'InvalidSignatureException',
        'MissingAuthenticationToken',
        'MissingAuthenticationTokenException',
        'RequestExpired',
        'RequestTimeTooSkewed',
        'SignatureDoesNotMatch',
        'UnrecognizedClientException',
        *NO_CREDENTIALS,
    },
    Kind.THROTTLED: {
        'LimitExceededException',
        'RequestLimitExceeded',
        'SlowDown',
        'Throttled',
        'ThrottledException',
        'Throttling',
        'ThrottlingException',
        'TooManyRequestsException',
    },
    Kind.NOT_FOUND: {'ResourceNotFoundException', 'NoSuchBucket', 'NoSuchEntity', 'NoSuchKey', 'ResourceNotFound'},
    Kind.INVALID: {'ValidationException', 'InvalidParameterException', 'PaginationTokenExpiredException'},
    Kind.SERVER: {'InternalServerException', 'InternalServiceException', 'InternalFailure', 'ServiceUnavailable'},
}
_KINDS_BY_STATUS: Final = {400: Kind.INVALID, 401: Kind.CREDENTIALS, 403: Kind.DENIED}
# Query strings hold times and page tokens, which would make one problem look like a new one at every poll.
_QUERY: Final = re.compile(r'(://[^\s?"\'<>]*+)(?:\?[^\s"\'<>]*+)?')
HEADER_VALUE: Final = 'header value'
"""What Python's and botocore's messages say when a credential contains characters that are invalid in a header."""
_NOT_AUTHORIZED: Final = re.compile(r'not authorized to perform: ([a-z0-9-]{2,32}:[A-Za-z0-9]{2,64})')
MAX_MESSAGE: Final = 500
# Searching megabytes of an error page for secrets would take seconds, and little of it is shown.
MAX_SEARCHED: Final = 20 * MAX_MESSAGE
MAX_CODE: Final = 100


class AwsError(Exception):
    """A call to AWS failed, after its retries.

    `kind` is the kind of failure, `operation` the API operation, `code` AWS's error code or the exception's name, and
    `message` the rest in one line, without credentials.
    """

    def __init__(self, kind: Kind, operation: str, code: str, message: str) -> None:
        self.kind, self.operation = kind, operation
        self.code = without_credentials(' '.join(code.split()))[:MAX_CODE]
        self.message = _QUERY.sub(r'\1', without_credentials(' '.join(message[:MAX_SEARCHED].split())))[:MAX_MESSAGE]
        super().__init__(f'{operation}: {self.code}: {self.message}')

    @property
    def is_refusal(self) -> bool:
        """Whether repeating the request is pointless until someone changes something.

        Only AWS's own error codes count: a bare HTTP status comes from some proxy and may be temporary.
        """
        return self.kind in (Kind.DENIED, Kind.NOT_FOUND, Kind.INVALID) and not self.code.isdigit()

    @property
    def iam_action(self) -> str | None:
        """The missing IAM action: the one that AWS names, else the operation's. None if none is known."""
        if self.kind is not Kind.DENIED or self.code.isdigit():
            return None
        named = _NOT_AUTHORIZED.search(self.message)
        return named[1] if named else IAM_ACTIONS.get(self.operation)


class InterruptedPollError(Exception):
    """The poll was cancelled or its time is up: no further request is made."""


class HangingCallsError(InterruptedPollError):
    """Too many calls of earlier polls are still hanging, so no new one is made."""


def kind_of(code: str, http_status: int | None) -> Kind:
    """Return the kind of an error response, by AWS's error code, else by the HTTP status."""
    for kind, codes in _KINDS_BY_CODE.items():
        if code in codes:
            return kind
    if http_status == 429:
        return Kind.THROTTLED
    if http_status is not None and http_status >= 500:
        return Kind.SERVER
    if code.isdigit():
        # AWS's own errors have a code. A bare 404 comes from some proxy: a job is gone only if Bedrock says so.
        return Kind.UNREACHABLE
    return _KINDS_BY_STATUS.get(http_status or 0, Kind.OTHER)


def explain(error: Exception, operation: str) -> AwsError:
    """Convert any exception from an AWS call to an `AwsError`."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, ClientError):
        answer = error.response.get('Error', {})
        status = error.response.get('ResponseMetadata', {}).get('HTTPStatusCode')
        code = str(answer.get('Code') or status or 'Unknown')
        # An AssumeRole that fails inside another operation is about the role, not about that operation.
        operation = error.operation_name or operation
        kind = kind_of(code, status)
        if operation in CREDENTIAL_OPERATIONS and kind not in (Kind.THROTTLED, Kind.SERVER, Kind.UNREACHABLE):
            kind = Kind.CREDENTIALS
        return AwsError(kind, operation, code, str(answer.get('Message') or ''))
    kind = _kind_of_exception(error, operation)
    if kind is Kind.CREDENTIALS:
        # No request was sent, so the intended operation is irrelevant.
        operation = FINDING_CREDENTIALS
    return AwsError(kind, operation, type(error).__name__, str(error))


def _kind_of_exception(error: Exception, operation: str) -> Kind:
    if isinstance(error, InterruptedPollError):
        return Kind.INTERRUPTED
    if kind_of(type(error).__name__, None) is Kind.CREDENTIALS or HEADER_VALUE in str(error):
        return Kind.CREDENTIALS
    if isinstance(error, HTTPClientError):
        return Kind.UNREACHABLE
    # botocore's parsers raise these when a member's type differs from its model, in an answer or in the output of
    # credential_process.
    if isinstance(error, (UnicodeError, TypeError, LookupError, AttributeError)):
        return Kind.CREDENTIALS if operation == FINDING_CREDENTIALS else Kind.MALFORMED
    if isinstance(error, (ResponseParserError, ValueError)):
        return Kind.MALFORMED
    return Kind.UNREACHABLE if isinstance(error, (BotoCoreError, OSError)) else Kind.OTHER
