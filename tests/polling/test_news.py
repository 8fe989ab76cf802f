"""The rule of news, from outside: what an Agent is told of jobs by a check that is restarted, edited and refused.

Nothing here knows how the check keeps or compares what it knows. The Agent's cache is opaque, and a restart is a new
check beside the same cache; one that comes right after news may tell them again, as the Agent may not have sent them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from datadog_checks.base.stubs.aggregator import AggregatorStub

from bedrock_jobs.simulator import (
    DEFAULT_ACCOUNT,
    MISSING,
    Clock,
    EmptyDocument,
    Hang,
    JobSpec,
    RawBody,
    ReplaceMember,
    ServerError,
    ServiceError,
    SimulatedJob,
    Simulator,
    Step,
    TaggingLags,
    Throttle,
    Timeline,
    completes,
    fails,
    stuck,
)
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.aws import bedrock
from datadog_checks.bedrock_model_customization.aws.session import default_session
from datadog_checks.bedrock_model_customization.polling import state

from ..harness import HOUR, MINUTE, T0
from ..strict_agent import StrictAgent, logging_to_the_agent

NAME: Final = 'bedrock_model_customization'
EAST, WEST = 'us-east-1', 'us-west-2'
OTHER_ACCOUNT: Final = '210987654321'
LIST, DESCRIBE = 'ListModelCustomizationJobs', 'GetModelCustomizationJob'
BULK_TAGS, TAGS, CALLER = 'GetResources', 'ListTagsForResource', 'GetCallerIdentity'
SECOND: Final = timedelta(seconds=1)
DAY: Final = timedelta(days=1)
NO_JOBS: Final = b'{"modelCustomizationJobSummaries":[]}'


class Event(NamedTuple):
    """An event, without its text."""

    job: str
    transition: str
    timestamp: int
    title: str
    key: str
    tags: frozenset[str]

    def __str__(self) -> str:
        return f'{self.job} {self.transition}'

    @property
    def identity(self) -> tuple[str, int, str, str]:
        """What a repeated event must have in common with the first one."""
        return str(self), self.timestamp, self.title, self.key


PROCESSES: Final = count(1)


@dataclass
class Rig:
    """An Agent, its instances by id, and all that it was told since the start or since `forget`.

    `counted` has the sums of `jobs.started`, `jobs.failed` and so on, as `job started`; `warnings` those of the last
    poll, `requests` the requests of each poll by operation.
    """

    agent: StrictAgent
    simulator: Simulator
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    checks: dict[str, BedrockModelCustomizationCheck] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    count_tags: dict[str, frozenset[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    requests: list[Counter[str]] = field(default_factory=list)

    def start(self, instance: str = 'one', **options: Any) -> None:
        """Start an instance with these options; in place of one that runs by this id, in another life of the Agent."""
        if instance in self.options:
            state.PROCESS = f'process {next(PROCESSES)}'
        self.options[instance] = options
        given = {'regions': [EAST], 'endpoint_url': self.simulator.endpoint_url, 'max_attempts': 1, **options}
        given = {name: value for name, value in given.items() if value is not None}
        check = BedrockModelCustomizationCheck(NAME, {}, [given])
        check.check_id = f'{NAME}:{instance}'
        check.clock = self.simulator.clock.now
        self.checks[instance] = check

    def restart(self, instance: str = 'one') -> None:
        """End an instance's process, and start it again with the same options and cache."""
        self.start(instance, **self.options[instance])

    def poll(self, later: timedelta = timedelta(), instance: str = 'one') -> list[str]:
        """Poll some time later, and return what the events of this poll tell."""
        self.simulator.clock.advance(later)
        self.simulator.requests.reset()
        self.agent.aggregator.reset()
        assert self.checks[instance].run() == ''
        self.warnings = self.checks[instance].get_warnings()
        self.requests.append(self.simulator.requests.by_operation())
        events = [self._event(event) for event in self.agent.aggregator.events]
        self.events += events
        for kind in ('started', 'completed', 'failed', 'stopped'):
            for metric in self.agent.aggregator.metrics(f'{NAME}.jobs.{kind}'):
                if metric.value:
                    counted = f'{_value(metric.tags, "job_name")} {kind}'
                    self.counted[counted] += int(metric.value)
                    self.count_tags[counted] = frozenset(metric.tags)
        return [str(event) for event in events]

    def polls(self, count: int, every: timedelta = MINUTE, instance: str = 'one') -> list[str]:
        """Poll so many times, and return what the events tell."""
        return [told for _ in range(count) for told in self.poll(every, instance)]

    def forget(self) -> None:
        """Forget what the Agent was told so far."""
        self.events, self.counted, self.count_tags, self.requests = [], Counter(), {}, []

    def gauges(self, name: str) -> dict[str, float]:
        """Return a gauge's values at the last poll: those of `jobs` by status, those of any other by job."""
        metrics = self.agent.aggregator.metrics(f'{NAME}.{name}')
        by = 'status' if name == 'jobs' else 'job_name'
        return {_value(metric.tags, by): metric.value for metric in metrics}

    def gauge(self, name: str) -> float:
        """Return the value at the last poll of a gauge that a scope has once."""
        (metric,) = self.agent.aggregator.metrics(f'{NAME}.{name}')
        return float(metric.value)

    def add(self, name: str, timeline: Timeline, region: str = EAST, **spec: Any) -> str:
        """Add a job, and return its ARN."""
        return self.simulator.add_job(region, name=name, timeline=timeline, **spec).arn

    def add_many(self, lives: dict[str, Timeline]) -> None:
        """Add jobs by name, far quicker than one by one."""
        account = self.simulator.account().id
        jobs = (SimulatedJob(account, EAST, JobSpec(name=name), life) for name, life in lives.items())
        self.simulator.add_jobs((job, None) for job in jobs)

    def small_pages(self, size: int = 10) -> None:
        """Let AWS be asked for pages of so many jobs: few jobs then have the shape of many."""
        self.monkeypatch.setattr(bedrock, 'PAGE_SIZE', size)

    def use_credentials_of(self, account: str) -> None:
        """Rotate the credentials that the Agent finds: the next request is signed by a key of this account."""
        known = self.simulator.client_options(account=account)
        # Between 10 and 15 minutes before their end, botocore looks for new ones at each request.
        ends = datetime.now(UTC) + 12 * MINUTE
        document = {
            'Version': 1,
            'AccessKeyId': known['aws_access_key_id'],
            'SecretAccessKey': known['aws_secret_access_key'],
            'SessionToken': 'example',
            'Expiration': ends.isoformat(),
        }
        (self.folder / 'credentials.json').write_text(json.dumps(document))
        config = self.folder / 'config'
        config.write_text(f'[default]\ncredential_process = cat {self.folder / "credentials.json"}\n')
        self.monkeypatch.setenv('AWS_CONFIG_FILE', str(config))
        for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'):
            self.monkeypatch.delenv(name, raising=False)

    @staticmethod
    def _event(event: dict[str, Any]) -> Event:
        tags = event['tags']
        names = _value(tags, 'job_name'), _value(tags, 'transition')
        return Event(*names, event['timestamp'], event['msg_title'], event['aggregation_key'], frozenset(tags))


