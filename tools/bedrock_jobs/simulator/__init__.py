"""A local AWS endpoint for model customization jobs: real HTTP, scripted job lives, scripted faults.

On one loopback port it serves Amazon Bedrock's operations on customization jobs, GetResources of the tagging API, STS,
S3 and ListAccounts of Organizations. The demo, the tests and the benchmarks use it; nothing that the Agent runs does.
"""

from .accounts import DEFAULT_ACCOUNT, Account
from .clock import Clock
from .damages import (
    MISSING,
    ConnectionReset,
    EmptyDocument,
    HalfBody,
    Hang,
    Latency,
    MalformedJson,
    RawBody,
    ReplaceMember,
    Slow,
    TaggingLags,
    TokenLoops,
    Unreachable,
)
from .faults import Fault, Faults
from .fleet import Fleet
from .job import DEFAULT_BASE_MODEL, JobSpec, SimulatedJob
from .ledger import Ledger, Request
from .organizations import Organization
from .refusals import AccessDenied, ExpiredCredentials, ServerError, ServiceError, Throttle, TokenExpires
from .simulator import Simulator
from .store import Scope
from .stories import completes, distillation, fails, rft, stopped, stuck
from .timeline import PhaseState, Snapshot, Step, Timeline, Transition

__all__ = [
    'DEFAULT_ACCOUNT',
    'DEFAULT_BASE_MODEL',
    'MISSING',
    'AccessDenied',
    'Account',
    'Clock',
    'ConnectionReset',
    'EmptyDocument',
    'ExpiredCredentials',
    'Fault',
    'Faults',
    'Fleet',
    'HalfBody',
    'Hang',
    'JobSpec',
    'Latency',
    'Ledger',
    'MalformedJson',
    'Organization',
    'PhaseState',
    'RawBody',
    'ReplaceMember',
    'Request',
    'Scope',
    'ServerError',
    'ServiceError',
    'SimulatedJob',
    'Simulator',
    'Slow',
    'Snapshot',
    'Step',
    'TaggingLags',
    'Throttle',
    'Timeline',
    'TokenExpires',
    'TokenLoops',
    'Transition',
    'Unreachable',
    'completes',
    'distillation',
    'fails',
    'rft',
    'stopped',
    'stuck',
]
