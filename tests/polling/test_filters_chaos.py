"""Filters and late tags under chaos, in small: some seeds of filters_chaos.py, and its own judge put to the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from . import filters_chaos
from .filters_chaos import Judge, Poll, World


@pytest.mark.parametrize('seed', [1, 2, 3, 4, 5])
def test_nothing_is_lost_nothing_is_wrong(seed: int) -> None:
    ledger = filters_chaos.run(seed, polls=150)
    assert not (ledger.lost or ledger.wrong), str(ledger)
    assert ledger.cases['must'] and ledger.cases['never']


@pytest.fixture(scope='module')
def calm_world() -> World:
    """A world without trouble, whose filter leaves some jobs out."""
    return filters_chaos.live(seed=7, polls=60, troubles=())


@pytest.fixture
def world(calm_world: World) -> Iterator[World]:
    given = [(deepcopy(poll.events), list(poll.counts)) for poll in calm_world.polls]
    calm_world.ledger = filters_chaos.Ledger()
    yield calm_world
    for poll, (events, counts) in zip(calm_world.polls, given, strict=True):
        poll.events, poll.unsent, poll.counts = events, [], counts


def first_event(world: World) -> tuple[Poll, dict[str, Any]]:
    return next((poll, event) for poll in world.polls for event in poll.events)


def drop(world: World) -> None:
    poll, event = first_event(world)
    poll.events.remove(event)


def add_an_excluded_job(world: World) -> None:
    poll, event = first_event(world)
    told = {one['aggregation_key'] for poll in world.polls for one in poll.events}
    prefix = event['aggregation_key'].rpartition(':')[0]
    left_out = next(
        life for life in world.lives if life.born > world.polls[0].at and f'{prefix}:{life.job.id}' not in told
    )
    poll = next(poll for poll in world.polls if poll.at >= left_out.born)
    of_it = {'aggregation_key': f'{prefix}:{left_out.job.id}', 'timestamp': int(left_out.born.timestamp())}
    poll.events.append({**event, **of_it, 'tags': ['transition:created']})


def repeat(world: World) -> None:
    poll, event = first_event(world)
    world.polls[poll.number + 1].events.append(dict(event))


def repeat_in_other_words(world: World) -> None:
    poll, event = first_event(world)
    poll.unsent.append({**event, 'msg_title': 'another'})


def move(world: World) -> None:
    first_event(world)[1]['timestamp'] += 1


def take_tags_away(world: World) -> None:
    for poll in world.polls:
        for event in poll.events:
            event['tags'] = [tag for tag in event['tags'] if not tag.startswith('team:')]


def give_tags(world: World) -> None:
    first_event(world)[1]['tags'].append('team:unheard-of')


def count_twice(world: World) -> None:
    poll = next(poll for poll in world.polls if poll.counts)
    poll.counts.append(poll.counts[0])


def drop_a_count(world: World) -> None:
    poll = next(poll for poll in world.polls if poll.counts)
    poll.counts.pop(0)


def invent(world: World) -> None:
    poll, event = first_event(world)
    poll.events.append({**event, 'tags': ['transition:resurrected']})


def test_a_calm_world_is_told_as_it_was(world: World) -> None:
    ledger = Judge(world).judge()
    assert not (ledger.lost or ledger.wrong), str(ledger)
    assert ledger.cases['must'] and ledger.cases['never']


@pytest.mark.parametrize(
    ('spoil', 'lost', 'wrong'),
    [
        (drop, 1, ''),
        (add_an_excluded_job, 0, 'never, and told'),
        (repeat, 0, 'told twice by one process'),
        (move, 0, 'another time'),
        (take_tags_away, 0, 'tags are missing'),
        (give_tags, 0, 'tags that the job has not'),
        (count_twice, 0, 'counted twice by one process'),
        (drop_a_count, 0, 'told, and not counted'),
        (invent, 0, 'event of what never happened'),
    ],
)
def test_the_judge_sees_what_is_lost_or_wrong(
    world: World, spoil: Callable[[World], None], lost: int, wrong: str
) -> None:
    spoil(world)
    ledger = Judge(world).judge()
    assert len(ledger.lost) == lost, str(ledger)
    assert any(wrong in found.what for found in ledger.wrong) if wrong else not ledger.wrong, str(ledger)


def test_the_judge_sees_both_at_once_and_repeats_that_differ(world: World) -> None:
    drop(world)
    add_an_excluded_job(world)
    ledger = Judge(world).judge()
    assert len(ledger.lost) == 1 and len(ledger.wrong) == 1, str(ledger)
    repeat_in_other_words(world)
    assert any('repeats differ' in found.what for found in Judge(world).judge().wrong)
