"""Human-readable consequences and remedies for AWS failures. Nothing here affects what the check does."""

from __future__ import annotations

from typing import Final

from .errors import (
    BAD_CONFIGURATION,
    BAD_FILE,
    FINDING_CREDENTIALS,
    HEADER_VALUE,
    NOT_SIGNED_IN,
    TAG_SESSION,
    AwsError,
    Kind,
)

MAX_ADVICE: Final = 500
_CUT: Final = '...'

CONSEQUENCES: Final = {
    'ListModelCustomizationJobs': 'nothing is collected from this account and Region',
    'GetModelCustomizationJob': 'failure messages and losses are missing',
    'ListTagsForResource': 'events may lack the newest tags; what a filter on tags cannot judge waits for a day',
    'GetResources': 'tags are asked for job by job, with many more requests',
    'GetCustomModel': 'the losses of jobs whose description has none come from S3 alone',
    'GetObject': "the job's loss curve is missing",
    'ListObjectsV2': 'validation curves are looked for under their usual names only, record counts not at all',
    'AssumeRole': 'nothing is collected from this account',
    'GetCallerIdentity': 'the account is taken to be the one polled before, or that of its jobs',
}
"""What is lost while an API operation fails, by operation."""

_CONFIGURATION: Final = (
    "correct the AWS configuration of the Agent's user: the files in AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, "
    'or else ~/.aws/config and ~/.aws/credentials'
)
_SIGN_IN: Final = (
    'sign in anew (aws sso login, or aws login) as someone who may have this role; better give the Agent a role of its '
    'own, whose credentials renew themselves'
)
_FILE: Final = (
    "see to it that the file exists and that the Agent's user may read it: it is the token of IRSA or of EKS Pod "
    'Identity, the program of credential_process, or the AWS configuration'
)
BY_EXCEPTION: Final = {
    'NoCredentialsError': (
        "check the Agent's AWS credentials: none were found; give the Agent an instance role, IRSA, EKS Pod Identity, "
        'or credentials in its environment or profile'
    ),
    'PartialCredentialsError': 'set what the message says is missing: half of a pair of keys hides every other source',
    'CredentialRetrievalError': (
        "check where the Agent's AWS credentials come from, which answered so: credential_process, EKS Pod Identity, "
        'ECS, or the profile'
    ),
    'MetadataRetrievalError': 'check the service that gives the container its AWS credentials, which answered so',
    'MissingDependencyException': (
        "give the Agent a role of its own: its profile was made by 'aws login', which boto3 reads only with "
        'botocore[crt], and the Agent does not ship that'
    ),
    'ProfileNotFound': (
        "let AWS_PROFILE name a profile that the AWS configuration of the Agent's user has, or take the variable away"
    ),
    'RefreshWithMFAUnsupportedError': 'give the Agent credentials that ask for no MFA token',
    'JSONDecodeError': 'correct credential_process: it must print the JSON that AWS documents for it, and nothing else',
    **dict.fromkeys(BAD_CONFIGURATION, _CONFIGURATION),
    **dict.fromkeys(NOT_SIGNED_IN, _SIGN_IN),
    **dict.fromkeys(BAD_FILE, _FILE),
}
"""What to do when no credentials can be obtained, by exception name."""

BY_OPERATION: Final = {
    'AssumeRoleWithWebIdentity': (
        'check IRSA: the role in AWS_ROLE_ARN must trust the OIDC provider of the cluster, which its account must '
        "know, and the Agent's service account, whose token must not have expired"
    ),
    'GetRoleCredentials': _SIGN_IN,
}
"""What to do when AWS refuses to issue credentials, by the operation that boto3 requests them with."""

_EXPIRED: Final = (
    "check the Agent's AWS credentials: they have expired; renew them, or give the Agent a role, whose credentials "
    'renew themselves'
)
NEVER_FOUND: Final = (
    "looking up the Agent's AWS credentials does not end: check credential_process, the instance metadata service and "
    'whatever else they come from'
)
_HANGING: Final = (
    'answers of AWS, or what looks up credentials (credential_process), do not end: check network and proxy; a restart '
    'of the Agent ends them'
)
_NOT_SIGNED_RIGHT: Final = "check the Agent's AWS credentials and the clock of its host: AWS refuses the signature"
NO_HEADER: Final = (
    "check the Agent's AWS credentials: one contains a line break or another character that no header may have (what "
    'comes from a file often ends with a line break)'
)
ANSWERED_ON_THE_WAY: Final = (
    'this is no answer of AWS, but of something on the way to it, most often a proxy: let it pass requests to AWS, or '
    'go round it (proxy, skip_proxy, NO_PROXY)'
)
_NOT_KNOWN: Final = (
    "check the Agent's AWS credentials: AWS does not know them; they were deleted, or the Region is not enabled for "
    'the account'
)
BY_CODE: Final = {
    **BY_EXCEPTION,
    'HangingCallsError': _HANGING,
    'ExpiredToken': _EXPIRED,
    'ExpiredTokenException': _EXPIRED,
    'InvalidSignatureException': _NOT_SIGNED_RIGHT,
    'RequestExpired': _NOT_SIGNED_RIGHT,
    'RequestTimeTooSkewed': _NOT_SIGNED_RIGHT,
    'SignatureDoesNotMatch': _NOT_SIGNED_RIGHT,
    'InvalidAccessKeyId': _NOT_KNOWN,
    'InvalidClientTokenId': _NOT_KNOWN,
    'UnrecognizedClientException': _NOT_KNOWN,
    'NoSuchBucket': 'nothing brings them back; let the next jobs write to a bucket that stays (outputDataConfig)',
    'UnknownOperationException': (
        'check endpoint_url: what answers knows no model customization jobs; if it is AWS, take the Region out'
    ),
    'OptInRequired': 'enable the Region for the account, or take it out of regions',
}

