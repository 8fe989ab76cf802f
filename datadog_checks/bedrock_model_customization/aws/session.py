"""Credentials and clients: one session per instance, one client per service and Region, each created once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache, partial
from threading import Lock
from typing import Any, Final, NamedTuple

from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.session import Session

from .bodies import limit_bodies
from .errors import FINDING_CREDENTIALS, AwsError, Kind, explain
from .guard import Guard, resolve
from .logs import keep_quiet
from .raw import read_raw
from .secrets import remember_proxies, remember_sent
from .usage import Usage

# botocore's data about AWS's services. Unless shared, each session loads its own: 5 MB and 70 ms (measured).
SHARED_COMPONENT: Final = 'data_loader'

# How long to wait for STS, in seconds: it may be unreachable although Bedrock is reachable.
PATIENCE_WITH_STS: Final = 3.0

# Where tags cannot be read in bulk they are read one by one, so it is not worth many attempts.
TAGGING: Final = 'resourcegroupstaggingapi'
TAGGING_ATTEMPTS: Final = 2

DEFAULT_ROLE_SESSION_NAME: Final = 'datadog-agent'


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How to reach AWS. Times are in seconds; `proxies` maps a URL scheme to a proxy's URL.

    `region` is the first Region of the instance, where STS is asked, also by what looks up credentials.
    `endpoint_urls` maps a service and a Region, either of them None for all, to a URL that `endpoint_url` yields to.

    If `proxies` is None, the environment decides (HTTPS_PROXY, NO_PROXY); an empty mapping means no proxy.
    `bypass_proxy` returns whether an endpoint's URL is to be reached directly.
    """

    assume_role: str | None = None
    external_id: str | None = None
    role_session_name: str = DEFAULT_ROLE_SESSION_NAME
    region: str = 'us-east-1'
    endpoint_url: str | None = None
    endpoint_urls: Mapping[tuple[str | None, str | None], str] = field(default_factory=dict)
    proxies: Mapping[str, str] | None = None
    bypass_proxy: Callable[[str], bool] | None = None
    tls_ca_cert: str | None = None
    connect_timeout: float = 5
    read_timeout: float = 15
    retry_mode: str = 'adaptive'
    max_attempts: int = 10
    max_concurrency: int = 8

    @property
    def role_account_id(self) -> str | None:
        """The account of the role to assume, which is the account polled; None without a role."""
        return self.assume_role.split(':')[4] if self.assume_role else None

    def endpoint(self, service: str, region: str) -> str | None:
        """Return the URL to reach a service at, the most specific one; None for AWS's own, or the environment's."""
        of = self.endpoint_urls
        chosen = (of.get((service, region)), of.get((service, None)), of.get((None, region)), self.endpoint_url)
        return next(filter(None, chosen), None)


class _Asked(NamedTuple):
    """A request to STS for the account of an access key, and the number of the poll that made it."""

    poll: int
    answer: Future[str]

    @property
    def is_answered(self) -> bool:
        return self.answer.done() and self.answer.exception() is None

    def is_of(self, poll: int) -> bool:
        """Whether the request was made by this poll and is still pending."""
        return self.poll == poll and not self.answer.done()


