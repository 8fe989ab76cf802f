"""The rule of news, as a model that runs: python news_model.py [FIRST_SEED LAST_SEED]   (standard library only)

A scope remembers `first`, the moment of the first answer; `floor`, which begins at `first - events_since` and follows
the last complete listing at a distance of SPAN; and `reported`, which has for each job its creation, the keys of what
was told, is old or was dropped, the `times` that move in AWS as first seen, and what was `counted` and may be told
once more. `floor` never moves back, and stands still while listings are incomplete or missing jobs cannot be asked for.

At first sight of a job, what happened before `floor` is old. From then on each key that is not in `reported`, and not
dated before `first - events_since`, is news. Only times that never move decide: creation, end, start and end of a
phase; where there is none, the job's creation. So a status that nobody knows has none, even with an end; it counts as
running until it has an end, or was not modified for a day. What was seen Stopping, or in such a status, is told, though
AWS says it no more. An answer that lags turns nothing back. News is counted if it happened since `first`, once. A job
is forgotten when it has ended, all is told and lies before `floor`, and its gauges are over.

Written down is the state now less what this poll told, which is then in `counted`: the Agent sends events later.

What is still to be listed is one queue of ranges of creation times. After an error the next one has its turn at the
same poll. Those not answered go to the end, the one asked last before the others. While there is a queue, one range of
the newest jobs is in it, put in first and last by turns: from a SPAN before the newest job that is known, but not
below where another range is not answered. If nothing of it is answered, it begins again. At every second poll, ranges
that are not answered are left alone: one that takes all the time leaves some to the rest. A queue with no other ranges
is a complete listing, as of when it was made. What is not answered for a day, while something else is, is given up.

Running jobs that a complete listing did not show are asked for by Get, in turns. While a range is STUCK, so are, at
each poll, all that this poll did not show. Where Get is refused, the listing of the moment of their creation serves.

News of an end waits for a description, and so does all news while the type is unknown, for 3 polls. Tags are read one
by one before news is told (the core reads those of many in bulk). Without an answer it waits 3 polls and, where the
filter asks for tags, until the job is YOUTH old; then it is decided on the tags known before. What a known fact rules
out is dropped, but not a young job that lacks a tag. Facts that are unknown are waited for, a day at most, and then
match nothing. Waiting is measured by a clock that nobody sets; "now" is the earlier of AWS's Date and the local clock.

State of version 1 has no `floor`, which is then the first answer; until a complete listing moves it, unknown jobs
created at `cursor` or later enter `reported` with no key told. Where its first look was not over, `floor` begins there.

The model runs random lives of jobs against an AWS that is late, lags, hides jobs, answers slowly or not at all, refuses
Get or tags, or is another account; with wrong clocks, refused events, edited filters, kills, downtimes, lost states and
states of version 1. What must hold is in `Run`, and for single troubles in `starvation` and `stuck_page`.
"""

import copy
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from math import inf
from typing import Any, NamedTuple

SPAN = 3600.0  # how much later than it happened AWS may show something
FULL = 3600.0  # how often everything is listed
DAY = 86400.0
LOOKBACK = 7 * DAY
STUCK = 180.0  # running jobs in a range that is so long not answered are asked for one by one
PATIENCE = DAY  # a range that is so long not answered is given up
MISSED = 24  # after so many full listings without it a running job is forgotten
POLLS_TO_WAIT = 3  # for a description, and for tags
ATTEMPTS = 10
YOUTH = 900.0  # people and machines tag a job after they create it
PAGE = 4
ACTIVE = ('InProgress', 'Stopping')
TERMINAL = ('Completed', 'Failed', 'Stopped')
PHASE_KEYS = ('phase_started', 'phase_ended')

NOT_ANSWERED = (ConnectionError, TimeoutError)  # after the second, nothing else is answered at this poll


@dataclass
class Life:
    id: int
    born: float
    end: float
    outcome: str
    late: float = 0  # AWS shows the job this much after its creation ...
    behind: float = 0  # ... and what becomes of it this much later
    timeless: bool = False  # AWS never says when it ended
    hidden: tuple = (0, 0)
    phase: tuple = ()  # start and end of a phase
    phase_by_get_only: bool = False
    queued_until: float = 0  # a status that nobody knows, before InProgress
    get_lags: float = 0  # Get shows what the listing showed so long ago
    stirs: bool = False  # lastModifiedTime moves while it stops
    touched_at: float = 0  # lastModifiedTime moves to here, long after the end
    tagged_at: float = inf
    is_tuning: bool = True  # its type
    type_by_get_only: bool = False

    def seen(self, now: float, by_get: bool) -> dict | None:
        now -= self.get_lags if by_get else 0
        if now < self.born + self.late or self.hidden[0] <= now < self.hidden[1]:
            return None
        shown = now - self.behind
        status, end, modified = 'InProgress', None, self.born
        if shown < self.queued_until:
            status = 'Queued'
        if self.outcome == 'Stopped' and shown >= self.end - 300:
            status, modified = 'Stopping', self.end - (150 if self.stirs and shown >= self.end - 150 else 300)
        if shown >= self.end:
            status, end, modified = self.outcome, self.end, self.end
        if self.touched_at and shown >= self.touched_at:
            modified = self.touched_at
        phase = ()
        if self.phase and (by_get or not self.phase_by_get_only):
            phase = tuple(at if shown >= at else None for at in self.phase)
        shows_type, end = by_get or not self.type_by_get_only, None if self.timeless else end
        job = {'id': self.id, 'created': self.born, 'status': status, 'modified': modified, 'end': end, 'phase': phase}
        return {**job, 'is_tuning': self.is_tuning if shows_type else None}

    def happened(self, key: str) -> float:
        if key in ('created', 'Queued', 'Stopping'):
            return self.born if key != 'Stopping' else self.end - 300
        return self.phase[PHASE_KEYS.index(key)] if key in PHASE_KEYS else self.end