# A poll can go on without these, even when their credentials are refused: the S3 bucket may belong to someone else.
_FOR_CURVES: Final = ('GetCustomModel', 'GetObject', 'ListObjectsV2')

BY_KIND: Final = {
    Kind.CREDENTIALS: "check the Agent's AWS credentials (and its clock); they are looked up anew at every poll",
    Kind.THROTTLED: 'AWS throttles these requests; what is missing is asked for again at the next polls',
    Kind.UNREACHABLE: "check the Region's name, endpoint_url, proxy, CA bundle and network",
    Kind.INTERRUPTED: 'collection_timeout ended the poll; raise it, or give the instance fewer Regions',
    Kind.SERVER: 'AWS failed to answer; asked again at the next poll',
    Kind.INVALID: (
        'AWS does not accept the request: check endpoint_url, and whether the Region has model customization; if both '
        'are right, report this'
    ),
}
# AWS's message names the kind of policy that denied the action; allowing it in any other policy has no effect.
_ELSEWHERE: Final = (
    'service control policy',
    'resource control policy',
    'permissions boundary',
    'VPC endpoint policy',
    'session policy',
)


_GONE: Final = 'the loss curves of these jobs are gone with their bucket'


def consequence(error: AwsError) -> str | None:
    """Return what is lost while a failure lasts, in plain words, or None if nothing is."""
    is_about_credentials = error.kind is Kind.CREDENTIALS or error.operation == FINDING_CREDENTIALS
    if is_about_credentials and error.operation not in _FOR_CURVES:
        return 'nothing is collected'
    if error.code == 'NoSuchBucket':
        return _GONE
    return CONSEQUENCES.get(error.operation)


def remedy(error: AwsError) -> str | None:
    """Return what to do about a failure, in plain words, or None if nothing can be done."""
    if error.code.isdigit() and error.kind not in (Kind.SERVER, Kind.THROTTLED):
        return ANSWERED_ON_THE_WAY
    if error.operation == FINDING_CREDENTIALS and HEADER_VALUE in error.message:
        return NO_HEADER
    if error.kind is Kind.CREDENTIALS and error.operation in BY_OPERATION:
        return BY_OPERATION[error.operation]
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    if error.kind is Kind.INTERRUPTED and error.operation == FINDING_CREDENTIALS:
        return NEVER_FOUND
    if not error.iam_action:
        return BY_KIND.get(error.kind)
    allow = f'allow the IAM action {error.iam_action}'
    place = next((place for place in _ELSEWHERE if place in error.message), None)
    if place:
        return f'{allow} in the {place}'
    if 'explicit deny' in error.message:
        return f'{allow}: a policy denies it explicitly, which no other policy can make good'
    if error.iam_action == TAG_SESSION:
        return (
            f"{allow} in the Agent's own policy and in the role's trust policy: EKS Pod Identity tags its sessions, "
            'unless disableSessionTags is set'
        )
    if error.operation == 'AssumeRole':
        return f"{allow}, and let the role's trust policy name the Agent's principal and the external_id"
    return allow


def advise(error: AwsError) -> str:
    """Return what failed, what is lost and what to do, as one human-readable line."""
    lost = consequence(error)
    for_now = 'meanwhile ' if lost is not _GONE else ''
    return _in_one_line('', error, f'{for_now}{lost}' if lost else None, remedy(error))


def listing_broken_off(error: AwsError) -> str:
    """Return what an incomplete listing means and what to do, as one human-readable line."""
    return _in_one_line('the listing of jobs was broken off and goes on at the next poll: ', error, remedy(error))


def _in_one_line(opening: str, error: AwsError, *ours: str | None) -> str:
    """Return a message of at most `MAX_ADVICE` characters: AWS's text is cut so that our own text fits whole."""
    ending = ''.join(f'; {part}' for part in ours if part)
    room = MAX_ADVICE - len(opening) - len(ending)
    # botocore's messages end as sentences do, and ours goes on.
    theirs = str(error).rstrip('. ')
    return opening + (theirs if len(theirs) <= room else theirs[: room - len(_CUT)] + _CUT) + ending
