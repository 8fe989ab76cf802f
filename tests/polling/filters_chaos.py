"""Random lives under random filters, with tags that come late: a ledger of what should have been told, and what was.

    python -m tests.polling.filters_chaos --seed 1 --polls 20000

runs worlds of some hundred polls until it has had that many, and exits with 1 where anything was lost or told wrong.
`--only late-tags edits` leaves everything but these troubles out, `--verbose` shows every finding.

It knows of the check what an Agent knows: it configures it, runs it, and takes events and counts. The Agent's cache is
a dict that it hands to the next process, or clears. So the judge has nothing but the timelines of the jobs, the times
of their tags, and what each poll went through.

Words. A *process* is one check object. A *line* is what lives on one cache: it ends where the cache is cleared. A poll
*looked* where AWS answered a listing of our account with a page that was not made empty. A poll is *undisturbed* where
no trouble with listings, descriptions, tags or credentials was in force, the process lived through it, and no such
trouble with descriptions or tags ended within the last RETRY (what AWS refuses is asked for again now and then only).

A transition is judged in each line by itself. Its *window* opens at the first poll that looked after it happened, and
closes when one process has had enough undisturbed polls in a row to make up its mind and to write that down (`enough`:
some polls for descriptions, more where `max_describes_per_poll` is small, and one for the state that is written a poll
late). At each look in the window the job, as it truly is then, matches the filter in force then, or it does not:

- All match: it must be told. None does: it must not be told, and not be counted.
- A look at which only tags stand in the way of a job younger than HOLD decides nothing: the news is held.

What is excused, which is to say that telling is as good as not telling:

- *Changing*: some looks in the window matched and some did not, because the filter was edited, the tags came, or the
  status went on before the process had the time to decide and to write down what it decided. Once the window has
  closed nothing changes any more: what was dropped stays dropped, whatever filter comes then.
- *Unsettled*: the line ended (its cache was cleared) before the window closed.
- *Passed*: a Stopping that no poll met, or whose window had not closed when the job was Stopped, since AWS then no
  longer shows it. And a Stopping of a job that is older than the line, where no process had seen the job twice before:
  only the job's creation dates a Stopping for good, so at first sight it is old.
- *Backlog of a killed start*: where the process of the line's first answer was killed during it, the line may begin
  there, or at the next first answer.
- *Crowded*: more than CROWD jobs may have had news at a look, whose tags are then asked for in bulk, where this job's
  were lagging.
- *Stale*: MAX_WAIT after the transition the window was still open. Unknown facts hold news for a day at most, and
  Datadog takes no event that is older than 18 hours. Troubles here are shorter, so this should stay at 0.

What happened before the line's first answer, less `events_since`, must not be told; what happened before the first
answer must not be counted. A line that starts within `events_since` of a transition must tell it (again).

What a finding says in brackets, or behind `lost:`, is only what befell the job that most likely explains it.

A repeat is right only where the state cannot have known of it: the process before never came to another poll that
looked. It has the same aggregation key, title and timestamp. The same holds for counts, except that a start without
state never repeats one. An event that a poll told undisturbed carries the tags that the job had at the poll before.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import pairwise
from math import ceil
from random import Random
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import botocore.endpoint
import pytest
from botocore.credentials import Credentials, EnvProvider

from bedrock_jobs.simulator import (
    AccessDenied,
    Clock,
    Fault,
    RawBody,
    ReplaceMember,
    ServerError,
    ServiceError,
    SimulatedJob,
    Simulator,
    Throttle,
    Timeline,
    TokenExpires,
    completes,
    distillation,
    fails,
    stopped,
)
from bedrock_jobs.simulator.wire import CBOR, Answer, Call, decode_cbor, encode_cbor
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.polling import state

from ..conftest import made_up_credentials
from ..harness import HOUR, MINUTE, REGION, T0
from ..strict_agent import StrictAgent

NAME: Final = 'bedrock_model_customization'
PAGE_SIZE: Final = 12
KINDS: Final = ('created', 'stopping', 'completed', 'failed', 'stopped')
COUNTS: Final = {'jobs.started': 'created', **{f'jobs.{kind}': kind for kind in ('completed', 'failed', 'stopped')}}
LIST, DESCRIBE = 'ListModelCustomizationJobs', 'GetModelCustomizationJob'
BULK, SINGLE = 'GetResources', 'ListTagsForResource'
OTHER_ACCOUNT: Final = '210987654321'
NO_JOBS: Final = b'{"modelCustomizationJobSummaries":[]}'
TYPES: Final = ('FINE_TUNING', 'CONTINUED_PRE_TRAINING')
DISTILLATION: Final = 'DISTILLATION'
MODELS: Final = ('amazon.nova-lite-v1:0:300k', 'amazon.nova-micro-v1:0:128k')
TEAMS: Final = ('a', 'a', 'b', 'c')

# A tag filter that does not match holds the news of a job that is younger.
HOLD: Final = 15 * MINUTE
MAX_WAIT: Final = 17 * HOUR
# Above so many jobs with news in one poll, tags are asked for in bulk.
CROWD: Final = 20
# How often everything is listed, and what was refused is asked for again; how long the judge takes it to be.
FULL_LIST: Final = 10 * MINUTE
RETRY: Final = 12 * MINUTE
# A fault that hides a type ends in time for the news not to be given up.
MAX_TROUBLE: Final = 3 * HOUR
POLLS_OF_A_WORLD: Final = 300
CALM_STEP: Final = 10 * MINUTE

TROUBLES: Final = (
    'late-tags types describes tags lag empty away listing edits kills restarts stateless budget events-since'.split()
)
# Those that leave a poll, or what is asked for at it, without an answer.
DISTURBING: Final = frozenset({'describes', 'tags', 'empty', 'away', 'listing'})
# After these, what was refused may be asked for again only some time later.
LINGERING: Final = frozenset({'describes', 'tags'})


class Killed(BaseException):
    """The process is gone: nothing catches this."""


# --- filters, once more and by themselves


class Facts(NamedTuple):
    """What a filter may ask of a job at one moment."""

    job_names: str
    statuses: str
    customization_types: str
    base_models: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Filter:
    """Both sides of a filter, as an operator writes them."""

    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        sides = {'include': self.include, 'exclude': self.exclude}
        return {side: {name: list(globs) for name, globs in asked.items()} for side, asked in sides.items() if asked}

    def matches(self, facts: Facts, *, with_any_tag: bool = False) -> bool:
        """Whether the job is wanted; `with_any_tag` supposes that it has whatever tag it must have."""
        ignored = ('tags',) if with_any_tag else ()
        includes = [_meets(facts, name, globs) for name, globs in self.include.items() if name not in ignored]
        return all(includes) and not any(_meets(facts, name, globs) for name, globs in self.exclude.items())

    def asks_for(self, name: str) -> bool:
        return name in self.include or name in self.exclude

    def __str__(self) -> str:
        return json.dumps(self.options()) if self.options() else 'none'


def _meets(facts: Facts, name: str, globs: Sequence[str]) -> bool:
    if name == 'tags':
        return any(fnmatchcase(f'{key}:{value}', glob) for key, value in facts.tags.items() for glob in globs)
    return any(fnmatchcase(getattr(facts, name), glob) for glob in globs)


def random_filter(rng: Random) -> Filter:
    tags = {'tags': (rng.choice(('team:a', 'team:b', 'team:[ab]', 'tier:gold')),)}
    types = {'customization_types': tuple(rng.sample((*TYPES, DISTILLATION), rng.choice((1, 2))))}
    models = {'base_models': (rng.choice(('amazon.nova-lite*', 'amazon.nova-micro*')),)}
    statuses = {'statuses': tuple(rng.sample(('InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped'), 3))}
    names = {'job_names': (rng.choice(('odd-*', 'even-*')),)}
    return rng.choice(
        (
            Filter(),
            Filter(include=tags),
            Filter(include=tags),
            Filter(exclude=tags),
            Filter(include=types),
            Filter(include=types),
            Filter(exclude=types),
            Filter(include=models),
            Filter(include=tags, exclude=types),
            Filter(include={**types, **names}),
            Filter(include=tags | names),
            Filter(include=statuses),
            Filter(include=tags, exclude=statuses),
            Filter(include=models, exclude=tags),
        )
    )


# --- faults that the simulator has not


@dataclass(kw_only=True)
class BulkLags(Fault):
    """The tagging API does not know of some jobs' tags yet: `until` has when it will, by ARN."""

    clock: Clock
    until: dict[str, datetime] = field(default_factory=dict)

    def matches(self, call: Call) -> bool:
        return call.operation == BULK

    def after(self, call: Call, answer: Answer) -> Answer:
        if answer.status >= 400:
            return answer
        now, is_cbor = self.clock.now(), call.protocol == CBOR
        document = decode_cbor(answer.body) if is_cbor else json.loads(answer.body)
        known = [one for one in document['ResourceTagMappingList'] if self.until.get(one['ResourceARN'], now) <= now]
        document['ResourceTagMappingList'] = known
        answer.body = encode_cbor(document) if is_cbor else json.dumps(document).encode()
        return answer