def _value(tags: list[str], key: str) -> str:
    return next((tag.partition(':')[2] for tag in tags if tag.startswith(f'{key}:')), '')


def failing(created: datetime, at: datetime) -> Timeline:
    """The life of a job that fails at a moment."""
    return fails(created, after=at - created - 2 * SECOND)


def running(created: datetime) -> Timeline:
    """The life of a job that never ends."""
    return stuck(created)


@pytest.fixture
def rig(
    aws_environment: None,
    aggregator: AggregatorStub,
    strict_agent: StrictAgent,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Rig]:
    with logging_to_the_agent(), Simulator(Clock.manual(T0)) as simulator:
        yield Rig(strict_agent, simulator, monkeypatch, tmp_path)
    default_session.cache_clear()


# --- a. and b. the first listing


@pytest.mark.parametrize(('jobs', 'page'), [(15, 10), (1500, 1000)])
def test_a_first_listing_that_was_broken_off_and_a_restart_lose_nothing(rig: Rig, jobs: int, page: int) -> None:
    """What happens after the first answer is told, though that listing broke off and its process ended."""
    rig.small_pages(page)
    rig.add_many({f'old-{n}': failing(T0 - DAY - n * MINUTE, T0 - 23 * HOUR) for n in range(jobs)})
    for name, age in (('first-page', 2 * MINUTE), ('second-page', 3 * DAY)):
        rig.add(name, failing(T0 - age, T0 + 2 * MINUTE))
    rig.start()
    with rig.simulator.faults.during(ServerError(operation=LIST, skip=1, times=1)):
        assert rig.poll() == []
    rig.add('between', failing(T0 + MINUTE, T0 + 3 * MINUTE))
    rig.restart()
    told = rig.poll(5 * MINUTE) + rig.polls(5)
    assert sorted(told) == ['between created', 'between failed', 'first-page failed', 'second-page failed']
    assert rig.counted == Counter(['between started', *(f'{name} failed' for name in ('between', 'first-page'))]) + (
        Counter(['second-page failed'])
    )


