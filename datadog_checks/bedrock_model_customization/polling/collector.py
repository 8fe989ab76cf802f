"""Follows the jobs of one Region with one instance's credentials, whosever account these lead to."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ..aws.bedrock import BedrockScope
from ..aws.errors import AwsError, Kind
from ..jobs.filters import JobFilter
from ..jobs.job import Job
from ..jobs.transitions import Transition
from .files import ArtifactReader
from .inventory import Limits
from .ledger import Memory
from .scope import Pace, Scope, ScopePoll
from .state import StateStore


class Collector:
    """Polls one Region. Each account that the credentials lead to is a scope of its own, with a state of its own.

    `store` None keeps nothing beyond the life of the process.
    """

    def __init__(
        self,
        bedrock: BedrockScope,
        store: StateStore | None,
        limits: Limits,
        job_filter: JobFilter,
        pace: Pace,
        artifacts: ArtifactReader | None = None,
    ) -> None:
        self.scope = bedrock
        self._store = store
        self._limits, self._job_filter, self._pace, self._artifacts = limits, job_filter, pace, artifacts
        self._scopes: dict[str | None, Scope] = {}
        self._current: Scope | None = None
        self.account_id = bedrock.session.settings.role_account_id or (
            store.last_account(bedrock.region) if store else None
        )

    def poll(self, now: datetime) -> ScopePoll:
        """Look at the Region once. Raises AwsError where no job can be listed; nothing is forgotten then."""
        problems: list[AwsError] = []
        try:
            self.scope.prepare()
            account_id = self._whose(problems)
            self._current = self._scope_of(account_id, now)
            poll = self._current.poll(now)
            if account_id is None and poll.account_id:
                poll = self._adopt(poll, poll.account_id, now)
        except AwsError as error:
            if error.kind is Kind.CREDENTIALS:
                self.scope.reset()
            self._write_first(now)
            raise
        self._write_first(now)
        self.account_id = poll.account_id
        return replace(poll, problems=[*problems, *poll.problems]) if problems else poll

    def _adopt(self, poll: ScopePoll, account_id: str, now: datetime) -> ScopePoll:
        """Give a scope the account that its jobs tell; poll again where something is remembered of it."""
        memory = self._store.load(account_id, self.scope.region, now) if self._store else None
        if memory:
            self._current = self._new_scope(account_id, memory)
            poll = self._current.poll(now)
        assert self._current
        self._scopes = {account_id: self._current}
        return poll

    def remember(
        self, poll: ScopePoll, transitions: Iterable[tuple[Job, Transition]], changed: Iterable[Job], now: datetime
    ) -> None:
        """Note what of the last poll was reported: nothing of it is reported again by this process.

        Raises what the persistent cache raises; what was noted is then still good for the life of this process.
        """
        assert self._current
        memory = self._current.remember(poll, transitions, changed, now)
        if self._store and poll.account_id:
            self._store.save(poll.account_id, self.scope.region, memory, now)

    def _write_first(self, now: datetime) -> None:
        """Write down that a new scope was answered, even where the answer is all there is of the poll."""
        scope = self._current
        if self._store and scope and scope.account_id and scope.ledger.first:
            # Where it cannot be written, `remember` says so.
            with suppress(Exception):
                self._store.begin(scope.account_id, self.scope.region, scope.ledger.memory(), now)

    def _whose(self, problems: list[AwsError]) -> str | None:
        """Return the account of the credentials; the last one known where it cannot be asked for."""
        try:
            return self.scope.account_id()
        except AwsError as error:
            if error.kind is Kind.CREDENTIALS or self.scope.session.guard.is_over:
                raise
            problems.append(error)
            return self.account_id

    def _scope_of(self, account_id: str | None, now: datetime) -> Scope:
        if account_id in self._scopes:
            return self._scopes[account_id]
        memory = self._store.load(account_id, self.scope.region, now) if self._store and account_id else None
        scope = self._scopes.pop(None, None)
        if scope is None or memory:
            scope = self._new_scope(account_id, memory)
        # Where its account could not be told before, it can now.
        scope.account_id = account_id
        self._scopes[account_id] = scope
        return scope

    def _new_scope(self, account_id: str | None, memory: Memory | None) -> Scope:
        scope = Scope(self.scope, memory, self._limits, self._job_filter, self._pace, self._artifacts)
        scope.account_id = account_id
        return scope
