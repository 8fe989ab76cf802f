"""What failures of AWS are taken for, and what is said of them: one remedy each, whole, and nothing secret."""

from __future__ import annotations

import json
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.aws import errors
from datadog_checks.bedrock_model_customization.aws.advice import (
    BY_EXCEPTION,
    BY_OPERATION,
    CONSEQUENCES,
    MAX_ADVICE,
    advise,
    consequence,
    listing_broken_off,
    remedy,
)
from datadog_checks.bedrock_model_customization.aws.errors import (
    FINDING_CREDENTIALS,
    AwsError,
    Kind,
    explain,
)
from datadog_checks.bedrock_model_customization.aws.secrets import without_credentials
from datadog_checks.bedrock_model_customization.telemetry.text import one_line

LIST = 'ListModelCustomizationJobs'
IRSA = 'AssumeRoleWithWebIdentity'
DENIAL = (
    'User: arn:aws:sts::123456789012:assumed-role/DatadogBedrockModelCustomizationReadOnlyRole/datadog-agent is not '
    'authorized to perform: '
    f'bedrock:{LIST} on resource: arn:aws:bedrock:us-east-1:123456789012:model-customization-job/'
    'amazon.nova-lite-v1:0:300k/miee4df3g2vt with an explicit deny in a service control policy: '
    'arn:aws:organizations::111122223333:policy/o-a1b2c3d4e5/service_control_policy/p-a1b2c3d4'
)


def answer(code: str | None, status: int, operation: str = LIST, message: str = 'no') -> AwsError:
    """What is made of an answer of AWS, or of whoever answers in its place."""
    error: Any = {'Message': message} | ({'Code': code} if code else {})
    return explain(ClientError({'Error': error, 'ResponseMetadata': {'HTTPStatusCode': status}}, operation), LIST)  # type: ignore[typeddict-item]


def raised(name: str) -> Exception:
    """An exception of botocore's, with something for whatever its text names."""
    kind = getattr(botocore.exceptions, name)
    error = kind.__new__(kind)
    Exception.__init__(error, f'{name} was raised')
    assert isinstance(error, Exception)
    return error


NO_CREDENTIALS = {
    'NoCredentialsError': 'none were found',
    'PartialCredentialsError': 'half of a pair of keys',
    'CredentialRetrievalError': 'credential_process, EKS Pod Identity',
    'MetadataRetrievalError': 'the service that gives the container',
    'ProfileNotFound': 'let AWS_PROFILE name a profile',
    'ConfigParseError': 'correct the AWS configuration',
    'ConfigNotFound': 'correct the AWS configuration',
    'InvalidConfigError': 'correct the AWS configuration',
    'InfiniteLoopConfigError': 'correct the AWS configuration',
    'UnknownCredentialError': 'correct the AWS configuration',
    'RefreshWithMFAUnsupportedError': 'no MFA token',
    'SSOError': 'sign in anew',
    'SSOTokenLoadError': 'sign in anew',
    'UnauthorizedSSOTokenError': 'sign in anew',
    'TokenRetrievalError': 'sign in anew',
    'NoAuthTokenError': 'sign in anew',
    'LoginError': 'sign in anew',
    'LoginRefreshRequired': 'sign in anew',
    'LoginTokenLoadError': 'sign in anew',
    'LoginInsufficientPermissions': 'sign in anew',
    'LoginAuthorizationCodeError': 'sign in anew',
}


@pytest.mark.parametrize(('name', 'words'), NO_CREDENTIALS.items())
def test_credentials_that_cannot_be_had(name: str, words: str) -> None:
    """At first use or at a renewal, in the midst of some operation: nothing was asked of that."""
    for operation in (FINDING_CREDENTIALS, LIST):
        error = explain(raised(name), operation)
        assert (error.kind, error.operation) == (Kind.CREDENTIALS, FINDING_CREDENTIALS)
        assert words in str(remedy(error))
        assert consequence(error) == 'nothing is collected'


def test_what_is_about_credentials_has_advice_of_its_own() -> None:
    assert BY_EXCEPTION.keys() == set(errors.NO_CREDENTIALS)
    assert BY_OPERATION.keys() == errors.CREDENTIAL_OPERATIONS


