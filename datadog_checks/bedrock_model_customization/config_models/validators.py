"""Rules for options that types cannot express. A message says what is allowed; `config.py` adds option and value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..aws.regions import PARTITIONS, partition_of
from ..jobs.transitions import KINDS
from ..jobs.vocabulary import CUSTOMIZATION_TYPES, KNOWN_STATUSES

RETRY_MODES = ('adaptive', 'standard', 'legacy')
GLOBS = ('job_names', 'base_models', 'tags')
SERVICES = ('bedrock', 'tagging', 'sts', 's3')

ROLE_ARN = re.compile(
    rf'arn:({"|".join(PARTITIONS)}):iam::[0-9]{{12}}:role/([!-~]{{1,510}}/)?[\w+=,.@-]{{1,64}}', re.ASCII
)
EXTERNAL_ID = re.compile(r'[\w+=,.@:/-]{2,1224}', re.ASCII)
# A prefix of one or two parts, a direction and a number: us-east-1, us-gov-west-1, eusc-de-east-1.
REGION = re.compile(r'[a-z]{2,5}(-[a-z]{2,5})?-[a-z]{4,10}-[0-9]{1,2}')
BUCKET_GLOB = re.compile(r'[a-z0-9.*?!\[\]-]{1,63}')
SESSION_NAME = re.compile(r'[\w+=,.@-]{2,64}', re.ASCII)

Validator = Callable[..., Any]


def between(low: float, high: float) -> Validator:
    """Return a validator that requires a number from `low` to `high`.

    A bool is refused. Any other value that is not a number is left to the type's own message.
    """

    def validate(value: Any, **_: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f'must be a number from {low:g} to {high:g}')
        try:
            number = float(value)
        except (TypeError, ValueError):
            return value
        if not low <= number <= high:
            raise ValueError(f'must be from {low:g} to {high:g}')
        return value

    return validate


def each_of(allowed: Collection[str], *, may_be_empty: bool = True) -> Validator:
    """Return a validator that requires a list of `allowed` words, each at most once."""

    def validate(value: Any, **_: Any) -> Any:
        texts = value if isinstance(value, list | tuple) else ()
        for text in texts:
            if isinstance(text, str) and text not in allowed:
                raise ValueError(f'{text!r} is none of {", ".join(allowed)}')
        if isinstance(value, list | tuple) and not value and not may_be_empty:
            raise ValueError('must not be empty')
        _refuse_duplicates(texts)
        return value

    return validate


def one_of(allowed: Collection[str]) -> Validator:
    """Return a validator that requires one of the `allowed` words."""

    def validate(value: Any, **_: Any) -> Any:
        if isinstance(value, str) and value not in allowed:
            raise ValueError(f'must be one of {", ".join(allowed)}')
        return value

    return validate


def globs(value: Any, **_: Any) -> Any:
    """Refuse patterns that match nothing: empty ones, often from an unset template variable, and a [ without its ]."""
    for text in _texts(value):
        if not text.strip():
            raise ValueError('must hold no empty pattern')
        if '[' in text and ']' not in text.partition('[')[2][1:]:
            raise ValueError(f'{text!r} has a [ without its ]')
    return value


instance_connect_timeout = between(0.1, 300)
instance_read_timeout = between(0.1, 300)
instance_max_attempts = between(1, 20)
instance_max_concurrency = between(1, 32)
instance_collection_timeout = between(1, 3600)
instance_min_collection_interval = between(1, 86_400)
instance_lookback_hours = between(1, 17520)
instance_terminal_job_hours = between(0, 17520)
instance_max_tracked_jobs = between(1, 1_000_000)
instance_max_reported_jobs = between(0, 100_000)
instance_max_describes_per_poll = between(1, 10_000)
instance_full_list_interval = between(60, 86_400)
instance_tag_refresh_interval = between(60, 86_400)
instance_max_job_tags = between(0, 200)
instance_events_since = between(0, 18)
instance_events = each_of(KINDS)
instance_retry_mode = one_of(RETRY_MODES)
instance_job_tags_include = globs
instance_max_artifact_size = between(1024, 2**30)
instance_job_tags_exclude = globs


def instance_artifact_buckets(value: Any, **_: Any) -> Any:
    """Refuse an empty list, and patterns that no bucket name can match, such as a URL."""
    globs(value)
    if isinstance(value, list | tuple) and not value:
        raise ValueError('must name at least one bucket; remove the line to allow every one')
    for text in _texts(value):
        if not BUCKET_GLOB.fullmatch(text):
            raise ValueError(f'{text!r} is not the name of a bucket, nor a pattern of one, such as example-output-*')
    return value


def instance_artifact_refresh_interval(value: Any, **_: Any) -> Any:
    return value if value == 0 and not isinstance(value, bool) else between(60, 86_400)(value)


def instance_regions(value: Any, **_: Any) -> Any:
    """Refuse an empty list, duplicates, and anything but a Region's code, such as an availability zone or a name."""
    if not isinstance(value, list | tuple):
        return value
    if not value:
        raise ValueError('must name at least one Region')
    for region in _texts(value):
        _refuse_no_region(region)
    _refuse_duplicates(value)
    partitions = {partition: region for region in _texts(value) if (partition := partition_of(region))}
    if len(partitions) > 1:
        several = ', '.join(f'{region} of {partition}' for partition, region in partitions.items())
        raise ValueError(f'must be Regions of one partition, as credentials are: {several}; make an instance for each')
    return value


