"""An organization in the simulator, and the command that asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from bedrock_jobs.cli.app import build
from bedrock_jobs.simulator import Clock, Simulator
from tests.harness import T0

UNITS: Final = ('ou-sim1-research', 'ou-sim1-products')
EXTERNAL_ID: Final = 'example-external-id'
ROLE: Final = 'DatadogBedrockModelCustomization'


@pytest.fixture
def simulator(aws_environment: None) -> Iterator[Simulator]:
    with Simulator(Clock.manual(T0)) as made:
        yield made


@pytest.fixture
def run(aws_environment: None) -> Callable[..., Result]:
    """Run `bedrock-jobs config` in this process."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(build(), ['config', *map(str, arguments)], env={'COLUMNS': '200'})

    return run


def account_ids(number: int) -> list[str]:
    """Made-up ids, some of which begin with a zero."""
    return [f'{11_111_111_111 * (1 + index % 9) + index:012}' for index in range(number)]


def populate(simulator: Simulator, number: int) -> list[str]:
    """Make an organization of so many active accounts, and two that are not."""
    ids = account_ids(number)
    for index, account_id in enumerate(ids):
        simulator.organization.add(account_id, f'team-{index:04}', units=(UNITS[index % 2],))
        simulator.account(account_id).add_role(ROLE, external_id=EXTERNAL_ID)
    simulator.organization.add('999999999998', 'closing', state='PENDING_CLOSURE')
    simulator.organization.add('999999999999', 'suspended', state='SUSPENDED')
    return ids