def test_every_sort_of_credentials_that_boto3_knows_has_its_remedy() -> None:
    families = [getattr(botocore.exceptions, name) for name in ('SSOError', 'LoginError', 'InvalidConfigError')]
    known = [each for each in vars(botocore.exceptions).values() if isinstance(each, type)]
    members = {each.__name__ for each in known if issubclass(each, tuple(families))}
    assert members and members <= NO_CREDENTIALS.keys()


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (FileNotFoundError(2, 'No such file or directory', '/var/run/secrets/token'), 'the file exists'),
        (PermissionError(13, 'Permission denied', '/var/run/secrets/token'), "the Agent's user may read it"),
        (json.JSONDecodeError('Expecting value', 'not JSON', 0), 'correct credential_process'),
        (ValueError('Auth token value is not a legal header value'), 'line break'),
        (
            botocore.exceptions.HTTPClientError(error=ValueError("Invalid header value b'IQoJsecret\\n'")),
            'a line break or another character that no header may have',
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_credentials_that_cannot_be_read_or_sent(error: Exception, words: str) -> None:
    for operation in (FINDING_CREDENTIALS, LIST):
        explained = explain(error, operation)
        assert explained.kind is Kind.CREDENTIALS
        assert words in str(remedy(explained))
        assert 'IQoJ' not in str(explained)


@pytest.mark.parametrize(
    'error', [AttributeError("'list'"), KeyError('AccessKeyId'), UnicodeDecodeError('a', b'', 0, 1, '')]
)
def test_what_a_credential_process_prints_is_no_answer_of_aws(error: Exception) -> None:
    assert explain(error, FINDING_CREDENTIALS).kind is Kind.CREDENTIALS
    assert explain(error, LIST).kind is Kind.MALFORMED


@pytest.mark.parametrize(
    ('code', 'status', 'operation', 'kind', 'words'),
    [
        ('AccessDenied', 403, IRSA, Kind.CREDENTIALS, 'check IRSA'),
        ('InvalidIdentityToken', 400, IRSA, Kind.CREDENTIALS, 'check IRSA'),
        ('ExpiredTokenException', 400, IRSA, Kind.CREDENTIALS, 'whose token must not have expired'),
        ('IDPRejectedClaim', 403, IRSA, Kind.CREDENTIALS, 'check IRSA'),
        ('Throttling', 400, IRSA, Kind.THROTTLED, 'AWS throttles'),
        ('InternalFailure', 500, IRSA, Kind.SERVER, 'AWS failed to answer'),
        ('ForbiddenException', 403, 'GetRoleCredentials', Kind.CREDENTIALS, 'sign in anew'),
        ('AccessDenied', 403, 'AssumeRole', Kind.DENIED, 'allow the IAM action sts:AssumeRole, and let'),
        ('AccessDeniedException', 403, LIST, Kind.DENIED, f'allow the IAM action bedrock:{LIST}'),
        ('403', 403, LIST, Kind.UNREACHABLE, 'most often a proxy'),
        ('400', 400, LIST, Kind.UNREACHABLE, 'most often a proxy'),
        ('401', 401, LIST, Kind.UNREACHABLE, 'most often a proxy'),
        ('404', 404, LIST, Kind.UNREACHABLE, 'most often a proxy'),
        ('407', 407, LIST, Kind.UNREACHABLE, 'most often a proxy'),
        (None, 403, 'GetCallerIdentity', Kind.UNREACHABLE, 'most often a proxy'),
        ('502', 502, LIST, Kind.SERVER, 'AWS failed to answer'),
        ('429', 429, LIST, Kind.THROTTLED, 'AWS throttles'),
    ],
)
def test_what_is_answered(code: str, status: int, operation: str, kind: Kind, words: str) -> None:
    error = answer(code, status, operation)
    assert (error.kind, error.operation) == (kind, operation)
    assert words in str(remedy(error))
    assert (error.iam_action is None) == (kind is not Kind.DENIED)


def test_no_status_of_a_proxy_is_mended_in_iam() -> None:
    error = AwsError(Kind.DENIED, LIST, '403', '<html>blocked</html>')
    assert error.iam_action is None and not error.is_refusal
    assert 'IAM' not in advise(error)


def test_consequences_that_credentials_have() -> None:
    for operation in ('GetCallerIdentity', LIST, 'GetResources', IRSA):
        assert consequence(AwsError(Kind.CREDENTIALS, operation, 'ExpiredToken', '')) == 'nothing is collected'
    # A bucket in another account may refuse what Bedrock takes.
    assert 'loss curve' in str(consequence(AwsError(Kind.CREDENTIALS, 'GetObject', 'InvalidAccessKeyId', '')))


# --- nothing secret, and nothing that changes from poll to poll


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ("Invalid header value b'IQoJ 'EXAMPLE\\n' and more", 'Invalid header value ***'),
        ("Invalid header name b'x y'", 'Invalid header name ***'),
        ('http://user:pass@proxy:3128', 'http://***@proxy:3128'),
        ('http://user:p@ss@proxy:3128/', 'http://***@proxy:3128/'),
    ],
)
def test_secrets_are_taken_out(text: str, expected: str) -> None:
    assert without_credentials(text) == expected