def instance_assume_role(value: Any, **_: Any) -> Any:
    if isinstance(value, str) and not ROLE_ARN.fullmatch(value):
        raise ValueError(
            f"must be a role's ARN: arn:aws:iam::<12 digits>:role/<name>, or with another of {', '.join(PARTITIONS)}"
        )
    return value


def instance_role_session_name(value: Any, **_: Any) -> Any:
    if isinstance(value, str) and not SESSION_NAME.fullmatch(value):
        raise ValueError('must be 2 to 64 letters, digits or any of _+=,.@-')
    return value


def instance_external_id(value: Any, **_: Any) -> Any:
    if isinstance(value, str) and not EXTERNAL_ID.fullmatch(value):
        raise ValueError('must have 2 to 1224 characters: letters, digits or any of _+=,.@:/-')
    return value


def instance_endpoint_url(value: Any, **_: Any) -> Any:
    if isinstance(value, str):
        _refuse_endpoint(value)
    return value


def instance_endpoint_urls(value: Any, **_: Any) -> Any:
    """Refuse entries without a URL or with unknown members, and two for the same service and Region."""
    seen: set[tuple[Any, Any]] = set()
    for entry in value if isinstance(value, list | tuple) else ():
        if not isinstance(entry, Mapping):
            raise ValueError('must be a list of mappings with service, region and url')
        for name in sorted(map(str, entry.keys() - {'service', 'region', 'url'})):
            raise ValueError(f'{name!r} is none of service, region, url')
        service, region, url = (entry.get(name) for name in ('service', 'region', 'url'))
        if not isinstance(url, str):
            raise ValueError('every entry must have a url')
        _refuse_endpoint(url)
        if service is not None and service not in SERVICES:
            raise ValueError(f'service {service!r} is none of {", ".join(SERVICES)}')
        if region is not None:
            _refuse_no_region(str(region))
        if service is None and region is None:
            raise ValueError('an entry must name a service, a region or both; for all of them there is endpoint_url')
        if (service, region) in seen:
            raise ValueError(f'{service or "every service"} in {region or "every Region"} is given twice')
        seen.add((service, region))
    return value


def instance_tls_ca_cert(value: Any, **_: Any) -> Any:
    if isinstance(value, str) and not Path(value).is_file():
        raise ValueError('must be the path of a file with CA certificates: there is no such file on this machine')
    return value


def instance_metric_patterns(value: Any, **_: Any) -> Any:
    for name in ('include', 'exclude') if isinstance(value, Mapping) else ():
        for text in _texts(value.get(name)):
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f'{name}: {text!r} is no regular expression: {error}') from error
    return value


def proxy(value: Any, **_: Any) -> Any:
    """Refuse unknown members, and proxies that are not URLs. A URL may hold credentials, which are never shown."""
    if isinstance(value, dict) and (unknown := sorted(map(str, value.keys() - {'http', 'https', 'no_proxy'}))):
        raise ValueError(f'{unknown[0]!r} is none of http, https, no_proxy')
    for scheme in ('http', 'https') if isinstance(value, dict) else ():
        if isinstance(value.get(scheme), str):
            _refuse_url(value[scheme], f'{scheme} must be a URL such as http://proxy.example.com:3128')
    return value


instance_proxy = shared_proxy = proxy