class Aws:
    """`budget` answers are left in this poll, `failing` is how often one is an error, `date` what AWS's Date says."""

    def __init__(self, lives: list[Life], rng: random.Random) -> None:
        self.lives, self.rng, self.budget, self.failing, self.now, self.date = lives, rng, 10**9, 0.0, 0.0, 0.0
        self.denies_get, self.denies_tags, self.other_account = False, (0, 0), (0, 0)
        self.cursed, self.curse, self.cursed_until = None, ConnectionError, (0, 0)  # whose page is not answered
        self.stopping, self.tags_read_at = set(), {}  # what a listing showed as such; when a job's tags were read

    def _answer(self) -> None:
        if self.budget <= 0:
            raise TimeoutError
        self.budget -= 1
        if self.rng.random() < self.failing:
            raise ConnectionError

    def is_in(self, span: tuple) -> bool:
        return span[0] <= self.now < span[1]

    def page(self, section: 'Range') -> tuple[list[dict], bool]:
        self._answer()
        lives = [life for life in self.lives if section.after <= life.born < section.before]
        jobs = [job for life in lives if (job := life.seen(self.now, by_get=False))]
        jobs = [job for job in jobs if section.status in (None, job['status'])]
        jobs.sort(key=lambda job: (-job['created'], job['id']))
        if self.is_in(self.cursed_until) and self.cursed in [job['id'] for job in jobs[:PAGE]]:
            if self.curse is TimeoutError:
                self.budget = 0
            raise self.curse
        self.stopping |= {job['id'] for job in jobs[:PAGE] if job['status'] == 'Stopping'}
        return jobs[:PAGE], len(jobs) > PAGE

    def get(self, id: int) -> dict | None:
        if self.denies_get:
            raise PermissionError
        self._answer()
        return self.lives[id].seen(self.now, by_get=True)

    def tag(self, id: int) -> bool:
        if self.is_in(self.denies_tags):
            raise PermissionError
        self._answer()
        self.tags_read_at[id] = self.now
        return self.now >= self.lives[id].tagged_at


def attempt(call: Callable[..., Any], argument: Any) -> Any:
    """Return the answer, or the error in its place."""
    try:
        return call(argument)
    except OSError as error:
        return error


# --- the scope


@dataclass(eq=False)
class Range:
    after: float
    before: float = inf  # where it goes on
    status: str | None = None
    is_newest: bool = False
    unanswered_since: float = inf


@dataclass
class Entry:
    created: float | None
    keys: set = field(default_factory=set)
    times: dict = field(default_factory=dict)
    counted: set = field(default_factory=set)


@dataclass
class Memory:
    first: float | None = None
    floor: float | None = None
    reported: dict[int, Entry] = field(default_factory=dict)
    cursor: float = inf


class Filter(NamedTuple):
    """Whether the tag must be there, whether the type must be that one; None: it does not matter."""

    tag: bool | None = None
    is_tuning: bool | None = None


@dataclass
class Settings:
    events_since: float = 0
    filter: Filter = field(default_factory=Filter)
    describes: int = 10**9  # in one poll
    retention: float = 0  # how long a job that ended has gauges


def transitions(job: dict) -> Iterator[tuple[str, float | None, float]]:
    """Yield the key of each transition, its time if that never moves, and its time."""
    yield 'created', job['created'], job['created']
    for key, at in zip(PHASE_KEYS, job['phase'], strict=False):
        if at is not None:
            yield key, at, at
    if job['status'] != 'InProgress':
        end = job['end'] if job['status'] in TERMINAL else None
        yield job['status'], end, job['modified'] if end is None else end


def is_behind(known: dict | None, job: dict) -> bool:
    """Whether an answer lags. What lies behind a status that nobody knows, nobody knows either."""
    ranks = dict(zip((*ACTIVE, *TERMINAL), (0, 1, 2, 2, 2), strict=True))
    return known is not None and ranks.get(job['status'], 0) < ranks.get(known['status'], 0)


def merge(known: dict, job: dict) -> dict:
    """Return what is known after another answer."""
    phase = tuple(new or old for new, old in zip_longest(job['phase'], known['phase']))
    is_tuning = known['is_tuning'] if job['is_tuning'] is None else job['is_tuning']
    return {**(known if is_behind(known, job) else job), 'phase': phase, 'is_tuning': is_tuning}


