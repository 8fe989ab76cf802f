"""Faults in the network and in responses: late, cut off, garbled, or wrong in one member."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .faults import Fault
from .wire import CBOR, Answer, Call, Delivery, decode_cbor, encode_cbor

MISSING: Final = object()
_SUMMARIES: Final = 'modelCustomizationJobSummaries'


@dataclass(kw_only=True)
class Latency(Fault):
    """Delays the response by `seconds`, plus up to `jitter` seconds."""

    seconds: float
    jitter: float = 0.0

    def delay(self, rng: random.Random) -> float:
        return self.seconds + (rng.random() * self.jitter if self.jitter else 0.0)


@dataclass(kw_only=True)
class Slow(Fault):
    """Sends the response at `bytes_per_second`."""

    bytes_per_second: float

    def after(self, call: Call, answer: Answer) -> Answer:
        if answer.delivery is not Delivery.WHOLE:
            return answer
        return replace(answer, delivery=Delivery.SLOW, bytes_per_second=self.bytes_per_second)


@dataclass(kw_only=True)
class Hang(Fault):
    """Never responds: the connection stays open until the client gives up or the simulator stops."""

    refuses = True

    def before(self, call: Call) -> Answer | None:
        return Answer(0, b'', delivery=Delivery.HANG)


@dataclass(kw_only=True)
class ConnectionReset(Fault):
    """Resets the connection without a response."""

    refuses = True

    def before(self, call: Call) -> Answer | None:
        return Answer(0, b'', delivery=Delivery.RESET)


@dataclass(kw_only=True)
class Unreachable(ConnectionReset):
    """Cuts a Region (or an account) off: every connection is reset.

    All Regions share one address here, so a missing Region shows as a reset, not as a failed name lookup.
    """


@dataclass(kw_only=True)
class HalfBody(Fault):
    """Announces the whole body, sends half of it, and closes the connection."""

    def after(self, call: Call, answer: Answer) -> Answer:
        return replace(answer, delivery=Delivery.HALF) if answer.delivery is Delivery.WHOLE else answer


@dataclass(kw_only=True)
class RawBody(Fault):
    """Replaces the response's body with `body`, and keeps its status unless `status` is given."""

    body: bytes
    status: int | None = None
    content_type: str | None = None

    def after(self, call: Call, answer: Answer) -> Answer:
        return replace(
            answer,
            body=self.body,
            status=self.status if self.status is not None else answer.status,
            content_type=self.content_type or answer.content_type,
        )


@dataclass(kw_only=True)
class EmptyDocument(Fault):
    """Responds with an empty document in the protocol of the request: `200 {}`."""

    def after(self, call: Call, answer: Answer) -> Answer:
        return _edit_json(answer, lambda document: document.clear())


@dataclass(kw_only=True)
class TaggingLags(Fault):
    """Hides a job's tags from GetResources, which lags behind; Bedrock still returns them. `job` None: all jobs."""

    operation: str | None = 'GetResources'

    def matches_job(self, call: Call) -> bool:
        # The call names many jobs, so the jobs in its response are checked one by one.
        return True

    def after(self, call: Call, answer: Answer) -> Answer:
        return _edit_json(answer, self._forget)

    def _forget(self, document: dict[str, Any]) -> None:
        mappings = document.get('ResourceTagMappingList', ())
        document['ResourceTagMappingList'] = [mapping for mapping in mappings if not self._hides(mapping)]

    def _hides(self, mapping: dict[str, Any]) -> bool:
        arn = mapping['ResourceARN']
        return self.job in (None, arn, arn.rpartition('/')[2])


@dataclass(kw_only=True)
class MalformedJson(Fault):
    """Truncates the body before sending it: valid HTTP, but invalid JSON (or XML, or CBOR)."""

    def after(self, call: Call, answer: Answer) -> Answer:
        return replace(answer, body=answer.body[: max(1, len(answer.body) * 2 // 3)])


@dataclass(kw_only=True)
class ReplaceMember(Fault):
    """Replaces one member of a job, in both listings and descriptions; `job` None means every job.

    `member` may be a path (`statusDetails.trainingDetails.status`, `validationMetrics.0.validationLoss`).
    `value` is any JSON value, including NaN and infinities; `MISSING` removes the member, None sends null.
    """

    member: str
    value: Any = MISSING

    def matches_job(self, call: Call) -> bool:
        # A listing names no job, so the jobs in its response are checked one by one.
        return call.operation == 'ListModelCustomizationJobs' or super().matches_job(call)

    def after(self, call: Call, answer: Answer) -> Answer:
        return _edit_json(answer, self._replace)

    def _replace(self, document: dict[str, Any]) -> None:
        for job in document.get(_SUMMARIES, (document,)):
            arn, name = job.get('jobArn', ''), job.get('jobName')
            if self.job is None or self.job in (arn, name, arn.rpartition('/')[2]):
                _set(job, self.member.split('.'), self.value)


@dataclass(kw_only=True)
class TokenLoops(Fault):
    """Makes a listing endless: every page's token leads back to the first page.

    botocore stops at a token it gets twice in a row; `is_new` makes every token different, so it cannot notice.
    """

    is_new: bool = False
    _pages: int = field(default=0, init=False, repr=False)

    def before(self, call: Call) -> Answer | None:
        # Drop the token, so that the service returns the first page again.
        call.query.pop('nextToken', None)
        return None

    def after(self, call: Call, answer: Answer) -> Answer:
        self._pages += 1
        token = f'again-{self._pages if self.is_new else 0}'
        return _edit_json(answer, lambda document: document.update(nextToken=token))


def _edit_json(answer: Answer, edit: Callable[[dict[str, Any]], None]) -> Answer:
    """Return the response with its document changed by `edit`; an error response is unchanged."""
    if answer.status >= 400 or not answer.body:
        return answer
    is_cbor = answer.headers.get('smithy-protocol') == CBOR
    document = decode_cbor(answer.body) if is_cbor else json.loads(answer.body)
    edit(document)
    return replace(answer, body=encode_cbor(document) if is_cbor else json.dumps(document).encode())


def _set(document: Any, path: list[str], value: Any) -> None:
    """Set or remove one member of a document; a path that does not exist changes nothing."""
    *parents, last = path
    for name in parents:
        try:
            document = document[int(name) if isinstance(document, list) else name]
        except (KeyError, IndexError, ValueError, TypeError):
            return
    key: Any = int(last) if isinstance(document, list) else last
    if value is not MISSING:
        document[key] = value
    elif isinstance(document, dict):
        document.pop(key, None)
