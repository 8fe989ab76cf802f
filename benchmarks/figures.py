"""A benchmark's figures, for people (tables) and for machines (JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Cost

SHORT_NAMES: Final = {
    'ListModelCustomizationJobs': 'list',
    'GetModelCustomizationJob': 'describe',
    'GetResources': 'tags of 100',
    'ListTagsForResource': 'tags of 1',
    'GetCallerIdentity': 'who am I',
    'AssumeRole': 'assume role',
}
COLUMNS: Final = ('requests', 'by operation', 'CPU s', 'wall s', 'peak MiB')


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what was done, its requests by operation, what it cost, and further notes."""

    name: str
    requests: Mapping[str, int]
    cost: Cost
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of requests."""
        return sum(self.requests.values())


@dataclass(frozen=True, slots=True)
class Report:
    """The lines of one scenario. `ratios` has, for each comparison, the first figure divided by the second."""

    title: str
    rows: Sequence[Row]
    ratios: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def row(self, name: str) -> Row:
        """Return the line with that name. Raises StopIteration if there is none."""
        return next(row for row in self.rows if row.name == name)


def show(console: Console, report: Report) -> None:
    """Print a report as a table, with ratios and notes below it."""
    table = Table(title=report.title, title_justify='left', title_style='bold')
    table.add_column('')
    for column in COLUMNS:
        table.add_column(column, justify='left' if column == 'by operation' else 'right')
    others = list(dict.fromkeys(name for row in report.rows for name in row.notes))
    for name in others:
        table.add_column(name, justify='right')
    for row in report.rows:
        notes = [_text(row.notes.get(name, '')) for name in others]
        cost = row.cost
        table.add_row(
            row.name, f'{row.total:,}', operations(row.requests), f'{cost.cpu:.3f}', f'{cost.wall:.2f}',
            f'{cost.peak:.0f}', *notes,
        )  # fmt: skip
    console.print(table)
    for name, ratio in report.ratios.items():
        console.print(f'  {name}: {_ratio(ratio)}')
    for name, note in report.notes.items():
        console.print(f'  {name}: {_text(note)}')
    console.print()


def operations(requests: Mapping[str, int]) -> str:
    """Return request counts as text, such as `1 list, 20 describe`."""
    known = [name for name in SHORT_NAMES if name in requests]
    names = [*known, *sorted(requests.keys() - SHORT_NAMES.keys())]
    return ', '.join(f'{requests[name]:,} {SHORT_NAMES.get(name, name)}' for name in names)


def save(path: Path, reports: Iterable[Report]) -> None:
    """Write reports as JSON."""
    path.write_text(json.dumps([asdict(report) for report in reports], indent=2, default=str) + '\n')


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f'{value:,.2f}'
    return f'{value:,}' if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _ratio(ratio: float) -> str:
    return f'{ratio:.2%}' if ratio < 1 else f'{ratio:,.1f} times'
