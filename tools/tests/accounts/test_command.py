"""`bedrock-jobs config generate` from a file of accounts, what it writes where, and `config validate`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

from bedrock_jobs.accounts.reading import read_file

ONE, TWO, THREE = '012345678901', '123456789012', '210987654321'


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / 'accounts.csv'
    path.write_text(f'{ONE},search\n{TWO},risk,us-east-1\n{THREE},catalog\n', encoding='utf-8')
    return path


def instances(text: str) -> list[dict[str, Any]]:
    return [instance for conf in read_file(text).confs for instance in conf.document['instances']]


def test_a_file_of_accounts_needs_no_aws(run: Callable[..., Result], accounts: Path) -> None:
    done = run('generate', '--accounts', accounts, '--own-account', THREE, '--set', 'events=[failed]')
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        '3 accounts, 5 scopes',
        '2 of them without an external id (--external-id): the roles of assets/iam cannot be assumed so',
    ]
    first, second, third = instances(done.stdout)
    assert first['assume_role'] == f'arn:aws:iam::{ONE}:role/DatadogBedrockModelCustomization'
    assert second['regions'] == ['us-east-1']
    assert 'assume_role' not in third
    assert all(one['events'] == ['failed'] and one['min_collection_interval'] == 60 for one in (first, second, third))
    assert done.stdout.splitlines()[0].startswith('# Made by bedrock-jobs ')
    assert '--accounts accounts.csv' in done.stdout.splitlines()[0]


def test_pieces_are_files(run: Callable[..., Result], accounts: Path, tmp_path: Path) -> None:
    output = tmp_path / 'out' / 'conf.yaml'
    done = run('generate', '--accounts', accounts, '--pieces', 2, '-o', output)
    assert done.exit_code == 0
    paths = sorted(output.parent.iterdir())
    assert [path.name for path in paths] == ['conf-01.yaml', 'conf-02.yaml']
    found = [instance for path in paths for instance in instances(path.read_text())]
    assert sorted(one['assume_role'].split(':')[4] for one in found) == [ONE, TWO, THREE]
    assert run('validate', *paths).stdout == '3 instances, no mistakes\n'


def test_a_cluster_agents_pieces_are_in_one_file(run: Callable[..., Result], accounts: Path) -> None:
    done = run('generate', '--accounts', accounts, '--pieces', 2, '--format', 'helm')
    assert [len(conf.document['instances']) for conf in read_file(done.stdout).confs] == [2, 1]
    one = run('generate', '--accounts', accounts, '--format', 'helm')
    assert '--pieces spreads it over several' in one.stderr
    assert all(found['empty_default_hostname'] and found['events_since'] == 1 for found in instances(one.stdout))
    own = run('generate', '--accounts', accounts, '--format', 'helm', '--set', 'events_since=0')
    assert all(found['events_since'] == 0 for found in instances(own.stdout))


def test_made_anew_and_what_is_left(run: Callable[..., Result], accounts: Path, tmp_path: Path) -> None:
    output = tmp_path / 'conf.yaml'
    assert run('generate', '--accounts', accounts, '--pieces', 3, '-o', output).exit_code == 0
    done = run('generate', '--accounts', accounts, '--pieces', 2, '-o', output)
    assert done.exit_code == 0
    assert f'{tmp_path / "conf-03.yaml"} is left from an earlier run' in done.stderr


def test_more_than_99_pieces(run: Callable[..., Result], tmp_path: Path) -> None:
    accounts, output = tmp_path / 'accounts.csv', tmp_path / 'out' / 'conf[1].yaml'
    accounts.write_text('\n'.join(f'{number:012}' for number in range(102)))
    assert run('generate', '--accounts', accounts, '--pieces', 102, '-o', output).exit_code == 0
    done = run('generate', '--accounts', accounts, '--pieces', 98, '-o', output)
    left = [
        line.partition(' is left')[0] for line in done.stderr.splitlines() if ' is left from an earlier run' in line
    ]
    assert sorted(left) == sorted(str(tmp_path / 'out' / f'conf[1]-{number}.yaml') for number in (99, 100, 101, 102))


@pytest.mark.parametrize('environment', [None, ''])
def test_no_external_id_is_remarked_once(
    run: Callable[..., Result], accounts: Path, monkeypatch: pytest.MonkeyPatch, environment: str | None
) -> None:
    monkeypatch.delenv('BEDROCK_JOBS_EXTERNAL_ID', raising=False)
    if environment is not None:
        monkeypatch.setenv('BEDROCK_JOBS_EXTERNAL_ID', environment)
    done = run('generate', '--accounts', accounts)
    assert done.exit_code == 0
    assert done.stderr.count('3 of them without an external id') == 1
    accounts.write_text(f'account_id,external_id\n{ONE},example-1\n{TWO},\n')
    assert '1 of them without an external id' in run('generate', '--accounts', accounts).stderr
    assert 'external id' not in run('generate', '--accounts', accounts, '--external-id', 'example').stderr
    assert 'external id' not in run('generate', '--accounts', accounts, '--own-account', TWO).stderr


def test_the_first_line_says_how_to_make_it_again(
    run: Callable[..., Result], accounts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / 'out.yaml'
    options = {
        '--accounts': [accounts.name],
        '--include': ['*a*', 'c {x}', THREE],
        '--exclude': ['größe ☃'],
        '--role-name': ['R@x'],
        '--role-path': ['/a/b/'],
        '--region': ['us-west-2', 'us-east-1'],
        '--partition': ['aws'],
        '--own-account': [THREE],
        '--name-tag': ['account'],
        '--set': ['tags=["a:b c"]', 'lookback_hours=12'],
        '--format': ['operator'],
        '--pieces': ['2'],
        '--namespace': ['datadog'],
        '--name': ['research'],
        '--output': [output.name],
    }
    accounts.write_text(f'{ONE},search\n{TWO},c {{x}}\n{THREE},ca\n999999999999,größe ☃\n')
    monkeypatch.chdir(tmp_path)
    words = [word for name, values in options.items() for value in values for word in (name, value)]
    assert run('generate', *words).exit_code == 0
    first = output.read_text()
    command = shlex.split(first.splitlines()[0].partition(': ')[2])
    assert sorted(command) == sorted(['config', 'generate', *words])
    output.unlink()
    assert run(*command[1:]).exit_code == 0
    assert output.read_text() == first


def test_the_first_line_tells_no_secret(run: Callable[..., Result], accounts: Path) -> None:
    secret = 'proxy={http: "http://someone:hidden@proxy.example.com:3128"}'
    words = ['--external-id', 'hidden-id', '--set', secret, '--set', 'tags=["see:http://a:hidden@b"]', '--force']
    line = run('generate', '--accounts', accounts, *words).stdout.splitlines()[0]
    assert line.partition(': ')[2] == (
        f"config generate --accounts {accounts.name} --external-id ... --set proxy=... --set 'tags=[\"see:http://***@b\"]'"
    )


@pytest.mark.parametrize(
    ('output', 'words'),
    [
        ('.', '. is a folder: give the name of a file'),
        ('/', '/ is a folder: give the name of a file'),
        ('FOLDER', 'is a folder: give the name of a file'),
        ('/proc/x/y', '/proc/x/y cannot be written: '),
        ('FILE/y', 'cannot be written: '),
    ],
)
@pytest.mark.parametrize('pieces', [1, 2])
def test_an_output_that_cannot_be_written(
    run: Callable[..., Result], accounts: Path, tmp_path: Path, output: str, words: str, pieces: int
) -> None:
    output = output.replace('FILE', str(accounts)).replace('FOLDER', str(tmp_path))
    done = run('generate', '--accounts', accounts, '--pieces', pieces, '-o', output)
    assert done.exit_code == 1
    assert words in done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_anothers_file_is_not_overwritten(run: Callable[..., Result], accounts: Path, tmp_path: Path) -> None:
    output = tmp_path / 'conf.yaml'
    output.write_text('instances: [{}]\n')
    done = run('generate', '--accounts', accounts, '-o', output)
    assert done.exit_code == 1
    assert 'was not made by this command' in done.stderr
    assert output.read_text() == 'instances: [{}]\n'
    assert run('generate', '--accounts', accounts, '-o', output, '--force').exit_code == 0


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ([], 'give either --organization or --accounts FILE'),
        (['--organization', '--accounts', 'FILE'], 'give either --organization or --accounts FILE'),
        (['--accounts', 'FILE', '--pieces', '2'], 'several pieces need --output FILE'),
        (['--accounts', 'FILE', '--pieces', '4', '-o', 'OUT'], '3 accounts make 1 to 3 pieces, not 4'),
        (['--accounts', '/nonexistent'], 'cannot be read'),
        (['--organization', '--organization-role', 'Lister'], "--organization-role: must be a role's ARN"),
        (['--accounts', 'FILE', '--set', 'events'], 'must be NAME=VALUE'),
        (['--accounts', 'FILE', '--set', 'events=['], 'the value is no YAML'),
        (
            ['--accounts', 'FILE', '--set', 'event=[]'],
            'event: there is no such option, it has no effect; did you mean events?',
        ),
        (['--accounts', 'FILE', '--include', 'nobody'], "'nobody' is about none of the 3 accounts"),
        (['--accounts', 'FILE', '-r', 'Virginia'], "'Virginia' is not the code of a Region"),
        (
            ['--accounts', 'FILE', '--own-account', '999999999999'],
            '--own-account 999999999999: is none of the 3 accounts',
        ),
        (['--accounts', 'FILE', '--external-id', ''], 'external_id: must have 2 to 1224 characters'),
        (['--accounts', 'FILE', '--namespace', 'datadog'], '--namespace has no effect with --format conf'),
        (['--accounts', 'FILE', '--format', 'helm', '--name', 'A'], "--name 'A': must be 1 to 63 small letters"),
    ],
)
def test_mistakes_are_told(
    run: Callable[..., Result], accounts: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    places = {'FILE': str(accounts), 'OUT': str(tmp_path / 'conf.yaml')}
    done = run('generate', *(places.get(argument, argument) for argument in arguments))
    assert done.exit_code == 1
    assert words in done.stderr
    assert done.stdout == ''


@pytest.mark.parametrize(
    ('document', 'line'),
    [
        ({'instances': [{'regions': 'us-east-1'}]}, 'instance 1: regions: must be a list'),
        ({'instances': [{'lokback_hours': 1}]}, 'lokback_hours: there is no such option, it has no effect; did you'),
        ({'instances': []}, 'has no list of instances'),
        ({'instances': ['x']}, 'instance 1: must be a mapping'),
        ({'instances': [{}], 'init_conf': {}}, 'init_conf: is no section of a configuration'),
        (
            {'instances': [{}], 'init_config': {'prox': {}}},
            'init_config.prox: there is no such option, it has no effect',
        ),
        ({'instances': [{}], 'init_config': []}, None),
        ({'instances': [{}], 'init_config': ['x']}, 'init_config: must be a mapping'),
        (
            {'instances': [{'regions': ['us-east-1']}, {'tags': ['a:b']}]},
            'instance 2: polls the same jobs of us-east-1 as f.yaml: instance 1',
        ),
        ({'instances': [{}, {'include': {'job_names': ['a*']}}]}, None),
        (
            {'clusterAgent': {'confd': {'bedrock_model_customization.yaml': 'cluster_check: true\ninstances: [1]'}}},
            'instance 1: must be a mapping',
        ),
        ({'clusterAgent': {'confd': {'other.yaml': 'instances: [1]'}}}, 'has neither instances nor'),
        ({'instances': [{'name': 'a', 'min_collection_interval': 60}]}, None),
        ('text', 'has neither instances nor'),
    ],
)
def test_validate(run: Callable[..., Result], tmp_path: Path, document: Any, line: str | None) -> None:
    path = tmp_path / 'f.yaml'
    path.write_text(yaml.safe_dump(document))
    done = run('validate', path)
    assert done.exit_code == (1 if line else 0)
    assert (line or '') in done.stderr
    assert len(done.stderr.splitlines()) == (1 if line else 0)


CONF = 'init_config:\ninstances:\n- regions: [us-east-1]\n'
CLUSTER = f'cluster_check: true\n{CONF}'
OTHER = 'cluster_check: true\ninstances: [{host: redis, port: 6379}]\n'
NAME = 'bedrock_model_customization'
REPEATED = 'init_config:\ninstances:\n' + ''.join(
    f'- {{regions: [us-east-1], assume_role: "arn:aws:iam::{ONE}:role/{name}"}}\n' for name in 'AB'
)


def values(**confd: str) -> dict[str, Any]:
    return {'clusterAgent': {'confd': {f'{name}.yaml': text for name, text in confd.items()}}}


def config_map(data: dict[str, str], name: str = 'agent-conf') -> dict[str, Any]:
    return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name}, 'data': data}


def operator(component: str, **extra: Any) -> dict[str, Any]:
    override = {component: {'extraConfd': extra}}
    return {'kind': 'DatadogAgent', 'metadata': {'name': 'datadog'}, 'spec': {'override': override}}


@pytest.mark.parametrize(
    ('document', 'line'),
    [
        (values(**{NAME: CONF}), f'{NAME}.yaml: cluster_check: must be true'),
        (values(**{NAME: CONF.replace('init', 'cluster_check: "true"\ninit')}), 'cluster_check: must be true'),
        ({'clusterAgent': {'advancedConfd': {f'{NAME}.d': {'a.yaml': CONF}}}}, 'a.yaml: cluster_check: must be true'),
        (operator('clusterAgent', configDataMap={f'{NAME}.yaml': CONF}), 'cluster_check: must be true'),
        ({'datadog': {'confd': {f'{NAME}.yaml': CONF}}}, 'datadog.confd is read by every node'),
        (operator('nodeAgent', configDataMap={f'{NAME}.yaml': CONF}), 'override.nodeAgent is read by every node'),
        (
            operator('clusterAgent', configDataMap={f'{NAME}.yaml': CLUSTER}, configMap={'name': 'x'}),
            'has no effect, as configMap beside it wins over configDataMap',
        ),
        (values(**{NAME: f'{CLUSTER}instances: []\n'}), f'f.yaml: {NAME}.yaml: line 5: instances is given twice'),
        (
            values(**{NAME: f'{CLUSTER}- {{regions: [us-west-2], regions: [us-east-1]}}'}),
            'line 5: regions is given twice',
        ),
        (yaml.safe_load(REPEATED), 'instance 2: polls the same jobs of us-east-1 as f.yaml: instance 1'),
    ],
)
def test_validate_what_works_otherwise_than_meant(
    run: Callable[..., Result], tmp_path: Path, document: Any, line: str
) -> None:
    path = tmp_path / 'f.yaml'
    path.write_text(yaml.safe_dump(document))
    done = run('validate', path)
    assert done.exit_code == 1
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_validate_a_key_that_is_given_twice(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / 'f.yaml'
    path.write_text(f'{CONF}instances:\n- regions: [us-west-2]\n')
    done = run('validate', path)
    assert (done.exit_code, done.stderr) == (1, 'f.yaml: line 4: instances is given twice\n')
    path.write_text('x: &x {regions: [us-east-1]}\ninstances:\n- {<<: *x, regions: [us-west-2]}\n- *x\n')
    assert 'given twice' not in run('validate', path).stderr


@pytest.mark.parametrize(
    'document',
    [
        config_map({'redisdb.yaml': OTHER, f'{NAME}.yaml': CLUSTER, f'{NAME}_of_another.yaml': OTHER, 'run.sh': '{'}),
        config_map(
            {'conf.yaml': CLUSTER, 'more.yaml': CLUSTER.replace('east', 'west')}, 'bedrock-model-customization-a'
        ),
        values(redisdb=OTHER, **{NAME: CLUSTER}) | {'datadog': {'confd': {'redisdb.yaml': OTHER}}},
        operator('clusterAgent', configDataMap={'redisdb.yaml': OTHER, f'{NAME}.yaml': CLUSTER}),
        yaml.safe_load(CLUSTER)
        | {
            'check_tag_cardinality': 'low',
            'ad_identifiers': ['agent'],
            'advanced_ad_identifiers': [],
            'cel_selector': {},
            'ignore_autodiscovery_tags': True,
            'logs': [],
        },
        {
            'instances': [
                {'assume_role': f'arn:aws:iam::{ONE}:role/A', 'external_id': 'ENC[bedrock]'},
                {'assume_role': f'arn:aws:iam::{TWO}:role/A', 'check_tag_cardinality': 'low', 'namespace': 'x'},
                {},
            ]
        },
    ],
)
def test_validate_refuses_nothing_that_is_right(run: Callable[..., Result], tmp_path: Path, document: Any) -> None:
    path = tmp_path / 'f.yaml'
    path.write_text(yaml.safe_dump(document))
    done = run('validate', path)
    assert (done.exit_code, done.stderr) == (0, '')


def test_validate_files_that_replace_one_another(run: Callable[..., Result], accounts: Path, tmp_path: Path) -> None:
    one, two, named = (tmp_path / f'{name}.yaml' for name in ('one', 'two', 'named'))
    options = ['generate', '--accounts', accounts, '--format', 'configmap']
    run(*options, '--include', ONE, '-o', one)
    run(*options, '--include', TWO, '-o', two)
    run(*options, '--include', TWO, '-o', named, '--name', 'risk')
    done = run('validate', one, two)
    assert done.exit_code == 1
    assert done.stderr == (
        'two.yaml: has the same ConfigMap bedrock-model-customization as one.yaml, one replaces the other; '
        '--name tells them apart\n'
    )
    assert run('validate', one, named).stdout == '2 instances, no mistakes\n'


def test_validate_what_is_no_yaml(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / 'f.yaml'
    path.write_text('instances: [')
    done = run('validate', path)
    assert done.exit_code == 1
    assert done.stderr.startswith('f.yaml: is no YAML: ')


def test_validate_the_example(run: Callable[..., Result]) -> None:
    from tests.paths import ROOT

    assert run('validate', ROOT / 'conf.yaml.example').stdout == '1 instance, no mistakes\n'
