"""Mistakes in the configuration are explained: which option, what was given, what is allowed."""

from __future__ import annotations

from datetime import timedelta
from importlib import reload
from typing import Any

import pytest
import yaml
from datadog_checks.base import ConfigurationError
from pydantic import ValidationError

from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.config import suspicious_options, validate
from datadog_checks.bedrock_model_customization.config_models import InstanceConfig, validators
from datadog_checks.bedrock_model_customization.jobs import transitions, vocabulary
from datadog_checks.bedrock_model_customization.polling.files import ArtifactSettings
from datadog_checks.bedrock_model_customization.settings import Settings, instance_id

from .paths import ROOT
from .strict_agent import StrictAgent

ROLE = 'arn:aws:iam::123456789012:role/Datadog'

MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({'regions': 'us-east-1'}, 'regions: must be a list', "'us-east-1'"),
    ({'regions': []}, 'regions: must name at least one Region', '[]'),
    ({'regions': ['us-east-1a']}, "regions: 'us-east-1a' is not the code of a Region", "['us-east-1a']"),
    ({'regions': ['N. Virginia']}, "regions: 'N. Virginia' is not the code", 'N. Virginia'),
    ({'regions': ['us-east-1', 'us-east-1']}, "regions: 'us-east-1' is given twice", 'us-east-1'),
    ({'regions': {'us-east-1': 1}}, 'regions: must be a list', "{'us-east-1': 1}"),
    ({'regions': [1]}, 'regions -> 1: must be a text', '1'),
    ({'assume_role': 'Datadog'}, "assume_role: must be a role's ARN", "'Datadog'"),
    ({'assume_role': 'arn:aws:iam::12:role/x'}, "assume_role: must be a role's ARN", 'arn:aws:iam::12:role/x'),
    ({'assume_role': 'arn:aws:iam::123456789012:user/x'}, "assume_role: must be a role's ARN", 'user/x'),
    ({'external_id': 'abc'}, 'external_id is only used with assume_role', ''),
    ({'assume_role': ROLE, 'external_id': 'x'}, 'external_id: must have 2 to 1224 characters', '(hidden)'),
    ({'assume_role': ROLE, 'external_id': 'a b'}, 'external_id: must have 2 to 1224 characters', '(hidden)'),
    ({'assume_role': ROLE, 'external_id': 123}, 'external_id: must be a text', '(hidden)'),
    ({'role_session_name': 'a b'}, 'role_session_name: must be 2 to 64 letters', "'a b'"),
    ({'endpoint_url': 'localhost:80'}, 'endpoint_url: must be a URL', "'localhost:80'"),
    ({'endpoint_url': 'http://me:pass@x'}, 'endpoint_url: must be a URL', '(hidden)'),
    ({'proxy': {'https': 'me:pass@x'}}, 'proxy: https must be a URL', '(hidden)'),
    ({'proxy': {'htps': 'http://me:pass@x'}}, "proxy: 'htps' is none of http, https, no_proxy", '(hidden)'),
    ({'proxy': 'http://x'}, 'proxy: must be a mapping', '(hidden)'),
    ({'proxy': {'https': 'http://x'}, 'skip_proxy': True}, 'proxy and skip_proxy contradict each other', ''),
    ({'skip_proxy': 'maybe'}, 'skip_proxy: must be true or false', "'maybe'"),
    ({'connect_timeout': 0}, 'connect_timeout: must be from 0.1 to 300', '0'),
    ({'read_timeout': 'long'}, 'read_timeout: must be a number', "'long'"),
    ({'retry_mode': 'eager'}, 'retry_mode: must be one of adaptive, standard, legacy', "'eager'"),
    ({'max_attempts': 1.5}, 'max_attempts: must be a whole number', '1.5'),
    ({'max_attempts': True}, 'max_attempts: must be a number from 1 to 20', 'True'),
    ({'max_concurrency': 100}, 'max_concurrency: must be from 1 to 32', '100'),
    ({'collection_timeout': 0}, 'collection_timeout: must be from 1 to 3600', '0'),
    ({'lookback_hours': 0}, 'lookback_hours: must be from 1 to 17520', '0'),
    ({'lookback_hours': float('nan')}, 'lookback_hours: must be from 1 to 17520', 'nan'),
    (
        {'terminal_job_hours': 9, 'lookback_hours': 8.5},
        'terminal_job_hours, 9, must not be above',
        'lookback_hours, 8.5',
    ),
    ({'terminal_job_hours': -1}, 'terminal_job_hours: must be from 0 to 17520', '-1'),
    ({'max_tracked_jobs': 0}, 'max_tracked_jobs: must be from 1 to 1e+06', '0'),
    ({'max_reported_jobs': -1}, 'max_reported_jobs: must be from 0 to 100000', '-1'),
    ({'max_describes_per_poll': 0}, 'max_describes_per_poll: must be from 1 to 10000', '0'),
    ({'full_list_interval': 1}, 'full_list_interval: must be from 60 to 86400', '1'),
    ({'tag_refresh_interval': 1}, 'tag_refresh_interval: must be from 60 to 86400', '1'),
    ({'max_job_tags': 300}, 'max_job_tags: must be from 0 to 200', '300'),
    ({'events': ['fail']}, "events: 'fail' is none of created, stopping", "['fail']"),
    ({'events': 'failed'}, 'events: must be a list', "'failed'"),
    ({'events_since': 19}, 'events_since: must be from 0 to 18', '19'),
    ({'events_since': None}, 'events_since: has no value', ''),
    ({'include': ['a']}, 'include: must be a mapping', 'a'),
    ({'include': {'names': ['a']}}, "include: 'names' is none of job_names", 'names'),
    ({'include': {'statuses': ['Done']}}, "include: statuses: 'Done' is none of InProgress", 'Done'),
    ({'exclude': {'customization_types': ['FT']}}, "exclude: customization_types: 'FT' is none of FINE_TUNING", 'FT'),
    ({'include': {'job_names': ['']}}, 'include: job_names: must hold no empty pattern', "''"),
    ({'include': {'tags': [':x']}}, "include: tags: ':x' has no key", "':x'"),
    ({'include': {'tags': ['team']}}, "include: tags: 'team' has no colon", 'team'),
    (
        {'include': {'job_names': ['a']}, 'exclude': {'job_names': ['a']}},
        "'a' is in job_names of both include and exclude",
        '',
    ),
    ({'job_tags_include': [' ']}, 'job_tags_include: must hold no empty pattern', "' '"),
    ({'job_tags_include': ['a'], 'job_tags_exclude': ['a']}, 'job_tags_include and job_tags_exclude', ''),
    ({'tags': 'team:x'}, 'tags: must be a list', "'team:x'"),
    (
        {'collect_artifacts': True, 'artifact_buckets': ['s3://example/x']},
        "artifact_buckets: 's3://example/x' is not the name of a bucket",
        's3://example/x',
    ),
    ({'collect_artifacts': True, 'artifact_buckets': []}, 'artifact_buckets: must name at least one bucket', '[]'),
    ({'collect_artifacts': True, 'artifact_buckets': ['']}, 'artifact_buckets: must hold no empty pattern', "''"),
    ({'collect_artifacts': False, 'artifact_buckets': ['a']}, 'artifact_buckets is only used with', ''),
    ({'max_artifact_size': 10}, 'max_artifact_size: must be from 1024', '10'),
    ({'artifact_refresh_interval': 5}, 'artifact_refresh_interval: must be from 60', '5'),
    (
        {'regions': ['us-east-1'], 'assume_role': ROLE.replace('aws', 'aws-cn')},
        'assume_role is of the partition aws-cn',
        '',
    ),
    ({'regions': ['us-gov-west-1'], 'assume_role': ROLE}, 'the Region us-gov-west-1 of aws-us-gov', ''),
    (
        {'regions': ['us-east-1', 'cn-north-1']},
        'regions: must be Regions of one partition, as credentials are: us-east-1 of aws, cn-north-1 of aws-cn',
        'cn-north-1',
    ),
    ({'assume_role': ROLE.replace('aws', 'aws-foo')}, "assume_role: must be a role's ARN", 'aws-foo'),
    ({'tls_ca_cert': ''}, 'tls_ca_cert: must be the path of a file', "''"),
    ({'tls_ca_cert': '/nonexistent/ca.pem'}, 'there is no such file on this machine', '/nonexistent/ca.pem'),
    ({'endpoint_url': 'http://a b'}, 'endpoint_url: must be a URL', 'a b'),
    ({'endpoint_url': 'http://a/?x=1'}, 'endpoint_url: must be a URL such as https://example.com:8443, without', '?x'),
    ({'endpoint_url': 'http://a/#x'}, 'without blanks, ? and #', '#x'),
    ({'endpoint_urls': {'bedrock': 'http://a'}}, 'endpoint_urls: must be a list', 'http://a'),
    ({'endpoint_urls': [{'service': 'bedrock'}]}, 'endpoint_urls: every entry must have a url', 'bedrock'),
    ({'endpoint_urls': [{'service': 'ec2', 'url': 'http://a'}]}, "service 'ec2' is none of bedrock, tagging", 'ec2'),
    ({'endpoint_urls': [{'region': 'x', 'url': 'http://a'}]}, "'x' is not the code of a Region", "'x'"),
    ({'endpoint_urls': [{'url': 'http://a'}]}, 'must name a service, a region or both', 'http://a'),
    ({'endpoint_urls': [{'service': 's3', 'url': 'a'}]}, 'endpoint_urls: must be a URL', 's3'),
    ({'endpoint_urls': [{'service': 's3', 'urls': 'a'}]}, "'urls' is none of service, region, url", 's3'),
    ({'endpoint_urls': [{'service': 's3', 'url': 'http://a'}] * 2}, 's3 in every Region is given twice', 's3'),
    ({'include': {'job_names': ['[']}}, "include: job_names: '[' has a [ without its ]", "'['"),
    ({'job_tags_include': ['a[b']}, "job_tags_include: 'a[b' has a [ without its ]", 'a[b'),
    ({'exclude': {'job_names': ['*']}}, "exclude: job_names: '*' leaves out every job", "'*'"),
    ({'exclude': {'base_models': ['**']}}, "exclude: base_models: '*' leaves out every job", "'**'"),
    (
        {'exclude': {'statuses': ['InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped']}},
        'exclude: statuses: all of them leave out every job',
        'Stopped',
    ),
    ({'min_collection_interval': -5}, 'min_collection_interval: must be from 1 to 86400', '-5'),
    ({'metric_patterns': {'include': ['job[']}}, "metric_patterns: include: 'job[' is no regular expression", 'job['),
    ({'role_arn': ROLE}, 'role_arn: there is no such option; a role to assume is named by assume_role', ''),
    ({'iam_role': 'x'}, 'iam_role: there is no such option; a role to assume is named by assume_role', ''),
    ({'profile': 'x'}, 'profile: there is no such option; give the Agent an instance role', ''),
    ({'aws_access_key_id': 'x'}, 'aws_access_key_id: there is no such option; give the Agent an instance role', ''),
    ({'awsSecretAccessKey': 'pass@'}, 'awsSecretAccessKey: there is no such option', ''),
]


