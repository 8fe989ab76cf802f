"""What went wrong in a call to AWS, in terms that decide what to do about it."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError


class Kind(Enum):
    """Kinds of failure. The value is said to people, and is the `reason` tag of `api.errors`."""

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
"""What a session that has tags needs, beside the action itself, to assume a role."""

FINDING_CREDENTIALS: Final = 'credentials'
"""What stands for the API operation in an error about finding credentials."""

CREDENTIAL_OPERATIONS: Final = frozenset({'AssumeRoleWithWebIdentity', 'GetRoleCredentials'})
"""The operations that boto3 asks for credentials with."""

# Exceptions by which boto3 says that credentials cannot be had, in groups that have the same cause.
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
# A file that boto3 itself opens, unlike one of TLS, is about credentials.
BAD_FILE: Final = ('FileNotFoundError', 'IsADirectoryError', 'NotADirectoryError', 'PermissionError')
NO_CREDENTIALS: Final = (
    'CredentialRetrievalError',
    'JSONDecodeError',
    'MetadataRetrievalError',
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
_URL_CREDENTIALS: Final = re.compile(r'(?<=//)[^/\s]+@')
# It holds times and the token of a page, which would make one problem a new one at every poll.
_QUERY: Final = re.compile(r'(://[^\s?"\'<>]*+)(?:\?[^\s"\'<>]*+)?')
# What a signed URL or an authorization header carries; botocore quotes URLs in some of its messages.
_SIGNATURE: Final = re.compile(
    r'(?i)((?:x-amz-)?(?:signature|credential|security-token)|awsaccesskeyid|sessiontoken)([=:]\s*)[^&\s,"\']+'
)
# Python quotes a header that it refuses: a session token, or all that is signed.
_HEADER: Final = re.compile(r'(?i)(invalid header (?:name|value)).*', re.DOTALL)
HEADER_VALUE: Final = 'header value'
"""What Python, and botocore, say of a credential that no header may have."""
_NOT_AUTHORIZED: Final = re.compile(r'not authorized to perform: ([a-z0-9-]{2,32}:[A-Za-z0-9]{2,64})')
MAX_MESSAGE: Final = 500
# To look for secrets in a page of megabytes, of which little is shown, would take seconds.
MAX_SEARCHED: Final = 20 * MAX_MESSAGE
MAX_CODE: Final = 100


class AwsError(Exception):
    """A call to AWS failed, after its retries.

    `kind` says what sort of failure it is, `operation` the API operation, `code` AWS's error code or the name of the
    exception, `message` the rest in one line, without credentials.
    """

    def __init__(self, kind: Kind, operation: str, code: str, message: str) -> None:
        self.kind, self.operation, self.code = kind, operation, ' '.join(code.split())[:MAX_CODE]
        self.message = _QUERY.sub(r'\1', without_credentials(' '.join(message[:MAX_SEARCHED].split())))[:MAX_MESSAGE]
        super().__init__(f'{operation}: {code}: {self.message}')

    @property
    def is_refusal(self) -> bool:
        """Whether the same request would get the same answer again, until someone changes something.

        Only AWS's own word for it counts: a status without an error code is some proxy's, and may pass.
        """
        return self.kind in (Kind.DENIED, Kind.NOT_FOUND, Kind.INVALID) and not self.code.isdigit()

    @property
    def iam_action(self) -> str | None:
        """The IAM action to allow, where that is what is missing: the one that AWS names, else the operation's."""
        if self.kind is not Kind.DENIED or self.code.isdigit():
            return None
        named = _NOT_AUTHORIZED.search(self.message)
        return named[1] if named else IAM_ACTIONS.get(self.operation)


class InterruptedPollError(Exception):
    """The poll was cancelled, or its time was up: no further request is made."""


class HangingCallsError(InterruptedPollError):
    """So many calls of earlier polls never ended that none is made any more."""


def without_credentials(text: str) -> str:
    """Return a text without the user and password of URLs in it, nor anything of a signature or of a header."""
    return _HEADER.sub(r'\1 ***', _SIGNATURE.sub(r'\1\2***', _URL_CREDENTIALS.sub('***@', text)))


def kind_of(code: str, http_status: int | None) -> Kind:
    """Return the kind of an error answer, by AWS's error code, else by the HTTP status."""
    for kind, codes in _KINDS_BY_CODE.items():
        if code in codes:
            return kind
    if http_status == 429:
        return Kind.THROTTLED
    if http_status is not None and http_status >= 500:
        return Kind.SERVER
    if code.isdigit():
        # AWS gives its errors a code. A bare 404, say, is some proxy's: a job is gone only where Bedrock says so.
        return Kind.UNREACHABLE
    return _KINDS_BY_STATUS.get(http_status or 0, Kind.OTHER)


def explain(error: Exception, operation: str) -> AwsError:
    """Return any exception of a call to AWS as an `AwsError`."""
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
        # No request was sent: the operation that was to be is beside the point.
        operation = FINDING_CREDENTIALS
    return AwsError(kind, operation, type(error).__name__, str(error))


def _kind_of_exception(error: Exception, operation: str) -> Kind:
    if isinstance(error, InterruptedPollError):
        return Kind.INTERRUPTED
    if kind_of(type(error).__name__, None) is Kind.CREDENTIALS or HEADER_VALUE in str(error):
        return Kind.CREDENTIALS
    if isinstance(error, HTTPClientError):
        return Kind.UNREACHABLE
    # What botocore's parsers raise over a member of another type than its model's: an answer, or a credential_process.
    if isinstance(error, (UnicodeError, TypeError, LookupError, AttributeError)):
        return Kind.CREDENTIALS if operation == FINDING_CREDENTIALS else Kind.MALFORMED
    if isinstance(error, (ResponseParserError, ValueError)):
        return Kind.MALFORMED
    return Kind.UNREACHABLE if isinstance(error, (BotoCoreError, OSError)) else Kind.OTHER