@dataclass(kw_only=True)
class EmptyAnswer(RawBody):
    """An answer of status 200 that holds an empty object."""

    body: bytes = b'{}'

    def after(self, call: Call, answer: Answer) -> Answer:
        self.body = encode_cbor({}) if call.protocol == CBOR else b'{}'
        self.status = 200
        return super().after(call, answer)


# --- what the driver notes


@dataclass
class Life:
    """A job, and when it got which tags."""

    job: SimulatedJob
    tags: Mapping[str, str]
    tagged_at: datetime
    type_hidden_until: datetime | None = None

    @property
    def born(self) -> datetime:
        return self.job.created_at

    def tags_at(self, moment: datetime) -> Mapping[str, str]:
        return self.tags if self.tagged_at <= moment else {}

    def facts(self, moment: datetime) -> Facts:
        spec = self.job.spec
        status, kind = self.job.status(moment), str(spec.customization_type)
        return Facts(self.job.name, status, kind, spec.base_model, self.tags_at(moment))

    @cached_property
    def news(self) -> dict[str, datetime]:
        """When each of its transitions happened."""
        return {str(news.kind): news.at for news in self.job.timeline.transitions() if news.phase is None}


@dataclass
class Poll:
    """What one poll went through, and what the Agent got of it."""

    number: int
    at: datetime
    process: int
    line: int
    filter: Filter
    max_describes: int
    troubles: frozenset[str]
    was_answered: bool = False
    was_killed: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)
    unsent: list[dict[str, Any]] = field(default_factory=list)
    counts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def looked(self) -> bool:
        return self.was_answered and 'empty' not in self.troubles

    @property
    def is_whole(self) -> bool:
        """Whether it looked, and the process lived on to remember what it told."""
        return self.looked and not self.was_killed


