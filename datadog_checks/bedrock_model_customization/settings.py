"""Turns the validated configuration into the settings of each part of a poll."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from json import dumps
from typing import Any, Final

from .aws.session import DEFAULT_ROLE_SESSION_NAME, TAGGING, AwsSettings
from .config_models.instance import InstanceConfig
from .config_models.shared import SharedConfig
from .jobs.arn import model_name
from .jobs.filters import Criteria, JobFilter, TagFilter
from .polling.files import ArtifactSettings
from .polling.inventory import Limits
from .polling.scope import Pace
from .telemetry.tags import Tagger

FILTERS: Final = ('include', 'exclude')
# Services whose endpoints are called otherwise than botocore calls them.
SERVICES: Final = {'tagging': TAGGING}
MAX_DEFAULT_TIMEOUT: Final = 45.0

BypassProxy = Callable[[str, Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one instance. `events` holds the kinds of transition for which an event is sent.

    `artifacts` says which files may be read from S3, None for none; `emit_records` whether jobs are sent as logs.
    """

    regions: tuple[str, ...]
    aws: AwsSettings
    limits: Limits
    pace: Pace
    job_filter: JobFilter
    tagger: Tagger
    events: frozenset[str]
    max_reported_jobs: int
    collection_timeout: timedelta
    artifacts: ArtifactSettings | None = None
    emit_records: bool = False


def read_settings(
    instance: InstanceConfig,
    shared: SharedConfig,
    agent_proxy: Mapping[str, Any] | None = None,
    bypass_proxy: BypassProxy | None = None,
) -> Settings:
    """Return the settings of an instance.

    The proxy is the instance's, else that of `init_config`, else the Agent's own, else that of the environment.
    `bypass_proxy` takes a URL and a list of hosts, and returns whether the URL belongs to one of the hosts.
    """
    job_filter = JobFilter(_criteria(instance.include), _criteria(instance.exclude))
    regions = instance.regions or ()
    proxies, no_proxy = _proxies(instance, shared, agent_proxy)
    concurrency = _number(instance.max_concurrency)
    return Settings(
        regions=regions,
        aws=AwsSettings(
            assume_role=instance.assume_role,
            external_id=instance.external_id,
            role_session_name=instance.role_session_name or DEFAULT_ROLE_SESSION_NAME,
            region=regions[0],
            endpoint_url=instance.endpoint_url,
            endpoint_urls=_endpoint_urls(instance),
            proxies=proxies,
            bypass_proxy=(lambda url: bypass_proxy(url, no_proxy)) if bypass_proxy and no_proxy else None,
            tls_ca_cert=instance.tls_ca_cert,
            connect_timeout=_number(instance.connect_timeout),
            read_timeout=_number(instance.read_timeout),
            retry_mode=str(instance.retry_mode),
            max_attempts=int(_number(instance.max_attempts)),
            max_concurrency=int(concurrency),
        ),
        limits=Limits(
            lookback=timedelta(hours=_number(instance.lookback_hours)),
            terminal_retention=timedelta(hours=_number(instance.terminal_job_hours)),
            max_tracked_jobs=int(_number(instance.max_tracked_jobs)),
            events_since=timedelta(hours=_number(instance.events_since)),
            describe_all=bool(instance.emit_records),
            tag_all=job_filter.needs_tags,
        ),
        pace=Pace(
            max_describes=int(_number(instance.max_describes_per_poll)),
            max_concurrency=int(concurrency),
            full_list_interval=timedelta(seconds=_number(instance.full_list_interval)),
            tag_refresh_interval=timedelta(seconds=_number(instance.tag_refresh_interval)),
        ),
        job_filter=job_filter,
        tagger=Tagger(
            instance_tags=tuple(instance.tags or ()),
            tag_filter=TagFilter(tuple(instance.job_tags_include or ()), tuple(instance.job_tags_exclude or ())),
            max_job_tags=int(_number(instance.max_job_tags)),
        ),
        events=frozenset(instance.events or ()),
        max_reported_jobs=int(_number(instance.max_reported_jobs)),
        collection_timeout=timedelta(seconds=instance.collection_timeout or _default_timeout(instance)),
        artifacts=artifact_settings(instance) if instance.collect_artifacts else None,
        emit_records=bool(instance.emit_records),
    )


def _default_timeout(instance: InstanceConfig) -> float:
    return max(min(0.75 * _number(instance.min_collection_interval), MAX_DEFAULT_TIMEOUT), 1.0)


def artifact_settings(instance: InstanceConfig) -> ArtifactSettings:
    """Return which files in S3 an instance may read, regardless of whether `collect_artifacts` is set."""
    interval = _number(instance.artifact_refresh_interval)
    return ArtifactSettings(
        buckets=tuple(instance.artifact_buckets or ('*',)),
        max_size=int(_number(instance.max_artifact_size)),
        refresh_interval=timedelta(seconds=interval) if interval else None,
    )


def instance_id(instance: Mapping[str, Any]) -> str:
    """Return the id under which an instance's state is kept.

    It is a hash of the instance's `name` or, without one, of the options `assume_role`, `endpoint_url`, `include`,
    `exclude` and `tags`. An edit to any other option keeps the state. Two instances with equal values here need names.
    """
    name = instance.get('name')
    return _hash({'name': name}) if name else _hash(_given(instance, 'assume_role', 'endpoint_url', *FILTERS, 'tags'))


def cache_id(instance: Mapping[str, Any]) -> str:
    """Return the id under which version 1 kept state: a hash of the options that decide which jobs are reported."""
    return _hash(_given(instance, 'assume_role', 'external_id', 'endpoint_url', *FILTERS))


def _given(instance: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: instance[name] for name in names if instance.get(name)}


def _hash(identity: Mapping[str, Any]) -> str:
    return sha256(dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _endpoint_urls(instance: InstanceConfig) -> dict[tuple[str | None, str | None], str]:
    entries = instance.endpoint_urls or ()
    return {(SERVICES.get(one.service or '', one.service), one.region): one.url for one in entries}


def _criteria(filters: Any) -> Criteria:
    names = Criteria.__dataclass_fields__
    values = {name: tuple(getattr(filters, name, None) or ()) for name in names} if filters else {}
    # A model may be given by its whole ARN.
    values['base_models'] = tuple(model_name(text) or text for text in values.get('base_models', ()))
    return Criteria(**values)


def _number(value: float | None) -> float:
    """Return a numeric option, which is never None: the models give every number a default."""
    assert value is not None
    return value


def _proxies(
    instance: InstanceConfig, shared: SharedConfig, agent_proxy: Mapping[str, Any] | None
) -> tuple[dict[str, str] | None, list[str]]:
    if instance.skip_proxy:
        return {}, []
    for proxy in (instance.proxy, shared.proxy, agent_proxy):
        values = proxy if isinstance(proxy, Mapping) else proxy.model_dump() if proxy else {}
        urls = {scheme: str(values[scheme]) for scheme in ('http', 'https') if values.get(scheme)}
        if urls:
            return urls, [str(host) for host in values.get('no_proxy') or ()]
    return None, []