class AwsSession:
    """Creates the clients of one instance. Safe to use from several threads.

    `guard` ends the requests of all of them. Without `assume_role`, the credentials are those of boto3's default chain,
    looked up once per process; with it, they are the role's, refreshed shortly before they expire.
    """

    def __init__(self, settings: AwsSettings) -> None:
        keep_quiet()
        remember_proxies(settings.proxies)
        self.settings = settings
        self.guard = Guard()
        self._lock = Lock()
        self._session: Session | None = None
        self._lock_of_accounts = Lock()
        # By access key.
        self._accounts: dict[str, _Asked] = {}

    def client(self, service: str, region: str, usage: Usage) -> BaseClient:
        """Return a new client whose requests `usage` counts. Raises AwsError if no credentials are found."""
        try:
            client = self.guard.run(lambda: self._new_client(service, region), region)
        except Exception as error:
            raise explain(error, FINDING_CREDENTIALS) from error
        usage.watch(client)
        self.guard.watch(client)
        limit_bodies(client)
        remember_sent(client)
        read_raw(client)
        return client

    def account_id(self, region: str, usage: Usage) -> str:
        """Return the account of the credentials in use: the assumed role's, else the one that STS reports.

        STS is asked once per access key and waited for briefly (`PATIENCE_WITH_STS` at most). If it does not answer, it
        is not asked again before `ask_again` is called. Raises AwsError if the account is not known.
        """
        if self.settings.role_account_id:
            return self.settings.role_account_id
        key = self._access_key(region)
        with self._lock_of_accounts:
            asked = self._accounts.get(key)
            if asked is None:
                # The instance's other Regions wait for the same answer.
                asked = _Asked(self.guard.poll, Future())
                self._ask(asked, region, usage)
                self._accounts = {key: asked}
        seconds = self.guard.share_of_time(PATIENCE_WITH_STS) if asked.poll == self.guard.poll else 0
        try:
            return asked.answer.result(seconds)
        except TimeoutError:
            raise AwsError(Kind.UNREACHABLE, 'GetCallerIdentity', 'TimeoutError', 'STS has not answered yet') from None
        except AwsError as error:
            if error.kind in (Kind.CREDENTIALS, Kind.INTERRUPTED):
                # The next poll may have better credentials, or more time.
                self.ask_again()
            raise

    def ask_again(self) -> None:
        """Allow STS to be asked again if it has not named an account. Requests pending in this poll are kept."""
        poll = self.guard.poll
        self._accounts = {key: asked for key, asked in self._accounts.items() if asked.is_answered or asked.is_of(poll)}

    def _ask(self, asked: _Asked, region: str, usage: Usage) -> None:
        try:
            self.guard.run_in_background(partial(resolve, asked.answer, partial(self.caller_account_id, usage)), region)
        except Exception as error:
            raise explain(error, 'GetCallerIdentity') from error

    def caller_account_id(self, usage: Usage) -> str:
        """Return the account that STS reports, which also assumes the role. Raises AwsError if that fails."""
        client = self.client('sts', self.settings.region, usage)
        try:
            return str(self.guard.run(client.get_caller_identity)['Account'])  # type: ignore[attr-defined]
        except Exception as error:
            raise explain(error, 'GetCallerIdentity') from error

    def _access_key(self, region: str) -> str:
        try:
            credentials = self._credentials()
            if getattr(credentials, 'refresh_needed', bool)():
                return str(self.guard.run(lambda: credentials.get_frozen_credentials().access_key, region))
            return str(credentials.get_frozen_credentials().access_key)
        except Exception as error:
            raise explain(error, FINDING_CREDENTIALS) from error

    def _credentials(self) -> Credentials:
        with self._lock:
            credentials = self._own_session().get_credentials()
        if credentials is None:
            raise NoCredentialsError()
        return credentials

    def _own_session(self) -> Session:
        """Return the session with the credentials to poll with. The caller must hold the lock."""
        if self._session is None:
            self._session = (
                self._assumed_session() if self.settings.assume_role else default_session(self.settings.region)
            )
        return self._session

    def reset(self) -> None:
        """Discard the credentials, so that the next client looks them up again."""
        # Does not take the lock: a thread that looks up credentials holds it, possibly forever.
        self._session = None
        default_session.cache_clear()

    def _new_client(self, service: str, region: str) -> BaseClient:
        with self._lock:
            session = self._own_session()
            if session.get_credentials() is None:
                raise NoCredentialsError()
            return self._create(session, service, region)

    def _create(self, session: Session, service: str, region: str, **credentials: Any) -> BaseClient:
        client = self._create_through(session, service, region, self.settings.proxies, **credentials)
        bypass = self.settings.bypass_proxy
        if self.settings.proxies and bypass and bypass(client.meta.endpoint_url):
            client = self._create_through(session, service, region, {}, **credentials)
        return client

    def _create_through(
        self, session: Session, service: str, region: str, proxies: Mapping[str, str] | None, **credentials: Any
    ) -> BaseClient:
        settings = self.settings
        attempts = min(settings.max_attempts, TAGGING_ATTEMPTS) if service == TAGGING else settings.max_attempts
        config = Config(
            # Without this, a bearer token in AWS_BEARER_TOKEN_BEDROCK would override all other credentials. S3 does not
            # use that token, and has its own signature version.
            signature_version=None if service == 's3' else 'v4',
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            retries={'mode': settings.retry_mode, 'total_max_attempts': attempts},  # type: ignore[arg-type]
            # Doubled, as abandoned calls still hold connections; urllib3 warns about each that exceeds the pool.
            max_pool_connections=2 * settings.max_concurrency,
            proxies=None if proxies is None else dict(proxies),
            user_agent_extra='datadog-bedrock-model-customization',
        )
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=settings.endpoint(service, region),
            verify=settings.tls_ca_cert,
            config=config,
            **credentials,
        )

    def _assumed_session(self) -> Session:
        session, source = new_session(), default_session(self.settings.region)
        provider = AssumedRole(self.settings, self.guard, source, partial(self._create, source))
        session.register_component('credential_provider', CredentialResolver([provider]))
        return session


class AssumedRole(CredentialProvider):
    """Provides the credentials of the role to assume, and assumes it again before they expire."""

    METHOD = 'assume-role'

    def __init__(
        self, settings: AwsSettings, guard: Guard, source: Session, create_client: Callable[..., BaseClient]
    ) -> None:
        super().__init__()
        self.settings, self.guard, self.source, self.create_client = settings, guard, source, create_client

    def load(self) -> DeferredRefreshableCredentials | None:
        source = self.source.get_credentials()
        if source is None:
            return None
        extra = {'RoleSessionName': self.settings.role_session_name}
        if self.settings.external_id:
            extra['ExternalId'] = self.settings.external_id
        role_arn = str(self.settings.assume_role)
        fetcher = AssumeRoleCredentialFetcher(self._sts, source, role_arn, extra_args=extra)
        return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method=self.METHOD)

    def _sts(self, service: str, **credentials: Any) -> BaseClient:
        client = self.create_client(service, self.settings.region, **credentials)
        self.guard.watch(client)
        limit_bodies(client)
        remember_sent(client)
        return client


def new_session() -> Session:
    """Return a new session that shares botocore's service data with all others (see `SHARED_COMPONENT`)."""
    session = Session()
    session.register_component(SHARED_COMPONENT, template_session().get_component(SHARED_COMPONENT))
    return session


@lru_cache(maxsize=1)
def template_session() -> Session:
    """Return the session whose service data all others share."""
    return Session()


@lru_cache(maxsize=64)
def default_session(region: str) -> Session:
    """Return the session with the credentials of boto3's default chain, for instances with this first Region.

    A profile with a role, and IRSA, ask STS in that Region, as plain boto3 does for a client of the Region.
    """
    session = new_session()
    session.set_config_variable('region', region)
    return session