@dataclass
class Line:
    """What lives on one cache."""

    number: int
    events_since: timedelta


class Finding(NamedTuple):
    """Something that is lost or wrong: what kind of fault it is, and the case."""

    what: str
    about: str

    def __str__(self) -> str:
        return f'{self.what}: {self.about}'


@dataclass
class Ledger:
    """What happened, what was told, and what became of each of the two."""

    worlds: int = 0
    polls: int = 0
    restarts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    cases: Counter[str] = field(default_factory=Counter)
    told: int = 0
    repeats: int = 0
    unsent: int = 0
    lost: list[Finding] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    def show(self, most: int = 20) -> str:
        excused = {name: hits for name, hits in self.cases.items() if name not in ('must', 'never', 'old')}
        lines = [
            f'{self.polls} polls in {self.worlds} worlds, {self.polls / max(self.seconds, 0.001):.0f} a second',
            f'{self.restarts.total()} restarts: {_listed(self.restarts)}',
            f'{self.faults.total()} troubled polls: {_listed(self.faults)}',
            f'{self.jobs} jobs; of their transitions {self.cases["must"]} must be told, {self.cases["never"]} never'
            f' matched, {sum(excused.values())} may be told or not ({_listed(Counter(excused))})',
            f'{self.told} told, {self.repeats} repeated, {self.unsent} events were not sent when the Agent was killed',
            f'{len(self.lost)} lost, {len(self.wrong)} wrong',
        ]
        for found in (self.lost, self.wrong):
            lines += [f'  {hits:6} {what}' for what, hits in Counter(one.what for one in found).most_common()]
        return '\n'.join([*lines, *map(str, self.lost[:most]), *map(str, self.wrong[:most])])

    __str__ = show


def _listed(hits: Counter[str]) -> str:
    return ', '.join(f'{name} {number}' for name, number in hits.most_common()) or 'none'


# --- the world


