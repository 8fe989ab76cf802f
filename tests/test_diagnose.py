"""`agent diagnose` and `agent status`: what does not work is named once, in plain words, with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from datadog_checks.base.utils.diagnose import Diagnosis

from bedrock_jobs.simulator import (
    AccessDenied,
    Clock,
    ExpiredCredentials,
    Fault,
    Hang,
    RawBody,
    ServerError,
    ServiceError,
    Simulator,
    Throttle,
    Unreachable,
    completes,
)
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.aws.advice import remedy
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.aws.session import AwsSettings, default_session
from datadog_checks.bedrock_model_customization.aws.trials import with_little_patience

from .harness import MINUTE, T0

NAME: Final = 'bedrock_model_customization'
REGIONS: Final = ['us-east-1', 'us-west-2']
OPERATIONS: Final = (
    'ListModelCustomizationJobs',
    'GetModelCustomizationJob',
    'GetResources',
    'ListTagsForResource',
)


class Raw(BytesIO):
    """A body as urllib3 gives it to botocore."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def simulator(aws_environment: None) -> Iterator[Simulator]:
    with Simulator(Clock.manual(T0)) as made:
        made.add_job('us-east-1', name='job', timeline=completes(T0 - timedelta(hours=1)))
        yield made


def make(simulator: Simulator, **options: Any) -> BedrockModelCustomizationCheck:
    instance = {'endpoint_url': simulator.endpoint_url, 'regions': REGIONS, 'max_attempts': 1} | options
    check = BedrockModelCustomizationCheck(NAME, {}, [instance])
    check.check_id = f'{NAME}:diagnose'
    check.clock = simulator.clock.now
    return check


def diagnose(check: BedrockModelCustomizationCheck) -> list[dict[str, Any]]:
    """What the Agent is told, as JSON, without what works."""
    told: list[dict[str, Any]] = json.loads(check.get_diagnoses())
    return [one for one in told if one['result'] != Diagnosis.DIAGNOSIS_SUCCESS]


def test_what_works_is_said_too(simulator: Simulator) -> None:
    told = json.loads(make(simulator).get_diagnoses())
    assert {one['result'] for one in told} == {Diagnosis.DIAGNOSIS_SUCCESS}
    assert [one['name'] for one in told] == [
        'GetCallerIdentity',
        *(f'{operation} in {region}' for region in REGIONS for operation in OPERATIONS),
    ]
    assert [one['diagnosis'] for one in told[:2]] == [
        'GetCallerIdentity: account 123456789012',
        'ListModelCustomizationJobs in us-east-1: 1 jobs',
    ]
    # us-west-2 has no job: the permission is tried on one that does not exist.
    assert 'allowed (tried on a job that does not exist)' in told[6]['diagnosis']


@pytest.mark.parametrize('operation', OPERATIONS)
def test_a_missing_permission_is_named(simulator: Simulator, operation: str) -> None:
    simulator.faults.add(AccessDenied(operation=operation, region='us-west-2'))
    (told,) = diagnose(make(simulator))
    is_listing = operation == 'ListModelCustomizationJobs'
    assert told['result'] == (Diagnosis.DIAGNOSIS_FAIL if is_listing else Diagnosis.DIAGNOSIS_WARNING)
    assert told['name'] == f'{operation} in us-west-2'
    assert told['diagnosis'].startswith(f'AWS refuses {operation} in us-west-2 (AccessDeniedException): ')
    action = 'tag:GetResources' if operation == 'GetResources' else f'bedrock:{operation}'
    assert told['remediation'] == f'allow the IAM action {action}'
    assert operation in told['rawerror']
    assert told['description'] and told['category'] == 'AWS'