class Scope:
    def __init__(self, settings: Settings, memory: Memory | None = None) -> None:
        memory = copy.deepcopy(memory or Memory())
        self.settings, self.reported = settings, memory.reported
        self.first, self.floor, self.cursor = memory.first, memory.floor, memory.cursor
        self.jobs, self.seen_at, self.missed = {}, {}, Counter()  # missed by so many full listings
        self.unsent, self.given_up = {}, []  # what the last poll told; what is said in a warning
        self.described, self.asked_at = {}, {}  # in which status, when
        self.attempts, self.waited = Counter(), Counter()  # to describe a job in this status; for so many polls
        self.undescribed, self.unread = set(), Counter()  # whose end waits; for how many polls tags did not come
        self.tags, self.undecided = {}, {}  # undecided since then
        self.queue, self.newest, self.newest_goes_first, self.is_full = [], -inf, False, False
        self.complete_at = self.full_at = -inf
        self.now = self.clock = self.began = self.began_at = 0.0

    def poll(self, aws: Aws, local: float, report: Callable[..., bool], drop: Callable[..., None]) -> bool:
        """Return whether the listing told anything: if not, nothing is told, nor written down."""
        self.now, self.clock = local, aws.now
        if aws.is_in(aws.other_account):
            return False  # another scope, with a state of its own
        self.plan()
        if not self.work_through(aws):
            return False
        self.now = min(local, aws.date)
        is_stuck = any(self.clock - known.unanswered_since >= STUCK for known in self.queue)
        found_all = self.describe(aws, self.missing() if not self.queue or is_stuck else [])
        untagged = self.read_tags(aws)
        self.unsent = {}
        for id in self.reported.keys() & self.jobs:
            verdict, entry = self.verdict(id), self.reported[id]
            for key, at in self.news(id) if verdict is not None and id not in untagged else ():
                if self.waits(id, key):
                    continue
                if not verdict:
                    drop(id, key)
                    entry.keys.add(key)
                elif report(id, key, at, self.is_counted(id, key, at)):
                    self.unsent.setdefault(id, set()).add(key)
                    entry.keys.add(key)
        if not self.queue and found_all:
            self.advance()
        return True

    def memory(self) -> Memory:
        """Return what is written down: what the last poll told is told again by a process that finds this."""
        written = {}
        for id, entry in self.reported.items():
            unsent = self.unsent.get(id, set())
            written[id] = Entry(entry.created, entry.keys - unsent, dict(entry.times), entry.counted | unsent)
        return Memory(self.first, self.floor, written, self.cursor)

    def plan(self) -> None:
        if self.queue:
            self.newest_goes_first = not self.newest_goes_first
            if not any(known.is_newest for known in self.queue):
                above = [known.before for known in self.queue if not known.status and known.unanswered_since < inf]
                after = max([self.newest - SPAN, *(before for before in above if before < inf)])
                place = 0 if self.newest_goes_first else len(self.queue)
                self.queue.insert(place, Range(after, is_newest=True))
            return
        self.is_full = not 0 <= self.now - self.full_at < FULL
        self.began, self.began_at = self.now, self.clock
        by_status = [Range(-inf, status=status) for status in ACTIVE]
        if self.is_full:
            self.full_at = self.now
            back_to = min(self.now, self.cursor, self.now if self.floor is None else self.floor)
            self.queue = [Range(back_to - LOOKBACK), *by_status]
            return
        since = min(self.complete_at, self.now) - SPAN
        window = min([since, *(job['created'] - 1 for id, job in self.jobs.items() if not self.has_ended(id))])
        is_long = window < since and sum(job['created'] >= window for job in self.jobs.values()) > 3 * PAGE
        self.queue = [Range(since), *by_status] if is_long else [Range(window)]

    def work_through(self, aws: Aws) -> bool:
        """Return whether this told anything. Of pages without jobs beside errors nobody knows what they are worth."""
        pages, jobs, errors, again = 0, 0, [], []
        for section in [*self.queue]:
            if self.newest_goes_first and section.unanswered_since < inf:
                continue  # one that takes all the time leaves every other poll to the rest
            taken, more = 0, True
            self.queue.remove(section)
            try:
                while more:
                    page, more = aws.page(section)
                    taken, pages, jobs, section.unanswered_since = taken + 1, pages + 1, jobs + len(page), inf
                    self.began = min(self.began, self.now, aws.date)
                    if self.floor is None:
                        self.begin(min(self.now, aws.date))
                    for job in page:
                        self.take(job)
                        self.seen_at[job['id']] = self.clock
                        self.newest = max(self.newest, job['created'] if job['created'] <= self.now else -inf)
                    if more:  # those of the same moment are shown once more
                        section.before = page[-1]['created'] + 1e-6
            except NOT_ANSWERED as error:
                errors.append(error)
                if not taken:
                    section.unanswered_since = min(section.unanswered_since, self.clock)
                if taken or not section.is_newest:  # or else it begins again from its top at the next poll
                    again.insert(0, section)
                if isinstance(error, TimeoutError):
                    break
        self.queue += again  # who came last, and maybe too late, comes first
        late = [known for known in self.queue if pages and self.clock - known.unanswered_since >= PATIENCE]
        self.given_up += late
        self.queue = [known for known in self.queue if known not in late]
        if all(known.is_newest for known in self.queue):
            self.queue, self.complete_at = [], self.began
        return not errors or bool(jobs or (pages and isinstance(errors[0], TimeoutError)))

    def begin(self, now: float) -> None:
        self.floor = now if self.first is not None else now - self.settings.events_since
        self.first = now if self.first is None else self.first

    def take(self, job: dict) -> None:
        id = job['id']
        job = self.jobs[id] = merge(self.jobs[id], job) if id in self.jobs else job
        self.missed.pop(id, None)
        if id not in self.reported:
            floor = -inf if job['created'] >= self.cursor else self.floor
            everything = list(transitions(job))
            old = {key for key, fixed, _ in everything if (job['created'] if fixed is None else fixed) < floor}
            if self.has_ended(id) and len(old) == len(everything):
                if not self.has_gauges(id):
                    return
                # Unless it may go on, phases that only a description will show are old as well.
                old |= set(PHASE_KEYS) if job['status'] in TERMINAL or job['end'] is not None else set()
            self.reported[id] = Entry(job['created'], old)
        entry = self.reported[id]
        entry.created = job['created']
        for key, fixed, at in transitions(job):
            if fixed is None:
                entry.times.setdefault(key, at)

    def has_ended(self, id: int) -> bool:
        job = self.jobs[id]
        if job['status'] in (*ACTIVE, *TERMINAL):
            return job['status'] in TERMINAL
        return job['end'] is not None or self.now - job['modified'] > DAY

    def has_gauges(self, id: int) -> bool:
        job = self.jobs[id]
        return not self.has_ended(id) or self.now - self.settings.retention <= (job['end'] or job['modified'])

    def news(self, id: int) -> list[tuple[str, float]]:
        """Return keys and times, also of those of which only the time first seen is left."""
        entry, since = self.reported[id], self.first - self.settings.events_since
        found = {key: (fixed, at) for key, fixed, at in transitions(self.jobs[id])}
        passed = [(key, at) for key, at in entry.times.items() if key not in found]
        shown = [
            (key, entry.times.get(key, at) if fixed is None else at)
            for key, (fixed, at) in found.items()
            if fixed is None or fixed >= since
        ]
        return [(key, at) for key, at in passed + shown if key not in entry.keys]

    def is_counted(self, id: int, key: str, at: float) -> bool:
        """Whether it is counted now."""
        return at >= self.first and key not in self.reported[id].counted

    def advance(self) -> None:
        if self.began - SPAN > self.floor:
            self.floor, self.cursor = self.began - SPAN, inf
        for id in [*self.reported] if self.cursor == inf else ():  # who is forgotten would be unknown
            if id not in self.jobs or id in self.unsent or self.has_gauges(id) or self.news(id):
                continue
            if all(at < self.floor for _, _, at in transitions(self.jobs[id])):
                del self.reported[id]

    def missing(self) -> list[int]:
        shown_since = self.clock if self.queue else self.began_at
        missing = [id for id in self.reported if self.seen_at.get(id, -inf) < shown_since]
        missing = [id for id in missing if id not in self.jobs or not self.has_ended(id)]
        return sorted(missing, key=lambda id: (self.asked_at.get(id, -inf), id))

    def describe(self, aws: Aws, missing: list[int]) -> bool:
        """Return whether all that are missing could be looked for."""
        due = [id for id in self.reported.keys() & self.jobs if self.is_due(id)]
        due.sort(key=lambda id: (self.jobs[id]['status'] != 'Failed', not self.news(id), -self.jobs[id]['created']))
        answers: dict[int, Any] = {}
        for id in [*dict.fromkeys([*missing, *due])][: self.settings.describes]:
            answers[id] = answer = attempt(aws.get, id)
            known, self.asked_at[id] = self.jobs.get(id), self.clock
            if isinstance(answer, dict):
                self.take(answer)
            if isinstance(answer, dict) and not is_behind(known, answer):
                self.described[id] = answer['status']
            elif known and not isinstance(answer, TimeoutError):
                is_final = answer is None or isinstance(answer, PermissionError)
                self.attempts[id, known['status']] += ATTEMPTS if is_final else 1
        left = [(id, self.jobs[id]['status']) for id in due if self.is_due(id)]
        self.waited.update(left)
        self.undescribed = {id for id, status in left if self.waited[id, status] < POLLS_TO_WAIT}
        looked_for = [self.is_looked_for(aws, id, answers.get(id, TimeoutError())) for id in missing]
        return all(looked_for)

    def is_due(self, id: int) -> bool:
        described, status = self.described.get(id), self.jobs[id]['status']
        tells_more = described is None or (status in TERMINAL and described != status)
        return tells_more and self.attempts[id, status] < ATTEMPTS and (self.has_gauges(id) or bool(self.news(id)))

    def waits(self, id: int, key: str) -> bool:
        """The description tells why a job ended, and its type."""
        return id in self.undescribed and (key in TERMINAL or self.jobs[id]['is_tuning'] is None)

    def is_looked_for(self, aws: Aws, id: int, answer: Any) -> bool:
        """Where Get is refused, the listing of the moment of its creation shows a job, too."""
        created = self.reported[id].created
        if isinstance(answer, PermissionError) and created is not None:
            answer = attempt(aws.page, Range(created - 1e-6, created + 1e-6))
            if isinstance(answer, tuple):
                for job in answer[0]:
                    self.take(job)
                answer = next((job for job in answer[0] if job['id'] == id), None)
        if isinstance(answer, NOT_ANSWERED):
            return False
        if not isinstance(answer, dict) and self.is_full and not self.queue:
            self.missed[id] += 1
            if self.missed[id] >= MISSED:
                del self.reported[id], self.missed[id]
                self.jobs.pop(id, None)
        return True

    def read_tags(self, aws: Aws) -> set[int]:
        """Return the jobs whose news waits for their tags."""
        waiting = set()
        for id in self.reported.keys() & self.jobs:
            news = self.news(id)
            if not news or self.is_of_other_type(id):
                continue
            if id in self.tags and all(self.waits(id, key) for key, _ in news):
                continue
            answer = attempt(aws.tag, id)
            self.unread[id] = self.unread[id] + 1 if isinstance(answer, NOT_ANSWERED) else 0
            if isinstance(answer, bool):
                self.tags[id] = answer
            elif 0 < self.unread[id] < POLLS_TO_WAIT or (self.settings.filter.tag is not None and self.is_young(id)):
                waiting.add(id)
        return waiting

    def is_young(self, id: int) -> bool:
        return self.now - self.jobs[id]['created'] < YOUTH

    def is_of_other_type(self, id: int) -> bool:
        wanted, is_tuning = self.settings.filter.is_tuning, self.jobs[id]['is_tuning']
        return None not in (wanted, is_tuning) and is_tuning != wanted

    def verdict(self, id: int) -> bool | None:
        """Return whether the filter wants a job, None while that is not known."""
        wanted, is_tuning, tag = self.settings.filter, self.jobs[id]['is_tuning'], self.tags.get(id)
        verdict = None
        if self.is_of_other_type(id):
            verdict = False
        elif wanted.tag is not None and tag is not None and tag != wanted.tag:
            verdict = None if wanted.tag and self.is_young(id) else False
        elif (wanted.tag is None or tag is not None) and (wanted.is_tuning is None or is_tuning is not None):
            verdict = True
        if verdict is not None:
            self.undecided.pop(id, None)
        elif self.clock - self.undecided.setdefault(id, self.clock) >= DAY:
            verdict = wanted.tag in (None, bool(tag)) and wanted.is_tuning in (None, is_tuning)
        return verdict


