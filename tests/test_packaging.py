"""The wheel holds the package and nothing else, and runs on what the Agent ships and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from bedrock_jobs.simulator import Simulator, completes
from datadog_checks.bedrock_model_customization import __version__

from .paths import ROOT
from .test_imports import ARROWS, PACKAGE

pytestmark = pytest.mark.slow

AGENT_SHIPS = ('datadog-checks-base[deps]>=37.36.0', 'boto3==1.43.98')
# Runs the check as the Agent does, and tells what it submitted and which modules that took.
RUN = """
import json, sys
before = set(sys.modules)
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck
from datadog_checks.base.stubs import aggregator
check = BedrockModelCustomizationCheck('bedrock_model_customization', {}, [json.loads(sys.argv[1])])
error = check.run()
print(json.dumps({
    'error': error,
    'modules': sorted(set(sys.modules) - before),
    'file': sys.modules['datadog_checks.bedrock_model_customization'].__file__,
    'metrics': {name: [sample.value for sample in aggregator.metrics(name)] for name in aggregator.metric_names},
}))
"""


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp('wheel')
    pip(sys.executable, 'wheel', '--no-deps', '--wheel-dir', str(folder), str(ROOT))
    (built,) = folder.glob('*.whl')
    return built


@pytest.fixture(scope='module')
def agent_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has what the Agent ships, with the wheel installed as the Agent does it."""
    found = subprocess.run([ROOT / '.ci' / 'python313'], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip('no Python 3.13, the version of the Agent')
    folder = tmp_path_factory.mktemp('agent')
    subprocess.run([found.stdout.strip(), '-m', 'venv', folder], check=True)
    python = folder / 'bin' / 'python'
    pip(python, 'install', *AGENT_SHIPS)
    pip(python, 'install', '--no-index', '--no-deps', str(wheel))
    return python


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        running.add_job('us-east-1', name='job', timeline=completes(datetime.now(UTC) - timedelta(hours=1)))
        yield running


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    folder = PACKAGE.replace('.', '/')
    packaged = {name for name in ZipFile(wheel).namelist() if '.dist-info/' not in name}
    kept = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard', folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    brought_along = {name for name in packaged if name.startswith(f'{folder}/assets/')}
    assert packaged - brought_along == {name for name in kept if (ROOT / name).exists()}
    for name in brought_along - {f'{folder}/assets/metadata.csv'}:
        assert ZipFile(wheel).read(name) == (ROOT / name.removeprefix(f'{folder}/')).read_bytes()
    assert f'{folder}/assets/queries/failed_this_week.sql' in brought_along
    assert f'{folder}/data/conf.yaml.example' in packaged
    assert {f'{folder}/cli/__init__.py', f'{folder}/simulator/__init__.py'} <= packaged


def test_the_wheel_asks_for_the_base_package_alone(wheel: Path) -> None:
    asked = metadata(wheel).get_all('Requires-Dist') or []
    assert [one for one in asked if 'extra ==' not in one] == ['datadog-checks-base>=37.36.0']
    assert [one for one in asked if one.endswith("extra == 'deps'")] == [f"{AGENT_SHIPS[1]}; extra == 'deps'"]
    assert metadata(wheel)['Version'] == __version__


def test_the_check_runs_on_what_the_agent_ships(agent_python: Path, simulator: Simulator, tmp_path: Path) -> None:
    instance = {'regions': ['us-east-1'], 'endpoint_url': simulator.endpoint_url}
    credentials = {'AWS_ACCESS_KEY_ID': 'AKIAEXAMPLE', 'AWS_SECRET_ACCESS_KEY': 'example'}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(('AWS_', 'PYTHON'))}
    ran = subprocess.run(
        [agent_python, '-c', RUN, json.dumps(instance)],
        cwd=tmp_path,
        env=environment | credentials | {'AWS_CONFIG_FILE': os.devnull, 'AWS_SHARED_CREDENTIALS_FILE': os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told['error'] == ''
    assert told['metrics']['bedrock_model_customization.can_connect'] == [1]
    assert Path(told['file']).is_relative_to(agent_python.parent.parent)
    ours = {
        name.removeprefix(f'{PACKAGE}.').split('.')[0] for name in told['modules'] if name.startswith(f'{PACKAGE}.')
    }
    assert 'collector' in ours
    assert ours <= ARROWS.keys()
    # Nothing else is installed there; what an import error hides would show here.
    others = {name.split('.')[0] for name in told['modules']} - sys.stdlib_module_names
    assert not others & {'aiohttp', 'cbor2', 'datadog_api_client', 'moto', 'psycopg', 'pyarrow', 'rich', 'typer'}
    assert {'botocore', 'datadog_checks', 'pydantic'} <= others


def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        return Parser().parsestr(archive.read(name).decode())


def pip(python: str | Path, *arguments: str) -> None:
    ran = subprocess.run(
        [python, '-m', 'pip', '--disable-pip-version-check', *arguments], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
