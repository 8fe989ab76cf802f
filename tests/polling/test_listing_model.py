"""Random lives of jobs, and random trouble with listing them, held against what must be told in the end.

No HTTP: the real `Collector` asks a made-up Bedrock, which lists on small pages, late, slowly, or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.aws import bedrock
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.jobs.filters import JobFilter
from datadog_checks.bedrock_model_customization.polling.collector import Collector
from datadog_checks.bedrock_model_customization.polling.inventory import Limits
from datadog_checks.bedrock_model_customization.polling.ledger import SPAN
from datadog_checks.bedrock_model_customization.polling.scope import Pace, Scope, ScopePoll
from datadog_checks.bedrock_model_customization.polling.state import decode

from ..harness import REGION, T0, Disk

ARN: Final = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/job{:09d}'
MINUTE: Final = 60
HOUR: Final = 3600
# How much later than it happens AWS may show something: less than what the cursor is held back by.
MAX_LATE: Final = 10 * MINUTE
ENDS: Final = {'Completed': 'completed', 'Failed': 'failed', 'Stopped': 'stopped'}
LIST: Final = 'ListModelCustomizationJobs'
DESCRIBE: Final = 'GetModelCustomizationJob'


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@dataclass(frozen=True)
class Life:
    """One job. Times are seconds since T0; `late` and `behind` are how long AWS hides the job, and what it became."""

    born: float
    lasts: float | None = None
    outcome: str = 'Failed'
    stopping: float = 0
    late: float = 0
    behind: float = 0

    @property
    def end(self) -> float:
        return float('inf') if self.lasts is None else self.born + self.lasts

    @property
    def stopping_at(self) -> float:
        """When it began to stop."""
        return max(self.end - self.stopping, self.born) if self.outcome == 'Stopped' else float('inf')

    def status(self, now: float) -> str:
        """The status that AWS shows."""
        shown = now - self.behind
        return self.outcome if shown >= self.end else 'Stopping' if shown >= self.stopping_at else 'InProgress'

    def is_visible(self, now: float) -> bool:
        return now >= self.born + self.late

    def is_seen_ended(self, now: float) -> bool:
        return self.is_visible(now) and self.status(now) in ENDS


@dataclass(frozen=True)
class Step:
    """One poll: how long after the one before, what goes wrong in it, and what becomes of it."""

    wait: float = MINUTE
    budget: int | None = None
    faults: tuple[tuple[int, Kind], ...] = ()
    slow: float = 0
    skew: float = 0
    killed_at: int | None = None
    # 'reported'; 'unreported', where the submission fails; or the process ends: 'stopped' after the Agent sent
    # everything, 'killed' with what it was given unsent, 'unremembered' before that was remembered.
    fate: str = 'reported'


@dataclass(frozen=True)
class Bad:
    """The page with one job is not answered for a while."""

    job: int
    since: float
    until: float
    kind: Kind = Kind.SERVER


@dataclass(frozen=True)
class Plan:
    lives: tuple[Life, ...]
    steps: tuple[Step, ...]
    bad: tuple[Bad, ...] = ()
    page_size: int = 4
    limits: Limits = field(default_factory=Limits)
    max_describes: int = 200
    is_describing_denied: bool = False


class Guard:
    """Does at once what the real one has threads for."""

    def run_in_background(self, work: Callable[[], None], region: str = '') -> None:
        work()

    def result_of(self, answer: Future[Any]) -> Any:
        return answer.result()


class Bedrock:
    """What `BedrockScope` is to a `Collector`."""

    has_bulk_tags = True

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.region = REGION
        settings = SimpleNamespace(assume_role='', role_account_id=None)
        self.session = SimpleNamespace(guard=Guard(), settings=settings, ask_again=lambda: None)
        self.answered_at = None
        self.now = 0.0
        self.step = Step()
        self.asked: Counter[str] = Counter()
        self.answered = 0
        self.shown: dict[int, str] = {}
        self.pages = 0
        self.was_bad = False
        self.is_calm = False

    def begin(self, step: Step) -> None:
        self.step, self.asked, self.answered, self.shown = step, Counter(), 0, {}
        self.pages, self.was_bad = 0, False

    def prepare(self) -> None:
        pass

    def reset(self) -> None:
        pass

    def account_id(self) -> str:
        return '123456789012'

    def list_jobs(
        self,
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        status: str | None = None,
    ) -> Iterator[list[Any]]:
        behind: tuple[float, int] | None = None
        while True:
            self._request(LIST)
            page: list[int] = []
            for place in self.newest_first(behind):
                created, number = place
                life = self.plan.lives[number]
                if created_before and not at(created) < created_before:
                    continue
                if created_after and not at(created) > created_after:
                    break
                if life.is_visible(self.now) and status in (None, life.status(self.now)):
                    if len(page) == self.plan.page_size:
                        break
                    page.append(number)
                    behind = place
            else:
                place = None
            is_last = place is None or (created_after is not None and not at(place[0]) > created_after)
            for bad in self.plan.bad if not self.is_calm else ():
                if bad.job in page and bad.since <= self.now < bad.until:
                    self.was_bad = True
                    raise AwsError(bad.kind, LIST, 'Bad', '')
            self.pages += 1
            yield [self._summary(number) for number in page]
            if is_last:
                return

    def newest_first(self, behind: tuple[float, int] | None = None) -> list[tuple[float, int]]:
        places = sorted(((life.born, number) for number, life in enumerate(self.plan.lives)), reverse=True)
        return [place for place in places if behind is None or place < behind]

    def describe_job(self, job_arn: str) -> dict[str, Any]:
        self._request(DESCRIBE)
        number = int(job_arn[-9:])
        if not self.plan.lives[number].is_visible(self.now):
            raise AwsError(Kind.NOT_FOUND, DESCRIBE, 'ResourceNotFoundException', '')
        return self._summary(number)

    def tags_of(self, job_arns: Sequence[str]) -> dict[str, dict[str, str]]:
        self._request('GetResources')
        return {arn: {} for arn in job_arns}

    def job_tags(self, job_arn: str) -> dict[str, str]:
        self._request('ListTagsForResource')
        return {}

    def _request(self, operation: str) -> None:
        step, number = self.step, self.asked.total()
        self.asked[operation] += 1
        if number == step.killed_at:
            raise Killed
        if step.budget is not None and self.answered >= step.budget:
            raise AwsError(Kind.INTERRUPTED, operation, 'InterruptedPollError', '')
        self.now += step.slow
        if operation == DESCRIBE and self.plan.is_describing_denied and not self.is_calm:
            raise AwsError(Kind.DENIED, operation, 'AccessDeniedException', '')
        kind = dict(step.faults).get(number)
        if kind:
            raise AwsError(kind, operation, 'Fault', '')
        self.answered += 1

    def _summary(self, number: int) -> dict[str, Any]:
        life = self.plan.lives[number]
        status = life.status(self.now)
        self.shown[number] = status
        summary = {
            'jobArn': ARN.format(number),
            'jobName': f'job-{number}',
            'creationTime': at(life.born),
            'lastModifiedTime': at(life.born),
            'status': status,
        }
        if status == 'Stopping':
            summary['lastModifiedTime'] = at(life.stopping_at)
        if status in ENDS:
            summary['endTime'] = summary['lastModifiedTime'] = at(life.end)
        return summary


@dataclass
class Process:
    """One life of the Agent, from one start to the next."""

    told: set[tuple[int, str]] = field(default_factory=set)
    delivered: set[int] = field(default_factory=set)
    # When its polls began, since the last but one that knew everything.
    began: list[float] = field(default_factory=list)
    completed: list[int] = field(default_factory=list)
    bad_in_a_row: int = 0


class Run:
    """A plan, carried out."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.aws, self.disk = plan, Bedrock(plan), Disk()
        # What the Agent has sent, and what it was given since.
        self.sent: set[tuple[int, str]] = set()
        self.given: set[tuple[int, str]] = set()
        # The first answer, by our clock and by AWS's; None before it.
        self.first_look: tuple[float, float] | None = None
        # The jobs that were shown at a poll that was remembered.
        self.known: set[int] = set()
        # Those of them that were Stopping then, and those that were so at first sight.
        self.stopping: set[int] = set()
        self.old_stopping: set[int] = set()
        self.polls = 0
        self._start()

    def _start(self) -> None:
        if not self.disk.files:
            self.first_look = None
            self.known, self.stopping, self.old_stopping = set(), set(), set()
        self.was_restarted = self.polls > 0
        self.process = Process()
        pace = Pace(max_describes=self.plan.max_describes)
        self.collector = Collector(self.aws, self.disk.store(), self.plan.limits, JobFilter(), pace)  # type: ignore[arg-type]

    def poll(self, step: Step) -> ScopePoll | None:
        """Poll once; return what the poll found, None for one that failed or did not live to its end."""
        aws, process = self.aws, self.process
        self.sent |= self.given
        self.given = set()
        self.polls += 1
        aws.now += step.wait
        aws.begin(step)
        began, now = aws.now, at(aws.now + step.skew)
        process.began.append(began)
        poll = None
        try:
            poll = self.collector.poll(now)
        except AwsError:
            pass
        except Killed:
            self._start()
            return None
        finally:
            process.delivered |= aws.shown.keys()
        if aws.pages and self.first_look is None:
            self.first_look = (began + step.skew, began)
        if poll is None:
            return None
        if step.fate == 'unreported':
            return None
        self.seen_stopping: set[int] = set()
        self._judge(poll, step)
        if step.fate == 'unremembered':
            self._start()
            return None
        self.collector.remember(poll, poll.transitions, poll.changed, now)
        self.known |= process.delivered
        self.stopping |= self.seen_stopping
        self._judge_floor()
        if step.fate == 'stopped':
            self.sent |= self.given
        if step.fate in ('stopped', 'killed'):
            self.given = set()
            self._start()
        return poll

    def is_due(self, moment: float) -> bool:
        """Whether what happened then must be told: it happened after the first look."""
        return self.first_look is not None and moment > max(self.first_look)

    def _judge(self, poll: ScopePoll, step: Step) -> None:
        aws, process, lives = self.aws, self.process, self.plan.lives
        assert self.first_look
        ours, first_seen = self.first_look
        for job, news in poll.transitions:
            number = int(job.job_arn[-9:])
            life = lives[number]
            times = {'created': life.born, 'stopping': life.stopping_at, ENDS[life.outcome]: life.end}
            assert news.key in times, f'job {number}: {news.key} never happens'
            assert news.at == at(times[news.key]) and times[news.key] <= aws.now, f'job {number}: {news}'
            assert (number, news.key) not in process.told, f'job {number}: {news.key} is told again'
            assert not (life.is_seen_ended(first_seen) and life.end < ours), (
                f'job {number}: {news.key}, and it had ended before the first look'
            )
            process.told.add((number, news.key))
            self.given.add((number, news.key))
        for number, status in aws.shown.items():
            # A Stopping has no time that never moves: it is as old as its job at first sight.
            if status != 'Stopping' or not self.is_due(lives[number].stopping_at) or number in self.old_stopping:
                continue
            if number in self.known or self.is_due(lives[number].born):
                self.seen_stopping.add(number)
            else:
                self.old_stopping.add(number)
        if poll.is_complete:
            self._judge_completeness()
        self._judge_freshness(poll, step)

    def _judge_completeness(self) -> None:
        """What runs was shown if it could be seen since the listing began: it may have begun a few polls ago."""
        process = self.process
        process.completed.append(len(process.began))
        begun = process.completed[-3] if len(process.completed) > 2 else 0
        since = process.began[begun]
        for number, life in enumerate(self.plan.lives):
            if life.is_visible(since) and life.status(self.aws.now) not in ENDS:
                assert number in process.delivered, f'job {number} was never shown, and the listing is complete'

    def _judge_freshness(self, poll: ScopePoll, step: Step) -> None:
        """A page that is not answered hides none of those before it, where nothing else goes wrong."""
        aws, process = self.aws, self.process
        if step.budget is not None or step.faults:
            process.bad_in_a_row = 0
            return
        # A listing that goes on behind an earlier page may delay them by a few polls.
        process.bad_in_a_row += 1
        if process.bad_in_a_row < 4:
            return
        bad = [
            bad.job
            for bad in self.plan.bad
            if not aws.is_calm and bad.since <= aws.now and bad.until > process.began[-4]
        ]
        began = process.began[-3]
        visible = [number for _, number in aws.newest_first() if self.plan.lives[number].is_visible(began)]
        first = min((visible.index(job) for job in bad if job in visible), default=len(visible) + aws.plan.page_size)
        for number in visible[: max(first - self.plan.page_size + 1, 0)]:
            if self.is_due(self.plan.lives[number].born):
                known = process.delivered | {number for number, _ in self.sent}
                assert number in known, f'job {number} is newer than what is hidden, and was not shown'

    def _judge_floor(self) -> None:
        """The floor never passes a job that was created after the first look, and was not shown."""
        floors = [self.scope.ledger.floor]
        for text in self.disk.files.values():
            floors += [saved.memory.floor for saved in decode(text)[1].values()]
        known = self.known | {number for number, _ in self.sent}
        for floor in floors:
            for number, life in enumerate(self.plan.lives):
                if floor and self.is_due(life.born) and at(life.born) < floor:
                    assert number in known, f'job {number} is behind the floor, and was not shown'

    @property
    def scope(self) -> Scope:
        assert self.collector._current
        return self.collector._current

    def go(self) -> None:
        for step in self.plan.steps:
            self.poll(step)
        self.calm_down()
        self.judge()

    def calm_down(self) -> None:
        self.aws.is_calm = True
        for _ in range(20):
            self.poll(Step(wait=10 * MINUTE))

    def untold(self, until: float) -> list[tuple[int, str, float]]:
        """What could be seen by then, and was not told."""
        plan = self.plan
        is_cut = plan.limits.max_tracked_jobs < len(plan.lives)
        missing = []
        for number, life in enumerate(plan.lives):
            assert self.first_look
            if is_cut and life.born <= self.first_look[1]:
                # Where the first look takes several polls, one of these may have ended before it was shown.
                continue
            for key, moment in (('created', life.born), (ENDS[life.outcome], life.end)):
                seen = max(moment + life.behind, life.born + life.late)
                if self.is_due(moment) and seen <= until and (number, key) not in self.sent:
                    missing.append((number, key, moment))
        return missing

    def judge(self) -> None:
        aws, lives, disk = self.aws, self.plan.lives, self.disk
        costs = []
        poll: ScopePoll | None = None
        for wait in (MINUTE, 0):
            poll = self.poll(Step(wait=wait))
            assert poll and poll.is_complete and not poll.broken_off
            costs.append(aws.asked[LIST])
        assert poll
        now, size = aws.now, self.plan.page_size
        if not any(now - HOUR < life.born + life.late or now - HOUR < life.end + life.behind <= now for life in lives):
            assert not poll.transitions and not aws.asked[DESCRIBE]
        assert not self.untold(now - 20 * MINUTE)
        assert not {number for number in self.stopping if (number, 'stopping') not in self.sent}
        inventory, floor = self.scope.inventory, self.scope.ledger.floor
        assert floor
        visible = {n: life for n, life in enumerate(lives) if life.is_visible(now)}
        active = {n for n, life in visible.items() if life.status(now) not in ENDS}
        recent = {n for n, life in visible.items() if n not in active and at(max(life.born, life.end)) >= floor}
        retention = inventory.limits.terminal_retention + timedelta(minutes=1)
        with_gauges = {n for n, life in visible.items() if n not in active and at(life.end) >= at(now) - retention}
        (memory,) = max((decode(text) for text in disk.files.values()), key=lambda found: found[0])[1].values()
        remembered = {int(arn[-9:]) for arn in memory.memory.reported}
        assert active | recent <= remembered <= active | recent | with_gauges
        if poll.left_out or len(lives) > self.plan.limits.max_tracked_jobs:
            return

        def pages(count: int) -> int:
            return max(-(-count // size), 1)

        since = at(now) - SPAN
        window = min([since, *(at(lives[number].born) - timedelta(seconds=1) for number in active)])
        in_window = pages(sum(at(life.born) > window for life in visible.values()))
        status = Counter(lives[number].status(now) for number in active)
        by_status = pages(sum(at(life.born) > since for life in visible.values()))
        by_status += pages(status['InProgress']) + pages(status['Stopping'])
        assert min(costs) in (in_window, by_status) and (in_window > 3 or min(costs) == in_window)
        start = inventory.lookback_start(at(now))
        truth = {
            ARN.format(number): life.status(now)
            for number, life in visible.items()
            if at(life.born) >= start or number in active
        }
        known = {arn: job.status for arn, job in inventory.jobs.items()}
        known |= {arn: inventory.settled.status(arn) for arn in truth if arn in inventory.settled}
        assert {arn: known.get(arn) for arn in truth} == truth
        assert poll.tracked == len(known) and poll.counts == Counter(truth.values())


# --- what is tried

STRIKES: Final = (Kind.SERVER, Kind.THROTTLED, Kind.MALFORMED, Kind.DENIED, Kind.CREDENTIALS)
WAITS: Final = (MINUTE, MINUTE, MINUTE, 15, 5 * MINUTE, 20 * MINUTE, HOUR, 5 * HOUR)
FATES: Final = ('reported',) * 12 + ('unreported', 'stopped', 'killed', 'unremembered')


def delays() -> st.SearchStrategy[float]:
    return st.sampled_from((0, 0, 0, 1, MINUTE, 5 * MINUTE, MAX_LATE))


@st.composite
def lives(draw: st.DrawFn, since: float, until: float, page_size: int) -> tuple[Life, ...]:
    drawn = draw(
        st.lists(
            st.builds(
                Life,
                born=st.integers(int(since), int(until)) | st.integers(-20 * MINUTE, 2 * HOUR),
                lasts=st.sampled_from((None, 1, 20, 90, 10 * MINUTE, HOUR, 3 * HOUR, 30 * HOUR)),
                outcome=st.sampled_from(tuple(ENDS)),
                stopping=st.sampled_from((0, 10, 2 * MINUTE, HOUR)),
                late=delays(),
                behind=delays(),
            ),
            max_size=40,
        )
    )
    drawn.sort(key=lambda life: life.born)
    apart: list[Life] = []
    together = page_size - 2
    for life in drawn:
        born = life.born + draw(st.sampled_from((0, 0.25, 0.999)))
        if apart:
            born = max(born, apart[-1].born)
        if len(apart) >= together and born < apart[-together].born + 2:
            born = apart[-together].born + 2
        apart.append(Life(born, life.lasts, life.outcome, life.stopping, life.late, life.behind))
    return tuple(apart)


def steps(with_trouble: bool = True) -> st.SearchStrategy[Step]:
    if not with_trouble:
        return st.builds(Step, wait=st.sampled_from(WAITS))
    requests = st.integers(0, 8)
    return st.builds(
        Step,
        wait=st.sampled_from(WAITS),
        budget=st.sampled_from((None, None, 1, 1, 2, 3, 5)),
        faults=st.just(()) | st.lists(st.tuples(requests, st.sampled_from(STRIKES)), max_size=2).map(tuple),
        slow=st.sampled_from((0, 0, 1, 20)),
        skew=st.sampled_from((0, 0, 0, -5 * MINUTE, 5 * MINUTE, -30 * MINUTE)),
        killed_at=st.sampled_from((None,) * 8 + (0, 1, 2, 4)),
        fate=st.sampled_from(FATES),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    page_size = draw(st.sampled_from((4, 4, 5, 10)))
    lookback = draw(st.sampled_from((6, 24, 168)))
    drawn_steps = tuple(draw(st.lists(steps(), min_size=1, max_size=30)))
    until = sum(step.wait for step in drawn_steps)
    drawn = draw(lives(-1.3 * lookback * HOUR, until, page_size))
    bad: tuple[Bad, ...] = ()
    if drawn:
        bad = tuple(
            draw(
                st.lists(
                    st.builds(
                        lambda job, since, hours, kind: Bad(job, since, since + hours * HOUR, kind),
                        st.integers(0, len(drawn) - 1),
                        st.integers(0, int(until)),
                        st.integers(1, 12),
                        st.sampled_from((Kind.SERVER, Kind.MALFORMED, Kind.THROTTLED)),
                    ),
                    max_size=2,
                )
            )
        )
    limits = Limits(
        lookback=timedelta(hours=lookback),
        terminal_retention=timedelta(hours=draw(st.sampled_from((0, 1, 24)))),
        max_tracked_jobs=draw(st.sampled_from((10_000, 10_000, 5, 12))),
    )
    return Plan(
        drawn,
        drawn_steps,
        bad,
        page_size,
        limits,
        max_describes=draw(st.sampled_from((200, 200, 2))),
        is_describing_denied=draw(st.sampled_from((False, False, False, True))),
    )


def possible(plan: Plan) -> Plan:
    """Return the plan without what nobody promises to survive."""
    limits, steps = plan.limits, plan.steps
    if plan.is_describing_denied:
        # What ended behind the listing, and the process does not know when it was created, can be asked for nowhere.
        steps = tuple(replace(step, killed_at=None, fate='reported') for step in steps)
    if limits.max_tracked_jobs < len(plan.lives):
        # Where the clock is set, too, what the cap left out of a first look may be taken for new later.
        steps = tuple(replace(step, skew=0) for step in steps)
    return replace(plan, limits=limits, steps=steps)


def carry_out(plan: Plan) -> Run:
    plan = possible(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bedrock, 'PAGE_SIZE', plan.page_size)
        run = Run(plan)
        run.go()
    return run


@settings(max_examples=300, derandomize=True, suppress_health_check=list(HealthCheck))
@given(plans())
def test_whatever_happens_everything_is_told_in_the_end(plan: Plan) -> None:
    carry_out(plan)


@settings(max_examples=30, derandomize=True, suppress_health_check=list(HealthCheck))
@given(lives(-6 * HOUR, 2 * HOUR, page_size=4))
def test_one_answer_at_each_poll_is_enough_in_the_end(drawn: tuple[Life, ...]) -> None:
    run = Run(Plan(drawn, ()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bedrock, 'PAGE_SIZE', run.plan.page_size)
        # Two hours of news, and then as many polls as any listing and the hourly one of everything take.
        for _ in range(2 * 60 + 90):
            run.poll(Step(budget=1))
    assert not run.untold(run.aws.now - 90 * MINUTE)