# --- random runs, and what must hold


def lives_of(rng: random.Random, start: float) -> Iterator[Life]:
    for id in range(rng.randint(1, 40)):
        born = start - rng.choice([0, 1, 10, 100]) * 3600 * rng.random() + rng.random() * 3 * DAY * (rng.random() < 0.7)
        born = round(born, 3) + id * 1e-3
        end = round(born + rng.choice([60, 600, 3600, DAY, 10 * DAY]) * rng.random(), 3)
        outcome = rng.choice(TERMINAL) if rng.random() < 0.9 else 'Expired'
        life = Life(id, born, end, outcome, timeless=rng.random() < 0.1)
        life.late, life.behind = rng.choice([0, 0, 0, rng.random() * 900]), rng.choice([0, 0, 0, rng.random() * 900])
        if rng.random() < 0.2:
            hides = born + rng.random() * 900
            life.hidden = (hides, hides + rng.choice([60, 300, 1800]))
        if rng.random() < 0.1:
            life.queued_until = born + rng.random() * rng.choice([600, 2 * DAY])
        if rng.random() < 0.5:
            begins = max(born, min(life.queued_until, end))
            life.phase = tuple(sorted(round(begins + (end - begins) * rng.random(), 3) for _ in range(2)))
            # One in a status that nobody knows may be forgotten, and stir again.
            life.phase_by_get_only = rng.random() < 0.3 and outcome in TERMINAL
        if rng.random() < 0.2:
            life.touched_at = end + rng.random() * 20 * 3600
        life.tagged_at = born + rng.choice([0, 90, 600, 7200, inf])
        life.get_lags, life.stirs = rng.choice([0, 60 * rng.random()]), rng.random() < 0.5
        life.is_tuning, life.type_by_get_only = rng.random() < 0.5, rng.random() < 0.5
        yield life


