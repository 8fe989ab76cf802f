"""Faults that make a service refuse calls: throttling, denied access, server errors, expired credentials or tokens."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from .errors import ApiError, Trouble, invalid, trouble
from .faults import Fault
from .tagging import read_request
from .wire import Answer, Call


@dataclass(kw_only=True)
class Throttle(Fault):
    """Throttles calls above `rate_per_second` (with `burst` calls at once), or all calls if it is None.

    Each account and Region has its own quota, as in AWS. The rate is in wall time.
    """

    refuses = True

    rate_per_second: float | None = None
    burst: float = 1.0
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict, init=False, repr=False)

    def is_due(self, call: Call) -> bool:
        if self.rate_per_second is None:
            return True
        place, now = (call.account, call.region), time.monotonic()
        tokens, then = self._buckets.get(place, (self.burst, now))
        tokens = min(self.burst, tokens + (now - then) * self.rate_per_second)
        is_over = tokens < 1
        self._buckets[place] = (tokens if is_over else tokens - 1, now)
        return is_over

    def before(self, call: Call) -> Answer | None:
        raise trouble(call.service, Trouble.THROTTLED, 'Too many requests, please wait before trying again.')


# Service names that differ in IAM.
PREFIXES: Final = {'tagging': 'tag'}


@dataclass(kw_only=True)
class AccessDenied(Fault):
    """Denies calls, as if a permission were missing."""

    refuses = True

    def before(self, call: Call) -> Answer | None:
        who = f'arn:aws:sts::{call.account}:assumed-role/agent/agent'
        what = f'{PREFIXES.get(call.service, call.service)}:{call.operation}'
        message = f'User: {who} is not authorized to perform: {what} because no identity-based policy allows it'
        raise trouble(call.service, Trouble.DENIED, message)


@dataclass(kw_only=True)
class ServerError(Fault):
    """Responds with the service's internal error; a `status` above 500 gives a front end's error (503 and so on)."""

    refuses = True

    status: int = 500

    def before(self, call: Call) -> Answer | None:
        error = trouble(call.service, Trouble.INTERNAL, 'The server encountered an internal error.')
        raise ApiError(error.code if self.status == 500 else 'ServiceUnavailableException', error.message, self.status)


@dataclass(kw_only=True)
class ExpiredCredentials(Fault):
    """Responds as if the credentials had expired."""

    refuses = True

    def before(self, call: Call) -> Answer | None:
        message = 'The security token included in the request is expired'
        raise trouble(call.service, Trouble.EXPIRED, message)


@dataclass(kw_only=True)
class ServiceError(Fault):
    """Responds with any error: AWS's `code`, its `message`, and the HTTP `status`."""

    refuses = True

    code: str
    message: str = 'An error occurred.'
    status: int = 400

    def before(self, call: Call) -> Answer | None:
        raise ApiError(self.code, self.message, self.status)


@dataclass(kw_only=True)
class TokenExpires(Fault):
    """Refuses calls with a pagination token; the first page of every listing passes."""

    refuses = True

    def matches(self, call: Call) -> bool:
        token = read_request(call).get('PaginationToken') if call.service == 'tagging' else call.query.get('nextToken')
        return bool(token) and super().matches(call)

    def before(self, call: Call) -> Answer | None:
        if call.service == 'tagging':
            raise ApiError('PaginationTokenExpiredException', 'The pagination token has expired.', 400)
        raise invalid('The provided nextToken is invalid.')
