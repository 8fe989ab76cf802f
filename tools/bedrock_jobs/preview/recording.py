"""Reads what the check emitted in each poll into series of points by metric and tags, as Datadog would hold it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from .errors import PreviewError

COUNT: Final = 'count'
GAUGE: Final = 'gauge'
DEFAULT_INTERVAL: Final = 60.0


@dataclass(slots=True)
class Series:
    """The points of one metric with one set of tags, in order of time."""

    tags: Mapping[str, frozenset[str]]
    """Values by key. A tag without a colon is a key with an empty value."""
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Recording:
    """Everything that was emitted. Times are in seconds since the epoch."""

    types: dict[str, str]
    series: dict[str, list[Series]]
    events: list[dict[str, Any]]
    times: list[float]

    @property
    def start(self) -> float:
        return self.times[0]

    @property
    def end(self) -> float:
        return self.times[-1]

    @property
    def interval(self) -> float:
        """The median time between two polls, or a default if there is only one."""
        gaps = [later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False)]
        return median(gaps) if gaps else DEFAULT_INTERVAL


def read_recording(path: Path) -> Recording:
    """Read JSON lines, one per poll: `{"t": seconds, "metrics": [[name, type, value, [tag]]], "events": [..]}`.

    Raises PreviewError if a file does not have this form, or holds no polls.
    """
    try:
        with path.open(encoding='utf-8') as lines:
            polls = [_poll(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise PreviewError(f'{path} cannot be read: {error}') from error
    return recording_of(polls)


def recording_of(polls: Iterable[Mapping[str, Any]]) -> Recording:
    """Return polls as a recording. Raises PreviewError if there are none, or if a value has the wrong form."""
    ordered = sorted(polls, key=lambda poll: poll['t'])
    if not ordered:
        raise PreviewError('the recording holds no poll')
    found: dict[tuple[str, frozenset[str]], Series] = {}
    recording = Recording({}, {}, [], [float(poll['t']) for poll in ordered])
    for poll in ordered:
        for name, kind, value, tags in poll['metrics']:
            _add(recording, found, poll['t'], name, kind, value, tags)
        recording.events += poll['events']
    return recording


def tag_values(tags: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return a list of tags as Datadog stores them: in lower case, values by key."""
    values: dict[str, set[str]] = {}
    for text in tags:
        key, _, value = text.lower().partition(':')
        values.setdefault(key, set()).add(value)
    return {key: frozenset(several) for key, several in values.items()}


def _add(
    recording: Recording,
    found: dict[tuple[str, frozenset[str]], Series],
    time: float,
    name: str,
    kind: str,
    value: float,
    tags: Sequence[str],
) -> None:
    if kind not in (COUNT, GAUGE):
        raise PreviewError(f'{name} is a {kind}; only gauges and counts are drawn')
    if recording.types.setdefault(name, kind) != kind:
        raise PreviewError(f'{name} is a {kind} and a {recording.types[name]}')
    key = name, frozenset(tag.lower() for tag in tags)
    series = found.get(key)
    if series is None:
        series = found[key] = Series(tag_values(tags))
        recording.series.setdefault(name, []).append(series)
    if series.times and series.times[-1] == time:
        # Within one poll the Agent adds up counts, and keeps the last value of a gauge.
        series.values[-1] = series.values[-1] + value if kind == COUNT else value
    else:
        series.times.append(float(time))
        series.values.append(float(value))


def _poll(line: str, number: int) -> dict[str, Any]:
    try:
        poll = json.loads(line)
        checked = {'t': float(poll['t']), 'metrics': list(_metrics(poll['metrics'])), 'events': list(poll['events'])}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise PreviewError(f'line {number} of the recording is not a poll ({type(error).__name__}: {error})') from error
    return checked


def _metrics(entries: Iterable[Any]) -> Iterator[tuple[str, str, float, list[str]]]:
    for name, kind, value, tags in entries:
        yield str(name), str(kind), float(value), [str(tag) for tag in tags]
