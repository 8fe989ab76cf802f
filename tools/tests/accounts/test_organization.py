"""From AWS Organizations to the jobs of every account: generated, loaded as the Agent does, polled through roles."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import pytest
import yaml
from datadog_checks.base.stubs import aggregator as stub
from typer.testing import Result

from bedrock_jobs import conf_yaml
from bedrock_jobs.accounts.reading import read_file
from bedrock_jobs.simulator import (
    AccessDenied,
    ExpiredCredentials,
    MalformedJson,
    Simulator,
    Throttle,
    Unreachable,
    completes,
    fails,
)
from datadog_checks.bedrock_model_customization.aws import session
from datadog_checks.bedrock_model_customization.check import BedrockModelCustomizationCheck
from tests.harness import T0

from .conftest import EXTERNAL_ID, ROLE, UNITS, populate

REGIONS: Final = ('us-east-1', 'us-west-2')
NAMESPACE: Final = 'bedrock_model_customization.'


def asked(simulator: Simulator) -> list[object]:
    return ['generate', '--organization', '--endpoint-url', simulator.endpoint_url, '--external-id', EXTERNAL_ID]


def fill(simulator: Simulator, ids: list[str]) -> None:
    """One job in each account and Region, which tells by its name where it is; half of them failed."""
    for account_id in ids:
        for region in REGIONS:
            timeline = (fails if region == REGIONS[0] else completes)(T0 - timedelta(hours=2))
            simulator.add_job(region, name=f'job-{account_id}-{region}', timeline=timeline, account=account_id)


def checks(paths: list[Path], simulator: Simulator) -> Iterator[BedrockModelCustomizationCheck]:
    for path in paths:
        for number, check in enumerate(conf_yaml.checks(conf_yaml.read(path)), start=1):
            check.check_id = f'bedrock_model_customization:{path.stem}:{number}'
            check.clock = simulator.clock.now
            yield check


def poll(simulator: Simulator, paths: list[Path]) -> set[tuple[str, str, str]]:
    """Poll every instance of the files once; return the account, Region and name of each job that was seen."""
    stub.reset()
    for check in checks(paths, simulator):
        assert check.run() == ''
        assert check.get_warnings() == []
        check.cancel()
    return {tags(metric.tags) for metric in stub.metrics(f'{NAMESPACE}job.duration')}


def tags(values: list[str]) -> tuple[str, str, str]:
    found = dict(value.split(':', 1) for value in values)
    return found['aws_account'], found['region'], found['job_name']


def generate_and_poll(simulator: Simulator, run: Callable[..., Result], folder: Path, number: int, pieces: int) -> None:
    ids = populate(simulator, number)
    fill(simulator, ids)
    output = folder / 'conf.yaml'
    endpoint = f'endpoint_url={simulator.endpoint_url}'
    started = perf_counter()
    done = run(*asked(simulator), '--pieces', pieces, '-o', output, '--set', endpoint, '--set', 'max_attempts=2')
    generated = perf_counter() - started
    assert done.exit_code == 0, done.output
    assert f'{number} accounts (2 that are not active are left out), {2 * number} scopes' in done.stderr
    paths = sorted(folder.glob('*.yaml'))
    assert len(paths) == pieces
    simulator.requests.reset()
    started = perf_counter()
    seen = poll(simulator, paths)
    polled = perf_counter() - started
    assert seen == {(one, region, f'job-{one}-{region}') for one in ids for region in REGIONS}
    assert simulator.requests.count('AssumeRole') == number
    print(f'{number} accounts: generated in {generated:.1f} s, loaded and polled in {polled:.1f} s')


def test_every_job_of_fifty_accounts_is_seen(simulator: Simulator, run: Callable[..., Result], tmp_path: Path) -> None:
    generate_and_poll(simulator, run, tmp_path, 50, pieces=3)


@pytest.mark.slow
def test_every_job_of_a_thousand_accounts_is_seen(
    simulator: Simulator, run: Callable[..., Result], tmp_path: Path
) -> None:
    generate_and_poll(simulator, run, tmp_path, 1000, pieces=8)


def test_only_active_accounts_in_the_order_of_their_ids(simulator: Simulator, run: Callable[..., Result]) -> None:
    ids = populate(simulator, 45)
    done = run(*asked(simulator))
    (found,) = read_file(done.stdout).confs
    roles = [instance['assume_role'] for instance in found.document['instances']]
    assert roles == [f'arn:aws:iam::{one}:role/{ROLE}' for one in sorted(ids)]
    assert run(*asked(simulator)).stdout == done.stdout
    # 45 accounts and 2 more, 20 a page.
    assert simulator.requests.count('ListAccounts') == 6
    assert {request.operation for request in simulator.requests} == {'GetCallerIdentity', 'ListAccounts'}


def test_an_older_endpoint_that_knows_only_status(
    simulator: Simulator, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(simulator, 3)
    with_state = simulator.organization._account

    def with_status(*arguments: Any) -> dict[str, Any]:
        account = with_state(*arguments)
        return account | {'Status': account.pop('State')}

    monkeypatch.setattr(simulator.organization, '_account', with_status)
    assert '3 accounts (2 that are not active' in run(*asked(simulator)).stderr


def test_an_organizational_unit(simulator: Simulator, run: Callable[..., Result]) -> None:
    populate(simulator, 10)
    done = run(*asked(simulator), '--include', UNITS[0], '--exclude', 'team-0000', '--name-tag', 'account_name')
    (found,) = read_file(done.stdout).confs
    names = [instance['tags'][0] for instance in found.document['instances']]
    assert sorted(names) == [f'account_name:team-{number:04}' for number in (2, 4, 6, 8)]
    simulator.organization.shows_paths = False
    refused = run(*asked(simulator), '--include', UNITS[0])
    assert refused.exit_code == 1
    assert 'the organizational units of account' in refused.stderr


def test_the_partition_is_the_callers(
    simulator: Simulator, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(simulator, 1)
    from bedrock_jobs.accounts import organization

    caller = organization.Caller('123456789012', 'aws-us-gov')
    monkeypatch.setattr(organization.Organization, 'caller', lambda _: caller)
    done = run(*asked(simulator), '-r', 'us-gov-west-1')
    assert 'arn:aws-us-gov:iam::' in done.stdout
    wrong = run(*asked(simulator))
    assert wrong.exit_code == 1
    assert 'assume_role is of the partition aws-us-gov' in wrong.stderr


def test_a_role_to_list_the_accounts_with(simulator: Simulator, run: Callable[..., Result]) -> None:
    ids = populate(simulator, 3)
    role = simulator.account(ids[0]).add_role('Lister')
    refused = run(*asked(simulator), '--organization-role', role)
    assert refused.exit_code == 1
    assert 'organizations:ListAccounts' in refused.stderr
    assert 'management account' in refused.stderr
    unknown = run(*asked(simulator), '--organization-role', role.replace('Lister', 'Nobody'))
    assert unknown.exit_code == 1
    assert 'allow yourself sts:AssumeRole, and let the trust policy of --organization-role name you' in unknown.stderr
    simulator.organization.delegated.add(ids[0])
    assert run(*asked(simulator), '--organization-role', role).exit_code == 0


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        (AccessDenied(operation='ListAccounts'), 'allow the IAM action organizations:ListAccounts'),
        (ExpiredCredentials(operation='GetCallerIdentity'), 'your AWS credentials have expired: sign in again'),
        (Throttle(operation='ListAccounts', skip=1), 'try again in a minute'),
        (Unreachable(operation='ListAccounts', skip=1), 'check the network'),
        (MalformedJson(operation='ListAccounts', skip=1), 'ListAccounts'),
    ],
)
def test_an_organization_that_cannot_be_listed_to_its_end_gives_nothing(
    simulator: Simulator, run: Callable[..., Result], tmp_path: Path, fault: Any, words: str
) -> None:
    populate(simulator, 45)
    simulator.faults.add(fault)
    done = run(*asked(simulator), '-o', tmp_path / 'conf.yaml')
    assert done.exit_code == 1
    assert words in done.stderr
    assert 'Traceback' not in done.output
    # A person reads it, who is no Agent and polls nothing.
    assert not any(word in done.stderr for word in ('Agent', 'poll', 'meanwhile', 'instance'))
    assert list(tmp_path.iterdir()) == []


def test_without_credentials(
    simulator: Simulator, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'):
        monkeypatch.delenv(name, raising=False)
    for name in ('AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'):
        monkeypatch.setenv(name, str(tmp_path / 'none'))
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
    session.default_session.cache_clear()
    try:
        done = run(*asked(simulator))
    finally:
        session.default_session.cache_clear()
    assert done.exit_code == 1
    assert 'check your AWS credentials (environment, profile, sign-in)' in done.stderr
    assert 'Agent' not in done.stderr


def test_an_inactive_account_may_be_excluded(simulator: Simulator, run: Callable[..., Result]) -> None:
    populate(simulator, 3)
    done = run(*asked(simulator), '--exclude', '999999999999', '--exclude', 'closing')
    assert done.exit_code == 0
    assert '3 accounts (2 that are not active are left out)' in done.stderr
    assert "'999999999999' is about none" in run(*asked(simulator), '--include', '999999999999').stderr


def test_no_organization(simulator: Simulator, run: Callable[..., Result]) -> None:
    done = run(*asked(simulator))
    assert done.exit_code == 1
    assert 'belong to no organization; give the accounts with --accounts FILE' in done.stderr


@pytest.mark.parametrize('form', ['conf', 'cluster-check', 'configmap', 'helm', 'operator'])
def test_no_credential_is_written(
    simulator: Simulator, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    populate(simulator, 2)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMIK7MDENGexample')
    monkeypatch.setenv('AWS_SESSION_TOKEN', 'FwoGZXIvYXdzEexample')
    done = run(*asked(simulator), '--format', form)
    assert done.exit_code == 0
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'):
        assert os.environ[name] not in done.output
    # The external id is in the instances, as the check needs it, and in no comment.
    assert EXTERNAL_ID not in ''.join(line for line in done.stdout.splitlines() if line.startswith('#'))
    assert not any(simulator.endpoint_url in line for line in done.stdout.splitlines() if not line.startswith('#'))
    assert re.search(r'\d{4}-\d\d-\d\d', done.stdout) is None
    assert json.dumps(list(yaml.safe_load_all(done.stdout)))
