"""The README tells no command that does not work, and shows the policy that is shipped."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bedrock_jobs.simulator import Simulator, fails
from datadog_checks.bedrock_model_customization import __version__
from datadog_checks.bedrock_model_customization.config import validate

from .paths import ROOT

README = (ROOT / 'README.md').read_text(encoding='utf-8')
DISTRIBUTION = 'bedrock-jobs'
# Each command, and what runs it. Those of an Agent want one: none can be had where the tests run.
RUN_BY = {
    'make demo': '.ci/run',
    'make test': '.ci/run',
    'make wheel': '.ci/run',
    'python3 -m venv .venv-cli': 'Makefile',
    '. .venv-cli/bin/activate': 'shells',
    'pip install . ./tools': 'Makefile',
    'bedrock-jobs doctor --config conf.yaml': 'test_a_command_runs_with_the_extras_that_are_named',
    'bedrock-jobs check --config conf.yaml': 'test_a_command_runs_with_the_extras_that_are_named',
}
OF_AN_AGENT = ('sudo -u dd-agent datadog-agent integration install', 'sudo systemctl restart datadog-agent')
# Runs a command where nothing can be imported but what the given distributions bring: a new environment with these
# extras, without the time that it takes to make one.
RESTRICTED = """
import json, re, sys
from importlib.metadata import packages_distributions

allowed = set(json.loads(sys.argv.pop(1)))
owners = packages_distributions()

class Others:
    def find_spec(self, name, path=None, target=None):
        found = owners.get(name.partition('.')[0])
        if found and allowed.isdisjoint(re.sub('[-_.]+', '-', one).lower() for one in found):
            raise ModuleNotFoundError(f'{name} comes with none of the extras', name=name)

sys.meta_path.insert(0, Others())
from bedrock_jobs.cli import main
main()
"""


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
    module = 'bedrock_jobs.cli'
    done = subprocess.run([sys.executable, '-m', module, command, '--help'], capture_output=True, check=False)
    assert done.returncode == 0


def brought_by(extras: Iterable[str]) -> set[str]:
    """Return the distributions that an installation with these extras brings."""
    seen: dict[str, set[str]] = {}
    todo = [(DISTRIBUTION, set(extras))]
    while todo:
        name, wanted = todo.pop()
        if name in seen and wanted <= seen[name]:
            continue
        wanted = seen[name] = seen.get(name, set()) | wanted
        try:
            requirements = [Requirement(text) for text in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            continue
        for one in requirements:
            if one.marker is None or any(one.marker.evaluate({'extra': extra}) for extra in ('', *wanted)):
                todo.append((canonicalize_name(one.name), set(one.extras)))
    return set(seen)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the README's conf.yaml."""
    made = tmp_path_factory.mktemp('readme')
    (made / 'conf.yaml').write_text(blocks('yaml')[1], encoding='utf-8')
    return made


@pytest.fixture(scope='module')
def endpoint_url() -> Iterator[str]:
    """What stands in for AWS: an account in an organization, with a job."""
    with Simulator() as made:
        made.add_job('us-east-1', name='job', timeline=fails(datetime.now(UTC) - timedelta(hours=2)))
        made.organization.add('012345678901', 'search')
        yield made.endpoint_url


def restricted(command: str, extras: str, folder: Path, endpoint_url: str) -> subprocess.CompletedProcess[str]:
    made_up = {
        'AWS_ACCESS_KEY_ID': 'AKIAEXAMPLE',
        'AWS_SECRET_ACCESS_KEY': 'example',
        'AWS_ENDPOINT_URL': endpoint_url,
        'PYTHONPATH': str(ROOT),
    }
    allowed = json.dumps(sorted(brought_by(extras.split(','))))
    return subprocess.run(
        [sys.executable, '-c', RESTRICTED, allowed, *shlex.split(command)[1:]],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith('AWS_')} | made_up,
        capture_output=True,
        text=True,
        check=False,
    )


def installation_of(command: str) -> str:
    """Return the extras that the README names where a command stands: in its list item, else in its section."""
    before, _, after = README.partition(command)
    named = r"pip install \. '?\./tools(?:\[([a-z,]+)\]')?"
    return (re.findall(named, after.partition('\n- ')[0]) or re.findall(named, before)[-1:])[0]


SQL = 'bedrock-jobs sql "SELECT status, count(*) FROM aws.bedrock_model_customization_job GROUP BY status"'


@pytest.mark.parametrize(
    ('command', 'words'),
    [
        ('bedrock-jobs doctor --config conf.yaml', 'us-west-2'),
        ('bedrock-jobs check --config conf.yaml', 'can_connect'),
        (SQL, 'Failed'),
    ],
    ids=['doctor', 'check', 'sql'],
)
def test_a_command_runs_with_the_extras_that_are_named(
    command: str, words: str, folder: Path, endpoint_url: str
) -> None:
    done = restricted(command, installation_of(command), folder, endpoint_url)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


def test_the_accounts_of_an_organization_need_no_extra(folder: Path, endpoint_url: str) -> None:
    done = restricted('bedrock-jobs config generate --organization', '', folder, endpoint_url)
    assert done.returncode == 0, done.stderr
    assert 'arn:aws:iam::012345678901:role/' in done.stdout


@pytest.mark.parametrize(
    ('command', 'extras', 'missing'),
    [(SQL, '', 'sql'), (SQL, 'sql', 'simulator'), ('bedrock-jobs demo', '', 'simulator')],
    ids=['sql', 'sql of the demo', 'demo'],
)
def test_an_extra_that_is_missing_is_named(
    command: str, extras: str, missing: str, folder: Path, endpoint_url: str
) -> None:
    done = restricted(command, extras, folder, endpoint_url)
    assert done.returncode != 0
    assert f"this needs the extra '{missing}'" in done.stderr


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