@pytest.mark.parametrize(('instance', 'message', 'given'), MISTAKES, ids=[message for _, message, _ in MISTAKES])
def test_a_mistake_is_explained(instance: dict[str, Any], message: str, given: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        validate(instance, {})
    assert message in str(raised.value)
    assert given in str(raised.value)
    assert 'pass@' not in str(raised.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        validate({'max_attempts': 0, 'regions': []}, {'proxy': {'http': 'x'}})
    assert [line.partition(':')[0] for line in str(raised.value).splitlines()] == [
        'init_config.proxy',
        'max_attempts',
        'regions',
    ]


@pytest.mark.parametrize(
    'instance',
    [
        {},
        *({'regions': [region]} for region in ('us-gov-west-1', 'eusc-de-east-1', 'us-isob-east-1', 'ap-southeast-7')),
        {'regions': ['us-east-1', 'zz-nowhere-1']},
        {
            'regions': ['us-gov-west-1', 'us-gov-east-1'],
            'assume_role': 'arn:aws-us-gov:iam::123456789012:role/path/Datadog',
            'external_id': 'abc',
        },
        {'include': {'job_names': ['[ab]*', '[]]'], 'base_models': ['*']}, 'exclude': {'statuses': ['Failed']}},
        {'metric_patterns': {'include': ['job\\..*']}},
        {'events': [], 'events_since': 18, 'lookback_hours': 24.0, 'max_attempts': '3'},
        {'tags': ['env:prod'], 'service': 'x', 'min_collection_interval': 300},
        {'a_key_of_the_agent': 1},
    ],
)
def test_what_is_allowed(instance: dict[str, Any]) -> None:
    validate(instance, {})


@pytest.mark.parametrize(
    ('instance', 'init_config', 'doubt'),
    [
        ({'region': ['us-east-1']}, {}, 'region: there is no such option, it has no effect; did you mean regions?'),
        ({'xyzzy': 1}, {}, 'xyzzy: there is no such option, it has no effect'),
        ({}, {'proxi': {}}, 'init_config.proxi: there is no such option, it has no effect; did you mean proxy?'),
        (
            {'min_collection_interval': 30, 'collection_timeout': 45},
            {},
            'collection_timeout: 45 is not below min_collection_interval, 30: polls may come late',
        ),
        (
            {'collection_timeout': 20},
            {},
            'collection_timeout: 20 is not below min_collection_interval, 15: polls may come late',
        ),
        (
            {'regions': ['us-east-9']},
            {},
            'regions: us-east-9 is not a Region that the botocore of this Agent knows',
        ),
        (
            {'tags': ['Status:gold']},
            {},
            'tags: status is a tag that the check sets itself: what has it would have two values',
        ),
    ],
)
def test_what_is_hardly_meant(instance: dict[str, Any], init_config: dict[str, Any], doubt: str) -> None:
    validate(instance, init_config)
    assert suspicious_options(instance, init_config) == [doubt]


def test_no_doubts_about_what_the_agent_adds() -> None:
    instance = {'regions': ['us-east-1'], 'min_collection_interval': 60, 'tags': ['a:b'], 'service': 'x'}
    assert (
        suspicious_options(
            instance | {'empty_default_hostname': True, 'no_index': False, '_key': 1}, {'loader': 'core'}
        )
        == []
    )


def test_what_aws_adds_is_added_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    new = {'include': {'customization_types': ['UNLEARNING'], 'statuses': ['Paused']}, 'events': ['paused']}
    with pytest.raises(ConfigurationError):
        validate(new, {})
    with monkeypatch.context() as patch:
        patch.setattr(vocabulary, 'CUSTOMIZATION_TYPES', {**vocabulary.CUSTOMIZATION_TYPES, 'UNLEARNING': 'unlearning'})
        patch.setattr(vocabulary, 'KNOWN_STATUSES', (*vocabulary.KNOWN_STATUSES, 'Paused'))
        patch.setattr(transitions, 'KINDS', (*transitions.KINDS, 'paused'))
        reload(validators)

        validate(new, {})
    reload(validators)


def test_the_models_cannot_be_changed() -> None:
    config = InstanceConfig.model_validate({}, context={'configured_fields': frozenset()})
    with pytest.raises(ValidationError):
        config.regions = ()


def settings(instance: dict[str, Any], init_config: dict[str, Any] | None = None) -> Settings:
    check = BedrockModelCustomizationCheck('bedrock_model_customization', init_config or {}, [instance])
    for initialise in list(check.check_initializations):
        initialise()
    return check.settings


@pytest.mark.parametrize(
    ('instance', 'seconds'),
    [
        ({}, 11.25),
        ({'min_collection_interval': 60}, 45),
        ({'min_collection_interval': 300}, 45),
        ({'collection_timeout': 7}, 7),
    ],
)
def test_a_poll_ends_before_the_next_one_begins(
    instance: dict[str, Any], seconds: float, aws_environment: None
) -> None:
    assert settings(instance).collection_timeout.total_seconds() == seconds


def test_a_model_may_be_named_by_its_arn(aws_environment: None) -> None:
    models = ['arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-*', 'meta.*']
    assert settings({'include': {'base_models': models}}).job_filter.include.base_models == ('amazon.nova-*', 'meta.*')


def test_urls_of_services_and_regions(aws_environment: None) -> None:
    urls = [
        {'service': 'bedrock', 'region': 'us-east-1', 'url': 'https://b1'},
        {'service': 'bedrock', 'url': 'https://b'},
        {'region': 'us-west-2', 'url': 'https://w'},
        {'service': 'tagging', 'region': 'us-east-1', 'url': 'https://t1'},
    ]
    aws = settings({'endpoint_urls': urls, 'endpoint_url': 'https://all'}).aws
    assert aws.endpoint('bedrock', 'us-east-1') == 'https://b1'
    assert aws.endpoint('bedrock', 'us-west-2') == 'https://b'
    assert aws.endpoint('s3', 'us-west-2') == 'https://w'
    assert aws.endpoint('resourcegroupstaggingapi', 'us-east-1') == 'https://t1'
    assert aws.endpoint('sts', 'us-east-1') == 'https://all'


def test_defaults(aws_environment: None) -> None:
    made = settings({})
    assert made.regions == ('us-east-1', 'us-west-2')
    assert made.events == {'created', 'stopping', 'completed', 'failed', 'stopped', 'unknown_status'}
    assert (made.aws.retry_mode, made.aws.max_attempts, made.aws.proxies) == ('adaptive', 10, None)
    assert (made.aws.assume_role, made.aws.endpoint_url, made.aws.tls_ca_cert) == (None, None, None)
    assert (made.tagger.tag_filter.include, made.tagger.tag_filter.exclude) == (('*',), ('aws:*',))
    assert made.artifacts is None


def test_which_files_may_be_read(aws_environment: None) -> None:
    assert settings({'collect_artifacts': True}).artifacts == ArtifactSettings()
    options = {'artifact_buckets': ['example-*'], 'max_artifact_size': 4096, 'artifact_refresh_interval': 300}
    made = settings({'collect_artifacts': True, **options})
    assert made.artifacts == ArtifactSettings(('example-*',), 4096, timedelta(minutes=5))


@pytest.mark.parametrize(
    ('instance', 'init_config', 'agent', 'proxies'),
    [
        (
            {'proxy': {'https': 'http://a'}},
            {'proxy': {'https': 'http://b'}},
            {'https': 'http://c'},
            {'https': 'http://a'},
        ),
        ({}, {'proxy': {'https': 'http://b'}}, {'https': 'http://c'}, {'https': 'http://b'}),
        ({}, {}, {'https': 'http://c', 'http': '', 'no_proxy': []}, {'https': 'http://c'}),
        ({}, {}, {}, None),
        ({'skip_proxy': True}, {'proxy': {'https': 'http://b'}}, {'https': 'http://c'}, {}),
    ],
)
def test_which_proxy(
    instance: dict[str, Any],
    init_config: dict[str, Any],
    agent: dict[str, Any],
    proxies: dict[str, str] | None,
    strict_agent: StrictAgent,
    aws_environment: None,
) -> None:
    strict_agent.config['proxy'] = agent
    assert settings(instance, init_config).aws.proxies == proxies


def test_hosts_to_reach_directly(aws_environment: None) -> None:
    made = settings({'proxy': {'https': 'http://a', 'no_proxy': ['.amazonaws.com']}})
    assert made.aws.bypass_proxy is not None
    assert made.aws.bypass_proxy('https://bedrock.us-east-1.amazonaws.com')
    assert not made.aws.bypass_proxy('https://example.com')


def test_the_state_belongs_to_the_instance() -> None:
    one = {'assume_role': ROLE, 'tags': ['a:b'], 'regions': ['us-east-1'], 'lookback_hours': 5}
    assert instance_id(one) == instance_id({**one, 'regions': ['us-west-2'], 'events': [], 'external_id': 'x'})
    assert instance_id({**one, 'name': 'prod'}) == instance_id({'name': 'prod'})
    different = [
        {},
        {'name': 'prod'},
        {'assume_role': ROLE},
        {'endpoint_url': ROLE},
        {'include': {'job_names': ['a']}},
        {'exclude': {'job_names': ['a']}},
        {'tags': ['a:b']},
    ]
    assert len({instance_id(instance) for instance in different}) == len(different)


def test_the_example_is_one_and_is_valid() -> None:
    top = (ROOT / 'conf.yaml.example').read_text()
    packaged = ROOT / 'datadog_checks' / 'bedrock_model_customization' / 'data' / 'conf.yaml.example'
    assert top == packaged.read_text()
    document = yaml.safe_load(top)
    (instance,) = document['instances']
    assert instance == {'regions': ['us-east-1', 'us-west-2'], 'min_collection_interval': 60}
    validate(instance, document['init_config'] or {})


def test_what_is_hardly_meant_is_logged_once(caplog: pytest.LogCaptureFixture, aws_environment: None) -> None:
    settings({'region': ['us-east-1'], 'min_collection_interval': 30, 'collection_timeout': 30})
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if 'did you mean regions?' in text]) == 1
    assert len([text for text in told if 'is not below min_collection_interval' in text]) == 1
