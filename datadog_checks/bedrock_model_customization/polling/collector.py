"""Follows the jobs of one Region with one instance's credentials, in whichever account they belong to."""

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
    """Polls one Region. Each account that the credentials belong to over time is a separate scope with its own state.

    If `store` is None, nothing outlives the process.
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
        """Poll the Region once. Raises AwsError if no jobs can be listed; nothing is forgotten in that case."""
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
        """Assign a scope the account found in its jobs' ARNs; poll again if the store remembers that account."""
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
        """Record which parts of the last poll were reported, so that this process does not report them again.

        Raises whatever the persistent cache raises; the record then still holds for the life of this process.
        """
        assert self._current
        memory = self._current.remember(poll, transitions, changed, now)
        if self._store and poll.account_id:
            self._store.save(poll.account_id, self.scope.region, memory, now)

    def _write_first(self, now: datetime) -> None:
        """Save that AWS has answered for a new scope, even if the rest of the poll failed."""
        scope = self._current
        if self._store and scope and scope.account_id and scope.ledger.first:
            # `remember` reports a store that cannot be written.
            with suppress(Exception):
                self._store.begin(scope.account_id, self.scope.region, scope.ledger.memory(), now)

    def _whose(self, problems: list[AwsError]) -> str | None:
        """Return the account of the credentials, or the last known account if AWS does not answer.

        Raises AwsError if the credentials are refused or the poll must end.
        """
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
        # A scope that was created before its account was known learns it here.
        scope.account_id = account_id
        self._scopes[account_id] = scope
        return scope

    def _new_scope(self, account_id: str | None, memory: Memory | None) -> Scope:
        scope = Scope(self.scope, memory, self._limits, self._job_filter, self._pace, self._artifacts)
        scope.account_id = account_id
        return scope
