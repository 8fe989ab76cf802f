"""What failures of AWS cost, and what to do about them, in plain words for a person."""

from __future__ import annotations

from typing import Final

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
"""What is lost while an API operation does not work."""

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
    'ProfileNotFound': (
        "let AWS_PROFILE name a profile that the AWS configuration of the Agent's user has, or take the variable away"
    ),
    'RefreshWithMFAUnsupportedError': 'give the Agent credentials that ask for no MFA token',
    'JSONDecodeError': 'correct credential_process: it must print the JSON that AWS documents for it, and nothing else',
    **dict.fromkeys(
        (
            'ConfigNotFound',
            'ConfigParseError',
            'InfiniteLoopConfigError',
            'InvalidConfigError',
            'UnknownCredentialError',
        ),
        _CONFIGURATION,
    ),
    **dict.fromkeys(
        (
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
        ),
        _SIGN_IN,
    ),
    # A file that boto3 itself opens, unlike one of TLS, is about credentials.
    **dict.fromkeys(('FileNotFoundError', 'IsADirectoryError', 'NotADirectoryError', 'PermissionError'), _FILE),
}
"""What to do where credentials cannot be had, by the name of the exception that says so."""

BY_SOURCE: Final = {
    'AssumeRoleWithWebIdentity': (
        'check IRSA: the role in AWS_ROLE_ARN must trust the OIDC provider of the cluster, which its account must '
        "know, and the Agent's service account, whose token must not have expired"
    ),
    'GetRoleCredentials': _SIGN_IN,
}
"""What to do where AWS refuses to give credentials, by the operation that boto3 asks for them with."""

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
    'OptInRequired': 'enable the Region for the account, or take it out of regions',
}
