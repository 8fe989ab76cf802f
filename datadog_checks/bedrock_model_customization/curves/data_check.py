"""Reads how many records Bedrock's data check accepted and rejected, from its `manifest.report.csv` files."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Final, NamedTuple

from .csv_rows import cell, finite_number, read_table

# Lower-case names, from the only files seen so far: fileName,totalProcessedRecordCount,acceptedRecordCount,...
COLUMNS: Final = {
    'processed': 'totalprocessedrecordcount',
    'accepted': 'acceptedrecordcount',
    'partially_accepted': 'partiallyacceptedrecordcount',
    'rejected': 'rejectedrecordcount',
}


class RecordCounts(NamedTuple):
    """Numbers of records, each summed over the files of the data set; None if no report has that number."""

    processed: float | None = None
    accepted: float | None = None
    partially_accepted: float | None = None
    rejected: float | None = None

    def plus(self, other: RecordCounts) -> RecordCounts:
        """Return the sums of two reports."""
        return RecordCounts(*(_sum(mine, theirs) for mine, theirs in zip(self, other, strict=True)))


def read_manifest(chunks: Iterable[bytes], *, is_complete: bool = True) -> RecordCounts:
    """Read one report by its column names. Negative and non-finite numbers are ignored."""
    table = read_table(chunks, is_complete=is_complete)
    positions = [table.position(name) for name in COLUMNS.values()]
    totals: list[float | None] = [None] * len(positions)
    for row in table.rows:
        for index, position in enumerate(positions):
            count = finite_number(cell(row, position))
            if count is not None and count >= 0:
                totals[index] = _sum(totals[index], count)
    return RecordCounts(*totals)


def _sum(left: float | None, right: float | None) -> float | None:
    """Return the sum, treating None as absent. If the sum would overflow, return `left` unchanged."""
    if left is None or right is None:
        return right if left is None else left
    total = left + right
    return total if isfinite(total) else left
