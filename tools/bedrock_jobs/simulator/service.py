"""Turns a request into a response: finds the caller's account, applies faults, and picks the service."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Final

from . import tagging
from .accounts import Accounts
from .bedrock import Bedrock, resource_arn
from .clock import Clock
from .errors import ApiError, render
from .faults import Fault, Faults
from .job import SimulatedJob
from .ledger import Ledger, Request
from .moto_backend import MotoBackend, error_code, issued_access_key
from .organizations import Organization
from .wire import Answer, Call, Delivery, read_call

logger = logging.getLogger(__name__)

# moto knows only the keys of assumed roles, and treats every other key as one of its own account.
_CALLER: Final = re.compile(rb'(?<=<Account>)\d{12}(?=</Account>)|(?<=::)\d{12}(?=:)')
_BY_RESOURCE: Final = frozenset({'ListTagsForResource', 'TagResource', 'UntagResource'})


class Service:
    """Everything behind the endpoint, without the HTTP server. `lock` guards the accounts' contents."""

    def __init__(self, clock: Clock, accounts: Accounts, bedrock: Bedrock, faults: Faults) -> None:
        self.clock = clock
        self.accounts = accounts
        self.bedrock = bedrock
        self.faults = faults
        self.organization = Organization(accounts.default)
        self.requests = Ledger()
        self.moto = MotoBackend()
        self.endpoint_url = ''
        self.lock = threading.RLock()
        self._rng = random.Random()

    async def serve(self, method: str, raw_path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the response to a request, and record it in the ledger."""
        started = time.perf_counter()
        call = read_call(method, raw_path, headers, body)
        try:
            answer, error = await self._answer(call)
        except Exception as raised:
            # A bug of ours, or a missing package. Clients do not retry a 501, and its message says why.
            logger.exception('The simulator could not answer %s', call.operation)
            error = 'SimulatorError'
            answer = render(ApiError(error, f'{type(raised).__name__}: {raised}', 501), call.protocol)
        answer.headers.setdefault('x-amzn-requestid', str(uuid.UUID(int=self._rng.getrandbits(128), version=4)))
        status = 0 if answer.delivery in (Delivery.RESET, Delivery.HANG) else answer.status
        job = call.job.id if call.job else None
        seconds = time.perf_counter() - started
        self.requests.add(Request(time.time(), call.operation, call.account, call.region, status, error, job, seconds))
        return answer

    async def _answer(self, call: Call) -> tuple[Answer, str | None]:
        """Return the response, and AWS's error code if it is an error."""
        struck: list[Fault] = []
        try:
            self.accounts.identify(call)
            call.job = self._named_job(call)
            struck = self.faults.striking(call)
            if delay := sum(fault.delay(self.faults.rng) for fault in struck):
                await asyncio.sleep(delay)
            refusal = next((answer for fault in struck if (answer := fault.before(call)) is not None), None)
            answer = refusal or await self._handle(call)
            error = error_code(answer)
        except ApiError as raised:
            error, answer = raised.code, render(raised, call.protocol)
        for fault in struck:
            answer = fault.after(call, answer)
        return answer, error

    async def _handle(self, call: Call) -> Answer:
        """Return the service's own response."""
        if call.service == 'sts':
            return await asyncio.to_thread(self._ask_sts, call)
        if call.service == 's3':
            return await asyncio.to_thread(self.moto.answer, call, self.endpoint_url)
        with self.lock:
            if call.service == 'organizations':
                return self.organization.answer(call, self.clock.now())
            scope = self.accounts.get(call.account).scope(call.region)
            now = self.clock.now()
            if call.service == 'tagging':
                return tagging.answer(call, scope, now)
            return self.bedrock.answer(call, scope, now)

    def _ask_sts(self, call: Call) -> Answer:
        account = self.accounts.check_trust(call) if call.operation == 'AssumeRole' else call.account
        answer = self.moto.answer(call, self.endpoint_url)
        if call.operation == 'AssumeRole' and (access_key := issued_access_key(answer)):
            self.accounts.issue(access_key, account)
        if call.operation == 'GetCallerIdentity':
            answer.body = _CALLER.sub(account.encode(), answer.body)
        return answer

    def _named_job(self, call: Call) -> SimulatedJob | None:
        """Return the job that the call names, for faults and the ledger."""
        if call.service != 'bedrock':
            return None
        identifier = call.identifier
        if identifier is None and call.operation in _BY_RESOURCE:
            identifier = resource_arn(call)
        if identifier is None:
            return None
        with self.lock:
            return self.accounts.get(call.account).scope(call.region).find(identifier, self.clock.now())
