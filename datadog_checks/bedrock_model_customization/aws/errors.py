"""What went wrong in a call to AWS, in terms that decide what to do about it."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)
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

FINDING_CREDENTIALS: Final = 'credentials'
"""What stands for the API operation in an error about finding credentials."""

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
# A bare 404 is some proxy's: a job is gone only where Bedrock itself says so.
_KINDS_BY_STATUS: Final = {400: Kind.INVALID, 401: Kind.CREDENTIALS, 403: Kind.DENIED}
_URL_CREDENTIALS: Final = re.compile(r'(?<=//)[^/@\s]+@')
# What a signed URL or an authorization header carries; botocore quotes URLs in some of its messages.
_SIGNATURE: Final = re.compile(
    r'(?i)((?:x-amz-)?(?:signature|credential|security-token)|awsaccesskeyid|sessiontoken)([=:]\s*)[^&\s,"\']+'
)
MAX_MESSAGE: Final = 500


class AwsError(Exception):
    """A call to AWS failed, after its retries.

    `kind` says what sort of failure it is, `operation` the API operation, `code` AWS's error code or the name of the
    exception, `message` the rest in one line, without credentials.
    """

    def __init__(self, kind: Kind, operation: str, code: str, message: str) -> None:
        self.kind, self.operation, self.code = kind, operation, code
        self.message = without_credentials(' '.join(message.split()))[:MAX_MESSAGE]
        super().__init__(f'{operation}: {code}: {self.message}')

    @property
    def is_refusal(self) -> bool:
        """Whether the same request would get the same answer again, until someone changes something.

        Only AWS's own word for it counts: a status without an error code is some proxy's, and may pass.
        """
        return self.kind in (Kind.DENIED, Kind.NOT_FOUND, Kind.INVALID) and not self.code.isdigit()

    @property
    def iam_action(self) -> str | None:
        """The IAM action to allow, where that is what is missing."""
        return IAM_ACTIONS.get(self.operation) if self.kind is Kind.DENIED else None


CONSEQUENCES: Final = {
    'ListModelCustomizationJobs': 'nothing is collected from this account and Region',
    'GetModelCustomizationJob': 'failure messages and losses are missing',
    'ListTagsForResource': 'the tags of very recent jobs may be missing',
    'GetResources': 'tags are asked for job by job, with many more requests',
    'GetCustomModel': 'the losses of jobs whose description has none come from S3 alone',
    'GetObject': "the job's loss curve is missing",
    'ListObjectsV2': 'validation curves are looked for under their usual names only, record counts not at all',
    'AssumeRole': 'nothing is collected from this account',
    'GetCallerIdentity': 'the tag aws_account is missing while there is no job',
}
"""What is lost while an API operation does not work."""

_ADVICE: Final = {
    Kind.CREDENTIALS: "check the Agent's AWS credentials (and its clock); they are looked up anew at every poll",
    Kind.THROTTLED: 'AWS throttles these requests; what is missing is asked for again at the next polls',
    Kind.UNREACHABLE: "check the Region's name, endpoint_url, proxy, CA bundle and network",
    Kind.INTERRUPTED: 'collection_timeout ended the poll; raise it, or give the instance fewer Regions',
    Kind.SERVER: 'AWS failed to answer; asked again at the next poll',
}
_NO_CREDENTIALS: Final = (
    "check the Agent's AWS credentials: none were found; give the Agent an instance role, IRSA, EKS Pod Identity, or "
    'credentials in its environment or profile'
)
_EXPIRED: Final = (
    "check the Agent's AWS credentials: they have expired; renew them, or give the Agent a role, whose credentials "
    'renew themselves'
)
_NEVER_FOUND: Final = (
    "looking up the Agent's AWS credentials does not end: check credential_process, the instance metadata service and "
    'whatever else they come from'
)
_HANGING: Final = (
    'answers of AWS, or what looks up credentials (credential_process), do not end: check network and proxy; a restart '
    'of the Agent ends them'
)
_NOT_SIGNED_RIGHT: Final = "check the Agent's AWS credentials and the clock of its host: AWS refuses the signature"
_NOT_KNOWN: Final = (
    "check the Agent's AWS credentials: AWS does not know them; they were deleted, or the Region is not enabled for "
    'the account'
)
_ADVICE_BY_CODE: Final = {
    'HangingCallsError': _HANGING,
    'NoCredentialsError': _NO_CREDENTIALS,
    'ExpiredToken': _EXPIRED,
    'ExpiredTokenException': _EXPIRED,
    'InvalidSignatureException': _NOT_SIGNED_RIGHT,
    'RequestExpired': _NOT_SIGNED_RIGHT,
    'RequestTimeTooSkewed': _NOT_SIGNED_RIGHT,
    'SignatureDoesNotMatch': _NOT_SIGNED_RIGHT,
    'InvalidAccessKeyId': _NOT_KNOWN,
    'InvalidClientTokenId': _NOT_KNOWN,
    'UnrecognizedClientException': _NOT_KNOWN,
    'OptInRequired': 'enable the Region for the account, or take it out of regions',
}
# AWS says in its message which kind of policy refused; to allow the action anywhere else would change nothing.
_ELSEWHERE: Final = (
    'service control policy',
    'resource control policy',
    'permissions boundary',
    'VPC endpoint policy',
    'session policy',
)


def remedy(error: AwsError) -> str | None:
    """Return what to do about a failure, in plain words, None where nothing can be done."""
    if error.code in _ADVICE_BY_CODE:
        return _ADVICE_BY_CODE[error.code]
    if error.kind is Kind.INTERRUPTED and error.operation == FINDING_CREDENTIALS:
        return _NEVER_FOUND
    if not error.iam_action:
        return _ADVICE.get(error.kind)
    allow = f'allow the IAM action {error.iam_action}'
    place = next((place for place in _ELSEWHERE if place in error.message), None)
    if place:
        return f'{allow} in the {place}'
    if 'explicit deny' in error.message:
        return f'{allow}: a policy denies it explicitly, which no other policy can make good'
    if error.operation == 'AssumeRole':
        return f"{allow}, and let the role's trust policy name the Agent's principal and the external_id"
    return allow


def advise(error: AwsError) -> str:
    """Return what failed, what is lost by it and what to do, in one plain line for a person."""
    consequence = CONSEQUENCES.get(error.operation)
    parts = [str(error), f'meanwhile {consequence}' if consequence else None, remedy(error)]
    return '; '.join(part for part in parts if part)


def listing_broken_off(error: AwsError) -> str:
    """Return what it means that a listing did not come to its end, and what to do, in one plain line for a person."""
    parts = [f'the listing of jobs was broken off and goes on at the next poll: {error}', remedy(error)]
    return '; '.join(part for part in parts if part)


class InterruptedPollError(Exception):
    """The poll was cancelled, or its time was up: no further request is made."""


class HangingCallsError(InterruptedPollError):
    """So many calls of earlier polls never ended that none is made any more."""


def without_credentials(text: str) -> str:
    """Return a text without the user and password of URLs in it, nor anything of a signature."""
    return _SIGNATURE.sub(r'\1\2***', _URL_CREDENTIALS.sub('***@', text))


def kind_of(code: str, http_status: int | None) -> Kind:
    """Return the kind of an error answer, by AWS's error code, else by the HTTP status."""
    for kind, codes in _KINDS_BY_CODE.items():
        if code in codes:
            return kind
    if http_status == 429:
        return Kind.THROTTLED
    if http_status is not None and http_status >= 500:
        return Kind.SERVER
    return _KINDS_BY_STATUS.get(http_status or 0, Kind.OTHER)


def explain(error: Exception, operation: str) -> AwsError:
    """Return any exception of a call to AWS as an `AwsError`."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, ClientError):
        answer = error.response.get('Error', {})
        code = str(answer.get('Code') or 'Unknown')
        status = error.response.get('ResponseMetadata', {}).get('HTTPStatusCode')
        # An AssumeRole that fails inside another operation is about the role, not about that operation.
        operation = error.operation_name or operation
        return AwsError(kind_of(code, status), operation, code, str(answer.get('Message') or ''))
    return AwsError(_kind_of_exception(error), operation, type(error).__name__, str(error))


def _kind_of_exception(error: Exception) -> Kind:
    if isinstance(error, InterruptedPollError):
        return Kind.INTERRUPTED
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError)):
        return Kind.CREDENTIALS
    if isinstance(error, HTTPClientError):
        return Kind.UNREACHABLE
    # The last three are what botocore's parsers raise over a member of another type than its model's.
    if isinstance(error, (ResponseParserError, ValueError, TypeError, LookupError, AttributeError)):
        return Kind.MALFORMED
    return Kind.UNREACHABLE if isinstance(error, (BotoCoreError, OSError)) else Kind.OTHER
