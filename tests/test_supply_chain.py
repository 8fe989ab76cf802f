"""What CI installs is pinned, and can be held against advisories of vulnerabilities."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from .paths import ROOT

PINS = ROOT / '.ci' / 'pins'
# Where a virtual environment of the Makefile's is, and what it is pinned by.
ENVIRONMENTS = {'.venv': f'python-{sys.version_info[0]}.{sys.version_info[1]}.txt', '.venv-newest': 'newest.txt'}
NEVER_PINNED = {'bedrock-jobs', 'datadog-bedrock-model-customization', 'pip', 'setuptools', 'wheel'}
FREE_IN_NEWEST = {'boto3', 'botocore', 's3transfer'}
ADVISORY = """
id: PYSEC-2026-1
aliases: [CVE-2026-0001]
affected:
- package: {name: Made_Up, ecosystem: PyPI}
  ranges:
  - type: ECOSYSTEM
    events:
    - {introduced: '1.5'}
    - {fixed: '2.0.1'}
"""


def name_of(distribution: str) -> str:
    return re.sub(r'[-_.]+', '-', distribution).lower()


def pins(file: str) -> dict[str, str]:
    lines = (PINS / file).read_text().splitlines()
    return {name_of(name): version for name, _, version in (line.partition('==') for line in lines)}


def test_every_environment_holds_what_is_pinned() -> None:
    file = ENVIRONMENTS.get(Path(sys.prefix).name) if Path(sys.prefix).parent == ROOT else None
    if file is None or not (PINS / file).exists():
        pytest.skip('not in a virtual environment of the Makefile that is pinned')
    held = {name_of(found.metadata['Name']): found.version for found in distributions()}
    free = NEVER_PINNED | (FREE_IN_NEWEST if file == 'newest.txt' else set())
    pinned = pins(file)
    assert {name: version for name, version in held.items() if name not in free and pinned.get(name) != version} == {}


@pytest.mark.parametrize('file', ['python-3.11.txt', 'newest.txt', 'ddev.txt'])
def test_pins_are_versions_and_nothing_else(file: str) -> None:
    lines = (PINS / file).read_text().splitlines()
    assert len(lines) > 100 and 'hatchling' in pins(file)
    assert all(re.fullmatch(r'[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+!-]*', line) for line in lines)
    assert len(pins(file)) == len(lines)
    assert file != 'newest.txt' or FREE_IN_NEWEST.isdisjoint(pins(file))
    assert file != 'python-3.11.txt' or pins(file)['boto3'] == '1.43.98'


def test_the_makefile_pins_every_installation() -> None:
    lines = (ROOT / 'Makefile').read_text().splitlines()
    installations = [line for line in lines if line.startswith('\t') and (' $(PIP) ' in line or 'pip wheel' in line)]
    assert len(installations) >= 4
    assert all('$(call pinned,$(PINS' in line for line in installations)


def audit(folder: Path, pinned: str, **advisories: str) -> subprocess.CompletedProcess[str]:
    """Hold pins against advisories, each a file with its YAML."""
    for name in ('pins', 'advisories'):
        (folder / name).mkdir()
    (folder / 'pins' / 'made.txt').write_text(pinned)
    (folder / 'audit').write_text((ROOT / '.ci' / 'audit').read_text())
    for name, text in advisories.items():
        (folder / 'advisories' / f'{name}.yaml').write_text(text)
    command = [sys.executable, folder / 'audit', folder / 'advisories']
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ('version', 'is_affected'), [('1.4', False), ('1.5', True), ('2.0', True), ('2.0.1', False), ('10', False)]
)
def test_an_advisory_about_a_pinned_version_is_found(version: str, is_affected: bool, tmp_path: Path) -> None:
    withdrawn = f"withdrawn: '2026-01-01T00:00:00Z'\n{ADVISORY}"
    ran = audit(tmp_path, f'made.up=={version}\nother==2.0\n', a=ADVISORY, b=withdrawn)
    assert ran.returncode == is_affected, ran.stderr
    found = f'Made_Up {version} (made.txt): PYSEC-2026-1, CVE-2026-0001\n' if is_affected else ''
    assert ran.stdout == (f'{found}1 advisories, 2 pinned versions of 2 distributions, {int(is_affected)} findings\n')


@pytest.mark.parametrize(
    ('version', 'said', 'is_affected'),
    [
        ('1.5', "versions: ['1.4', '1.5.0']", True),
        ('1.5.0', "versions: ['1.5']", True),
        ('1.5.0', 'versions: [1.5]', True),
        ('1.5rc1', "versions: ['1.5.RC.1']", True),
        ('1.5', "versions: ['1.5.1', 'no version']", False),
        ('1.5', "ranges: [{type: ECOSYSTEM, events: [{introduced: '0'}, {last_affected: '1.5.0'}]}]", True),
        ('1.5.0', "ranges: [{type: ECOSYSTEM, events: [{introduced: '0'}, {last_affected: '1.5'}]}]", True),
        ('1.5.1', "ranges: [{type: ECOSYSTEM, events: [{introduced: '0'}, {last_affected: '1.5'}]}]", False),
        ('1.5', "ranges: [{type: ECOSYSTEM, events: [{introduced: '0'}, {last_affected: 'no version'}]}]", True),
    ],
)
def test_one_version_may_be_written_in_two_ways(version: str, said: str, is_affected: bool, tmp_path: Path) -> None:
    advisory = f'id: PYSEC-2026-2\naffected:\n- package: {{name: made-up}}\n  {said}\n'
    ran = audit(tmp_path, f'made-up=={version}\n', a=advisory)
    assert ran.returncode == is_affected, ran.stdout + ran.stderr


def test_an_audit_of_nothing_is_no_success(tmp_path: Path) -> None:
    for arguments in ([tmp_path], [tmp_path / 'nowhere'], []):
        assert subprocess.run([sys.executable, ROOT / '.ci' / 'audit', *arguments], check=False).returncode == 2
