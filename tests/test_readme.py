"""The README tells no command that does not work, and shows the policy that is shipped."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml

from datadog_checks.bedrock_model_customization import __version__
from datadog_checks.bedrock_model_customization.config import validate

from .paths import ROOT

README = (ROOT / 'README.md').read_text(encoding='utf-8')
# Each command, and what runs it. Those of an Agent want one: none can be had where the tests run.
RUN_BY = {
    'make demo': '.ci/run',
    'make test': '.ci/run',
    'make wheel': '.ci/run',
    "pip install '.[cli]'": 'Makefile',
    'bedrock-jobs doctor --config conf.yaml': 'tests/test_cli.py',
    'bedrock-jobs check --config conf.yaml': 'tests/test_cli.py',
}
OF_AN_AGENT = ('sudo -u dd-agent datadog-agent integration install', 'sudo systemctl restart datadog-agent')


def blocks(language: str) -> list[str]:
    return re.findall(rf'```{language}\n(.*?)```', README, flags=re.DOTALL)


def test_every_command_is_run_somewhere() -> None:
    commands = [line for block in blocks('shell') for line in block.splitlines() if line]
    assert [line for line in commands if line not in RUN_BY and not line.startswith(OF_AN_AGENT)] == []
    assert RUN_BY.keys() <= set(commands)
    script = (ROOT / '.ci' / 'run').read_text()
    assert all(f'step {target}' in script for target in ('demo', 'test', 'wheel'))


@pytest.mark.parametrize('command', sorted(set(re.findall(r'`?bedrock-jobs ([a-z]+)', README))))
def test_every_command_of_ours_exists(command: str) -> None:
    module = 'datadog_checks.bedrock_model_customization.cli'
    done = subprocess.run([sys.executable, '-m', module, command, '--help'], capture_output=True, check=False)
    assert done.returncode == 0


def test_the_wheel_has_the_name_that_the_readme_says() -> None:
    assert set(re.findall(r'datadog_bedrock_model_customization-([\d.]+)-py3', README)) == {__version__}


def test_the_policy_is_the_one_that_is_shipped() -> None:
    (policy,) = (json.loads(block) for block in blocks('json'))
    assert policy == json.loads((ROOT / 'assets' / 'iam' / 'read-policy.json').read_text())


def test_the_configurations_are_valid() -> None:
    kubernetes, agent = (yaml.safe_load(block) for block in blocks('yaml'))
    of_cluster = yaml.safe_load(kubernetes['clusterAgent']['confd']['bedrock_model_customization.yaml'])
    assert of_cluster['cluster_check'] is True
    for document in (of_cluster, agent):
        for instance in document['instances']:
            validate(instance, document['init_config'] or {})
    assert len(blocks('yaml')[1].strip().splitlines()) == 4


def test_the_files_that_it_points_to_are_there() -> None:
    for path in [*re.findall(r'\]\(([^)h][^)]*)\)', README), *re.findall(r'src="([^"]+)"', README)]:
        assert (ROOT / path).exists(), path


def test_the_table_of_metrics_is_complete() -> None:
    names = [line.partition(',')[0] for line in (ROOT / 'metadata.csv').read_text().splitlines()[1:]]
    table = README.partition('### Metrics')[2].partition('### Events')[0]
    for name in names:
        last = name.rpartition('.')[2]
        assert f'{name.removeprefix("bedrock_model_customization.")}`' in table or f'.{last}`' in table, name
