"""What `deploy/` ships: an image of this version, and examples that the command writes just so."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from bedrock_jobs.accounts.reading import mistakes, read_file
from datadog_checks.bedrock_model_customization import __version__
from tests.paths import ROOT

from .test_formats import validate

DEPLOY = ROOT / 'deploy'
EXAMPLES = ('cluster-check.yaml', 'configmap.yaml', 'datadog-agent.yaml', 'helm-values.yaml')


def test_the_image_installs_this_versions_wheel() -> None:
    dockerfile_parse = pytest.importorskip('dockerfile_parse')
    parsed = dockerfile_parse.DockerfileParser(str(DEPLOY / 'Dockerfile'), fileobj=None, env_replace=True)
    steps = {step['instruction']: step['value'] for step in parsed.structure if step['instruction'] != 'COMMENT'}
    assert list(steps) == ['ARG', 'FROM', 'COPY', 'RUN']
    assert steps['ARG'] == f'VERSION={__version__}'
    assert parsed.parent_images == ['datadog/agent:7']
    wheel = 'datadog_bedrock_model_customization-${VERSION}-py3-none-any.whl'
    assert steps['COPY'] == f'dist/{wheel} /tmp/'
    assert shlex.split(steps['RUN']) == ['agent', 'integration', 'install', '-r', '-w', f'/tmp/{wheel}']


def test_the_builder_gets_the_wheel_and_nothing_else() -> None:
    """Whatever Dockerfile is used with the checkout: ours, or the README's."""
    lines = (ROOT / '.dockerignore').read_text().splitlines()
    assert [line for line in lines if not line.startswith('#')] == ['*', '!dist/datadog_*.whl']


@pytest.mark.skipif(os.name == 'nt', reason='a shell script')
def test_the_examples_are_what_the_command_writes(tmp_path: Path) -> None:
    made = copytree(DEPLOY / 'kubernetes', tmp_path / 'kubernetes')
    for name in EXAMPLES:
        (made / name).unlink()
    command = f'{shlex.quote(sys.executable)} -m bedrock_jobs.cli'
    environment = os.environ | {'BEDROCK_JOBS': command, 'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])}
    subprocess.run([made / 'generate'], env=environment, check=True, capture_output=True)
    for name in EXAMPLES:
        assert (made / name).read_text() == (DEPLOY / 'kubernetes' / name).read_text(), 'run deploy/kubernetes/generate'


@pytest.mark.parametrize('name', EXAMPLES)
def test_the_examples_are_right(name: str) -> None:
    confs = read_file((DEPLOY / 'kubernetes' / name).read_text()).confs
    assert mistakes(confs) == []
    assert sum(len(conf.document['instances']) for conf in confs) == 4


def test_the_examples_are_valid_for_kubernetes() -> None:
    for name in ('configmap.yaml', 'datadog-agent.yaml'):
        documents = yaml.safe_load_all((DEPLOY / 'kubernetes' / name).read_text())
        for document in documents:
            # A DatadogAgent is a custom resource, whose schema no package registry has.
            if document['kind'] == 'ConfigMap':
                validate(document)


def test_the_operators_runners_have_the_image_and_the_role() -> None:
    agent = yaml.safe_load((DEPLOY / 'kubernetes' / 'operator-image.yaml').read_text())
    helm = yaml.safe_load((DEPLOY / 'kubernetes' / 'helm-image.yaml').read_text())['clusterChecksRunner']
    generated = list(yaml.safe_load_all((DEPLOY / 'kubernetes' / 'datadog-agent.yaml').read_text()))[-1]
    assert {name: agent[name] for name in ('apiVersion', 'kind', 'metadata')} == {
        name: generated[name] for name in ('apiVersion', 'kind', 'metadata')
    }
    assert agent['spec']['features']['clusterChecks'] == {'enabled': True, 'useClusterChecksRunners': True}
    runners = agent['spec']['override']['clusterChecksRunner']
    assert runners['image']['name'] == f"{helm['image']['repository']}:{helm['image']['tag']}"
    assert runners['serviceAccountAnnotations'] == helm['rbac']['serviceAccountAnnotations']
    assert runners['replicas'] == helm['replicas']
