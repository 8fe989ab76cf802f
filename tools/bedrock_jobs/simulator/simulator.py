"""The simulator: one local endpoint for Bedrock, tagging, STS, S3 and Organizations, and methods to script it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from .accounts import DEFAULT_ACCOUNT, Account, Accounts
from .bedrock import Bedrock, Plan, default_plan
from .clock import Clock
from .errors import ApiError
from .faults import Faults
from .job import JobSpec, SimulatedJob
from .ledger import Ledger
from .organizations import Organization
from .server import Server
from .service import Service
from .store import Scope
from .timeline import Timeline
from .wire import Call


class Simulator:
    """A local AWS endpoint over HTTP. Use it as a context manager, or call `start` and `stop`.

    `clock` is the time that jobs follow (default: real time). `plan` gives jobs created by clients their timeline.
    Calls belong to the account that their access key was issued for, or else to `default_account`, and to the
    Region of their signature. Everything may be changed while requests are served.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        host: str = '127.0.0.1',
        port: int = 0,
        default_account: str = DEFAULT_ACCOUNT,
        plan: Plan = default_plan,
        seed: int = 0,
    ) -> None:
        self.clock = clock or Clock()
        self.faults = Faults(seed)
        self._accounts = Accounts(default_account)
        self._service = Service(self.clock, self._accounts, Bedrock(plan), self.faults)
        self._server = Server(self._service, host, port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start serving and return the endpoint's URL. Raises OSError if the port is taken."""
        self._service.endpoint_url = self._server.start()
        return self.endpoint_url

    def stop(self) -> None:
        """Stop serving; jobs and the ledger can still be read."""
        self._server.stop()
        self._service.moto.release()

    @property
    def endpoint_url(self) -> str:
        """The URL for `endpoint_url=` and `AWS_ENDPOINT_URL`; empty before `start`."""
        return self._service.endpoint_url

    @property
    def requests(self) -> Ledger:
        """Every request so far."""
        return self._service.requests

    def client_options(self, region: str = 'us-east-1', account: str | None = None) -> dict[str, Any]:
        """Return keyword arguments for `boto3.client` to reach an account here, with made-up credentials."""
        account = account or self._accounts.default
        access_key = f'AKIASIMULATED{account}'
        self._accounts.issue(access_key, account)
        return {
            'region_name': region,
            'endpoint_url': self.endpoint_url,
            'aws_access_key_id': access_key,
            'aws_secret_access_key': 'simulated',
        }

    def account(self, account_id: str | None = None) -> Account:
        """Return an account, created on first use; its `add_role` restricts which of its roles may be assumed."""
        with self._service.lock:
            return self._accounts.get(account_id or self._accounts.default)

    @property
    def organization(self) -> Organization:
        """The organization that the default account manages; it is in use once it has a member."""
        return self._service.organization

    def scope(self, region: str, account: str | None = None) -> Scope:
        """Return an account's resources in a Region; iterate over it for the jobs."""
        with self._service.lock:
            return self.account(account).scope(region)

    def add_job(
        self,
        region: str,
        *,
        name: str,
        timeline: Timeline,
        account: str | None = None,
        tags: Mapping[str, str] | None = None,
        job_id: str | None = None,
        **spec: Any,
    ) -> SimulatedJob:
        """Add a job and return it; `spec` takes the members of `JobSpec`. Raises ValueError if the name is in use.

        The job exists from `timeline.created_at` on, which may be in the future.
        """
        scope = self.scope(region, account)
        job = SimulatedJob(scope.account, region, JobSpec(name=name, **spec), timeline, job_id=job_id)
        self.add_jobs([(job, tags)])
        return job

    def add_jobs(self, jobs: Iterable[tuple[SimulatedJob, Mapping[str, str] | None]]) -> int:
        """Add many jobs with their tags, each to its own account and Region, and return how many."""
        by_scope: dict[tuple[str, str], list[tuple[SimulatedJob, Mapping[str, str] | None]]] = {}
        count = 0
        for job, tags in jobs:
            by_scope.setdefault((job.account, job.region), []).append((job, tags))
            count += 1
        with self._service.lock:
            for (account, region), members in by_scope.items():
                try:
                    self.scope(region, account).add_all(members)
                except ApiError as error:
                    raise ValueError(error.message) from None
        return count

    def set_timeline(self, job: SimulatedJob, timeline: Timeline) -> None:
        """Replace a job's timeline. Raises ValueError if the creation time differs."""
        with self._service.lock:
            job.replace_timeline(timeline)

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to a job or a model, as somebody else would."""
        with self._service.lock:
            self._scope_of(arn).tag(arn, tags)

    def untag(self, arn: str, *keys: str) -> None:
        """Remove tags from a job or a model, as somebody else would."""
        with self._service.lock:
            self._scope_of(arn).untag(arn, keys)

    def expire_credentials(self, account: str | None = None) -> int:
        """Expire the credentials issued so far, of one account or of all, and return how many."""
        return self._accounts.expire(account)

    def put_object(
        self, bucket: str, key: str, body: bytes, *, region: str = 'us-east-1', account: str | None = None
    ) -> None:
        """Put an S3 object, creating the bucket if necessary."""
        scope_text = f'20260101/{region}/s3/aws4_request'
        access_key = self.client_options(region, account)['aws_access_key_id']
        signature = f'AWS4-HMAC-SHA256 Credential={access_key}/{scope_text}, SignedHeaders=host, Signature=0'
        constraint = (
            f'<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>'
        )
        making = b'' if region == 'us-east-1' else constraint.encode()
        for path, content in ((f'/{bucket}', making), (f'/{bucket}/{key}', body)):
            call = Call('PUT', path, '', {'Authorization': signature}, content, service='s3', region=region)
            answer = self._service.moto.answer(call, self.endpoint_url)
            if answer.status not in (200, 409):
                raise RuntimeError(f'PUT {path} was answered with {answer.status}: {answer.body.decode()}')

    def now(self) -> datetime:
        """Return the current time of the simulator's clock."""
        return self.clock.now()

    def _scope_of(self, arn: str) -> Scope:
        _, _, _, region, account, _ = arn.split(':', 5)
        return self.scope(region, account)
