"""Formats numbers, units and colours as a dashboard does."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final, NamedTuple

from .errors import PreviewError

SECOND: Final = 'second'
NOTHING: Final = '-'
SCALES: Final = ((1e9, 'G'), (1e6, 'M'), (1e3, 'k'))
TIMES: Final = ((86400, 'd'), (3600, 'h'), (60, 'min'), (1, 's'))

COLOURS: Final = tuple(f'var(--series-{number})' for number in range(1, 9))
NAMED_COLOURS: Final = {
    'red': 'var(--red)',
    'orange': 'var(--orange)',
    'yellow': 'var(--yellow)',
    'green': 'var(--green)',
    'warm': 'var(--orange)',
}
TONES: Final = ('red', 'yellow', 'green', 'gray')

_COMPARE: Final = {
    '>': float.__gt__,
    '>=': float.__ge__,
    '<': float.__lt__,
    '<=': float.__le__,
    '=': float.__eq__,
    '==': float.__eq__,
    '!=': float.__ne__,
}


class Shown(NamedTuple):
    """A number as displayed."""

    text: str
    unit: str = ''
    tone: str = ''
    """One of `TONES`, or empty."""


def show(value: float | None, unit: str = '', precision: int | None = None) -> Shown:
    """Return a number in the unit and with the number of digits that are easiest to read."""
    if value is None or not isfinite(value):
        return Shown(NOTHING)
    if unit == SECOND:
        size, name = next((one for one in TIMES if abs(value) >= one[0]), TIMES[-1])
        return Shown(_digits(value / size, 1 if precision is None else max(precision, 1)), name)
    if unit == '%':
        return Shown(_digits(value, 0 if precision is None else precision), unit)
    scale, name = next((one for one in SCALES if abs(value) >= one[0]), (1.0, ''))
    return Shown(_digits(value / scale, 2 if precision is None else precision) + name, '')


def tone(value: float | None, formats: Sequence[Mapping[str, Any]]) -> str:
    """Return the tone of the first conditional format that matches a value. Raises PreviewError."""
    if value is None:
        return ''
    for one in formats:
        if compare(value, one['comparator'], float(one['value'])):
            found = next((name for name in TONES if str(one['palette']).endswith(name)), None)
            if found is None:
                raise PreviewError(f'the palette {one["palette"]} is not drawn')
            return found
    return ''


def compare(value: float, comparator: str, limit: float) -> bool:
    """Whether a value meets a comparison. Raises PreviewError for an unknown comparator."""
    if comparator not in _COMPARE:
        raise PreviewError(f'the comparator {comparator} is not drawn')
    return bool(_COMPARE[comparator](float(value), limit))


def read_units(metadata: Path | None) -> dict[str, str]:
    """Return the unit of each metric that has one, from `metadata.csv`."""
    if metadata is None or not metadata.is_file():
        return {}
    with metadata.open(newline='', encoding='utf-8') as lines:
        return {row['metric_name']: row['unit_name'] for row in csv.DictReader(lines) if row.get('unit_name')}


def _digits(number: float, precision: int) -> str:
    text = f'{number:,.{precision}f}'
    return text.rstrip('0').rstrip('.') if '.' in text else text
