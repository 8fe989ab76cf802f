"""Tries each API operation that a poll needs and reports which fail. Changes nothing in AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from ..jobs.reading import job_arn_of
from .advice import consequence, remedy
from .bedrock import PAGE_SIZE, BedrockScope
from .errors import FINDING_CREDENTIALS, AwsError, Kind
from .session import AwsSession, AwsSettings

LISTING: Final = 'ListModelCustomizationJobs'
ASSUME_ROLE: Final = 'AssumeRole'
CREDENTIALS: Final = (ASSUME_ROLE, 'GetCallerIdentity')
PURPOSES: Final = {
    ASSUME_ROLE: 'Assume the role of the account that is polled',
    'GetCallerIdentity': 'Find credentials, and the account that they belong to',
    LISTING: 'List the jobs',
    'GetModelCustomizationJob': 'Describe a job',
    'GetResources': "Read many jobs' tags at once",
    'ListTagsForResource': "Read one job's tags",
}
"""What each operation is used for."""

_TROUBLES: Final = {
    Kind.DENIED: 'AWS refuses {operation}{where}',
    Kind.CREDENTIALS: 'AWS does not accept the credentials for {operation}{where}',
    Kind.UNREACHABLE: 'AWS cannot be reached for {operation}{where}',
    Kind.THROTTLED: 'AWS throttles {operation}{where}',
    Kind.INTERRUPTED: 'there was no answer in time for {operation}{where}',
}


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of trying one operation.

    `region` is empty for credentials. `answer` is a short description of AWS's answer; `error` is None if the operation
    worked. The properties may return text that contains untrusted input.
    """

    region: str
    operation: str
    answer: str
    error: AwsError | None = None

    @property
    def name(self) -> str:
        """The operation, and its Region if it has one."""
        return f'{self.operation} in {self.region}' if self.region else self.operation

    @property
    def purpose(self) -> str:
        """What the operation is used for."""
        return PURPOSES.get(self.operation, self.operation)

    @property
    def is_fatal(self) -> bool:
        """Whether nothing can be collected: from this Region, or from anywhere."""
        if self.error is None:
            return False
        needed = {LISTING, ASSUME_ROLE, FINDING_CREDENTIALS}
        return self.error.kind is Kind.CREDENTIALS or not needed.isdisjoint((self.operation, self.error.operation))

    @property
    def finding(self) -> str:
        """The outcome, and what is lost because of it, in plain words."""
        if self.error is None:
            return f'{self.name}: {self.answer}'
        where = f' in {self.region}' if self.region else ''
        trouble = _TROUBLES.get(self.error.kind, '{operation} does not work{where}')
        if self.error.operation == FINDING_CREDENTIALS and self.error.kind is Kind.CREDENTIALS:
            trouble = 'there are no credentials to use{where}'
        trouble = trouble.format(operation=self.error.operation, where=where)
        lost = consequence(self.error)
        return f'{trouble} ({self.error.code})' + (f': {lost}' if lost else '')

    @property
    def remedy(self) -> str | None:
        """What to do about a failure, in plain words, or None if nothing can be done."""
        if self.error is None:
            return None
        if self.error.kind is Kind.INTERRUPTED and self.error.operation != FINDING_CREDENTIALS:
            return 'try again; what follows was not tried'
        return remedy(self.error)


def with_little_patience(settings: AwsSettings) -> AwsSettings:
    """Return settings with short timeouts and few retries, because a person is waiting for the result."""
    return replace(
        settings,
        connect_timeout=min(settings.connect_timeout, 5),
        read_timeout=min(settings.read_timeout, 10),
        retry_mode='standard',
        max_attempts=min(settings.max_attempts, 2),
    )


def examine(session: AwsSession, regions: Sequence[str]) -> Iterator[Trial]:
    """Try the credentials, then each Region, and yield the results. AWS failures are results, never exceptions."""
    account = _try_credentials(BedrockScope(session, regions[0]))
    yield account
    # Without STS, jobs can still be listed if the credentials are valid and there is no role to assume.
    if account.error and (account.is_fatal or account.error.kind is Kind.INTERRUPTED):
        return
    account_id = None if account.error else account.answer.removeprefix('account ')
    for region in regions:
        for trial in _examine_region(BedrockScope(session, region), account_id):
            yield trial
            if trial.error and trial.error.kind is Kind.INTERRUPTED:
                return


def _try_credentials(scope: BedrockScope) -> Trial:
    """Use the credentials once; if a role is configured, this assumes it."""
    operation = ASSUME_ROLE if scope.session.settings.assume_role else 'GetCallerIdentity'
    return _try('', operation, lambda: f'account {scope.caller_account_id()}')


def _examine_region(scope: BedrockScope, account_id: str | None) -> Iterator[Trial]:
    found: list[str] = []

    def list_jobs() -> str:
        page = next(scope.list_jobs())
        found.extend(arn for arn in map(job_arn_of, page) if arn)
        return f'{len(page)}{" or more" if len(page) >= PAGE_SIZE else ""} jobs'

    listing = _try(scope.region, LISTING, list_jobs)
    yield listing
    if listing.error or not (found or account_id):
        return
    # With the permission, AWS answers that this made-up job does not exist; without it, that access is denied.
    partition = scope.client('bedrock').meta.partition
    made_up = f'arn:{partition}:bedrock:{scope.region}:{account_id}:model-customization-job/amazon.none/000000000000'
    job_arn = found[0] if found else made_up
    trials: dict[str, Callable[[], Any]] = {
        'GetModelCustomizationJob': lambda: scope.describe_job(job_arn),
        'GetResources': lambda: scope.tags_of([job_arn]),
        'ListTagsForResource': lambda: scope.job_tags(job_arn),
    }
    if not scope.has_bulk_tags:
        del trials['GetResources']
        yield Trial(scope.region, 'GetResources', 'not used: it has no FIPS endpoint, so tags are read job by job')
    for operation, trial in trials.items():
        yield _try(scope.region, operation, partial(_allowed, trial))


def _allowed(trial: Callable[[], Any]) -> str:
    trial()
    return 'allowed'


def _try(region: str, operation: str, trial: Callable[[], str]) -> Trial:
    try:
        return Trial(region, operation, trial())
    except AwsError as error:
        if error.kind in (Kind.NOT_FOUND, Kind.INVALID) and operation not in (LISTING, *CREDENTIALS):
            return Trial(region, operation, 'allowed (tried on a job that does not exist)')
        return Trial(region, operation, error.kind.value, error)