def test_one_problem_has_one_text_whatever_page_it_was() -> None:
    urls = [
        f'https://bedrock.us-east-1.amazonaws.com/model-customization-jobs?maxResults=1000&nextToken={token}&creation'
        f'TimeAfter={time}'
        for token, time in (('a%2Fb', '2026-11-23T10%3A00%3A00Z'), ('c?d', '2026-11-23T10%3A05%3A00Z'))
    ]
    told = [str(explain(botocore.exceptions.EndpointConnectionError(endpoint_url=url), LIST)) for url in urls]
    assert told[0] == told[1]
    assert told[0].endswith('"https://bedrock.us-east-1.amazonaws.com/model-customization-jobs"')
    # What follows the URL stays, and so does a question.
    kept = AwsError(Kind.OTHER, LIST, 'X', "SSL failed for https://a.example/b?c=d [X509] why? 'http://e/?f'")
    assert kept.message == "SSL failed for https://a.example/b [X509] why? 'http://e/'"


# --- what is lost and what to do is never cut


def test_a_real_denial_leaves_room_for_the_remedy() -> None:
    assert len(DENIAL) > 400
    told = one_line(advise(answer('AccessDeniedException', 403, message=DENIAL)), MAX_ADVICE)
    assert told.startswith(f'{LIST}: AccessDeniedException: User: arn:aws:sts::123456789012')
    assert told.endswith(f'allow the IAM action bedrock:{LIST} in the service control policy')
    assert '...; meanwhile nothing is collected from this account and Region; ' in told


OPERATIONS = st.sampled_from([*CONSEQUENCES, FINDING_CREDENTIALS, IRSA, 'GetRoleCredentials', 'ListAccounts', 'poll'])
CODES = st.sampled_from(['AccessDeniedException', 'ExpiredToken', 'OptInRequired', '403', *NO_CREDENTIALS]) | st.text()
WORDS = st.sampled_from(['@', ' ', 'explicit deny', 'VPC endpoint policy', 'header value', '\ud800', '\0', DENIAL])


@given(
    st.sampled_from(Kind),
    OPERATIONS,
    CODES | st.text(min_size=400),
    st.text() | st.lists(WORDS, max_size=60).map(' '.join) | st.text('@', min_size=300),
)
def test_what_is_lost_and_what_to_do_is_never_cut(kind: Kind, operation: str, code: str, message: str) -> None:
    error = AwsError(kind, operation, code, message)
    for text, parts in (
        (advise(error), (consequence(error), remedy(error))),
        (listing_broken_off(error), ('the listing of jobs was broken off', remedy(error))),
    ):
        shown = one_line(text, MAX_ADVICE)
        assert all(part in shown for part in parts if part)
        assert operation in shown
        assert remedy(error) is None or shown.endswith(str(remedy(error)))


@pytest.mark.parametrize(
    ('message', 'words'),
    [
        (
            'User: arn:aws:sts::123456789012:assumed-role/Agent/x is not authorized to perform: sts:TagSession on '
            'resource: arn:aws:iam::210987654321:role/Datadog',
            'allow the IAM action sts:TagSession in the',
        ),
        ('User: x is not authorized to perform: sts:AssumeRole on resource: y', 'allow the IAM action sts:AssumeRole'),
        ('no', 'allow the IAM action sts:AssumeRole'),
        ('is not authorized to perform: <b>', 'allow the IAM action sts:AssumeRole'),
    ],
)
def test_the_action_that_is_missing_is_the_one_that_aws_names(message: str, words: str) -> None:
    told = remedy(AwsError(Kind.DENIED, 'AssumeRole', 'AccessDenied', message))
    assert told and words in told
