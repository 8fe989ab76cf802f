"""Access keys, the accounts they belong to, and the roles that may be assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .errors import Trouble, trouble
from .store import Scope
from .wire import Call

DEFAULT_ACCOUNT: Final = '123456789012'


@dataclass
class Account:
    """One AWS account. If it defines roles, only those may be assumed; otherwise any role name may be.

    `roles` maps a role's name to the ExternalId that its trust policy requires, or to None.
    """

    id: str
    roles: dict[str, str | None] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)

    def add_role(self, name: str, *, external_id: str | None = None) -> str:
        """Add a role that may be assumed, and return its ARN."""
        self.roles[name] = external_id
        return f'arn:aws:iam::{self.id}:role/{name}'

    def scope(self, region: str) -> Scope:
        """Return this account's resources in a Region."""
        return self.scopes.setdefault(region, Scope(self.id, region))


class Accounts:
    """All accounts and their access keys."""

    def __init__(self, default: str = DEFAULT_ACCOUNT) -> None:
        self.default = default
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, str] = {}
        self._expired: set[str] = set()

    def get(self, account_id: str) -> Account:
        """Return the account, created on first use."""
        return self._accounts.setdefault(account_id, Account(account_id))

    def issue(self, access_key: str, account_id: str) -> None:
        """Assign an access key to an account."""
        self._keys[access_key] = account_id

    def expire(self, account_id: str | None = None) -> int:
        """Expire every key issued so far, of one account or of all; return how many."""
        expired = {key for key, owner in list(self._keys.items()) if account_id in (None, owner)} - self._expired
        self._expired |= expired
        return len(expired)

    def identify(self, call: Call) -> None:
        """Set the account of a call. Raises the AWS error for an unsigned call or an expired key."""
        if not call.access_key:
            if call.headers.get('Authorization', '').startswith('Bearer '):
                raise trouble('bedrock', Trouble.DENIED, 'Bearer tokens are not accepted here; sign with SigV4.')
            raise trouble('bedrock', Trouble.UNSIGNED, 'Missing Authentication Token')
        call.account = self._keys.get(call.access_key, self.default)
        if call.access_key in self._expired:
            raise trouble(call.service, Trouble.EXPIRED, 'The security token included in the request is expired')

    def check_trust(self, call: Call) -> str:
        """Return the account whose role an AssumeRole call asks for. Raises AccessDenied if that is not allowed."""
        role_arn = call.form.get('RoleArn', '')
        _, _, resource = role_arn.partition(':role/')
        account = self.get(role_arn.split(':')[4] if role_arn.count(':') >= 5 else '')
        role = resource.rpartition('/')[2]
        wanted = account.roles.get(role)
        is_known = role in account.roles or not account.roles
        if not resource or not is_known or (wanted is not None and call.form.get('ExternalId') != wanted):
            message = f'User: arn:aws:iam::{call.account}:user/agent is not authorized to perform: sts:AssumeRole'
            raise trouble('sts', Trouble.DENIED, f'{message} on resource: {role_arn}')
        return account.id
