"""An Agent as strict as the real one, in place of the lenient stubs of datadog-checks-base.

It raises where Agent 7.72 raises, and drops or changes what that one drops or changes without a word; each such loss is
kept in `losses`, so that a test can ask for none. The stubs still keep what was submitted, as it would leave the Agent.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import pytest
from datadog_checks.base import AgentCheck
from datadog_checks.base.log import AgentLogHandler
from datadog_checks.base.stubs import aggregator, datadog_agent
from datadog_checks.base.stubs.aggregator import AggregatorStub
from datadog_checks.base.stubs.datadog_agent import DatadogAgentStub

MAX_LONG: Final = 2**63 - 1
METRIC_TYPES: Final = range(7)
EVENT_TEXTS: Final = (
    'msg_title',
    'msg_text',
    'priority',
    'host',
    'alert_type',
    'aggregation_key',
    'source_type_name',
)
KNOWN_EVENT_KEYS: Final = frozenset({*EVENT_TEXTS, 'timestamp', 'event_type', 'tags'})


@dataclass
class Cache:
    """The Agent's persistent cache: one file for each key.

    A write that fails is not told to the check, and leaves an empty file where the disk is full. A file that is there
    and cannot be read raises RuntimeError.
    """

    files: dict[str, str] = field(default_factory=dict)
    is_full: bool = False
    is_read_only: bool = False
    is_unreadable: bool = False
    writes: int = 0

    def read(self, key: str) -> str:
        c_string(key)
        if self.is_unreadable:
            raise RuntimeError('failed to read data')
        return self.files.get(key, '')

    def write(self, key: str, value: str) -> None:
        c_string(key), c_string(value)
        self.writes += 1
        if not self.is_read_only:
            self.files[key] = '' if self.is_full else value


@dataclass
class StrictAgent:
    """What an Agent received. `log_lines` are those that reached its log; `losses` what it lost or changed silently."""

    aggregator: AggregatorStub = aggregator
    datadog_agent: DatadogAgentStub = datadog_agent
    cache: Cache = field(default_factory=Cache)
    config: dict[str, Any] = field(default_factory=dict)
    log_lines: list[tuple[int, str]] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    _gauges: defaultdict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the stubs behave like this, for every module that has imported them, and forget what they were given."""
        self.aggregator.reset()
        self.datadog_agent.reset()
        for stub, methods in (
            (self.aggregator, (self.submit_metric, self.submit_service_check, self.submit_event)),
            (self.aggregator, (self.submit_event_platform_event,)),
            (self.datadog_agent, (self.log, self.get_config, self.set_check_metadata, self.send_log)),
            (self.datadog_agent, (self.read_persistent_cache, self.write_persistent_cache)),
        ):
            for method in methods:
                monkeypatch.setattr(stub, method.__name__, method)
        run = AgentCheck.run

        def run_anew(check: AgentCheck) -> str:
            self._gauges.pop(check.check_id, None)
            return str(run(check))

        monkeypatch.setattr(AgentCheck, 'run', run_anew)

    def take_losses(self) -> list[str]:
        """Return what was lost since the last call of this method."""
        taken, self.losses = self.losses, []
        return taken

    def logged(self, level: int = logging.WARNING) -> list[str]:
        """Return the lines of at least this level, without the places in the code that they come from."""
        return [line.split(' | ', 2)[-1] for at, line in self.log_lines if at >= level]

    # --- the module `aggregator`

    def submit_metric(
        self,
        check: object,
        check_id: str,
        mtype: int,
        name: str,
        value: float,
        tags: Sequence[Any],
        hostname: str,
        flush_first_value: bool,
        /,
    ) -> None:
        c_string(check_id), c_string(name), c_string(hostname), c_int(mtype), c_bool(flush_first_value)
        number = c_double(value)
        kept = self._tags(tags)
        if not isfinite(number) or mtype not in METRIC_TYPES:
            self.losses.append(f'metric {name}: {number} of type {mtype} is dropped')
            return
        if mtype == AggregatorStub.GAUGE:
            context = (name, *kept, hostname)
            if context in self._gauges[check_id]:
                self.losses.append(f'gauge {name} {kept}: the last value of several wins')
            self._gauges[check_id].add(context)
        AggregatorStub.submit_metric(
            self.aggregator, check, check_id, mtype, name, number, kept, hostname, flush_first_value
        )

    def submit_service_check(
        self, check: object, check_id: str, name: str, status: int, tags: Sequence[Any], hostname: str, message: str, /
    ) -> None:
        c_string(check_id), c_string(name), c_string(hostname), c_string(message), c_int(status)
        AggregatorStub.submit_service_check(
            self.aggregator, check, check_id, name, status, self._tags(tags), hostname, message
        )

    def submit_event(self, check: object, check_id: str, event: dict[str, Any], /) -> None:
        c_string(check_id)
        if not isinstance(event, dict):
            raise TypeError('event must be a dict')
        for key in event.keys() - KNOWN_EVENT_KEYS:
            self.losses.append(f'event: {key} is no field of an event')
        kept = {key: self._text(event[key], f'event {key}') for key in EVENT_TEXTS if key in event}
        kept = {key: text for key, text in kept.items() if text is not None}
        at = event.get('timestamp')
        if type(at) is int and 0 < at <= MAX_LONG:
            kept['timestamp'] = at
        else:
            self.losses.append(f'event timestamp {at!r}: the current time is sent')
        kept['tags'] = self._tags(event['tags']) if 'tags' in event else []
        AggregatorStub.submit_event(self.aggregator, check, check_id, kept)

    def submit_event_platform_event(self, check: object, check_id: str, raw_event: str | bytes, track: str, /) -> None:
        c_string(check_id), c_string(track)
        if not isinstance(raw_event, bytes):
            c_string(raw_event)
        AggregatorStub.submit_event_platform_event(self.aggregator, check, check_id, raw_event, track)

    # --- the module `datadog_agent`

    def log(self, message: str, level: int, /) -> None:
        self.log_lines.append((c_int(level), c_string(message)))

    def get_config(self, key: str, /) -> Any:
        return self.config.get(c_string(key))

    def set_check_metadata(self, check_id: str, name: str, value: str, /) -> None:
        c_string(check_id), c_string(name), c_string(value)
        DatadogAgentStub.set_check_metadata(self.datadog_agent, check_id, name, value)

    def send_log(self, log_line: str, check_id: str, /) -> None:
        c_string(log_line), c_string(check_id)
        DatadogAgentStub.send_log(self.datadog_agent, log_line, check_id)

    def read_persistent_cache(self, key: str, /) -> str:
        return self.cache.read(key)

    def write_persistent_cache(self, key: str, value: str, /) -> None:
        self.cache.write(key, value)

    # --- how texts cross into C

    def _tags(self, tags: Sequence[Any]) -> list[str]:
        """Return tags as the Agent keeps them: no empty ones, none twice, sorted."""
        if isinstance(tags, (set, frozenset, dict)) or not hasattr(tags, '__getitem__'):
            raise TypeError('tags must be a sequence')
        return sorted({text for tag in tags if (text := self._text(tag, 'tag'))})

    def _text(self, value: object, what: str) -> str | None:
        """Return a text as the Agent copies it: None for what is none or cannot be encoded, cut at the first NUL."""
        if isinstance(value, bytes):
            value = value.decode(errors='surrogateescape')
        if not isinstance(value, str) or not _is_encodable(value):
            self.losses.append(f'{what} {value!r} is dropped')
            return None
        if '\0' in value:
            self.losses.append(f'{what} {value!r} is cut at its NUL')
        return value.partition('\0')[0]


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def c_string(value: object) -> str:
    """Return a text that crosses into C as Python's format `s`, or raise what that raises."""
    if not isinstance(value, str):
        raise TypeError(f'argument must be str, not {type(value).__name__}')
    value.encode()
    if '\0' in value:
        raise ValueError('embedded null character')
    return value


def c_int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f'{type(value).__name__!r} object cannot be interpreted as an integer')
    return value


def c_bool(value: object) -> None:
    if not 0 <= c_int(value) <= 255:
        raise OverflowError('unsigned byte integer is out of range')


def c_double(value: object) -> float:
    if not isinstance(value, (int, float)):
        raise TypeError(f'must be real number, not {type(value).__name__}')
    return float(value)


@contextmanager
def logging_to_the_agent() -> Iterator[None]:
    """Let every logger of this process reach the Agent, at debug level, as in `log_level: debug`."""
    root = logging.getLogger()
    handler, level = AgentLogHandler(), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