@pytest.mark.parametrize('restarts', [(), (0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_a_job_that_ended_before_the_first_listing_came_to_it_is_told(rig: Rig, restarts: tuple[int, ...]) -> None:
    """A job that ran at the first answer is told to have ended, however late the listing shows it."""
    rig.small_pages()
    for number in range(45):
        rig.add(f'old-{number}', failing(T0 - 2 * HOUR - number * 2 * MINUTE, T0 - HOUR))
    rig.add('late', failing(T0 - 150 * MINUTE - SECOND, T0 + 90 * SECOND))
    rig.add('last', failing(T0 - 6 * DAY, T0 + 90 * SECOND))
    rig.start()
    told: list[str] = []
    for poll in range(8):
        with rig.simulator.faults.during(ServerError(operation=LIST, skip=1)):
            told += rig.poll(MINUTE if poll else timedelta())
        if poll in restarts:
            rig.restart()
    told += rig.polls(5)
    assert set(told) == set(rig.counted) == {'late failed', 'last failed'}
    # A restart may repeat what the poll before it told.
    assert max(Counter(told).values()) <= 1 + len(restarts)


# --- c. answers that hold nothing, and credentials of somebody else


def three_that_run_and_one_of_eight_days(rig: Rig) -> None:
    """Let the Agent know three jobs that it told, and one older than the look-back that ends in three hours."""
    rig.add('ancient', failing(T0 - 8 * DAY, T0 + 3 * HOUR))
    rig.start()
    rig.poll()
    for number in range(3):
        rig.add(f'runs-{number}', running(T0 + (number + 1) * MINUTE))
    assert len(rig.polls(10)) == 3
    rig.forget()


def test_an_empty_listing_makes_no_running_job_new(rig: Rig) -> None:
    """One poll at which AWS knows of no job starts none again, and costs no end."""
    three_that_run_and_one_of_eight_days(rig)
    rig.simulator.faults.add(RawBody(operation=LIST, body=NO_JOBS))
    rig.simulator.faults.add(ServiceError(operation=DESCRIBE, code='ResourceNotFoundException', status=404))
    assert rig.poll(MINUTE) == []
    rig.simulator.faults.clear()
    assert rig.polls(3) == []
    assert rig.counted == Counter()
    assert rig.poll(3 * HOUR) + rig.polls(3) == ['ancient failed']
    assert rig.counted == Counter(['ancient failed'])


@pytest.mark.parametrize('lasts', [5 * MINUTE, 2 * HOUR], ids=str)
@pytest.mark.parametrize('with_restart', [False, True])
def test_credentials_of_an_empty_account_make_no_running_job_new(
    rig: Rig, lasts: timedelta, with_restart: bool
) -> None:
    """Another account's credentials show another scope; with the old ones back, the old scope goes on."""
    rig.use_credentials_of(DEFAULT_ACCOUNT)
    three_that_run_and_one_of_eight_days(rig)
    rig.use_credentials_of(OTHER_ACCOUNT)
    assert rig.polls(5, lasts / 5) == []
    if with_restart:
        rig.restart()
        assert rig.polls(2, SECOND) == []
    since = rig.simulator.now()
    rig.add('meanwhile', failing(since - MINUTE, since - 30 * SECOND))
    rig.use_credentials_of(DEFAULT_ACCOUNT)
    told = rig.polls(3)
    assert told == ['meanwhile created', 'meanwhile failed']
    assert rig.counted == Counter(['meanwhile started', 'meanwhile failed'])
    assert rig.poll(3 * HOUR) + rig.polls(3) == ['ancient failed']
    assert rig.counted == Counter(['meanwhile started', 'meanwhile failed', 'ancient failed'])


def test_jobs_of_another_account_are_told_as_its_own(rig: Rig) -> None:
    """What happens in the account that the credentials lead to for a while is told, and not twice."""
    rig.use_credentials_of(DEFAULT_ACCOUNT)
    three_that_run_and_one_of_eight_days(rig)
    rig.add('theirs-before', failing(T0 - HOUR, T0), account=OTHER_ACCOUNT)
    rig.use_credentials_of(OTHER_ACCOUNT)
    assert rig.poll(MINUTE) == []
    rig.add('theirs', failing(T0 + 12 * MINUTE, T0 + 14 * MINUTE), account=OTHER_ACCOUNT)
    assert rig.polls(5) == ['theirs created', 'theirs failed']
    assert all(f'aws_account:{OTHER_ACCOUNT}' in event.tags for event in rig.events)
    for account in (DEFAULT_ACCOUNT, OTHER_ACCOUNT, DEFAULT_ACCOUNT):
        rig.use_credentials_of(account)
        assert rig.polls(3) == []
    assert rig.counted == Counter(['theirs started', 'theirs failed'])


# --- d. edits of the configuration

ROLE: Final = f'arn:aws:iam::{DEFAULT_ACCOUNT}:role/Datadog'
EDITS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    'include': ({}, {'include': {'job_names': ['*']}}),
    'exclude': ({'exclude': {'job_names': ['scratch-*']}}, {}),
    'external_id': ({'assume_role': ROLE, 'external_id': 'one'}, {'assume_role': ROLE, 'external_id': 'two'}),
    'endpoint_url': ({}, {'endpoint_url': 'localhost'}),
}


@pytest.fixture(params=EDITS)
def edit(request: pytest.FixtureRequest, rig: Rig) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options before and after an edit."""
    before, after = EDITS[request.param]
    if 'endpoint_url' in after:
        after = {'endpoint_url': rig.simulator.endpoint_url.replace('127.0.0.1', 'localhost')}
    return before, after


def test_an_edit_loses_no_failure_and_tells_nothing_old(rig: Rig, edit: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """A failure while the edited instance restarts is told, and nothing else."""
    before, after = edit
    for number in range(5):
        rig.add(f'old-{number}', completes(T0 - (number + 1) * 10 * HOUR))
    rig.add('runs', failing(T0 - HOUR, T0 + 10 * MINUTE))
    rig.start(**before)
    rig.poll()
    rig.add('told', failing(T0 + MINUTE, T0 + 3 * MINUTE))
    assert rig.polls(8) == ['told created', 'told failed']
    rig.forget()
    rig.add('new', failing(T0 + 9 * MINUTE, T0 + 11 * MINUTE))
    rig.start(**after)
    assert sorted(rig.poll(5 * MINUTE)) == ['new created', 'new failed', 'runs failed']
    assert rig.polls(5) == []
    assert rig.counted == Counter(['new started', 'new failed', 'runs failed'])


def test_an_edit_that_is_undone_three_days_later_replays_nothing(
    rig: Rig, edit: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    """What the edited instance told is not told again by the old one, and what nobody told yet is."""
    before, after = edit
    rig.add('runs', failing(T0 - HOUR, T0 + 30 * HOUR))
    rig.start(**before)
    rig.polls(3)
    rig.start(**after)
    rig.polls(3)
    jobs = [f'job-{number}' for number in range(12)]
    for number, name in enumerate(jobs):
        rig.add(name, failing(T0 + (number * 6 + 1) * HOUR, T0 + (number * 6 + 3) * HOUR))
    rig.polls(72, HOUR)
    told = [*(f'{name} started' for name in jobs), *(f'{name} failed' for name in (*jobs, 'runs'))]
    assert rig.counted == Counter(told)
    since = rig.simulator.now()
    rig.forget()
    rig.add('new', failing(since + MINUTE, since + 3 * MINUTE))
    rig.start(**before)
    assert rig.poll(5 * MINUTE) + rig.polls(5) == ['new created', 'new failed']
    assert rig.counted == Counter(['new started', 'new failed'])


def test_a_region_that_is_added_again_after_days_starts_anew(rig: Rig) -> None:
    """What happened in a Region while no instance watched it for days is not told."""
    rig.add('runs', failing(T0 - HOUR, T0 + 20 * HOUR), WEST)
    rig.add('goes-on', failing(T0 - HOUR, T0 + 74 * HOUR), WEST)
    rig.start(regions=[EAST, WEST])
    rig.polls(5)
    rig.start(regions=[EAST])
    for number in range(12):
        rig.add(f'job-{number}', failing(T0 + (number * 6 + 1) * HOUR, T0 + (number * 6 + 3) * HOUR), WEST)
    assert rig.polls(72, HOUR) == []
    rig.start(regions=[EAST, WEST])
    assert rig.polls(5) == []
    assert rig.counted == Counter()
    since = rig.simulator.now()
    rig.add('new', failing(since + MINUTE, since + 3 * MINUTE), WEST)
    assert rig.polls(3, HOUR) == ['new created', 'new failed', 'goes-on failed']


def test_a_region_that_is_added_again_within_minutes_loses_no_failure(rig: Rig) -> None:
    """A Region that was taken out by mistake and put back tells what happened meanwhile."""
    rig.add('runs', failing(T0 - HOUR, T0 + 8 * MINUTE), WEST)
    rig.start(regions=[EAST, WEST])
    rig.polls(5)
    rig.start(regions=[EAST])
    rig.add('new', failing(T0 + 7 * MINUTE, T0 + 9 * MINUTE), WEST)
    assert rig.polls(5) == []
    rig.start(regions=[EAST, WEST])
    assert sorted(rig.polls(5)) == ['new created', 'new failed', 'runs failed']
    assert rig.counted == Counter(['new started', 'new failed', 'runs failed'])


# --- e. gauges of jobs that are older than the look-back


def one_that_ends_older_than_the_look_back(rig: Rig) -> None:
    """Watch a job of 29 hours end, beside a recent one that had ended before, with a look-back of a day."""
    rig.add('long', completes(T0 - 29 * HOUR, training=29 * HOUR))
    rig.add('recent', completes(T0 - 5 * HOUR))
    rig.start(lookback_hours=24, terminal_job_hours=24)
    rig.poll()
    assert (rig.gauges('jobs')['InProgress'], rig.gauges('jobs')['Completed']) == (1, 1)
    assert rig.polls(3, 10 * MINUTE) == ['long completed']


def test_a_job_older_than_the_look_back_keeps_its_gauges(rig: Rig) -> None:
    """A job that ended has gauges of its own for `terminal_job_hours`, also after a restart."""
    one_that_ends_older_than_the_look_back(rig)
    for _ in range(2):
        for _ in range(3):
            rig.poll(MINUTE)
            assert rig.gauges('job.duration').keys() == {'long', 'recent'}
            assert rig.gauges('job.training_loss').keys() == {'long', 'recent'}
        rig.simulator.clock.advance(HOUR)
        rig.restart()
    rig.poll(24 * HOUR)
    assert rig.gauges('job.duration') == {}
    assert rig.counted == Counter(['long completed'])


def test_a_job_older_than_the_look_back_counts_while_it_runs_and_no_longer(rig: Rig) -> None:
    """The gauge `jobs` has what runs or was created within `lookback_hours`, before a restart and after it."""
    one_that_ends_older_than_the_look_back(rig)
    for _ in range(2):
        for _ in range(3):
            assert (rig.gauges('jobs')['InProgress'], rig.gauges('jobs')['Completed']) == (0, 1)
            rig.poll(MINUTE)
        rig.restart()
        rig.poll(HOUR)
    rig.poll(24 * HOUR)
    assert rig.gauges('jobs')['Completed'] == 0


# --- f. and g. jobs that are being stopped


def stopping(created: datetime, at: datetime, *moves: timedelta, ends: timedelta = 20 * MINUTE) -> Timeline:
    """A job that is stopped at a moment; while it is Stopping its lastModifiedTime moves, so much later each time."""
    since = at - created
    steps = (
        Step(2 * SECOND, phases={'validation': 'InProgress'}),
        Step(since, status='Stopping', phases={'validation': 'Stopping'}),
        *(Step(since + move) for move in moves),
        Step(since + ends, status='Stopped', phases={'validation': 'Stopped'}),
    )
    return Timeline(created, steps)


def test_stopping_that_is_told_again_is_the_same_event(rig: Rig) -> None:
    """An event that is repeated after a kill is the same, though the job was modified since."""
    rig.start()
    rig.poll()
    rig.add('halted', stopping(T0 + MINUTE, T0 + 270 * SECOND, 3 * MINUTE, 6 * MINUTE))
    assert rig.polls(5) == ['halted created', 'halted stopping']
    first = rig.events[-1]
    for _ in range(2):
        # Killed before the Agent has sent what it was told.
        rig.restart()
        assert rig.poll(3 * MINUTE) == ['halted stopping']
        assert rig.events[-1].identity == first.identity
    assert rig.poll(MINUTE) == []
    assert rig.polls(3, 10 * MINUTE) == ['halted stopped']


def test_a_description_that_lags_behind_takes_back_no_status(rig: Rig) -> None:
    """A job that the listing shows Stopping is told to be, though Get still says InProgress."""
    rig.start()
    rig.poll()
    rig.add('halted', stopping(T0 + 10 * SECOND, T0 + 50 * SECOND, ends=40 * SECOND))
    lag = {'status': 'InProgress', 'statusDetails.validationDetails.status': 'InProgress'}
    lag['lastModifiedTime'] = '2026-11-23T10:00:12.000Z'
    for member, value in lag.items():
        rig.simulator.faults.add(ReplaceMember(operation=DESCRIBE, member=member, value=value))
    told = rig.poll(MINUTE)
    rig.simulator.faults.clear()
    told += rig.polls(5)
    assert sorted(told) == ['halted created', 'halted stopped', 'halted stopping']


# --- h. processes without state


def test_starts_without_state_repeat_events_and_count_nothing_again(rig: Rig) -> None:
    """With `events_since` each start tells the last hour, by the same events, and counts what happened after it."""
    at = T0 - 40 * MINUTE
    for number in range(3):
        rig.add(f'fails-{number}', failing(at + number * MINUTE, at + 10 * MINUTE))
        rig.add(f'completes-{number}', completes(at + number * MINUTE, training=5 * MINUTE))
    rig.add('before', failing(T0 - 3 * HOUR, T0 - 2 * HOUR))
    known: set[tuple[str, int, str, str]] = set()
    for start in range(3):
        rig.agent.cache.files.clear()
        rig.start(events_since=1)
        rig.forget()
        assert len(rig.poll()) == 12 + 2 * start
        assert known <= {event.identity for event in rig.events}
        assert rig.counted == Counter()
        now = rig.simulator.now()
        rig.add(f'after-{start}', failing(now + MINUTE, now + 3 * MINUTE))
        assert rig.polls(5) == [f'after-{start} created', f'after-{start} failed']
        assert rig.counted == Counter([f'after-{start} started', f'after-{start} failed'])
        known = {event.identity for event in rig.events}


# --- i. tags that come after the creation


LATE_ID: Final = '000000000001'


def tagged_later(rig: Rig, after: timedelta, fails_after: timedelta) -> None:
    """Let a job `late` be created now, and tag it so much later; it fails in due time. Polls go on meanwhile."""
    born = rig.simulator.now() + SECOND
    arn = rig.add('late', failing(born, born + fails_after), job_id=LATE_ID)
    rig.polls(after // (30 * SECOND), 30 * SECOND)
    rig.simulator.tag(arn, {'team': 'a'})


@pytest.mark.parametrize('with_filter', [True, False])
def test_a_job_that_is_tagged_after_its_creation_is_told_with_its_tags(rig: Rig, with_filter: bool) -> None:
    """Tags that come 90 s after the creation are on the failure, and decide whether the job is wanted."""
    rig.start(**({'include': {'tags': ['team:a']}} if with_filter else {}))
    rig.poll()
    tagged_later(rig, 90 * SECOND, 17 * MINUTE)
    rig.polls(25)
    told = {event.transition: event.tags for event in rig.events}
    assert [str(event) for event in rig.events] == ['late created', 'late failed']
    assert 'team:a' in told['failed']
    assert 'team:a' in told['created'] or not with_filter
    assert 'team:a' in rig.count_tags['late failed']
    assert rig.counted == Counter(['late started', 'late failed'])


def test_a_creation_is_not_held_for_tags_for_ever(rig: Rig) -> None:
    """Tags that come after fifteen minutes decide on what happens then, and no more on the creation."""
    rig.start(include={'tags': ['team:a']})
    rig.poll()
    tagged_later(rig, 20 * MINUTE, 30 * MINUTE)
    assert rig.polls(15) == ['late failed']
    assert rig.counted == Counter(['late failed'])


@pytest.mark.parametrize('with_filter', [True, False])
def test_a_tagging_api_that_lags_keeps_no_tags_away(rig: Rig, with_filter: bool) -> None:
    """Tags that only Bedrock knows yet are on a failure, and decide whether the job is wanted."""
    rig.add('other', running(T0 - 2 * HOUR), tags={'team': 'a'})
    rig.start(**({'include': {'tags': ['team:a']}} if with_filter else {}))
    rig.poll()
    with rig.simulator.faults.during(TaggingLags(job=LATE_ID)):
        tagged_later(rig, 20 * MINUTE, 25 * MINUTE)
        told = rig.polls(10)
    assert told == ['late failed']
    assert 'team:a' in rig.events[-1].tags


def test_a_tag_call_that_answers_nothing_is_no_job_without_tags(rig: Rig) -> None:
    """A job is told once its tags are answered: `200 {}` does not say that it has none."""
    rig.start(include={'tags': ['team:a']})
    rig.poll()
    rig.add('wanted', failing(T0 + MINUTE, T0 + 10 * MINUTE), tags={'team': 'a'})
    rig.add('unwanted', failing(T0 + MINUTE, T0 + 10 * MINUTE), tags={'team': 'b'})
    for operation in (TAGS, BULK_TAGS):
        rig.simulator.faults.add(EmptyDocument(operation=operation))
    assert rig.polls(20) == []
    rig.simulator.faults.clear()
    assert rig.polls(20) == ['wanted created', 'wanted failed']
    assert rig.counted == Counter(['wanted started', 'wanted failed'])


# --- j. filters on what is not known yet


def test_a_type_that_only_a_description_tells_is_waited_for(rig: Rig) -> None:
    """A job whose type is asked for and not known yet is told after its description came."""
    rig.simulator.faults.add(ReplaceMember(operation=LIST, member='customizationType', value=MISSING))
    rig.start(include={'customization_types': ['FINE_TUNING']}, retry_mode='standard')
    rig.poll()
    rig.add('wanted', failing(T0 + MINUTE, T0 + 2 * MINUTE))
    rig.add('unwanted', failing(T0 + MINUTE, T0 + 2 * MINUTE), customization_type='DISTILLATION')
    with rig.simulator.faults.during(Throttle(operation=DESCRIBE)):
        assert rig.polls(4, 2 * MINUTE) == []
    assert rig.polls(5) == ['wanted created', 'wanted failed']
    assert rig.counted == Counter(['wanted started', 'wanted failed'])


@pytest.mark.parametrize('option', ['include', 'exclude'])
def test_more_jobs_of_unknown_type_than_one_poll_describes(rig: Rig, option: str) -> None:
    """Sixty jobs are told where their type is wanted and none where it is not, ten descriptions a poll."""
    rig.simulator.faults.add(ReplaceMember(operation=LIST, member='customizationType', value=MISSING))
    rig.start(**{option: {'customization_types': ['FINE_TUNING']}}, max_describes_per_poll=10)
    rig.poll()
    names = [f'job-{number}' for number in range(60)]
    for number, name in enumerate(names):
        rig.add(name, running(T0 + MINUTE + number * SECOND))
    told: list[str] = []
    with_gauges: set[str] = set()
    for _ in range(12):
        told += rig.poll(2 * MINUTE)
        with_gauges |= rig.gauges('job.duration').keys()
    wanted = names if option == 'include' else []
    assert Counter(told) == Counter(f'{name} created' for name in wanted)
    assert rig.counted == Counter(f'{name} started' for name in wanted)
    assert with_gauges == set(wanted)
    assert rig.gauges('jobs')['InProgress'] == len(wanted)


# --- k. two instances of one scope


@pytest.mark.parametrize('by', ['tags', 'name'])
@pytest.mark.parametrize('polls_before_restart', [1, 2])
def test_two_instances_of_one_scope_tell_the_same(rig: Rig, by: str, polls_before_restart: int) -> None:
    """A failure that one instance told is told by the other too, also by one that was restarted since."""
    rig.start('often', **{by: 'often' if by == 'name' else ['squad:often']})
    rig.start('seldom', **{by: 'seldom' if by == 'name' else ['squad:seldom']})
    told: dict[str, Counter[str]] = {'often': Counter(), 'seldom': Counter()}
    expected: Counter[str] = Counter()
    for instance in told:
        rig.polls(2, SECOND, instance)
    for round_ in range(4):
        now = rig.simulator.now()
        name = f'job-{round_}'
        rig.add(name, failing(now + MINUTE, now + 2 * MINUTE))
        expected += Counter([f'{name} created', f'{name} failed'])
        first, second = ('often', 'seldom') if round_ % 2 == 0 else ('seldom', 'often')
        rig.simulator.clock.advance(4 * MINUTE)
        told[first].update(rig.polls(polls_before_restart, SECOND, first))
        rig.restart(second)
        told[second].update(rig.poll(MINUTE, second))
        for instance in told:
            # Written down, so that the next restart repeats nothing.
            told[instance].update(rig.polls(2, SECOND, instance))
        told['often'].update(rig.polls(5, MINUTE, 'often'))
    assert told == {'often': expected, 'seldom': expected}
    assert rig.counted == Counter({f'job-{round_} {kind}': 2 for round_ in range(4) for kind in ('started', 'failed')})


# --- l. limits


@pytest.mark.parametrize(
    ('jobs', 'active', 'cap', 'page'),
    [
        pytest.param(120, 4, 100, 10, id='small'),
        pytest.param(12_000, 400, 10_000, 1000, id='12000 jobs'),
    ],
)
def test_every_job_of_the_look_back_is_counted_or_said_to_be_left_out(
    rig: Rig, jobs: int, active: int, cap: int, page: int
) -> None:
    """Above `max_tracked_jobs` the statuses and `jobs.left_out` add up to all jobs, and a warning says why."""
    rig.small_pages(page)
    every = 6 * DAY / jobs
    rig.add_many({f'done-{n}': fails(T0 - 5 * HOUR - n * every) for n in range(jobs - active)})
    rig.add_many({f'runs-{n}': running(T0 - 6 * DAY - 6 * HOUR - n * SECOND) for n in range(active)})
    rig.start(max_tracked_jobs=cap, max_reported_jobs=10, retry_mode='standard')
    for _ in range(3):
        assert rig.poll(MINUTE) == []
        counted = rig.gauges('jobs')
        left_out = rig.gauge('jobs.left_out')
        assert counted['InProgress'] == active
        assert sum(counted.values()) + left_out == jobs
        # A job that still runs is beyond no limit.
        assert left_out >= jobs - cap - active
        assert any('max_tracked_jobs' in warning for warning in rig.warnings)
    assert rig.counted == Counter()


# --- the state of the version before


ARN: Final = f'arn:aws:bedrock:us-east-1:{DEFAULT_ACCOUNT}:model-customization-job/amazon.nova-lite-v1:0:300k'
# As version 1 wrote it at ten past ten, into both slots: `runs` (2) is running, `told` (3) was created and failed, and
# of `done` (1), which had ended before, nothing is kept.
VERSION_1: Final[dict[str, str]] = {
    'bedrock_model_customization:44136fa355b3678a_scope_us-east-1_b': (
        '{"version":1,"sequence":3,"account_id":"123456789012","newest_creation":"2026-11-23T10:01:00+00:00",'
        f'"first_look_at":null,"reported":{{"{ARN}/000000000002":["created","phase_started:validation"],'
        f'"{ARN}/000000000003":["created","phase_started:validation"]}}}}'
    ),
    'bedrock_model_customization:44136fa355b3678a_scope_us-east-1_a': (
        '{"version":1,"sequence":4,"account_id":"123456789012","newest_creation":"2026-11-23T10:01:00+00:00",'
        f'"first_look_at":null,"reported":{{"{ARN}/000000000002":["created","phase_started:validation"],'
        f'"{ARN}/000000000003":["created","failed","phase_ended:validation","phase_started:validation"]}}}}'
    ),
}


def test_the_state_of_version_1_is_carried_over(rig: Rig) -> None:
    """An upgrade tells what happened meanwhile, and nothing that the version before had told."""
    rig.monkeypatch.setenv('AWS_ENDPOINT_URL', rig.simulator.endpoint_url)
    rig.agent.cache.files.update(VERSION_1)
    lives_of_version_1(rig)
    rig.simulator.clock.advance(15 * MINUTE)
    rig.start(endpoint_url=None)
    assert sorted(rig.polls(5)) == ['born created', 'brief created', 'brief failed', 'runs failed']
    rig.restart()
    assert rig.polls(5) == []
    assert rig.counted == Counter(['born started', 'brief started', 'brief failed', 'runs failed'])
    assert rig.polls(3, HOUR) == ['born failed']


def lives_of_version_1(rig: Rig) -> None:
    rig.add('done', completes(T0 - 5 * HOUR), job_id='000000000001')
    rig.add('runs', failing(T0 - HOUR, T0 + 12 * MINUTE), job_id='000000000002')
    rig.add('told', failing(T0 + MINUTE, T0 + 3 * MINUTE), job_id='000000000003')
    rig.add('brief', failing(T0 + 11 * MINUTE, T0 + 13 * MINUTE), job_id='000000000004')
    rig.add('born', failing(T0 + 12 * MINUTE, T0 + HOUR), job_id='000000000005')


# --- what a quiet poll costs


def is_quiet(requests: Counter[str]) -> bool:
    return requests == {LIST: 1}


def test_a_quiet_poll_is_one_request(rig: Rig) -> None:
    """With nothing new an hour of polls lists once each, beside one full listing and one look at tags and account."""
    for number in range(30):
        rig.add(f'done-{number}', fails(T0 - number * 5 * HOUR - HOUR), tags={'team': 'a'})
    for number in range(3):
        rig.add(f'runs-{number}', running(T0 - number * DAY - HOUR), tags={'team': 'a'})
    rig.start()
    rig.polls(3)
    rig.forget()
    assert rig.polls(60) == []
    assert sum(map(is_quiet, rig.requests)) >= 57
    assert sum(requests[CALLER] for requests in rig.requests) <= 1


def test_a_status_that_nobody_knows_does_not_drag_the_listing_along(rig: Rig) -> None:
    """A job of unknown status that was not modified for a day costs a quiet poll no more than its one request."""
    rig.small_pages()
    for number in range(60):
        rig.add(f'done-{number}', fails(T0 - number * HOUR - HOUR))
    rig.add('odd', running(T0 - 6 * DAY))
    rig.simulator.faults.add(ReplaceMember(job='odd', member='status', value='Paused'))
    rig.start()
    assert rig.polls(3) == []
    rig.forget()
    assert rig.polls(20) == []
    assert sum(map(is_quiet, rig.requests)) >= 18


# --- found by reviewers


def test_an_sts_that_was_slow_once_stops_no_later_poll(rig: Rig) -> None:
    """A question for the account that a poll left behind is asked again, and keeps no later poll from its jobs."""
    rig.simulator.faults.add(Hang(operation='GetCallerIdentity', times=2))
    rig.start(collection_timeout=2, read_timeout=1, connect_timeout=1)
    rig.add('bad', failing(T0 + 2 * HOUR, T0 + 3 * HOUR))
    told = [one for _ in range(6) for one in rig.poll(HOUR)]
    assert told == ['bad created', 'bad failed']
    assert rig.gauge('can_connect') == 1


def test_a_name_that_is_given_later_loses_no_failure(rig: Rig) -> None:
    """The Agent puts an instance's name into its id, and so into the keys of its cache."""
    rig.start()
    rig.add('bad', failing(T0 + MINUTE, T0 + HOUR))
    rig.polls(3, MINUTE)
    rig.simulator.clock.advance(2 * HOUR)
    rig.start(name='prod')
    rig.checks['one'].check_id = f'{NAME}:prod:one'
    assert rig.polls(2, MINUTE) == ['bad failed']


def test_a_neighbour_with_another_filter_is_no_successor(rig: Rig) -> None:
    """An instance that begins beside another one in the same Agent does not take its state away."""
    mine = {'include': {'job_names': ['a-*']}}
    rig.start('a', **mine)
    rig.start('b', include={'job_names': ['b-*']})
    rig.add('a-runs', failing(T0 - HOUR, T0 + 10 * MINUTE))
    for instance in ('a', 'b'):
        rig.polls(2, MINUTE, instance)
    rig.simulator.clock.advance(20 * MINUTE)
    rig.polls(2, MINUTE, 'b')
    rig.restart('a')
    assert rig.polls(2, MINUTE, 'a') == ['a-runs failed']
