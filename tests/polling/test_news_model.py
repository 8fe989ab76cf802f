"""The rule of news holds, and its judge notices when one part of it is left out."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from . import news_model
from .news_model import (
    ACTIVE,
    DAY,
    NOT_ANSWERED,
    TERMINAL,
    YOUTH,
    Filter,
    Memory,
    Run,
    Scope,
    Settings,
    starvation,
    stuck_page,
    transitions,
)

BLOCK = 50


@pytest.mark.parametrize('first', range(0, 5 * BLOCK, BLOCK))
def test_the_rule_holds(first: int) -> None:
    assert [fault for seed in range(first, first + BLOCK) for fault in Run(seed).run()] == []


def test_nothing_starves() -> None:
    assert list(starvation()) == []


@pytest.mark.parametrize('curse', NOT_ANSWERED)
def test_a_page_that_is_never_answered_hides_nothing_else(curse: type[Exception]) -> None:
    assert list(stuck_page(curse, hours=80)) == []


def shown(self: Scope, id: int, since: float) -> list[tuple[str, float]]:
    """What AWS says now, from a moment on, and was not told."""
    found = [(key, at, fixed) for key, fixed, at in transitions(self.jobs[id]) if key not in self.reported[id].keys]
    return [(key, at) for key, at, fixed in found if fixed is None or fixed >= since]


def reads_tags_once(self: Scope, aws: Any) -> set[int]:
    return READ_TAGS(self, aws) - self.tags.keys()


def decides_at_once(self: Scope, id: int) -> bool | None:
    self.undecided[id] = -inf
    return VERDICT(self, id)


def waits_for_ever(self: Scope, id: int) -> bool | None:
    self.undecided.pop(id, None)
    return VERDICT(self, id)


def writes_no_times(self: Scope) -> Memory:
    written = MEMORY(self)
    for entry in written.reported.values():
        entry.times = {}
    return written


def writes_at_once(self: Scope) -> Memory:
    self.unsent = {}
    return MEMORY(self)


def forgets_at_once(self: Scope) -> None:
    ADVANCE(self)
    for id in [id for id in self.reported if id in self.jobs and self.has_ended(id) and not self.news(id)]:
        del self.reported[id]


def begins_events_since_before(self: Scope, now: float) -> None:
    """Also after version 1."""
    self.floor = now - self.settings.events_since
    self.first = now if self.first is None else self.first


def keeps_no_cursor(self: Run) -> None:
    FROM_VERSION_1(self)
    self.scope.cursor = self.written.cursor = inf


READ_TAGS, VERDICT, MEMORY, ADVANCE = Scope.read_tags, Scope.verdict, Scope.memory, Scope.advance
FROM_VERSION_1 = Run.start_from_version_1
PLAN, MISSING = Scope.plan, Scope.missing

# What is left out, how, and a run in which it shows.
BROKEN: dict[str, tuple[Any, str, Callable[..., Any], int]] = {
    'what is older than first is told': (Scope, 'news', lambda self, id: shown(self, id, -inf), 4),
    'what is older than first is counted': (
        Scope,
        'is_counted',
        lambda self, id, key, at: key not in self.reported[id].counted,
        20,
    ),
    'a restart counts the last poll once more': (Scope, 'is_counted', lambda self, id, key, at: at >= self.first, 8),
    'what was told just now is written down': (Scope, 'memory', writes_at_once, 5),
    'a young job without its tag is dropped': (Scope, 'is_young', lambda self, id: False, 20),
    'tags of before decide at once': (Scope, 'read_tags', reads_tags_once, 2),
    'what is not known is not waited for': (Scope, 'verdict', decides_at_once, 2),
    'what is not known is waited for without end': (Scope, 'verdict', waits_for_ever, 45),
    'an ended job leaves with its last news': (Scope, 'advance', forgets_at_once, 0),
    'times are not written down': (Scope, 'memory', writes_no_times, 182),
    'what AWS no longer says is forgotten': (
        Scope,
        'news',
        lambda self, id: shown(self, id, self.first - self.settings.events_since),
        149,
    ),
    'an unknown status has ended': (
        Scope,
        'has_ended',
        lambda self, id: self.jobs[id]['status'] not in ACTIVE,
        1552,
    ),
    'an unknown status runs for ever': (
        Scope,
        'has_ended',
        lambda self, id: self.jobs[id]['status'] in TERMINAL,
        0,
    ),
    'version 1 begins events_since before': (Scope, 'begin', begins_events_since_before, 266),
    'version 1 has no cursor': (Run, 'start_from_version_1', keeps_no_cursor, 7),
}


@pytest.mark.parametrize('name', BROKEN)
def test_the_judge_finds_what_is_left_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    where, what, instead, seed = BROKEN[name]
    monkeypatch.setattr(where, what, instead)
    assert Run(seed).run()


def leaves_no_time(self: Scope) -> None:
    PLAN(self)
    self.newest_goes_first = False


def asks_for_none_that_was_shown(self: Scope) -> list[int]:
    return [id for id in MISSING(self) if self.seen_at.get(id, -inf) < self.began_at]


@pytest.mark.parametrize(
    ('where', 'what', 'instead'),
    [
        (news_model, 'PATIENCE', inf),
        (news_model, 'STUCK', inf),
        (Scope, 'plan', leaves_no_time),
        (Scope, 'missing', lambda self: sorted(MISSING(self), reverse=True)),
        (Scope, 'missing', asks_for_none_that_was_shown),
    ],
)
def test_the_judge_finds_what_a_page_that_is_never_answered_would_do(
    monkeypatch: pytest.MonkeyPatch, where: Any, what: str, instead: Any
) -> None:
    monkeypatch.setattr(where, what, instead)
    assert list(stuck_page(TimeoutError, hours=80))


def test_a_young_job_waits_for_its_tag_and_an_older_one_does_not() -> None:
    scope = Scope(Settings(filter=Filter(tag=True)))
    scope.jobs, scope.tags = {1: {'is_tuning': True, 'created': 0.0}}, {1: False}
    found = []
    for scope.now in (0.0, YOUTH - 1, YOUTH, DAY):
        found.append(scope.verdict(1))
    assert found == [None, None, False, False]
