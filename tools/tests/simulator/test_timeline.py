from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.simulator import (
    Step,
    Timeline,
    completes,
    distillation,
    fails,
    rft,
    stopped,
    stuck,
)

BEGIN = datetime(2026, 11, 1, 8, 30, 0, 123456, tzinfo=UTC)
TERMINAL = {'Completed': 'completed', 'Failed': 'failed', 'Stopped': 'stopped'}

spans = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=4))
short = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=1))
losses = st.none() | st.floats(0, 10)
timelines = st.one_of(
    st.builds(completes, st.just(BEGIN), validation=short, queue=spans, training=spans, training_loss=losses),
    st.builds(completes, st.just(BEGIN), metrics_delay=short),
    st.builds(distillation, st.just(BEGIN), data_processing=spans, training=spans),
    st.builds(rft, st.just(BEGIN), training=spans),
    st.builds(fails, st.just(BEGIN), phase=st.sampled_from(('validation', 'training')), after=spans),
    st.builds(stuck, st.just(BEGIN), validation=short),
    st.builds(stopped, st.just(BEGIN), after=spans, takes=short),
    st.builds(
        lambda after, phases: fails(BEGIN, phase='data_processing', phases=phases, after=after),
        spans,
        st.just(('validation', 'data_processing', 'training')),
    ),
)


@given(timelines, st.lists(st.timedeltas(timedelta(-1), timedelta(days=9)), min_size=2, max_size=8))
def test_states_follow_from_the_transitions(timeline: Timeline, offsets: list[timedelta]) -> None:
    transitions = timeline.transitions()
    assert [transition.at for transition in transitions] == sorted(transition.at for transition in transitions)
    assert transitions[0][:2] == (timeline.created_at, 'created')
    ended, previous = None, timeline.created_at
    for offset in sorted(offsets):
        now = BEGIN + offset
        snapshot = timeline.at(now)
        if now < timeline.created_at:
            assert snapshot is None
            assert timeline.transitions(until=now) == []
            continue
        assert snapshot is not None
        happened = {(kind, phase): at for at, kind, phase in timeline.transitions(until=now)}
        kinds = {kind for kind, _ in happened}
        assert snapshot.is_terminal == bool(kinds & set(TERMINAL.values()))
        assert (snapshot.status == 'Stopping') == ('stopping' in kinds and not snapshot.is_terminal)
        if snapshot.is_terminal:
            assert snapshot.end_time == happened[TERMINAL[snapshot.status], None]
            assert snapshot.last_modified >= snapshot.end_time
        else:
            assert snapshot.end_time is None
            assert snapshot.training_loss is None
        for phase in snapshot.phases:
            assert (phase.status == 'NotStarted') == (('phase_started', phase.name) not in happened)
            assert (phase.status in TERMINAL) == (('phase_ended', phase.name) in happened)
            assert phase.created == happened.get(('phase_started', phase.name))
            assert phase.modified is None or phase.created <= phase.modified <= snapshot.last_modified
        assert previous <= snapshot.last_modified <= now
        assert ended in (None, snapshot.status), 'a terminal status is final'
        previous = snapshot.last_modified
        ended = snapshot.status if snapshot.is_terminal else None


@given(timelines, spans)
def test_a_job_can_be_stopped_exactly_while_in_progress(timeline: Timeline, offset: timedelta) -> None:
    now = timeline.created_at + offset
    state = timeline.at(now)
    assert state is not None
    if state.status != 'InProgress':
        with pytest.raises(ValueError, match='in progress'):
            timeline.stop(now)
        return
    stopped_life = timeline.stop(now, timedelta(seconds=10))
    assert [t for t in stopped_life.transitions(until=now) if t.kind != 'stopping'] == timeline.transitions(until=now)
    assert stopped_life.at(now).status == 'Stopping'
    assert stopped_life.final.status == 'Stopped'
    assert {phase.status for phase in stopped_life.final.phases} <= {'NotStarted', 'Completed', 'Stopped'}


def test_a_success_in_full() -> None:
    timeline = completes(BEGIN, validation_losses=(0.5, 0.6), training_loss=0.4)
    assert [(kind, phase) for _, kind, phase in timeline.transitions()] == [
        ('created', None),
        ('phase_started', 'validation'),
        ('phase_ended', 'validation'),
        ('phase_started', 'training'),
        ('phase_ended', 'training'),
        ('completed', None),
    ]
    assert timeline.created_at.microsecond == 123000
    assert timeline.final.training_loss == 0.4
    assert timeline.final.validation_losses == (0.5, 0.6)
    assert timeline.settled_at - timeline.final.end_time == timedelta(milliseconds=300)


def test_metrics_can_come_after_the_end() -> None:
    timeline = completes(BEGIN, training_loss=0.4, metrics_delay=timedelta(minutes=5))
    assert timeline.at(timeline.final.end_time).training_loss is None
    assert timeline.final.training_loss == 0.4


def test_a_stuck_job_waits_for_ever() -> None:
    state = stuck(BEGIN).at(BEGIN + timedelta(days=400))
    assert state.status == 'InProgress'
    assert [(phase.name, phase.status) for phase in state.phases] == [
        ('validation', 'Completed'),
        ('training', 'NotStarted'),
    ]


def test_phases_may_be_absent_or_have_times_before_they_start() -> None:
    assert Timeline(BEGIN, phases=()).final.phases == ()
    timeline = Timeline(BEGIN, not_started_times=True)
    assert {phase.created for phase in timeline.final.phases} == {timeline.created_at}


def test_an_unknown_status_is_carried_and_is_no_transition() -> None:
    timeline = Timeline(BEGIN, (Step(timedelta(seconds=1), status='Queued'),))
    assert timeline.final.status == 'Queued'
    assert len(timeline.transitions()) == 1


@pytest.mark.parametrize(
    ('steps', 'message'),
    [
        ((Step(timedelta(seconds=2)), Step(timedelta(seconds=1))), 'comes after'),
        ((Step(timedelta(), phases={'data_processing': 'InProgress'}),), 'not shown'),
        ((Step(timedelta(), status='Failed'), Step(timedelta(1), status='Completed')), 'final'),
    ],
)
def test_impossible_timelines_are_refused(steps: tuple[Step, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Timeline(BEGIN, steps)


def test_times_need_a_zone() -> None:
    with pytest.raises(ValueError, match='zone'):
        Timeline(datetime(2026, 11, 1))
