"""Chaos: hundreds of polls under random faults, the process killed at random, and a ledger of what was told in the end.

    python -m tests.chaos --seed 1 --transitions 2000 --faults 10000 --kills 50

runs until it has had that many of each, and exits with 1 where a transition was lost or told wrong. Time is virtual and
nobody waits for botocore's back-off, so that hours of an account's life pass in a minute.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, repeat
from random import Random
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final

import botocore.endpoint
import pytest

from bedrock_jobs.simulator import (
    MISSING,
    AccessDenied,
    Clock,
    ConnectionReset,
    ExpiredCredentials,
    Fault,
    HalfBody,
    Hang,
    MalformedJson,
    RawBody,
    ReplaceMember,
    ServerError,
    SimulatedJob,
    Simulator,
    Throttle,
    Timeline,
    TokenExpires,
    TokenLoops,
    completes,
    distillation,
    fails,
    stopped,
)
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.aws import bedrock
from datadog_checks.bedrock_model_customization.polling.collector import Collector
from datadog_checks.bedrock_model_customization.polling.scope import Scope
from datadog_checks.bedrock_model_customization.polling.state import decode

from .conftest import made_up_credentials
from .harness import T0
from .strict_agent import StrictAgent, logging_to_the_agent

TIMEOUT: Final = 30
# So small that listings take several requests, and several polls where time or AWS ends them early.
PAGE_SIZE: Final = 10
NAME: Final = 'bedrock_model_customization'
REGIONS: Final = ('us-east-1', 'us-west-2')
KINDS: Final = ('created', 'stopping', 'completed', 'failed', 'stopped', 'phase_started', 'phase_ended')
LIST, DESCRIBE, TAGS = 'ListModelCustomizationJobs', 'GetModelCustomizationJob', 'GetResources'
# Where AWS hides this of a job, it does not show that the job is Stopping.
STATUS: Final = 'status'
# Members that a job may lack for a while without a fact about it becoming wrong.
MEMBERS: Final = (
    'baseModelArn',
    'customModelName',
    'statusDetails',
    STATUS,
    'hyperParameters',
    'failureMessage',
    'trainingMetrics',
    'validationMetrics',
)
# What AWS can no longer show once it has passed: see `Chaos.judge`.
PASSING: Final = 'stopping'


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@dataclass
class Ledger:
    """What happened, what was told, and what became of each of the two."""

    polls: int = 0
    failed_polls: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    disk: Counter[str] = field(default_factory=Counter)
    clocks: Counter[str] = field(default_factory=Counter)
    transitions: int = 0
    told: int = 0
    unsent: int = 0
    duplicates: int = 0
    passed_unseen: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f'{self.polls} polls, of which {self.failed_polls} could not list the jobs of a Region',
            f'{self.faults.total()} faults: ' + ', '.join(f'{name} {hits}' for name, hits in self.faults.most_common()),
            f'{self.kills.total()} kills: ' + ', '.join(f'{where} {hits}' for where, hits in self.kills.most_common()),
            'disk: ' + ', '.join(f'{what} {hits} times' for what, hits in self.disk.most_common()),
            'clocks: ' + ', '.join(f'{what} {hits} times' for what, hits in self.clocks.most_common()),
            f'{self.transitions} transitions in the timelines, {self.told} told, {self.duplicates} told more than once,'
            f' {self.passed_unseen} Stopping passed between two looks',
            f'{self.unsent} events were with the Agent, and not sent, when it was killed',
            f'{len(self.lost)} lost, {len(self.wrong)} wrong, {len(self.differing)} duplicates that differ',
        ]
        return '\n'.join([*lines, *self.lost[:20], *self.wrong[:20], *self.differing[:20]])


class Chaos:
    """One run. Everything random comes from `seed`, but for the order in which threads meet the faults."""

    def __init__(self, agent: StrictAgent, simulator: Simulator, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.agent, self.simulator, self.patch = agent, simulator, patch
        self.rng = Random(seed)
        self.ledger = Ledger()
        self.jobs: list[SimulatedJob] = []
        self.events: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.kill_at: str | None = None
        self.skew = timedelta()
        self.looks: dict[str, list[datetime]] = {region: [] for region in REGIONS}
        self.check = self._start()
        self._install_kills()

    def run(self, transitions: int, faults: int, kills: int) -> Ledger:
        """Run until there were at least so many of each, then calm down, and judge."""
        self._poll()
        ledger = self.ledger
        done = 0.0
        while done < 1:
            # All three run out at about the same time.
            done = min(ledger.faults.total() / faults, 1) if faults else 1
            while ledger.transitions < transitions * min(done + 0.02, 1):
                self._add_job()
            is_behind = ledger.kills.total() < kills * min(done + 0.02, 1)
            self.kill_at = self.rng.choice((*SEAMS, *LATE, 'writing')) if is_behind else None
            self.simulator.clock.advance(timedelta(seconds=self.rng.choice((15, 60, 60, 60, 300, 1800))))
            self._let_the_disk_suffer()
            self._let_time_suffer()
            with self._faults():
                self._poll()
            if done == 1 and ledger.kills.total() < kills:
                done = 0.99
            if ledger.polls % 500 == 0:
                print(f'{ledger.polls} polls, {ledger.faults.total()} faults', file=sys.stderr, flush=True)
        self._calm_down()
        return self.judge()

    # --- what goes wrong

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Keep a random handful of faults in force, of which any may strike any call."""
        faults = self.faults = [self._fault() for _ in range(self.rng.choice((0, 2, 4, 6, 8)))]
        with ExitStack() as stack:
            for fault in faults:
                stack.enter_context(self.simulator.faults.during(fault))
            yield
        self.faults = []
        for fault in faults:
            self.ledger.faults[type(fault).__name__] += fault.hits

    def _fault(self) -> Fault:
        rng = self.rng
        where: dict[str, Any] = {
            'operation': rng.choice((None, LIST, DESCRIBE, DESCRIBE, TAGS)),
            'region': rng.choice((None, *REGIONS)),
            'probability': rng.choice((0.1, 0.3, 0.3, 0.6, 1.0)),
        }
        kinds = [
            lambda: Throttle(**where),
            lambda: AccessDenied(**where),
            lambda: ServerError(status=rng.choice((500, 502, 503)), **where),
            lambda: ExpiredCredentials(**where),
            lambda: ConnectionReset(**where),
            lambda: HalfBody(**where),
            lambda: MalformedJson(**where),
            lambda: RawBody(body=rng.choice((b'', b'{}', b'[]', b'null', b'<html>')), **where),
            lambda: RawBody(body=b'<html>', status=rng.choice((400, 403, 404, 502)), **where),
            lambda: TokenExpires(**where | {'operation': LIST}),
            lambda: TokenLoops(**where | {'operation': LIST}, is_new=rng.random() < 0.5),
            *[lambda: self._member_fault(where)] * 4,
        ]
        if rng.random() < 0.01:
            return Hang(**where | {'probability': 1.0}, times=1)
        return rng.choice(kinds)()

    def _member_fault(self, where: dict[str, Any]) -> Fault:
        job = self.rng.choice(self.jobs).name if self.jobs and self.rng.random() < 0.5 else None
        value = self.rng.choice((MISSING, None, 7, [], {'a': [None]}, '', float('nan')))
        operation = self.rng.choice((LIST, DESCRIBE))
        return ReplaceMember(**where | {'operation': operation}, job=job, member=self.rng.choice(MEMBERS), value=value)

    def _let_the_disk_suffer(self) -> None:
        cache = self.agent.cache
        is_ill = cache.is_full or cache.is_read_only
        if self.rng.random() < (0.3 if is_ill else 0.05):
            # A disk that is full stays so for some polls: one bad write would hide behind the other slot.
            cache.is_full, cache.is_read_only = self.rng.choice(
                [(False, False)] if is_ill else [(True, False), (True, False), (False, True)]
            )
        self.ledger.disk['full'] += cache.is_full
        self.ledger.disk['read-only'] += cache.is_read_only

    def _let_time_suffer(self) -> None:
        """Now and then, let the time for a poll run out after a few requests, and the Agent's clock go wrong."""
        guard = self.check._session and self.check._session.guard
        if guard:
            step = TIMEOUT / self.rng.choice((3, 10, 30)) if self.rng.random() < 0.1 else 0
            ticks = count(0, step) if step else repeat(0)
            guard._clock = lambda: float(next(ticks))
            self.ledger.clocks['polls out of time'] += bool(step)
        if self.rng.random() < 0.02:
            self.skew = timedelta(hours=self.rng.choice((0, 0, -3, 3)))
            self.ledger.clocks[f'Agent {self.skew // timedelta(hours=1):+d} h'] += 1

    def _install_kills(self) -> None:
        for name, (owner, method) in SEAMS.items():
            self.patch.setattr(owner, method, self._deadly(name, getattr(owner, method)))
        write = self.agent.cache.write

        def write_half(key: str, value: str) -> None:
            if self.kill_at == 'writing':
                write(key, value[: self.rng.randrange(len(value))])
                self._die('writing')
            write(key, value)

        self.agent.cache.write = write_half  # type: ignore[method-assign]

    def _deadly(self, name: str, method: Any) -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            may_die = self.agent.aggregator.events if name in LATE else self.rng.random() < 0.5
            if self.kill_at == name and may_die:
                self._die(name)
            return method(*args, **options)

        return wrapped

    def _die(self, where: str) -> None:
        self.kill_at = None
        self.ledger.kills[where] += 1
        raise Killed(where)

    def _damage_a_slot(self) -> None:
        """Spoil one of the two slots of a document, unless the other is spoiled already: no crash spoils both."""
        document = self.rng.choice(sorted({key[:-1] for key in self.agent.cache.files}))
        slots = [key for key in self.agent.cache.files if key.startswith(document)]
        if len(slots) == 2 and all(_is_whole(self.agent.cache.files[key]) for key in slots):
            self.agent.cache.files[self.rng.choice(slots)] = self.rng.choice(('', '{', 'null', '{"version": 0}', 'x'))
            self.ledger.disk['corrupt'] += 1

    # --- what is there to be told

    def _add_job(self) -> None:
        rng, now = self.rng, self.simulator.now()
        born = now + timedelta(seconds=rng.uniform(0, 600))
        short, long = (timedelta(seconds=rng.uniform(5, most)) for most in (300, 5 * 3600))
        life: Timeline = rng.choice(
            (
                lambda: completes(born, validation=short, training=long, metrics_delay=rng.choice((short, 0 * short))),
                lambda: distillation(born, validation=short, data_processing=short, training=long),
                lambda: fails(born, 'line 17 is no JSON', after=short),
                lambda: fails(born, 'internal error', phase='training', validation=short, after=long),
                lambda: stopped(born, after=long, takes=short),
            )
        )()
        number = len(self.jobs)
        self.jobs.append(
            self.simulator.add_job(
                rng.choice(REGIONS),
                name=f'job-{number}',
                timeline=life,
                tags={'number': str(number)} if number % 3 else None,
            )
        )
        self.ledger.transitions += len(life.transitions())

    # --- the Agent

    def _start(self) -> BedrockModelCustomizationCheck:
        instance = {
            'regions': list(REGIONS),
            'endpoint_url': self.simulator.endpoint_url,
            'max_attempts': 2,
            'retry_mode': 'standard',
            'read_timeout': 1,
            'collection_timeout': TIMEOUT,
            'events': list(KINDS),
            'full_list_interval': 3600,
        }
        check = BedrockModelCustomizationCheck(NAME, {}, [instance])
        check.check_id = f'{NAME}:chaos'
        check.clock = lambda: self.simulator.now() + self.skew
        return check

    def _poll(self) -> None:
        self.ledger.polls += 1
        was_killed = False
        # What an earlier poll was shown counts for a look, too, and may be out of date.
        current = {region: known._current for region, known in self.check._collectors.items()}
        is_fresh = {region: not (scope and scope.listing.queue) for region, scope in current.items()}
        try:
            error = self.check.run()
            assert not error, error
            if self.kill_at == AFTER and self.agent.aggregator.events:
                self._die(AFTER)
        except Killed:
            was_killed = True
            self._damage_a_slot()
            self.check = self._start()
        connected = self.agent.aggregator.metrics(f'{NAME}.can_connect')
        self.ledger.failed_polls += any(sample.value == 0 for sample in connected)
        for sample in self.agent.aggregator.metrics(f'{NAME}.collection.time_since_success'):
            region = next(tag.partition(':')[2] for tag in sample.tags if tag.startswith('region:'))
            # What a killed poll saw and had not told yet, AWS may no longer show to the next one.
            if sample.value == 0 and is_fresh.get(region) and not was_killed and not self._is_status_hidden():
                self.looks[region].append(self.simulator.now())
        events = list(self.agent.aggregator.events)
        if was_killed and events and self.rng.random() < 0.5:
            # The Agent sends events some seconds after it took them.
            self.ledger.unsent += len(events)
            events = []
        self.events += events
        self.agent.aggregator.reset()
        self.agent.log_lines.clear()
        assert self.agent.losses == []

    def _is_status_hidden(self) -> bool:
        return any(isinstance(fault, ReplaceMember) and fault.member == STATUS and fault.hits for fault in self.faults)

    def _calm_down(self) -> None:
        """Let every job end and every description come, without another fault."""
        self.kill_at, self.skew = None, timedelta()
        self.agent.cache.is_full = self.agent.cache.is_read_only = False
        if self.check._session:
            self.check._session.guard._clock = monotonic
        for _ in range(14):
            self.simulator.clock.advance(timedelta(hours=1))
            self._poll()

    # --- the judgement

    def judge(self) -> Ledger:
        """Hold the events against the timelines.

        A job that is seen Stopped says no longer when it was Stopping: a Stopping that no poll can have met and lived
        to tell, or that AWS hid from the one that met it, is not lost but passed unseen.
        """
        ledger, told = self.ledger, self._told()
        for job in self.jobs:
            for news in job.timeline.transitions():
                key = (job.name, f'{news.kind}:{news.phase}' if news.phase else str(news.kind))
                events = told.pop(key, [])
                times = {event['timestamp'] for event in events}
                ledger.told += bool(events)
                ledger.duplicates += len(events) > 1
                if times - {int(news.at.timestamp())}:
                    ledger.wrong.append(f'wrong: {key} at {times}, and not {news.at}')
                if len({(event['aggregation_key'], event['msg_title'], event['timestamp']) for event in events}) > 1:
                    ledger.differing.append(f'differs: {key}: {events}')
                if not events and news.kind == PASSING and not self._could_see(job, news.at):
                    ledger.passed_unseen += 1
                elif not events:
                    ledger.lost.append(f'lost: {key} at {news.at}, in {job.region}')
        ledger.wrong += [f'wrong: {key} never happened' for key in told]
        return ledger

    def _could_see(self, job: SimulatedJob, since: datetime) -> bool:
        until = next(news.at for news in job.timeline.transitions() if news.kind == 'stopped')
        return any(since <= look < until for look in self.looks[job.region])

    def _told(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        told: dict[tuple[str, str], list[dict[str, Any]]] = {}
        names = {job.id: job.name for job in self.jobs}
        for event in self.events:
            tags = dict(tag.split(':', 1) for tag in event['tags'])
            key = tags['transition'] + (f':{tags["phase"]}' if 'phase' in tags else '')
            # Not by its name, which AWS may not have shown.
            name = names[event['aggregation_key'].rpartition(':')[2]]
            told.setdefault((name, key), []).append(event)
        return told


def _is_whole(text: str) -> bool:
    try:
        decode(text)
    except ValueError:
        return False
    return True


AFTER: Final = 'after the poll'
# Here a kill is worth something where there were events: the Agent may not have sent them yet.
LATE: Final = ('between submission and remember', AFTER)
# Where the process may be killed; 'writing' is inside the write of the state, and leaves half a file.
SEAMS: Final[dict[str, tuple[type, str]]] = {
    'before the listing': (Scope, '_list'),
    'between list and describe': (Scope, '_describe'),
    'between describe and tags': (Scope, '_read_tags_of_news'),
    'before the submission': (BedrockModelCustomizationCheck, '_report'),
    'between two events': (BedrockModelCustomizationCheck, 'event'),
    'between submission and remember': (Collector, 'remember'),
}


def run(seed: int, transitions: int, faults: int, kills: int) -> Ledger:
    """Run once, in a process that is otherwise left as it was."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        made_up_credentials(patch)
        patch.setattr(botocore.endpoint, 'time', SimpleNamespace(sleep=lambda seconds: None))
        patch.setattr(bedrock, 'PAGE_SIZE', PAGE_SIZE)
        agent = StrictAgent()
        agent.install(patch)
        stack.enter_context(logging_to_the_agent())
        simulator = stack.enter_context(Simulator(Clock.manual(T0), seed=seed))
        return Chaos(agent, simulator, seed, patch).run(transitions, faults, kills)


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.chaos')
    for name, least in (('seed', 1), ('transitions', 2000), ('faults', 10_000), ('kills', 50)):
        parser.add_argument(f'--{name}', type=int, default=least)
    options = parser.parse_args()
    ledger = run(options.seed, options.transitions, options.faults, options.kills)
    print(ledger)
    return 1 if ledger.lost or ledger.wrong or ledger.differing else 0


if __name__ == '__main__':
    sys.exit(main())