class World:
    """One account in one Region, one Agent, and everything that may befall them, from `seed`."""

    def __init__(
        self, agent: StrictAgent, simulator: Simulator, keys: Credentials, seed: int, troubles: Iterable[str]
    ) -> None:
        self.agent, self.simulator, self.keys = agent, simulator, keys
        self.rng, self.troubles = Random(seed), frozenset(troubles)
        self.seed = seed
        self.ledger = Ledger(worlds=1)
        self.lives: list[Life] = []
        self.polls: list[Poll] = []
        self.lines: list[Line] = []
        self.to_tag: list[Life] = []
        self.until: dict[str, datetime] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.hidden: list[tuple[datetime, Fault]] = []
        self.process = self.rotations = 0
        self.kill_at: str | None = None
        self.kill_after = 0
        self.lag = BulkLags(clock=simulator.clock)
        simulator.faults.add(self.lag)
        self.filter = self.filter_before = random_filter(self.rng)
        self.retention = self.rng.choice((1, 3))
        self._lead_to(None)
        for _ in range(6):
            self._add_job(self.now - timedelta(hours=self.rng.uniform(0, 5)))
        self._begin_line()
        self.check = self._start()

    @property
    def now(self) -> datetime:
        return self.simulator.now()

    def run(self, polls: int) -> None:
        """Live through so many polls, and then through calm ones until everything has come to its end."""
        for _ in range(polls):
            step = timedelta(seconds=self.rng.choice((15, 30, 60, 60, 60, 60, 120, 300)))
            if 'away' in self.until:
                step *= 3
            self._add_jobs(step)
            self.simulator.clock.advance(step)
            self._let_troubles_come_and_go()
            self._poll()
            self._maybe_restart()
        self.calm_down()

    def calm_down(self) -> None:
        """Let every job end and everything that waits be told, without another trouble."""
        for trouble in list(self.until):
            self._end(trouble)
        for _, fault in self.hidden:
            self.simulator.faults.remove(fault)
        self.hidden, self.kill_at = [], None
        end = max((life.job.timeline.settled_at for life in self.lives), default=self.now)
        end = max([end, *(life.tagged_at for life in self.to_tag)]) + 2 * HOUR
        while self.now < end:
            self.simulator.clock.advance(CALM_STEP)
            self._poll()

    # --- jobs

    def _add_jobs(self, step: timedelta) -> None:
        # Fewer while nobody looks: above twenty jobs with news in one poll, other rules hold for their tags.
        chance = step / ((16 if 'away' in self.until else 8) * MINUTE)
        jobs = int(chance) + (self.rng.random() < chance % 1)
        if 'budget' in self.troubles and self.rng.random() < 0.004:
            jobs += 10
        for _ in range(jobs):
            self._add_job(self.now + timedelta(seconds=self.rng.uniform(0, step.total_seconds())))

    def _add_job(self, born: datetime) -> None:
        rng = self.rng
        short, long = timedelta(seconds=rng.uniform(5, 300)), timedelta(seconds=rng.uniform(5, 5400))
        kind = rng.choice((*TYPES, DISTILLATION))
        lives: list[Timeline] = [
            completes(born, validation=short, training=long),
            fails(born, 'line 17 is no JSON', after=short),
            fails(born, 'internal error', phase='training', validation=short, after=long),
            stopped(born, after=long, takes=timedelta(seconds=rng.choice((40, 300, 1800)))),
        ]
        life = distillation(born, validation=short, data_processing=short, training=long)
        if kind != DISTILLATION:
            life = rng.choice(lives)
        delay = rng.choice((0, 0, 90, 90, 600, 7200)) if 'late-tags' in self.troubles else 0
        team = {'team': rng.choice(TEAMS)}
        tags = rng.choice(({}, team, team, {**team, 'tier': 'gold'}, {**team, 'tier': 'gold'}))
        number = len(self.lives)
        job = self.simulator.add_job(
            REGION,
            name=f'{("even", "odd")[number % 2]}-{number}',
            timeline=life,
            tags=None if delay else tags,
            base_model=rng.choice(MODELS),
            customization_type=kind,
        )
        # A job that exists before its tags do has them from here on.
        made = Life(job, tags, job.created_at + timedelta(seconds=delay))
        self.lives.append(made)
        if delay and tags:
            self.to_tag.append(made)
        if 'lag' in self.troubles and rng.random() < 0.3:
            self.lag.until[job.arn] = made.tagged_at + timedelta(seconds=rng.uniform(60, 900))
        if 'types' in self.troubles and rng.random() < 0.4:
            self._hide(made, 'customizationType')
        if 'types' in self.troubles and rng.random() < 0.1:
            self._hide(made, 'statusDetails')

    def _hide(self, life: Life, member: str) -> None:
        """Take a member of a job out of the listing for a while."""
        fault = ReplaceMember(operation=LIST, job=life.job.name, member=member)
        until = life.born + self.rng.choice((5 * MINUTE, 30 * MINUTE, MAX_TROUBLE))
        self.simulator.faults.add(fault)
        self.hidden.append((until, fault))
        if member == 'customizationType':
            life.type_hidden_until = until

    # --- troubles

    def _let_tags_come(self) -> None:
        for life in [life for life in self.to_tag if life.tagged_at <= self.now]:
            self.simulator.tag(life.job.arn, life.tags)
            self.to_tag.remove(life)

    def _let_troubles_come_and_go(self) -> None:
        now, rng = self.now, self.rng
        for until, fault in [one for one in self.hidden if one[0] <= now]:
            self.simulator.faults.remove(fault)
            self.hidden.remove((until, fault))
        for trouble in [trouble for trouble, until in self.until.items() if until <= now]:
            self._end(trouble)
        # The first polls of a process are those at which it has most to lose.
        is_young = not self.polls or self.polls[-1].process != self.process
        chances = {'describes': 0.008, 'tags': 0.008, 'empty': 0.01, 'listing': 0.01, 'away': 0.003}
        for trouble, chance in chances.items():
            is_due = rng.random() < (10 * chance if is_young else chance)
            if trouble in self.troubles and trouble not in self.until and is_due:
                self._begin(trouble)

    def _begin(self, trouble: str) -> None:
        rng, faults = self.rng, list[Fault]()
        lasts = timedelta(seconds=rng.choice((60, 300, 300, 1200)))
        if trouble == 'describes':
            where: dict[str, Any] = {'operation': DESCRIBE, 'probability': rng.choice((0.7, 1.0, 1.0))}
            faults.append(rng.choice((Throttle(**where), ServerError(status=503, **where), AccessDenied(**where))))
        elif trouble == 'tags':
            kind = rng.choice((Throttle, ServerError, AccessDenied, EmptyAnswer))
            operations = rng.choice(((BULK,), (SINGLE,), (BULK, SINGLE)))
            faults += [kind(operation=operation) for operation in operations]
        elif trouble == 'empty':
            lasts = timedelta()
            faults.append(RawBody(operation=LIST, body=NO_JOBS))
            faults.append(ServiceError(operation=DESCRIBE, code='ResourceNotFoundException', status=404))
        elif trouble == 'listing':
            lasts = timedelta()
            faults.append(rng.choice((Throttle(operation=LIST), TokenExpires(operation=LIST))))
        elif trouble == 'away':
            lasts = rng.choice((5 * MINUTE, 2 * HOUR))
            self._lead_to(OTHER_ACCOUNT)
        for fault in faults:
            self.simulator.faults.add(fault)
        self.until[trouble], self.faults[trouble] = self.now + lasts, faults

    def _end(self, trouble: str) -> None:
        del self.until[trouble]
        for fault in self.faults.pop(trouble):
            self.simulator.faults.remove(fault)
        if trouble == 'away':
            self._lead_to(None)

    def _lead_to(self, account: str | None) -> None:
        """Let the credentials be those of another account, or new ones of ours, as a rotation leaves them."""
        self.rotations += 1
        if account:
            self.keys.access_key = self.simulator.client_options(account=account)['aws_access_key_id']
        else:
            self.keys.access_key = f'AKIAOURS{self.rotations:08}'

    # --- the Agent

    def _begin_line(self) -> None:
        hours = self.rng.choice((0, 1)) if 'events-since' in self.troubles else 0
        self.lines.append(Line(len(self.lines), timedelta(hours=hours)))
        self.agent.cache.files.clear()

    def _start(self) -> BedrockModelCustomizationCheck:
        self.process += 1
        state.PROCESS = f'process {self.process}'
        self.max_describes = self.rng.choice((4, 200)) if 'budget' in self.troubles else 200
        instance = {
            'regions': [REGION],
            'endpoint_url': self.simulator.endpoint_url,
            'max_attempts': 1,
            'retry_mode': 'standard',
            'events': list(KINDS),
            'events_since': self.lines[-1].events_since // HOUR,
            'max_describes_per_poll': self.max_describes,
            'terminal_job_hours': self.retention,
            'lookback_hours': 24,
            'full_list_interval': FULL_LIST.total_seconds(),
            'tag_refresh_interval': 3600,
            **self.filter.options(),
        }
        check = BedrockModelCustomizationCheck(NAME, {}, [instance])
        check.check_id = f'{NAME}:filters'
        check.clock = self.simulator.now
        return check

    def _poll(self) -> None:
        self._let_tags_come()
        troubles = {*self.until, *(['types'] if self.hidden else [])}
        line = self.lines[-1].number
        poll = Poll(len(self.polls), self.now, self.process, line, self.filter, self.max_describes, frozenset(troubles))
        self.polls.append(poll)
        self.simulator.requests.reset()
        try:
            error = self.check.run()
            assert not error, error
            if self.kill_at == 'after the poll':
                self._die()
        except Killed:
            poll.was_killed = True
        home = self.simulator.account().id
        poll.was_answered = any(
            request.operation == LIST and request.status == 200 and request.account == home
            for request in self.simulator.requests
        )
        self._take(poll)
        if poll.was_killed:
            self._stay_away()
            self.check = self._start()

    def _take(self, poll: Poll) -> None:
        """Take from the Agent what it was given; where it was killed, too, it may not have sent it."""
        aggregator = self.agent.aggregator
        events = list(aggregator.events)
        counts = [
            (job, kind)
            for name, kind in COUNTS.items()
            for sample in aggregator.metrics(f'{NAME}.{name}')
            if (job := _tag(sample.tags, 'job_name'))
            for _ in range(int(sample.value))
        ]
        aggregator.reset()
        self.agent.log_lines.clear()
        assert self.agent.take_losses() == []
        if poll.was_killed and self.rng.random() < 0.5:
            poll.unsent = events
        else:
            poll.events, poll.counts = events, counts

    def _maybe_restart(self) -> None:
        rng = self.rng
        if 'kills' in self.troubles and rng.random() < 0.02:
            self.kill_at, self.kill_after = rng.choice(KILLS), rng.choice((1, 1, 2, 3))
        chances = (('restarts', 0.008), ('edits', 0.008), ('stateless', 0.004))
        for kind, chance in chances:
            if kind in self.troubles and rng.random() < chance:
                self._restart(kind)
                return

    def _restart(self, kind: str) -> None:
        if kind == 'edits':
            is_undone = self.rng.random() < 0.4
            edited = self.filter_before if is_undone else random_filter(self.rng)
            self.filter_before, self.filter = self.filter, edited
            kind = 'undone edits' if is_undone else kind
        if kind == 'stateless':
            self._begin_line()
        self.ledger.restarts[kind] += 1
        self._stay_away()
        self.check = self._start()

    def _stay_away(self) -> None:
        """Let some time pass before the next process starts, and now and then much."""
        pause = timedelta(minutes=self.rng.choice((0, 0, 0, 1, 10, self.rng.uniform(30, 120))))
        self._add_jobs(pause / 2)
        self.simulator.clock.advance(pause)

    def die_at(self, seam: str) -> None:
        """Called at a seam: dies there if that is due."""
        if self.kill_at == seam:
            self.kill_after -= 1
            if self.kill_after <= 0:
                self._die()

    def _die(self) -> None:
        self.ledger.restarts[f'killed {self.kill_at}'] += 1
        self.kill_at = None
        raise Killed