class Run:
    """One random life of a scope, and its judge: `faults` has what did not hold.

    What was told is remembered from one start without state to the next (`told`), what was counted for ever.
    """

    def __init__(self, seed: int) -> None:
        self.seed, self.rng, self.now = seed, random.Random(seed), 200_000.0
        rng, day = self.rng, self.now + self.rng.random() * DAY
        self.lives = list(lives_of(rng, self.now))
        self.aws = Aws(self.lives, rng)
        self.aws.denies_get = rng.random() < 0.1
        if rng.random() < 0.2:
            self.aws.other_account = (day, day + rng.choice([300, 7200]))
        if rng.random() < 0.3:
            self.aws.denies_tags = (day, day + rng.choice([3600, 30 * 3600, inf]))
        if rng.random() < 0.3:
            self.aws.cursed, self.aws.curse = rng.choice(self.lives).id, rng.choice(NOT_ANSWERED)
            self.aws.cursed_until = (day, day + rng.random() * 60 * 3600)
        self.cursed = self.aws.cursed
        self.settings = Settings(rng.choice([0, 0, 3600, 5 * 3600]), retention=rng.choice([0, 7200, DAY, 10 * DAY]))
        self.edits, self.filters = rng.random() < 0.3, []
        self.edit_filter()
        self.describes = rng.choice([2, 10**9])
        self.pace, self.unrest = rng.choice([((60, 60, 60, 300, 1800), 0.1)] * 3 + [((1800, 3600), 0.02)])
        self.steps, self.tight = rng.randint(5, 150), rng.choice([None, None, 1, 2])
        self.wipes, self.upgrades = rng.random() < 0.3, rng.random() < 0.4
        self.faults: list[str] = []
        self.counted: dict = {}
        self.process, self.process_began = 0, self.now
        self.start_without_state()

    def start_without_state(self) -> None:
        self.scope, self.written = Scope(self.settings), None
        self.told, self.dropped, self.at, self.waits = {}, {}, {}, {}  # by whom; by whom; of what time; since when
        self.settled = set()  # told or dropped, and written down: never told again
        self.just_now, self.uncounted = {}, set()  # what the last poll told; of a process that was killed
        self.guessed, self.unread = set(), Counter()  # decided without all the facts; polls without tags
        self.last, self.silent_for = self.now, 0.0  # without an answer nothing is decided
        self.answered_at, self.was_complete, self.given_up = None, False, []
        self.firsts, self.due_since, self.upgraded_at = [], -inf, 0.0  # of the versions before
        self.unknown_to_version_1 = set()
        self.aws.stopping.clear()

    def start_from_version_1(self) -> None:
        """With what version 1 would have written at this poll."""
        scope, reported, first = self.scope, self.written.reported, self.written.first
        cursor = scope.newest - YOUTH if self.was_complete else -inf
        kept = {}
        for id, job in scope.jobs.items():  # of those that are over it knows the younger ones
            everything = {key for key, *_ in transitions(job)}
            keys = reported[id].keys if id in reported else everything
            if job['status'] not in TERMINAL or job['created'] >= cursor or not everything <= keys:
                kept[id] = Entry(None, keys | {key for what, key in self.settled if what == id})
        kept |= {id: Entry(None, entry.keys) for id, entry in reported.items() if id not in scope.jobs}
        for id, key in [(id, key) for id, key in self.counted if id not in reported or key not in reported[id].keys]:
            del self.counted[id, key]  # version 1 counts the last poll's news once more
            self.uncounted.add((id, key))
        memory = Memory(cursor - DAY, None, kept, cursor)
        if not self.was_complete:  # its first look is not over
            memory, self.due_since = Memory(first, first, kept), first
        self.firsts += [first, memory.first]
        self.scope, self.written, self.upgraded_at, self.upgrades = (
            Scope(self.settings, memory),
            memory,
            self.now,
            False,
        )
        self.unknown_to_version_1 = {life.id for life in self.lives} - kept.keys()
        self.at.clear()  # version 1 has no times
        self.aws.stopping.clear()

    def edit_filter(self) -> None:
        choose, either = self.rng.choice, (True, False)
        filters = [Filter(), Filter(), Filter(choose(either)), Filter(None, choose(either))]
        self.settings.filter = choose([*filters, Filter(choose(either), choose(either))])
        self.filters.append((self.now, self.settings.filter))

    def fault(self, text: str) -> None:
        self.faults.append(f'seed {self.seed}: {text}')

    def report(self, id: int, key: str, at: float, is_counted: bool) -> bool:
        self.judge_facts(id, key)
        if self.rng.random() < self.refuses:
            self.waits.pop((self.process, id, key), None)  # it was decided
            return False
        if (id, key) in self.settled or self.dropped.get((id, key)) == self.process:
            self.fault(f'{key} of {self.lives[id]} told, though it had been told or dropped')
        if self.at.setdefault((id, key), at) != at:
            self.fault(f'{key} of {self.lives[id]} told again, of another time')
        self.told.setdefault((id, key), []).append(self.process)
        self.just_now[id, key] = is_counted
        if is_counted:
            self.counted.setdefault((id, key), []).append(at)
            # With a clock that is behind at the first answer, what was counted just before it is counted again.
            if len(self.counted[id, key]) > 1 and not self.scope.first <= at < self.answered_at:
                self.fault(f'{key} of {self.lives[id]} counted twice')
        return True

    def drop(self, id: int, key: str) -> None:
        self.judge_facts(id, key)
        self.dropped[id, key] = self.process

    def judge_facts(self, id: int, key: str) -> None:
        """What a filter asks for was read just now, or waited for."""
        wanted, is_tuning, life = self.settings.filter, self.scope.jobs[id]['is_tuning'], self.lives[id]
        if wanted.is_tuning is not None and is_tuning not in (None, wanted.is_tuning):
            return
        tag = None if wanted.tag is None else self.scope.tags.get(id)
        is_unread = wanted.tag is not None and self.aws.tags_read_at.get(id) != self.now
        is_unknown = is_unread and tag is None
        is_unknown = is_unknown or (tag == wanted.tag and wanted.is_tuning is not None and is_tuning is None)
        if is_unread or is_unknown:
            self.guessed.add(id)
        has_waited = self.unread[id] >= POLLS_TO_WAIT - 1 or self.aws.is_in(self.aws.denies_tags)
        if is_unread and (self.now - life.born < YOUTH or not has_waited):
            self.fault(f'{key} of {life} decided on tags of before')
        if is_unknown and self.now - self.process_began < DAY:
            self.fault(f'{key} of {life} decided without all the facts, and without waiting for a day')

    def poll(self, calm: bool) -> None:
        rng, aws = self.rng, self.aws
        aws.budget = 10**9 if calm else self.tight or rng.choice([10**9, 10**9, 1, 2, 3, 5])
        aws.failing = 0.0 if calm else rng.choice([0, 0, 0, 0.2, 0.7])
        aws.cursed = None if calm else aws.cursed
        self.settings.describes = 10**9 if calm else self.describes
        self.refuses = 0 if calm else rng.choice([0, 0, 0.3])
        skew, is_ours = 0 if calm else rng.choice([0] * 12 + [DAY, -DAY, 10800, -10800]), rng.random() < 0.5
        if self.scope.first is not None and self.scope.floor is None:
            skew = 0  # a clock that is behind then repeats news
        self.just_now, aws.now, aws.date = {}, self.now, self.now + (0 if is_ours else skew)
        if self.answered_at is None or self.scope.first is None:
            self.answered_at = self.now
        is_remembered = self.scope.poll(aws, self.now + (skew if is_ours else 0), self.report, self.drop)
        if is_remembered or (self.written is None and self.scope.first is not None):
            self.written = self.scope.memory()
        if is_remembered:
            self.judge_poll()
        else:
            self.silent_for += self.now - self.last
        self.last = self.now

    def judge_poll(self) -> None:
        scope, reported = self.scope, self.written.reported
        self.was_complete = self.was_complete or (not scope.queue and scope.newest > -inf)
        for section in scope.given_up:
            self.given_up.append(section)
            if self.cursed is None or not section.after <= self.lives[self.cursed].born < section.before:
                self.fault(f'{section} given up, and nothing was wrong with it')
        scope.given_up.clear()
        done = self.told.keys() | self.dropped.keys()
        self.settled |= {(id, key) for id, key in done if id in reported and key in reported[id].keys}
        for id in scope.jobs.keys() & scope.reported:
            is_read = self.aws.tags_read_at.get(id) == self.now
            self.unread[id] = 0 if is_read else self.unread[id] + bool(scope.news(id))
            for key, _ in scope.news(id):
                since = self.waits.setdefault((self.process, id, key), self.now)
                if self.now - since > DAY + 4 * 7200 + self.silent_for:
                    self.fault(f'{key} of {self.lives[id]} waits for more than a day')

    def restart(self) -> None:
        rng = self.rng
        self.now += rng.choice([60, 3600, 3 * DAY]) if rng.random() < 0.4 else 60
        if rng.random() < 0.5:  # the Agent was killed with it, and had not sent them
            for what, is_counted in self.just_now.items():
                self.told[what].remove(self.process)
                if is_counted:
                    self.counted[what].pop()
                    self.uncounted.add(what)
        self.process, self.process_began = self.process + 1, self.now
        is_written = self.written.reported if self.written else {}
        self.aws.stopping &= is_written.keys()  # what is not written down is seen anew
        self.at = {(id, key): at for (id, key), at in self.at.items() if id in is_written}
        self.unread.clear()
        if self.edits and rng.random() < 0.4:
            self.edit_filter()
        is_known = not self.was_complete or (self.scope.newest > -inf and not self.scope.queue)
        if self.wipes and rng.random() < 0.4:
            self.start_without_state()
        elif self.upgrades and self.written and self.written.floor is not None and is_known and rng.random() < 0.4:
            self.start_from_version_1()
        else:
            self.scope = Scope(self.settings, self.written)

    def run(self) -> list[str]:
        for step in range(self.steps + 12):
            calm = step >= self.steps
            self.poll(calm)
            if not calm and self.rng.random() < self.unrest:
                self.restart()
            self.now += 7200 if calm else self.rng.choice(self.pace)
        for life in self.lives:
            self.judge(life)
            self.judge_stopping(life)
            self.judge_unknown(life)
        if self.scope.queue or self.last - self.scope.floor > 3 * SPAN + 2 * 7200:
            behind = f'{len(self.scope.queue)} ranges, the floor is {self.last - self.scope.floor:.0f} s behind'
            self.fault(f'after calm hours the queue has {behind}')
        return self.faults

    def judge(self, life: Life) -> None:
        job = life.seen(self.last, by_get=not self.aws.denies_get)
        since = [first - self.settings.events_since for first in (*self.firsts, self.scope.first)]
        for key, *_ in transitions(job) if job else ():
            happened, by = life.happened(key), self.told.get((life.id, key), [])
            learned = max(happened + life.late, happened + life.behind, life.hidden[1])
            dated = life.born if key == 'Expired' else happened  # it has no time that never moves
            is_due = dated >= max(*since, self.due_since) and learned < self.last - 4 * 7200
            is_due = is_due and job['status'] in (*TERMINAL, 'Expired') and not life.timeless
            is_guess = life.id in self.guessed
            must_be = is_due and not (is_guess or self.is_optional(life, key)) and self.is_wanted(life, happened, True)
            if must_be and not by:
                self.fault(f'lost {key} of {life}')
            was_counted = self.counted.get((life.id, key)) or (life.id, key) in self.uncounted
            counts_since = max(self.answered_at, *self.firsts, self.scope.first)
            if must_be and dated >= counts_since and not was_counted:
                self.fault(f'{key} of {life} never counted')
            if happened < min(since) and by and not (life.timeless or (key == 'Expired' and life.behind)):
                self.fault(f'old {key} of {life} told')
            if by and not is_guess and not self.is_wanted(life, happened, False):
                self.fault(f'{key} of {life} told, though no filter wants it')
            if len(by) != len(set(by)):
                self.fault(f'{key} of {life} told twice by one process')

    def judge_stopping(self, life: Life) -> None:
        """What a listing showed as Stopping is told, also if it is Stopped by then, or Get lags."""
        is_new = life.born >= max(*self.firsts, self.scope.first, self.upgraded_at)
        is_due = life.id in self.aws.stopping - self.guessed and is_new and life.end + 900 < self.last - 4 * 7200
        if is_due and self.is_wanted(life, life.end - 300, True) and not self.told.get((life.id, 'Stopping')):
            self.fault(f'lost Stopping of {life}')

    def judge_unknown(self, life: Life) -> None:
        """What ended in a status that nobody knows is forgotten in the end, too."""
        since = max(life.end + life.behind, life.touched_at) + DAY + self.settings.retention + 4 * 7200
        is_known = life.id in self.scope.reported.keys() & self.scope.jobs - self.scope.unsent.keys()
        if is_known and life.outcome == 'Expired' and self.last > since and not self.scope.news(life.id):
            self.fault(f'{life} is never forgotten')

    def is_wanted(self, life: Life, happened: float, surely: bool) -> bool:
        """Whether all filters that may have decided it matched on facts read in time; not `surely`: any, ever."""
        denied, ends = self.aws.denies_tags, [*(began for began, _ in self.filters[1:]), inf]
        can_read_tags = not surely or denied[1] < self.last - 4 * 7200 or denied[0] > self.last
        can_read_type = not (surely and life.type_by_get_only and self.aws.denies_get)
        had_tag, has_tag = life.tagged_at <= max(happened, surely * (life.born + YOUTH)), life.tagged_at < inf
        found = [
            (wanted.tag is None or (can_read_tags and (had_tag if wanted.tag is surely else has_tag) is wanted.tag))
            and (wanted.is_tuning is None or (can_read_type and wanted.is_tuning is life.is_tuning))
            for (_, wanted), end in zip(self.filters, ends, strict=True)
            if end >= happened
        ]
        return (all if surely else any)(found)

    def is_optional(self, life: Life, key: str) -> bool:
        """What only a description tells that never came, or a listing that goes not so far back, or is given up."""
        beyond = life.born < self.scope.first - LOOKBACK
        # Hidden when version 1 listed it, which has taken it for old since.
        beyond = beyond or (life.id in self.unknown_to_version_1 and life.hidden[1] and life.born < self.upgraded_at)
        beyond = beyond or any(section.after <= life.born < section.before for section in self.given_up)
        return beyond or (key in PHASE_KEYS and life.phase_by_get_only)


