"""The accounts to poll: read from a file, and filtered."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import StringIO
from typing import Final

from .errors import DeploymentError

ACCOUNT_ID: Final = re.compile(r'\d{12}', re.ASCII)
COLUMNS: Final = ('account_id', 'name', 'regions', 'external_id')
_SEPARATORS: Final = re.compile(r'[;,\s]+')
_DELIMITER: Final = re.compile(r'[,;\t]')
# An account id that a spreadsheet has turned into a number, in any locale.
_SCIENTIFIC: Final = re.compile(r'\d[.,]?\d*E\+\d+', re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account to poll.

    `name`, `regions` and `external_id` may be empty; the account then has the Regions and external id that apply to all
    accounts. `units` are the ids of the organizational units above it, or None if they are not known.
    """

    id: str
    name: str = ''
    regions: tuple[str, ...] = ()
    external_id: str = ''
    units: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects accounts: those that match any `include` (all, if there is none) and no `exclude`.

    Each filter is an account id, the id of an organizational unit (`ou-...`, including the units below it), or a
    shell-style pattern for names. Exclude wins.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def of(self, accounts: Iterable[Account], inactive: Iterable[Account] = ()) -> list[Account]:
        """Return the selected accounts, by id. Raises DeploymentError if a filter matches no account.

        `inactive` accounts are never selected, but an `exclude` may match one.
        """
        known = sorted(accounts)
        for texts, among in ((self.include, known), (self.exclude, [*known, *inactive])):
            for text in texts:
                if not any(_is_about(text, account) for account in among):
                    raise DeploymentError(f'{text!r} is about none of the {len(among)} accounts')
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
    """Read accounts from CSV: one id per line, and optionally a name, Regions and an external id.

    Cells are separated by commas, semicolons or tabs; Regions by spaces, semicolons or commas. A header line may put
    the columns in another order. Empty lines and lines starting with `#` are skipped. Raises DeploymentError listing
    every mistake.
    """
    columns: Sequence[str] = COLUMNS
    accounts: dict[str, Account] = {}
    mistakes = []
    for position, (number, cells) in enumerate(_rows(text)):
        names = [re.sub(r'[\s-]+', '_', cell.lower()) for cell in cells]
        if position == 0 and COLUMNS[0] in names:
            columns = names
            mistakes += [f'line {number}: {name!r} is none of {", ".join(COLUMNS)}' for name in {*names} - {*COLUMNS}]
            continue
        if len(cells) > len(columns):
            mistakes.append(f'line {number}: has {len(cells)} cells, not {len(columns)}')
            continue
        row = dict(zip(columns, cells, strict=False))
        account_id = row.get('account_id', '')
        if not ACCOUNT_ID.fullmatch(account_id):
            is_header = position == 0 and not re.search(r'\d', account_id)
            hint = f'; the first line may name the columns: {", ".join(COLUMNS)}' if is_header else _hint(account_id)
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


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that is not skipped, and the number of its last line."""
    lines = ['\n' if line.lstrip().startswith('#') else line for line in StringIO(text.lstrip('\ufeff'), newline=None)]
    # Use the first delimiter found: the first cell is an id or a column name, and neither contains a delimiter.
    found = next(filter(None, map(_DELIMITER.search, lines)), None)
    reader = csv.reader(lines, delimiter=found[0] if found else ',', skipinitialspace=True, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DeploymentError(f'line {reader.line_num}: is no CSV: {error}') from error


def _hint(account_id: str) -> str:
    if account_id.isdigit():
        return '; a spreadsheet may have cut off zeros in front'
    if _SCIENTIFIC.fullmatch(account_id):
        return '; a spreadsheet took it for a number: make the column one of text, and fill it in again'
    return ''
