"""The accounts to poll: from a file, and filtered."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from .errors import DeploymentError

ACCOUNT_ID: Final = re.compile(r'\d{12}', re.ASCII)
COLUMNS: Final = ('account_id', 'name', 'regions', 'external_id')
_SEPARATORS: Final = re.compile(r'[;\s]+')


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account to poll.

    `name`, `regions` and `external_id` may be empty; Regions and external id are those of all others then. `units` are
    the ids of the organizational units above it, None where they are not known.
    """

    id: str
    name: str = ''
    regions: tuple[str, ...] = ()
    external_id: str = ''
    units: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which accounts are wanted: every one that some `include` is about, if there is any, and no `exclude` is.

    Each is an account's id, the id of an organizational unit (`ou-...`, with the units below it), or a shell-style
    pattern of names. Exclude wins.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def of(self, accounts: Iterable[Account]) -> list[Account]:
        """Return the wanted accounts, by id. Raises DeploymentError where a filter is about no account at all."""
        known = sorted(accounts)
        for text in (*self.include, *self.exclude):
            if not any(_is_about(text, account) for account in known):
                raise DeploymentError(f'{text!r} is about none of the {len(known)} accounts')
        return [account for account in known if self._wants(account)]

    def _wants(self, account: Account) -> bool:
        is_included = not self.include or any(_is_about(text, account) for text in self.include)
        return is_included and not any(_is_about(text, account) for text in self.exclude)


def _is_about(text: str, account: Account) -> bool:
    if ACCOUNT_ID.fullmatch(text):
        return text == account.id
    if text.startswith('ou-'):
        if account.units is None:
            raise DeploymentError(f'{text!r}: the organizational units of account {account.id} are not known')
        return text in account.units
    return fnmatchcase(account.name, text)


def read_accounts(text: str) -> list[Account]:
    """Read accounts from CSV: an id a line, and optionally a name, Regions and an external id.

    Regions are separated by spaces or semicolons. A first line with the names of the columns may put them in another
    order. Empty lines and those that begin with `#` are skipped. Raises DeploymentError with every mistake.
    """
    lines = [(number, line) for number, line in enumerate(text.lstrip('\ufeff').splitlines(), start=1) if _counts(line)]
    columns: Sequence[str] = COLUMNS
    accounts: dict[str, Account] = {}
    mistakes = []
    for position, (number, line) in enumerate(lines):
        cells = [cell.strip() for cell in next(csv.reader([line], skipinitialspace=True))]
        if position == 0 and COLUMNS[0] in cells:
            columns = cells
            mistakes += [f'line {number}: {name!r} is none of {", ".join(COLUMNS)}' for name in {*cells} - {*COLUMNS}]
            continue
        if len(cells) > len(columns):
            mistakes.append(f'line {number}: has {len(cells)} cells, not {len(columns)}')
            continue
        row = dict(zip(columns, cells, strict=False))
        account_id = row.get('account_id', '')
        if not ACCOUNT_ID.fullmatch(account_id):
            hint = '; a spreadsheet may have cut off zeros in front' if account_id.isdigit() else ''
            mistakes.append(f'line {number}: {account_id!r} is not an account id of 12 digits{hint}')
            continue
        if account_id in accounts:
            mistakes.append(f'line {number}: account {account_id} is given twice')
        regions = tuple(region for region in _SEPARATORS.split(row.get('regions', '')) if region)
        accounts[account_id] = Account(account_id, row.get('name', ''), regions, row.get('external_id', ''))
    if not accounts and not mistakes:
        mistakes = ['no account is given']
    if mistakes:
        raise DeploymentError('\n'.join(mistakes))
    return sorted(accounts.values())


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith('#')