def starvation() -> Iterator[str]:
    """With time for one page a poll everything is told, be it late, and the queue stays short."""
    start, step = 200_000.0, 60.0
    lives = [Life(0, start - 50_000, start + 600, 'Failed')]
    lives += [Life(id, start - 40_000 + id, start - 30_000, 'Failed') for id in range(1, 9)]
    lives += [Life(8 + id, start + id * 600, start + id * 600 + 60, 'Failed') for id in range(1, 60)]
    aws, scope, told, longest = Aws(lives, random.Random(1)), Scope(Settings()), set(), 0
    for poll in range(700):
        aws.now = aws.date = start + poll * step
        aws.budget = 1
        scope.poll(aws, aws.now, lambda id, key, at, is_counted: told.add((id, key)) or True, print)
        longest = max(longest, len(scope.queue))
    expected = {(0, 'Failed')} | {(8 + id, key) for id in range(1, 60) for key in ('created', 'Failed')}
    if expected - told or longest > 5 or aws.now - scope.floor > 3 * SPAN:
        yield f'starved: {len(expected - told)} never told, queue {longest}, floor {aws.now - scope.floor:.0f} s behind'


def stuck_page(curse: type[Exception], hours: float) -> Iterator[str]:
    """A page that is never answered delays nothing but what is on it, and the floor for two days."""
    start, step, rng, old, bad = 200_000.0, 600.0, random.Random(1), 5, 20
    lives = [Life(id, start - 3 * DAY + id, start + id * 40_000, 'Failed') for id in range(1, old)]
    for id in range(old, 200):
        lives.append(Life(id, start + id * 1800, start + id * 1800 + rng.choice([300, 5 * 3600]), 'Failed'))
    lives.insert(0, Life(0, start - 3 * DAY, start - 2 * DAY, 'Failed'))
    aws, scope, told, behind = Aws(lives, rng), Scope(Settings(describes=3)), {}, []
    aws.cursed, aws.curse, aws.cursed_until = bad, curse, (lives[bad].born, lives[bad].born + hours * 3600)
    for poll in range(660):
        aws.now = aws.date = start + poll * step
        aws.budget, news = 40, []
        scope.poll(aws, aws.now, lambda *what, news=news: news.append(what[:2]) or True, print)
        told.update(dict.fromkeys(news, aws.now))
        behind.append(aws.now - (scope.floor or start))
    # While it is the newest page, nothing but it is asked for.
    begins = (lives[bad].born, lives[bad + PAGE].born)
    for life in lives[1:]:
        for key in ('created', life.outcome)[life.id < old :]:
            happened = life.happened(key)
            since = begins[1] if begins[0] <= happened < begins[1] else happened
            late = told.get((life.id, key), inf) - since
            if life.id != bad and happened + 3600 < aws.now and late > 10 * step:
                yield f'{key} of {life} was told {late:.0f} s late, because of the page of another'
    if max(behind) > 2 * DAY + 5 * SPAN or behind[-1] > 3 * SPAN:
        yield f'floor up to {max(behind):.0f} s behind, and {behind[-1]:.0f} s at last'


if __name__ == '__main__':
    begin, end = (int(text) for text in sys.argv[1:3]) if len(sys.argv) > 2 else (0, 3000)
    found = [*starvation(), *(fault for curse in NOT_ANSWERED for fault in stuck_page(curse, 80))]
    found += [fault for seed in range(begin, end) for fault in Run(seed).run()]
    print(*found[:6], sep='\n')
    print(f'{end - begin} runs, {len(found)} faults')
