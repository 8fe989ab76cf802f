"""Reads the accounts of an AWS organization from ListAccounts. Changes nothing in AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from datadog_checks.bedrock_model_customization.aws.advice import remedy
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind, explain
from datadog_checks.bedrock_model_customization.aws.session import AwsSession, AwsSettings
from datadog_checks.bedrock_model_customization.aws.usage import Usage

from .account import ACCOUNT_ID, Account
from .errors import DeploymentError

OPERATION: Final = 'ListAccounts'
ACTIVE: Final = 'ACTIVE'
DEFAULT_PARTITION: Final = 'aws'
_EXPIRED: Final = 'your AWS credentials have expired: sign in again'
_ADVICE: Final = {
    Kind.CREDENTIALS: 'check your AWS credentials (environment, profile, sign-in) and the clock of this machine',
    Kind.THROTTLED: 'AWS throttles these requests: try again in a minute',
    Kind.UNREACHABLE: 'check the network, proxy, CA bundle, --region and --endpoint-url',
    Kind.SERVER: 'AWS failed to answer: try again',
}


class Caller(NamedTuple):
    """The account whose credentials are used, and its AWS partition."""

    account_id: str
    partition: str


class Members(NamedTuple):
    """The active accounts, and the inactive ones (suspended, or being closed)."""

    accounts: list[Account]
    inactive: list[Account]


class Organization:
    """The organization of the credentials, which are those of its management account or a delegated administrator."""

    def __init__(self, settings: AwsSettings) -> None:
        self._session = AwsSession(settings)
        self._usage = Usage()

    def caller(self) -> Caller:
        """Ask STS whose credentials these are. Raises DeploymentError if that fails."""
        try:
            client = self._session.client('sts', self._session.settings.region, self._usage)
            identity = client.get_caller_identity()  # type: ignore[attr-defined]
        except Exception as error:
            raise DeploymentError(_explained(explain(error, 'GetCallerIdentity'))) from error
        parts = str(identity.get('Arn', '')).split(':')
        return Caller(str(identity.get('Account', '')), parts[1] if len(parts) > 1 else DEFAULT_PARTITION)

    def members(self) -> Members:
        """Return the accounts, by id. Raises DeploymentError if they cannot all be listed."""
        accounts: dict[str, Account] = {}
        inactive: dict[str, Account] = {}
        try:
            for entry in self._entries():
                account_id = entry.get('Id')
                if not isinstance(account_id, str) or not ACCOUNT_ID.fullmatch(account_id):
                    raise DeploymentError('AWS Organizations named an account without an id')
                # `Status` was retired in September 2026, but older endpoints have only that.
                found = accounts if entry.get('State', entry.get('Status')) == ACTIVE else inactive
                found[account_id] = Account(account_id, str(entry.get('Name') or ''), units=_units(entry))
        except AwsError as error:
            raise DeploymentError(_explained(error)) from error
        return Members(sorted(accounts.values()), sorted(inactive.values()))

    def _entries(self) -> Iterator[Mapping[str, Any]]:
        """Yield AWS's entries. Raises AwsError even part-way: a partial list must not pass for a whole one."""
        try:
            client = self._session.client('organizations', self._session.settings.region, self._usage)
            for page in client.get_paginator('list_accounts').paginate():
                yield from page['Accounts']
        except AwsError:
            raise
        except Exception as error:
            raise explain(error, OPERATION) from error


def _units(entry: Mapping[str, Any]) -> tuple[str, ...] | None:
    paths = entry.get('Paths')
    if not isinstance(paths, list):
        return None
    return tuple(sorted({step for path in paths for step in str(path).split('/') if step.startswith('ou-')}))


def _explained(error: AwsError) -> str:
    """Return what failed and what to do about it. The advice from `aws.errors` is meant for an Agent that polls."""
    if error.code == 'AWSOrganizationsNotInUseException':
        return 'these credentials belong to no organization; give the accounts with --accounts FILE'
    if error.operation == 'AssumeRole' and error.iam_action:
        return f"{error}; allow yourself sts:AssumeRole, and let the trust policy of --organization-role name you"
    if error.iam_action:
        only = "only the management account or a delegated administrator's may list the accounts"
        return f'{error}; {remedy(error)}; {only}'
    advice = _EXPIRED if error.code.startswith('ExpiredToken') else _ADVICE.get(error.kind)
    return f'{error}; {advice}' if advice else str(error)