KILLS: Final = ('between two events', 'between two counts', 'while it writes', 'after the poll')


def _tag(tags: Iterable[str], key: str) -> str | None:
    return next((value for name, _, value in (tag.partition(':') for tag in tags) if name == key), None)


# --- the judgement


class Told(NamedTuple):
    """An event or a count, at a poll; `event` is None for a count."""

    poll: Poll
    event: dict[str, Any] | None


class Verdict(NamedTuple):
    """Whether a transition must be told in a line, never, or what excuses either."""

    case: str
    closed_by: Poll | None = None


class Judge:
    """Holds what the Agent was given in one world against what happened in it."""

    def __init__(self, world: World) -> None:
        self.world, self.ledger = world, world.ledger
        self.retention = timedelta(hours=world.retention)
        self.names = {life.job.id: life.job.name for life in world.lives}
        self.by_line = defaultdict[int, list[Poll]](list)
        for poll in world.polls:
            self.by_line[poll.line].append(poll)
        self.crowded = {poll.number for poll in world.polls if self._is_crowded(poll)}
        self.enough = [self._enough(poll) for poll in world.polls]
        lingers = datetime.min.replace(tzinfo=T0.tzinfo)
        self.undisturbed: set[int] = set()
        for poll in world.polls:
            if poll.troubles & LINGERING:
                lingers = poll.at
            if poll.is_whole and not poll.troubles & DISTURBING and poll.at - lingers >= RETRY:
                self.undisturbed.add(poll.number)

    def judge(self) -> Ledger:
        ledger, world = self.ledger, self.world
        ledger.polls, ledger.jobs = len(world.polls), len(world.lives)
        for poll in world.polls:
            ledger.faults.update(poll.troubles)
            ledger.unsent += len(poll.unsent)
        events, counts = self._events(), self._counts()
        for life in world.lives:
            for kind, at in life.news.items():
                key = (life.job.name, kind)
                self._judge(life, kind, at, events.pop(key, []), counts.pop(key, []))
        for what, told in (('event', events), ('count', counts)):
            ledger.wrong += [
                Finding(f'wrong: {what} of what never happened', f'{key}, world {world.seed}') for key in told
            ]
        return ledger

    def _events(self) -> dict[tuple[str, str], list[Told]]:
        told = defaultdict[tuple[str, str], list[Told]](list)
        for poll in self.world.polls:
            for event in (*poll.events, *poll.unsent):
                name = self.names[event['aggregation_key'].rpartition(':')[2]]
                told[name, str(_tag(event['tags'], 'transition'))].append(Told(poll, event))
        return told

    def _counts(self) -> dict[tuple[str, str], list[Told]]:
        counted = defaultdict[tuple[str, str], list[Told]](list)
        for poll in self.world.polls:
            for key in poll.counts:
                counted[key].append(Told(poll, None))
        return counted

    # --- one transition

    def _judge(self, life: Life, kind: str, at: datetime, events: list[Told], counts: list[Told]) -> None:
        for line in self.world.lines:
            verdict = self._verdict(line, life, kind, at)
            in_line = [told for told in events if told.poll.line == line.number]
            sent = [told for told in in_line if told.event in told.poll.events]
            counted = [told for told in counts if told.poll.line == line.number]
            if verdict is None:
                if in_line or counted:
                    self._accuse('told, and never seen', life, kind, at, (in_line or counted)[0].poll)
                continue
            self.ledger.cases[verdict.case] += 1
            self.ledger.told += bool(sent)
            self.ledger.repeats += max(len(sent) - 1, 0)
            if verdict.case == 'must' and not sent:
                self._lose(life, kind, at, line, verdict)
            elif kind == 'stopping' and in_line and in_line[0].poll.filter.matches(life.facts(in_line[0].poll.at)):
                # One that was seen is told later, be it when the tags have come and the job is Stopped.
                pass
            elif verdict.case in ('never', 'old') and in_line:
                closed = verdict.closed_by
                is_late = closed and in_line[0].poll.number > closed.number
                what = 'dropped, and told later' if is_late else f'{verdict.case}, and told'
                self._accuse(what, life, kind, at, in_line[0].poll)
            if verdict.case in ('never', 'old') and counted:
                self._accuse(f'{verdict.case}, and counted', life, kind, at, counted[0].poll)
            first, surely = self._firsts(line)
            if counted and (first is None or at < first):
                self._accuse('from before the first answer, and counted', life, kind, at, counted[0].poll)
            is_certain = verdict.case == 'must' and surely and at >= surely
            # A count that the Agent had when it was killed is not repeated: it may miss, and never doubles.
            was_killed = any(told.poll.was_killed for told in in_line)
            if kind != 'stopping' and is_certain and sent and not counted and not was_killed:
                self._accuse('told, and not counted', life, kind, at, sent[-1].poll)
            for what, told in (('told', in_line), ('counted', counted)):
                self._judge_repeats(what, life, kind, at, told)
        for earlier, later in pairwise(counts):
            if earlier.poll.line != later.poll.line:
                self._accuse('counted again by a start without state', life, kind, at, later.poll)
        self._judge_what_is_said(life, kind, at, events)

    def _judge_repeats(self, what: str, life: Life, kind: str, at: datetime, told: list[Told]) -> None:
        for earlier, later in pairwise(told):
            if earlier.poll.process == later.poll.process:
                self._accuse(f'{what} twice by one process', life, kind, at, later.poll)
            elif self._was_written_down(earlier.poll):
                self._accuse(f'{what} again, and long known', life, kind, at, later.poll)

    def _was_written_down(self, poll: Poll) -> bool:
        """Whether the process came to another poll that looked, so that what it had told before is in the state."""
        later = self.world.polls[poll.number + 1 :]
        return not poll.was_killed and any(one.is_whole for one in later if one.process == poll.process)

    def _judge_what_is_said(self, life: Life, kind: str, at: datetime, events: list[Told]) -> None:
        for told in events:
            assert told.event
            if told.event['timestamp'] != int(at.timestamp()):
                self._accuse('another time', life, kind, at, told.poll)
            said = {tag for tag in told.event['tags'] if tag.startswith(('team:', 'tier:'))}
            true = {f'{key}:{value}' for key, value in life.tags_at(told.poll.at).items()}
            before = self.world.polls[told.poll.number - 1].at if told.poll.number else told.poll.at
            known = {f'{key}:{value}' for key, value in life.tags_at(before).items()}
            if said - true:
                self._accuse('tags that the job has not', life, kind, at, told.poll)
            if known - said and self._could_read_tags(told.poll) and not self._is_lagging(life, told.poll):
                self._accuse('tags are missing', life, kind, at, told.poll)
        says = {(one.event['aggregation_key'], one.event['msg_title']) for one in events if one.event}
        # After some polls a creation is told by what is known of it: late news beats none.
        if len(says) > 1 and all(self._could_describe(one.poll) for one in events):
            is_type = life.type_hidden_until is not None
            self._accuse(f'repeats differ{", the type was hidden" * is_type}', life, kind, at, events[-1].poll)

    def _could_describe(self, poll: Poll) -> bool:
        recent = (one for one in self.world.polls[: poll.number + 1] if poll.at - one.at < RETRY)
        return not any('describes' in one.troubles for one in recent)

    def _could_read_tags(self, poll: Poll) -> bool:
        recent = (one for one in self.world.polls[: poll.number + 1] if poll.at - one.at < RETRY)
        return not any('tags' in one.troubles for one in recent)

    # --- what should have become of it

    def _firsts(self, line: Line) -> tuple[datetime | None, datetime | None]:
        """Return when the line had its first answer, and its first one that the process lived through."""
        answered = [poll for poll in self.by_line[line.number] if poll.was_answered]
        survived = (poll.at for poll in answered if not poll.was_killed)
        return next((poll.at for poll in answered), None), next(survived, None)

    def _verdict(self, line: Line, life: Life, kind: str, at: datetime) -> Verdict | None:
        """Return what should have become of a transition in a line, None where the line never met it."""
        polls, (first, surely) = self.by_line[line.number], self._firsts(line)
        until = life.news.get('stopped') if kind == 'stopping' else None
        seeing = [poll for poll in polls if poll.looked and poll.at >= at]
        if first is None or not seeing:
            return None
        # A job that is known may be decided on at a poll whose listing lacked it.
        seeing += [poll for poll in polls if poll.was_answered and not poll.looked and poll.at > seeing[0].at]
        seeing.sort(key=lambda poll: poll.number)
        if at < first - line.events_since:
            return Verdict('old')
        if until:
            seeing = [poll for poll in seeing if poll.at < until]
            if not seeing:
                return Verdict('passed')
        verdict = self._window(life, seeing)
        if verdict.case == 'must' and (surely is None or at < surely - line.events_since):
            return Verdict('backlog of a killed start')
        begins = next(poll for poll in polls if poll.was_answered)
        since = life.born if kind == 'stopping' else at
        if verdict.case == 'must' and 'empty' in begins.troubles and since < begins.at:
            # Who knows of no job cannot tell that one is missing.
            return Verdict('backlog of a start that was told nothing')
        is_passing = kind == 'stopping' and verdict.case in ('must', 'unsettled')
        if is_passing and (verdict.case == 'unsettled' or not self._was_known(line, life, at, surely)):
            return Verdict('passed')
        if verdict.case == 'must' and verdict.closed_by and verdict.closed_by.at - at > MAX_WAIT:
            return Verdict('stale')
        return verdict

    def _window(self, life: Life, seeing: Sequence[Poll]) -> Verdict:
        answers: set[bool] = set()
        calm, process = 0, 0
        for poll in seeing:
            facts = life.facts(poll.at)
            matches = poll.filter.matches(facts)
            is_held = not matches and poll.at - life.born < HOLD and poll.filter.matches(facts, with_any_tag=True)
            is_calm = poll.number in self.undisturbed and not is_held
            calm = 0 if not is_calm else calm + 1 if poll.process == process else 1
            process = poll.process
            if self._is_lagging(life, poll):
                return Verdict('crowded', poll)
            if not is_held:
                answers.add(matches)
            if calm >= self.enough[poll.number]:
                if len(answers) > 1:
                    return Verdict('changing', poll)
                return Verdict('must' if matches else 'never', poll)
        return Verdict('unsettled' if True in answers else 'never')

    def _enough(self, poll: Poll) -> int:
        """How many undisturbed polls in a row settle everything: descriptions come, and what was told is written."""
        since = poll.at - self.retention - HOUR
        jobs = sum(life.born <= poll.at and life.job.timeline.settled_at >= since for life in self.world.lives)
        return 5 + ceil(jobs / poll.max_describes)

    def _is_crowded(self, poll: Poll) -> bool:
        """Whether too many jobs may have news at a poll for their tags to be asked for one by one."""
        before = [one.at for one in self.by_line[poll.line] if one.is_whole and one.number < poll.number]
        since = before[-1] if before else poll.at - self.world.lines[poll.line].events_since
        # What is held counts, too.
        lives = self.world.lives
        return sum(any(since - HOLD < at <= poll.at for at in life.news.values()) for life in lives) > CROWD

    def _is_lagging(self, life: Life, poll: Poll) -> bool:
        return poll.number in self.crowded and self.world.lag.until.get(life.job.arn, poll.at) > poll.at

    def _was_known(self, line: Line, life: Life, at: datetime, surely: datetime | None) -> bool:
        """Whether the job is as young as the line, or one process had looked at it twice before it was Stopping."""
        if surely and life.born >= surely - line.events_since:
            return True
        before = (poll for poll in self.by_line[line.number] if poll.is_whole and life.born <= poll.at < at)
        return any(looks > 1 for looks in Counter(poll.process for poll in before).values())

    # --- findings

    def _lose(self, life: Life, kind: str, at: datetime, line: Line, verdict: Verdict) -> None:
        polls, closed = self.by_line[line.number], verdict.closed_by
        assert closed
        what = f'lost: {_likely(life, at, self._around(life, at, polls, closed))}'
        self.ledger.lost.append(Finding(what, self._case(life, kind, at, closed)))

    def _accuse(self, what: str, life: Life, kind: str, at: datetime, poll: Poll) -> None:
        around = self._around(life, at, self.by_line[poll.line], poll)
        why = _likely(life, at, around)
        self.ledger.wrong.append(Finding(f'wrong: {what} ({why})', self._case(life, kind, at, poll)))

    def _around(self, life: Life, at: datetime, polls: Sequence[Poll], last: Poll) -> list[Poll]:
        since = min(at, life.born)
        before = max((poll.number for poll in polls if poll.at < since), default=0)
        return [poll for poll in polls if before <= poll.number <= last.number]

    def _case(self, life: Life, kind: str, at: datetime, poll: Poll) -> str:
        tags = f'{dict(life.tags)} at +{life.tagged_at - life.born}' if life.tags else 'no tags'
        where = f'world {self.world.seed}, line {poll.line}, poll {poll.number} at {poll.at:%d %H:%M}'
        what = f'{life.job.name} {kind} at {at:%d %H:%M:%S} (+{at - life.born}), {life.job.spec.customization_type}'
        return f'{what}, {tags}; filter {poll.filter}; {where}'


