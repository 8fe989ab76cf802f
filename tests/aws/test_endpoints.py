"""Which host each service is asked at: by partition, FIPS, dual stack, environment, and the instance's own URLs."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest
from botocore.loaders import Loader

from datadog_checks.bedrock_model_customization.aws.bedrock import BedrockScope
from datadog_checks.bedrock_model_customization.aws.errors import AwsError
from datadog_checks.bedrock_model_customization.aws.session import TAGGING, AwsSession, AwsSettings, default_session

SERVICES: Final = ('bedrock', TAGGING, 'sts', 's3')
CALLS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    'bedrock': ('list_model_customization_jobs', {}),
    TAGGING: ('get_resources', {}),
    'sts': ('get_caller_identity', {}),
    's3': ('list_objects_v2', {'Bucket': 'example-output'}),
}


class AskedError(Exception):
    """A request that would be sent now."""


def host_of(settings: AwsSettings, service: str, region: str) -> str:
    """Return the host of a request that is not sent."""
    client = BedrockScope(AwsSession(settings), region).client(service)

    def stop(request: AWSRequest, **_: object) -> None:
        raise AskedError(urlsplit(request.url).netloc)

    client.meta.events.register_first('before-send', stop)
    operation, arguments = CALLS[service]
    with pytest.raises(AskedError) as asked:
        getattr(client, operation)(**arguments)
    return str(asked.value)


@dataclass(frozen=True)
class Kind:
    """A kind of configuration, and the hosts of Bedrock, tagging, STS and S3 that it leads to."""

    region: str
    hosts: tuple[str, str, str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def aws(region: str, suffix: str = 'amazonaws.com', fips: str = '') -> tuple[str, str, str, str]:
    return (
        f'bedrock{fips}.{region}.{suffix}',
        f'tagging{fips}.{region}.{suffix}',
        f'sts{fips}.{region}.{suffix}',
        f'example-output.s3{fips}.{region}.{suffix}',
    )


EAST: Final = 'us-east-1'
ONE: Final = 'vpce-1.example.com'
TWO: Final = 'vpce-2.example.com'
PLAIN_EAST: Final = (*aws(EAST)[:3], 'example-output.s3.amazonaws.com')
FIPS: Final = {'AWS_USE_FIPS_ENDPOINT': 'true'}
KINDS: Final = {
    'plain': Kind(EAST, PLAIN_EAST),
    'another Region': Kind('us-west-2', aws('us-west-2')),
    'opt-in Region': Kind('ap-southeast-7', aws('ap-southeast-7')),
    'GovCloud': Kind('us-gov-west-1', aws('us-gov-west-1')),
    'China': Kind('cn-north-1', aws('cn-north-1', 'amazonaws.com.cn')),
    'European Sovereign Cloud': Kind('eusc-de-east-1', aws('eusc-de-east-1', 'amazonaws.eu')),
    'iso': Kind('us-iso-east-1', aws('us-iso-east-1', 'c2s.ic.gov')),
    'iso b': Kind('us-isob-east-1', aws('us-isob-east-1', 'sc2s.sgov.gov')),
    'FIPS': Kind(EAST, aws(EAST, fips='-fips'), environment=FIPS),
    'FIPS in GovCloud': Kind(
        'us-gov-west-1',
        (
            'bedrock-fips.us-gov-west-1.amazonaws.com',
            'tagging-fips.us-gov-west-1.amazonaws.com',
            'sts.us-gov-west-1.amazonaws.com',
            'example-output.s3-fips.us-gov-west-1.amazonaws.com',
        ),
        environment=FIPS,
    ),
    'dual stack': Kind(
        EAST,
        (
            'bedrock.us-east-1.api.aws',
            'tagging.us-east-1.api.aws',
            'sts.us-east-1.api.aws',
            'example-output.s3.dualstack.us-east-1.amazonaws.com',
        ),
        environment={'AWS_USE_DUALSTACK_ENDPOINT': 'true'},
    ),
    'one URL': Kind(EAST, (ONE,) * 4, {'endpoint_url': f'https://{ONE}'}),
    'one URL of the environment': Kind(EAST, (ONE,) * 4, environment={'AWS_ENDPOINT_URL': f'https://{ONE}'}),
    "a service's URL of the environment": Kind(
        EAST, (ONE, *PLAIN_EAST[1:]), environment={'AWS_ENDPOINT_URL_BEDROCK': f'https://{ONE}'}
    ),
    'a URL for a service': Kind(EAST, (ONE, *PLAIN_EAST[1:]), {'endpoint_urls': {('bedrock', None): f'https://{ONE}'}}),
    'a URL for a service in this Region': Kind(
        EAST,
        (ONE, *PLAIN_EAST[1:]),
        {'endpoint_urls': {('bedrock', EAST): f'https://{ONE}', ('bedrock', 'us-west-2'): f'https://{TWO}'}},
    ),
    'a URL for a service in the other Region': Kind(
        'us-west-2',
        (TWO, *aws('us-west-2')[1:]),
        {'endpoint_urls': {('bedrock', EAST): f'https://{ONE}', ('bedrock', 'us-west-2'): f'https://{TWO}'}},
    ),
    'a URL for a Region': Kind(EAST, (ONE,) * 4, {'endpoint_urls': {(None, EAST): f'https://{ONE}'}}),
    'the most specific URL': Kind(
        EAST,
        (TWO, ONE, ONE, ONE),
        {'endpoint_url': f'https://{ONE}', 'endpoint_urls': {('bedrock', None): f'https://{TWO}'}},
    ),
    'FIPS, with a URL for tagging': Kind(
        EAST,
        (aws(EAST, fips='-fips')[0], ONE, *aws(EAST, fips='-fips')[2:]),
        {'endpoint_urls': {(TAGGING, None): f'https://{ONE}'}},
        FIPS,
    ),
}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, aws_environment: None) -> pytest.MonkeyPatch:
    for name in ('AWS_DEFAULT_REGION', 'AWS_REGION', 'HTTPS_PROXY', 'NO_PROXY'):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize('name', KINDS)
def test_each_kind_of_configuration_reaches_its_hosts(name: str, here: pytest.MonkeyPatch) -> None:
    kind = KINDS[name]
    for variable, value in kind.environment.items():
        here.setenv(variable, value)
    settings = AwsSettings(region=kind.region, **kind.settings)
    assert tuple(host_of(settings, service, kind.region) for service in SERVICES) == kind.hosts


@pytest.mark.parametrize('partition', ['aws', 'aws-us-gov'])
def test_every_fips_host_that_is_asked_exists(partition: str, here: pytest.MonkeyPatch) -> None:
    """botocore builds a FIPS host for whatever it is asked; its own list of endpoints says which exist."""
    (listed,) = (one for one in Loader().load_data('endpoints')['partitions'] if one['partition'] == partition)
    here.setenv('AWS_USE_FIPS_ENDPOINT', 'true')
    regions = {'aws': ('us-east-1', 'us-west-2'), 'aws-us-gov': ('us-gov-west-1', 'us-gov-east-1')}[partition]
    missing = set()
    for service, region in product(SERVICES, regions):
        host = host_of(AwsSettings(region=region), service, region).removeprefix('example-output.')
        endpoints = listed['services']['tagging' if service == TAGGING else service]['endpoints']
        known = {variant.get('hostname') for one in endpoints.values() for variant in one.get('variants', ())}
        if host not in known | {one.get('hostname') for one in endpoints.values()}:
            missing.add(service)
    # And so it is not asked.
    assert missing == {TAGGING}
    assert not BedrockScope(AwsSession(AwsSettings()), regions[0]).has_bulk_tags


def test_without_fips_tags_are_read_in_bulk(here: pytest.MonkeyPatch) -> None:
    assert BedrockScope(AwsSession(AwsSettings()), EAST).has_bulk_tags


@pytest.mark.parametrize('region', ['us-east-1', 'us-west-2', 'us-gov-west-1'])
@pytest.mark.parametrize('with_role', [False, True])
def test_sts_is_asked_in_the_region_of_the_instance(
    region: str, with_role: bool, here: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """As plain boto3 does for a client of that Region, where the environment names none."""
    config = tmp_path / 'config'
    config.write_text(
        '[profile first]\naws_access_key_id = AKIAFIRST\naws_secret_access_key = x\n[profile second]\n'
        'source_profile = first\nrole_arn = arn:aws:iam::222222222222:role/second\n'
    )
    here.setenv('AWS_CONFIG_FILE', str(config))
    here.setenv('AWS_PROFILE', 'second')
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'):
        here.delenv(name)
    default_session.cache_clear()
    asked: list[str] = []

    def stop(_: object, request: AWSRequest) -> None:
        asked.append(urlsplit(request.url).netloc)
        raise AskedError

    here.setattr('botocore.httpsession.URLLib3Session.send', stop)
    role = 'arn:aws:iam::123456789012:role/third' if with_role else None
    session = AwsSession(AwsSettings(region=region, assume_role=role, max_attempts=1))
    with pytest.raises(AwsError):
        BedrockScope(session, region).describe_job('x')
    assert set(asked) == {f'sts.{region}.amazonaws.com'}
    default_session.cache_clear()
