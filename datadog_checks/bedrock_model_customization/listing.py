"""Lists the jobs of one scope: at every poll what may have changed, once an hour everything.

AWS may answer so slowly, or so seldom, that a listing takes several polls. It then goes on behind the last page that
was taken in, and each poll reports what it was shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, Final, NamedTuple

from .aws.bedrock import PAGE_SIZE, BedrockScope
from .aws.errors import AwsError, Kind
from .jobs.inventory import OVERLAP, Inventory
from .jobs.job import ACTIVE_STATUSES

# Listing by status costs three small requests, whatever the number of jobs: worth it beyond as many pages.
REQUESTS_BY_STATUS: Final = 3
# A listing that goes on behind a job shows once more those that were created together with it.
TOGETHER: Final = timedelta(seconds=1)
NEVER: Final = datetime.max.replace(tzinfo=UTC)
# No other listing would be answered.
REFUSALS: Final = (Kind.CREDENTIALS, Kind.DENIED)


class Taken(NamedTuple):
    """What was taken in of one page: the jobs on it, how far back it reaches, and its newest creation that is past."""

    arns: set[str]
    oldest: datetime | None
    newest: datetime | None


Take = Callable[[list[Any]], Taken]


@dataclass(slots=True)
class Listed:
    """What a poll came to know by listing.

    `is_complete` tells whether every job that is new or can still change has been shown, at this poll or at those
    before it: the cursor may move to `newest`, and of the jobs that could still change, those that are not among the
    `seen` ones have ended. `is_everything` tells whether the whole look-back has been shown now. `broken_off` is why a
    listing did not come to its end, if one did not.
    """

    is_complete: bool = False
    newest: datetime | None = None
    seen: set[str] = field(default_factory=set)
    is_everything: bool = False
    broken_off: AwsError | None = None


@dataclass(slots=True)
class Section:
    """Jobs of one status, or of any, created between two moments. `before` moves back with each page taken in."""

    status: str | None = None
    after: datetime | None = None
    before: datetime | None = None


@dataclass(slots=True)
class Round:
    """Sections that together show every job that is new or can still change; the first one begins with the newest.

    A job that changes after it was shown, or is created after the first page, is for the next round.
    """

    sections: list[Section]
    seen: set[str] = field(default_factory=set)
    newest: datetime | None = None
    pages: int = 0

    @property
    def is_begun(self) -> bool:
        return self.pages > 0

    @property
    def place(self) -> object:
        """How far it has come."""
        return len(self.sections), self.sections[0].before if self.sections else None


@dataclass(slots=True)
class Walk(Round):
    """A round through the whole look-back, and further to `start` where more may have happened since.

    It ends early where it has shown `enough` jobs and gone back behind `must_reach`, the creation of the newest job
    known, or the first look.
    """

    start: datetime | None = None
    must_reach: datetime | None = None
    enough: int = 0
    shown: int = 0
    back_to: datetime | None = None
    moved_at: datetime | None = None
    is_renewed: bool = False

    def ends_at(self, oldest: datetime) -> bool:
        """Whether a page that reaches back to `oldest` is the last one."""
        if self.start and oldest < self.start:
            return True
        # At least what the next listing shows again: a first look that left it out would let it become news.
        must_reach = min((moment for moment in (self.must_reach, self.newest) if moment), default=oldest) - OVERLAP
        if self.shown >= self.enough and oldest <= must_reach:
            # The next page may show more that were created at that moment.
            self.back_to = oldest + TOGETHER
            return True
        return False


class Listing:
    """What of a scope was listed, and what is to be listed next. `interval` is how old a full listing may become.

    `head_start` counts as passed when the first one is done, so that many scopes do not list everything together.
    """

    def __init__(self, scope: BedrockScope, inventory: Inventory, interval: timedelta, head_start: timedelta) -> None:
        self._scope, self._inventory = scope, inventory
        self._interval, self._head_start = interval, head_start
        self._walked_at: datetime | None = None
        self._walk: Walk | None = None
        self._round: Round | None = None
        self._walk_first = False
        self._knows_active = self._is_far = False

    @property
    def is_between_rounds(self) -> bool:
        """Whether nothing was listed at an earlier poll that the next one would count as shown."""
        return self._round is None and self._walk is None

    def renew(self, now: datetime) -> bool:
        """Begin to list everything if that is due; return whether it is begun at this poll."""
        walk = self._walk
        # One that comes no further is begun anew, too.
        since = walk.moved_at if walk else self._walked_at
        # Earlier than the last one is a clock that was set back.
        if (walk and not walk.is_begun) or (since and timedelta() <= now - since < self._interval):
            return False
        inventory = self._inventory
        self._round = None
        self._walk = Walk(
            [Section()],
            start=inventory.walk_start(now),
            must_reach=inventory.newest_creation or inventory.first_look_at,
            enough=inventory.limits.max_tracked_jobs,
            moved_at=now,
            is_renewed=walk is not None,
        )
        if walk is None:
            inventory.left_out.clear()
        return True

    def look(self, take: Take, now: datetime) -> Listed:
        """List what this poll has time for; `take` takes in each page, newest job first.

        Raises AwsError where nothing was answered, and where AWS refuses the credentials or the operation.
        """
        listed = Listed()
        pages, is_told = 0, False

        def take_in(page: list[Any]) -> Taken:
            nonlocal pages, is_told
            taken = take(page)
            pages, is_told = pages + 1, is_told or bool(taken.arns)
            for known in (self._walk, self._round):
                if known:
                    known.seen |= taken.arns
            return taken

        turns = deque(self._turns(now))
        while turns:
            turn = turns.popleft()
            place, was_begun = turn.place, turn.is_begun
            try:
                self._go_on(turn, take_in, now)
            except AwsError as error:
                listed.broken_off = listed.broken_off or error
                if error.kind is Kind.INTERRUPTED and turns:
                    # What did not have its turn has it first at the next poll.
                    self._walk_first = turns[0] is self._walk
                is_last = error.kind in (Kind.INTERRUPTED, *REFUSALS)
                if turn is self._round and turn.place == place:
                    # Begun anew, or a page that is never answered would hide all that is newer.
                    self._round = None
                    if was_begun and not is_last:
                        turns.appendleft(self._new_round(now))
                if is_last:
                    break
            else:
                self._end(turn, listed, now)
                if listed.is_everything:
                    break
        if self._round and not self._round.is_begun:
            self._round = None
        broken_off = listed.broken_off
        is_told_nothing = not pages or (broken_off and broken_off.kind is not Kind.INTERRUPTED and not is_told)
        if broken_off and (broken_off.kind in REFUSALS or (is_told_nothing and not listed.is_complete)):
            raise broken_off
        return listed

    def _turns(self, now: datetime) -> list[Round]:
        """Return what to go on with at this poll, in this order."""
        walk = self._walk
        if walk and not walk.is_begun and not walk.is_renewed:
            # It shows what a round would.
            return [walk]
        turn = self._round or self._new_round(now)
        if walk is None:
            return [turn]
        return [walk, turn] if self._walk_first else [turn, walk]

    def _new_round(self, now: datetime) -> Round:
        self._round = Round(self._what_may_have_changed(now))
        return self._round

    def _what_may_have_changed(self, now: datetime) -> list[Section]:
        window, new_since = self._inventory.window_start(now), self._inventory.new_since()
        # How many there are before the look-back, only a listing tells.
        is_near = ceil(self._inventory.created_since(window) / PAGE_SIZE) <= REQUESTS_BY_STATUS and not self._is_far
        if self._knows_active and is_near:
            return [Section(after=window)]
        if new_since is None and self._walk and self._walk.newest:
            # Not only from the newest job that a walk begun anew showed: an earlier one had its first look.
            new_since = min(self._walk.newest, self._inventory.first_look_at or NEVER) - OVERLAP
        return [Section(after=new_since or window), *_by_status()]

    def _go_on(self, turn: Round, take_in: Take, now: datetime) -> None:
        while turn.sections:
            self._go_through(turn, turn.sections[0], take_in, now)
            del turn.sections[0]

    def _go_through(self, turn: Round, section: Section, take_in: Take, now: datetime) -> None:
        for page in self._scope.list_jobs(
            created_after=section.after, created_before=section.before, status=section.status
        ):
            taken = take_in(page)
            turn.pages += 1
            if section.status is None and taken.newest:
                turn.newest = max(turn.newest or taken.newest, taken.newest)
            if taken.oldest:
                section.before = min(section.before or NEVER, taken.oldest + TOGETHER)
            if isinstance(turn, Walk) and section.status is None:
                turn.moved_at, turn.shown = now, turn.shown + len(page)
                if taken.oldest and turn.ends_at(taken.oldest):
                    turn.sections += _by_status()
                    return

    def _end(self, turn: Round, listed: Listed, now: datetime) -> None:
        """Note that a round has come to its end."""
        listed.is_complete = self._knows_active = True
        listed.seen |= turn.seen
        if turn.newest:
            listed.newest = max(listed.newest or turn.newest, turn.newest)
        # After a full listing, too: to go on behind the newest jobs would only delay the news of them.
        self._round = None
        if not isinstance(turn, Walk):
            self._is_far = self._is_far or turn.pages > REQUESTS_BY_STATUS
            return
        self._is_far = False
        listed.is_everything = True
        self._inventory.walked(turn.back_to, now)
        self._walked_at = now if self._walked_at else now - self._head_start
        self._walk = None


def _by_status() -> list[Section]:
    return [Section(status) for status in ACTIVE_STATUSES]