def _likely(life: Life, at: datetime, polls: Sequence[Poll]) -> str:
    """Return what befell the job until then that most likely explains a finding; a hint, and no judgement."""
    last = polls[-1]
    troubles = frozenset[str]().union(*(poll.troubles for poll in polls))
    filters = {str(poll.filter) for poll in polls}
    hints = {
        'edited filter': len(filters) > 1,
        'other account': 'away' in troubles,
        'empty listing': 'empty' in troubles,
        'unknown type': life.type_hidden_until is not None and last.filter.asks_for('customization_types'),
        'late tags': life.tagged_at > life.born and bool(life.tags),
        'tags not answered': 'tags' in troubles,
        'not described': 'describes' in troubles,
        'listing broken off': 'listing' in troubles,
        'restart': len({poll.process for poll in polls}) > 1,
        'status filter': last.filter.asks_for('statuses'),
    }
    return next((hint for hint, holds in hints.items() if holds), 'nothing befell it')


# --- running it


def small_pages(patch: pytest.MonkeyPatch) -> None:
    """Let listings take several requests. Every module that has the size has it by this name."""
    for name, module in list(sys.modules.items()):
        if name.startswith('datadog_checks.bedrock_model_customization') and hasattr(module, 'PAGE_SIZE'):
            patch.setattr(module, 'PAGE_SIZE', PAGE_SIZE)


