"""The Agent's wheel holds the check alone, and runs on what the Agent ships; the tools' wheel finds what it needs."""

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


# Says where an installation that is no checkout finds what it ships.
FIND = """
from bedrock_jobs import shipped
from bedrock_jobs.datadog_assets.files import find_folder, read
from bedrock_jobs.dataset.saved import saved_queries
from bedrock_jobs.preview.library import find_assets, read_library
library = read(find_folder())
assert library.assets and library.metadata and not library.problems
assert saved_queries()['failed_this_week'].sql
assert read_library(find_assets()).units['bedrock_model_customization.job.duration'] == 'second'
print(shipped.ASSETS)
"""


@pytest.fixture(scope='module')
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both wheels, built from the checkout."""
    folder = tmp_path_factory.mktemp('wheels')
    pip(sys.executable, 'wheel', '--no-deps', '--wheel-dir', str(folder), str(ROOT), str(ROOT / 'tools'))
    return folder


@pytest.fixture(scope='module')
def wheel(wheels: Path) -> Path:
    """The wheel that an Agent installs."""
    (built,) = wheels.glob('datadog_bedrock_model_customization-*.whl')
    return built


@pytest.fixture(scope='module')
def wheel_of_tools(wheels: Path) -> Path:
    (built,) = wheels.glob('bedrock_jobs-*.whl')
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


def test_the_wheel_holds_the_check_alone(wheel: Path) -> None:
    assert packaged(wheel) == {path.as_posix() for path in kept('datadog_checks')}


def test_the_wheel_of_the_tools_brings_what_they_deploy_and_ask(wheel_of_tools: Path) -> None:
    shipped = {
        **{path: path for path in kept('assets') if path.parts[1] in ('dashboards', 'monitors', 'queries', 'slos')},
        Path('assets/deploy.yaml'): Path('assets/deploy.yaml'),
        Path('assets/metadata.csv'): Path('metadata.csv'),
        Path('LICENSE'): Path('LICENSE'),
    }
    ours = {path.relative_to('tools').as_posix() for path in kept('tools/bedrock_jobs')}
    assert packaged(wheel_of_tools) == ours | {f'bedrock_jobs/{path.as_posix()}' for path in shipped}
    with ZipFile(wheel_of_tools) as archive:
        for path, source in shipped.items():
            assert archive.read(f'bedrock_jobs/{path.as_posix()}') == (ROOT / source).read_bytes()


def test_both_have_one_version(wheel: Path, wheel_of_tools: Path) -> None:
    assert metadata(wheel)['Version'] == metadata(wheel_of_tools)['Version'] == __version__
    assert f'{metadata(wheel)["Name"]}=={__version__}' in (metadata(wheel_of_tools).get_all('Requires-Dist') or [])


def test_the_tools_find_what_they_ship_outside_a_checkout(wheel: Path, wheel_of_tools: Path, tmp_path: Path) -> None:
    pip(
        sys.executable, 'install', '--no-index', '--no-deps', '--target', str(tmp_path), str(wheel), str(wheel_of_tools)
    )
    environment = os.environ | {'PYTHONPATH': str(tmp_path)}

    def run(*arguments: str | Path) -> str:
        done = subprocess.run([*arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run(sys.executable, '-c', FIND) == f'{tmp_path / "bedrock_jobs" / "assets"}\n'
    command = tmp_path / 'bin' / 'bedrock-jobs'
    assert run(command, '--version') == f'{__version__}\n'
    run(command, 'assets', 'validate')
    assert 'failed_this_week' in run(command, 'sql', '--list-saved')


def test_the_wheel_asks_for_the_base_package_alone(wheel: Path) -> None:
    asked = metadata(wheel).get_all('Requires-Dist') or []
    assert [one for one in asked if 'extra ==' not in one] == ['datadog-checks-base>=37.36.0']
    assert [one for one in asked if 'extra ==' in one] == [f"{AGENT_SHIPS[1]}; extra == 'deps'"]


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
    # Nothing else is installed there; what an import error hides would show here.
    others = {name.split('.')[0] for name in told['modules']} - sys.stdlib_module_names
    assert not others & {
        'aiohttp',
        'bedrock_jobs',
        'cbor2',
        'datadog_api_client',
        'moto',
        'psycopg',
        'pyarrow',
        'rich',
        'typer',
    }
    assert {'botocore', 'datadog_checks', 'pydantic'} <= others


def packaged(wheel: Path) -> set[str]:
    """Return what a wheel installs."""
    return {name for name in ZipFile(wheel).namelist() if '.dist-info/' not in name}


def kept(folder: str) -> list[Path]:
    """Return the files below a folder of the checkout, without those that git ignores."""
    command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard', folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [Path(name) for name in listed if (ROOT / name).exists()]


def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        return Parser().parsestr(archive.read(name).decode())


def pip(python: str | Path, *arguments: str) -> None:
    ran = subprocess.run(
        [python, '-m', 'pip', '--disable-pip-version-check', *arguments], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