def criteria(value: Any, **_: Any) -> Any:
    """Validate the lists of `include` or `exclude`."""
    if not isinstance(value, dict):
        return value
    unknown = value.keys() - {*GLOBS, 'statuses', 'customization_types'}
    if unknown:
        known = ', '.join((*GLOBS, 'statuses', 'customization_types'))
        raise ValueError(f'{min(map(str, unknown))!r} is none of {known}')
    for name, validate in (
        *((name, globs) for name in GLOBS),
        ('statuses', each_of(KNOWN_STATUSES)),
        ('customization_types', each_of(CUSTOMIZATION_TYPES)),
    ):
        try:
            validate(value.get(name))
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from error
    for tag in value.get('tags') or ():
        if isinstance(tag, str) and not tag.partition(':')[0].strip():
            raise ValueError(f"tags: {tag!r} has no key; a tag's pattern is key:value, such as team:*")
        if isinstance(tag, str) and ':' not in tag:
            raise ValueError(f"tags: {tag!r} has no colon; a tag's pattern is key:value, such as team:*")
    return value


def instance_exclude(value: Any, **_: Any) -> Any:
    """Validate the lists of `exclude`, and refuse those that leave out every job."""
    value = criteria(value)
    for name in ('job_names', 'base_models') if isinstance(value, Mapping) else ():
        if any(not text.strip('*') for text in _texts(value.get(name))):
            raise ValueError(f"{name}: '*' leaves out every job; remove the instance instead")
    for name, every in (('statuses', KNOWN_STATUSES), ('customization_types', CUSTOMIZATION_TYPES)):
        if isinstance(value, Mapping) and set(every) <= set(_texts(value.get(name))):
            raise ValueError(f'{name}: all of them leave out every job; remove the instance instead')
    return value


instance_include = criteria


def check_instance(model: Any) -> Any:
    """Refuse options that contradict each other."""
    if model.external_id and not model.assume_role:
        raise ValueError('external_id is only used with assume_role, which is not set')
    partition = model.assume_role.split(':')[1] if model.assume_role else None
    for region in model.regions or () if partition else ():
        if (partition_of(region) or partition) != partition:
            raise ValueError(
                f'assume_role is of the partition {partition}, and the Region {region} of {partition_of(region)}: '
                'a role is only known in the Regions of its own'
            )
    if model.artifact_buckets and not model.collect_artifacts:
        raise ValueError('artifact_buckets is only used with collect_artifacts: true, which is not set')
    hours = {'terminal_job_hours', 'lookback_hours'}
    if hours <= model.model_fields_set and model.terminal_job_hours > model.lookback_hours:
        raise ValueError(
            f'terminal_job_hours, {model.terminal_job_hours:g}, must not be above lookback_hours, '
            f'{model.lookback_hours:g}: a job is not looked at for longer than that'
        )
    if model.skip_proxy and model.proxy:
        raise ValueError('proxy and skip_proxy contradict each other: set one of them')
    if model.include and model.exclude:
        for name in (*GLOBS, 'statuses', 'customization_types'):
            both = set(getattr(model.include, name) or ()) & set(getattr(model.exclude, name) or ())
            if both:
                raise ValueError(f'{min(both)!r} is in {name} of both include and exclude: nothing could match it')
    if set(model.job_tags_include or ()) & set(model.job_tags_exclude or ()):
        raise ValueError('job_tags_include and job_tags_exclude hold the same pattern: it would have no effect')
    return model


def _texts(values: Any) -> Iterable[str]:
    return [text for text in values if isinstance(text, str)] if isinstance(values, list | tuple) else []


def _refuse_no_region(text: str) -> None:
    if not REGION.fullmatch(text):
        raise ValueError(f'{text!r} is not the code of a Region, such as us-east-1 or us-gov-west-1')


def _refuse_endpoint(text: str) -> None:
    allowed = 'must be a URL such as https://example.com:8443'
    _refuse_url(text, allowed, may_have_credentials=False)
    if re.search(r'[\s?#]', text):
        raise ValueError(f'{allowed}, without blanks, ? and #')


def _refuse_duplicates(values: Collection[Any]) -> None:
    texts = list(_texts(values))
    for text in texts:
        if texts.count(text) > 1:
            raise ValueError(f'{text!r} is given twice')


def _refuse_url(text: str, allowed: str, *, may_have_credentials: bool = True) -> None:
    try:
        url = urlsplit(text)
        is_complete = url.scheme in ('http', 'https') and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        is_complete = False
    if not is_complete:
        raise ValueError(allowed)
    if not may_have_credentials and url.username is not None:
        raise ValueError(f'{allowed}, without user and password')