def deadly(patch: pytest.MonkeyPatch, agent: StrictAgent, world: World) -> None:
    """Let the world's process be killed at its seams."""
    event, count, write = BedrockModelCustomizationCheck.event, BedrockModelCustomizationCheck.count, agent.cache.write

    def dying_event(check: BedrockModelCustomizationCheck, *args: Any, **options: Any) -> None:
        world.die_at('between two events')
        event(check, *args, **options)

    def dying_count(check: BedrockModelCustomizationCheck, name: str, value: float, *args: Any, **options: Any) -> None:
        if name in COUNTS and value:
            world.die_at('between two counts')
        count(check, name, value, *args, **options)

    def dying_write(key: str, value: str) -> None:
        if world.kill_at == 'while it writes':
            write(key, value[: world.rng.randrange(len(value))])
            world.die_at('while it writes')
        write(key, value)

    patch.setattr(BedrockModelCustomizationCheck, 'event', dying_event)
    patch.setattr(BedrockModelCustomizationCheck, 'count', dying_count)
    patch.setattr(agent.cache, 'write', dying_write)


def live(seed: int, polls: int, troubles: Iterable[str] = TROUBLES) -> World:
    """Live through one world, in a process that is otherwise left as it was."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        made_up_credentials(patch)
        keys = Credentials('AKIAEXAMPLE', 'example', method='env')
        # One object whose key the world changes: what a provider of short-lived credentials looks like from inside.
        patch.setattr(EnvProvider, 'load', lambda provider: keys)
        patch.setattr(botocore.endpoint, 'time', SimpleNamespace(sleep=lambda seconds: None))
        # The check warns of every trouble, as it should.
        patch.setattr(logging.root.manager, 'disable', logging.WARNING)
        small_pages(patch)
        agent = StrictAgent()
        agent.install(patch)
        simulator = stack.enter_context(Simulator(Clock.manual(T0), seed=seed))
        world = World(agent, simulator, keys, seed, troubles)
        deadly(patch, agent, world)
        world.run(polls)
        return world


def worlds(seed: int, polls: int, troubles: Iterable[str] = TROUBLES) -> Iterator[Ledger]:
    """Yield the ledgers of as many worlds as take so many polls."""
    number = done = 0
    while done < polls:
        started = monotonic()
        world = live(seed * 1000 + number, min(POLLS_OF_A_WORLD, polls - done), troubles)
        ledger = Judge(world).judge()
        ledger.seconds = monotonic() - started
        number, done = number + 1, done + ledger.polls
        yield ledger


def run(seed: int, polls: int, troubles: Iterable[str] = TROUBLES) -> Ledger:
    """Run until there were so many polls, and return everything in one ledger."""
    total = Ledger()
    for ledger in worlds(seed, polls, troubles):
        for name, value in vars(ledger).items():
            # Numbers, lists and counters: each adds up.
            setattr(total, name, getattr(total, name) + value)
        if total.worlds % 5 == 0:
            print(f'{total.polls} polls, {len(total.lost)} lost, {len(total.wrong)} wrong', file=sys.stderr, flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.polling.filters_chaos')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--polls', type=int, default=20_000)
    parser.add_argument('--only', nargs='*', choices=TROUBLES, default=TROUBLES)
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args()
    ledger = run(options.seed, options.polls, options.only)
    print(ledger.show(10**6 if options.verbose else 20))
    return 1 if ledger.lost or ledger.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