def test_a_region_that_cannot_be_reached_leaves_the_other(simulator: Simulator) -> None:
    simulator.faults.add(Unreachable(region='us-west-2'))
    (told,) = diagnose(make(simulator))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'].startswith('AWS cannot be reached for ListModelCustomizationJobs in us-west-2 (')
    assert "check the Region's name" in told['remediation']


def test_a_region_that_does_not_exist(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing of it is asked of the network: the name of the Region's endpoint cannot be resolved.
    monkeypatch.setenv('AWS_ENDPOINT_URL_STS', simulator.endpoint_url)
    check = make(simulator, regions=['us-nowhere-1'], endpoint_url=None, connect_timeout=1, skip_proxy=True)
    check.instance.pop('endpoint_url')
    (told,) = [one for one in diagnose(check) if 'ListModel' in one['name']]
    assert 'AWS cannot be reached for ListModelCustomizationJobs in us-nowhere-1' in told['diagnosis']


def test_expired_credentials(simulator: Simulator) -> None:
    simulator.faults.add(ExpiredCredentials())
    (told,) = diagnose(make(simulator))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['name'] == 'GetCallerIdentity'
    assert told['diagnosis'] == (
        'AWS does not accept the credentials for GetCallerIdentity (ExpiredToken): nothing is collected'
    )
    assert 'they have expired; renew them' in told['remediation']


def test_a_clock_that_is_wrong(simulator: Simulator) -> None:
    simulator.faults.add(ServiceError(code='InvalidSignatureException', message='Signature expired', status=403))
    (told,) = diagnose(make(simulator))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'].endswith('(InvalidSignatureException): nothing is collected')
    assert 'the clock of its host' in told['remediation']


def test_no_credentials(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('AWS_ACCESS_KEY_ID')
    (told,) = diagnose(make(simulator))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'] == 'there are no credentials to use (NoCredentialsError): nothing is collected'
    assert 'none were found' in told['remediation']


SSO: Final = """[default]
sso_session = example
sso_account_id = 123456789012
sso_role_name = Example
[sso-session example]
sso_region = us-east-1
sso_start_url = https://example.com/start
"""


@pytest.mark.parametrize(
    ('configuration', 'variables', 'code', 'words'),
    [
        ('', {'AWS_PROFILE': 'nobody'}, 'ProfileNotFound', 'let AWS_PROFILE name a profile'),
        ('[default]\nno equals sign\n[', {}, 'ConfigParseError', 'correct the AWS configuration'),
        ('[default]\ncredential_process = echo {', {}, 'JSONDecodeError', 'correct credential_process'),
        ('[default]\ncredential_process = echo []', {}, 'AttributeError', "check the Agent's AWS credentials"),
        ('[default]\ncredential_process = false', {}, 'CredentialRetrievalError', 'which answered so'),
        ('[default]\ncredential_process = /nonexistent', {}, 'FileNotFoundError', 'the file exists'),
        (SSO, {}, 'SSOTokenLoadError', 'sign in anew'),
        ('', {'AWS_WEB_IDENTITY_TOKEN_FILE': '/nonexistent'}, 'FileNotFoundError', 'the token of IRSA'),
        ('', {'AWS_WEB_IDENTITY_TOKEN_FILE': '/x', 'AWS_ROLE_ARN': ''}, 'InvalidConfigError', 'correct the AWS'),
    ],
)
@pytest.mark.parametrize('with_role', [False, True])
def test_credentials_that_cannot_be_had_are_told_once(
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    configuration: str,
    variables: dict[str, str],
    code: str,
    words: str,
    with_role: bool,
) -> None:
    (tmp_path / 'config').write_text(configuration)
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'):
        monkeypatch.delenv(name)
    role = 'arn:aws:iam::123456789012:role/Example'
    for name, value in ({'AWS_CONFIG_FILE': str(tmp_path / 'config'), 'AWS_ROLE_ARN': role} | variables).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv('HOME', str(tmp_path))
    default_session.cache_clear()
    (told,) = diagnose(make(simulator, **({'assume_role': role} if with_role else {})))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'] == f'there are no credentials to use ({code}): nothing is collected'
    assert words in told['remediation']


def test_a_role_of_irsa_that_does_not_trust_the_agent(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / 'token').write_text('web-identity-token-example')
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'):
        monkeypatch.delenv(name)
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(tmp_path / 'token'))
    monkeypatch.setenv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/Example')
    default_session.cache_clear()

    def refuse(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        error = b'<Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error>'
        return AWSResponse(request.url, 403, {}, Raw(b'<ErrorResponse>' + error + b'</ErrorResponse>'))

    events = default_session('us-east-1').get_component('event_emitter')
    events.register('before-send.sts.AssumeRoleWithWebIdentity', refuse)
    (told,) = diagnose(make(simulator))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'].endswith('AssumeRoleWithWebIdentity (AccessDenied): nothing is collected')
    assert 'check IRSA: the role in AWS_ROLE_ARN' in told['remediation']
    assert 'web-identity-token-example' not in json.dumps(told)


@pytest.mark.parametrize(
    'fault',
    [
        AccessDenied(operation='GetCallerIdentity'),
        ServerError(operation='GetCallerIdentity', status=503),
        ServiceError(operation='GetCallerIdentity', code='Throttling', status=400),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_an_sts_that_does_not_answer_stops_no_trial_of_a_region(simulator: Simulator, fault: Fault) -> None:
    simulator.faults.add(replace(fault))
    told = json.loads(make(simulator).get_diagnoses())
    assert {one['name'] for one in told} >= {f'ListModelCustomizationJobs in {region}' for region in REGIONS}
    (first, *others) = [one for one in told if one['result'] != Diagnosis.DIAGNOSIS_SUCCESS]
    assert (first['name'], first['result'], others) == ('GetCallerIdentity', Diagnosis.DIAGNOSIS_WARNING, [])
    assert first['diagnosis'].endswith('the account is taken to be the one polled before, or that of its jobs')


def test_an_sts_that_does_not_answer_ends_the_trials_of_a_role(simulator: Simulator) -> None:
    role = simulator.account('210987654321').add_role('Example')
    simulator.faults.add(ServerError(operation='AssumeRole', status=503))
    (told,) = diagnose(make(simulator, assume_role=role))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'].endswith('nothing is collected from this account')


def test_a_proxy_that_answers_in_the_place_of_aws(simulator: Simulator) -> None:
    simulator.faults.add(RawBody(status=403, body=b'<html>blocked</html>'))
    told = diagnose(make(simulator))
    results = [(one['name'], one['result']) for one in told]
    assert results == [
        ('GetCallerIdentity', Diagnosis.DIAGNOSIS_WARNING),
        *((f'ListModelCustomizationJobs in {region}', Diagnosis.DIAGNOSIS_FAIL) for region in REGIONS),
    ]
    for one in told:
        assert 'most often a proxy' in one['remediation'] and 'IAM' not in one['remediation']


def test_a_role_that_does_not_trust_us(simulator: Simulator) -> None:
    role = simulator.account('210987654321').add_role('Strict', external_id='right')
    (told,) = diagnose(make(simulator, assume_role=role, external_id='wrong'))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'] == 'AWS refuses AssumeRole (AccessDenied): nothing is collected from this account'
    assert 'allow the IAM action sts:AssumeRole' in told['remediation']


def test_without_sts_the_jobs_are_still_tried(simulator: Simulator) -> None:
    simulator.faults.add(Unreachable(operation='GetCallerIdentity'))
    (told,) = diagnose(make(simulator))
    assert told['result'] == Diagnosis.DIAGNOSIS_WARNING
    assert told['name'] == 'GetCallerIdentity'


def test_it_ends_in_time(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f'datadog_checks.{NAME}.check.MAX_DIAGNOSIS_SECONDS', 0)
    (told,) = diagnose(make(simulator))
    assert told['result'] == Diagnosis.DIAGNOSIS_FAIL
    assert told['diagnosis'].startswith('there was no answer in time for credentials')
    assert 'credential_process' in told['remediation']
    assert len(simulator.requests) == 0


def test_a_hanging_region_costs_seconds(simulator: Simulator) -> None:
    simulator.faults.add(Hang(region='us-west-2'))
    (told,) = diagnose(make(simulator, read_timeout=0.2))
    assert 'us-west-2' in told['diagnosis']


def test_patience_is_only_ever_less() -> None:
    given = AwsSettings(connect_timeout=1, read_timeout=2, max_attempts=1)
    assert (
        with_little_patience(given).connect_timeout,
        with_little_patience(given).read_timeout,
        with_little_patience(given).max_attempts,
    ) == (1, 2, 1)
    assert with_little_patience(AwsSettings(read_timeout=300)).read_timeout == 10


def test_a_mistake_in_the_configuration(simulator: Simulator) -> None:
    (told,) = diagnose(make(simulator, regions='us-east-1'))
    assert told['name'] == 'configuration'
    assert 'regions: must be a list' in told['diagnosis']


def test_a_diagnosis_does_not_disturb_the_poll(simulator: Simulator, aggregator: Any, dd_run_check: Any) -> None:
    check = make(simulator)
    dd_run_check(check, cancel=False)
    check.cancel()
    # A cancelled check can still be diagnosed: its guard is not that of the trials.
    assert diagnose(check) == []
    submitted = len(aggregator.metrics(f'{NAME}.api.requests'))
    assert diagnose(check) == []
    assert len(aggregator.metrics(f'{NAME}.api.requests')) == submitted


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        (AccessDenied(operation='ListModelCustomizationJobs'), 'allow the IAM action bedrock:ListModelCustomization'),
        (AccessDenied(operation='GetModelCustomizationJob'), 'allow the IAM action bedrock:GetModelCustomizationJob'),
        (ExpiredCredentials(operation='ListModelCustomizationJobs'), 'they have expired'),
        (Unreachable(operation='ListModelCustomizationJobs'), "check the Region's name"),
        (Throttle(operation='ListModelCustomizationJobs'), 'AWS throttles'),
    ],
)
def test_a_warning_of_agent_status_is_there_once_for_each_region(
    simulator: Simulator, dd_run_check: Any, fault: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.add_job('us-west-2', name='job', timeline=completes(T0 - timedelta(hours=1)))
    simulator.add_job('us-west-2', name='another', timeline=completes(T0 - timedelta(hours=1)))
    check = make(simulator)
    simulator.faults.add(fault)
    for _ in range(3):
        dd_run_check(check, cancel=False)
        warnings = check.get_warnings()
        assert sorted(text.partition(':')[0].split()[-1] for text in warnings if words in text) == REGIONS
        assert len(set(warnings)) == len(warnings)
        simulator.clock.advance(MINUTE)
    logged = [record for record in caplog.records if words in record.getMessage()]
    assert len(logged) == len(REGIONS)


@pytest.mark.parametrize(
    ('code', 'message', 'words'),
    [
        (
            'AccessDeniedException',
            'no identity-based policy allows it',
            'allow the IAM action bedrock:ListModelCustomi',
        ),
        ('AccessDeniedException', 'with an explicit deny in a service control policy', 'in the service control policy'),
        ('AccessDeniedException', 'because no permissions boundary allows it', 'in the permissions boundary'),
        ('AccessDeniedException', 'with an explicit deny in an identity-based policy', 'denies it explicitly'),
        ('OptInRequired', 'You are not subscribed to this service', 'enable the Region for the account'),
        ('RequestTimeTooSkewed', 'too skewed', 'the clock of its host'),
        ('UnrecognizedClientException', 'The security token included in the request is invalid', 'does not know them'),
    ],
)
def test_the_remedy_goes_by_what_aws_says(code: str, message: str, words: str) -> None:
    credentials = code in ('RequestTimeTooSkewed', 'UnrecognizedClientException')
    kind = Kind.CREDENTIALS if credentials else Kind.DENIED
    assert words in str(remedy(AwsError(kind, 'ListModelCustomizationJobs', code, message)))
