"""AWS Organizations: ListAccounts and DescribeOrganization, over JSON 1.1."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from .errors import ApiError, Trouble, trouble
from .tagging import read_request
from .wire import Answer, Call

MAX_PER_PAGE: Final = 20
ID: Final = 'o-simulated01'
ROOT: Final = 'r-sim1'


@dataclass(frozen=True, slots=True)
class Member:
    """An account of the organization. `units` are the ids of the organizational units above it, outermost first."""

    id: str
    name: str
    state: str = 'ACTIVE'
    units: tuple[str, ...] = ()


@dataclass
class Organization:
    """The organization managed by the simulator's default account. Without members, there is no organization.

    `delegated` are member accounts that may also call it. `shows_paths` says whether ListAccounts returns the units of
    each account.
    """

    management: str
    members: dict[str, Member] = field(default_factory=dict)
    delegated: set[str] = field(default_factory=set)
    shows_paths: bool = True

    def add(self, account_id: str, name: str = '', *, state: str = 'ACTIVE', units: tuple[str, ...] = ()) -> None:
        """Add or change an account."""
        self.members[account_id] = Member(account_id, name or f'account-{account_id}', state, units)

    def answer(self, call: Call, now: datetime) -> Answer:
        """Return the answer to a call, or raise ApiError."""
        if not self.members:
            raise ApiError('AWSOrganizationsNotInUseException', 'Your account is not a member of an organization.')
        if call.operation == 'DescribeOrganization':
            return _render({'Organization': self._described()})
        if call.operation != 'ListAccounts':
            raise ApiError('UnknownOperationException', f'{call.operation} is not simulated.', 404)
        if call.account != self.management and call.account not in self.delegated:
            message = "You don't have permissions to access this resource."
            raise trouble('organizations', Trouble.DENIED, message)
        return _render(self._accounts(read_request(call), now))

    def _accounts(self, request: dict[str, Any], now: datetime) -> dict[str, Any]:
        per_page = request.get('MaxResults', MAX_PER_PAGE)
        if not isinstance(per_page, int) or not 1 <= per_page <= MAX_PER_PAGE:
            raise _invalid(f'MaxResults must be from 1 to {MAX_PER_PAGE}, got {per_page}')
        start = _read_token(request.get('NextToken') or '')
        # AWS promises no order, and its actual order has no meaning.
        ordered = sorted(self.members.values(), key=lambda member: hashlib.sha256(member.id.encode()).digest())
        page = ordered[start : start + per_page]
        document: dict[str, Any] = {'Accounts': [self._account(member, now) for member in page]}
        if start + per_page < len(ordered):
            document['NextToken'] = _make_token(start + per_page)
        return document

    def _account(self, member: Member, now: datetime) -> dict[str, Any]:
        # `Status` is gone since September 2026.
        account: dict[str, Any] = {
            'Id': member.id,
            'Arn': f'arn:aws:organizations::{self.management}:account/{ID}/{member.id}',
            'Email': f'{member.id}@example.com',
            'Name': member.name,
            'State': member.state,
            'JoinedMethod': 'CREATED',
            'JoinedTimestamp': int(now.timestamp()) - 86_400,
        }
        if self.shows_paths:
            account['Paths'] = ['/'.join((ID, ROOT, *member.units, member.id)) + '/']
        return account

    def _described(self) -> dict[str, Any]:
        return {
            'Id': ID,
            'Arn': f'arn:aws:organizations::{self.management}:organization/{ID}',
            'FeatureSet': 'ALL',
            'MasterAccountArn': f'arn:aws:organizations::{self.management}:account/{ID}/{self.management}',
            'MasterAccountId': self.management,
            'MasterAccountEmail': f'{self.management}@example.com',
        }


def _render(document: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(document).encode(), content_type='application/x-amz-json-1.1')


def _make_token(start: int) -> str:
    return base64.urlsafe_b64encode(f'from:{start}'.encode()).decode()


def _read_token(token: str) -> int:
    if not token:
        return 0
    try:
        name, _, start = base64.b64decode(token.encode(), b'-_', validate=True).decode().partition(':')
        if name == 'from':
            return int(start)
    except (ValueError, binascii.Error):
        pass
    raise _invalid('NextToken is invalid')


def _invalid(message: str) -> ApiError:
    return ApiError('InvalidInputException', message, 400)
