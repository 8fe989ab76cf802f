"""Measures `dataset sync`: many synthetic jobs into an empty table, then the same jobs again, then a few changed ones.

Run with `python -m benchmarks.dataset`. Jobs are generated while they are written, just as a snapshot's jobs are
created while it is read. The cost of generating them has a line of its own and is subtracted from all others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from bedrock_jobs.dataset.server import temporary_server
from bedrock_jobs.dataset.sync import connect, sync
from benchmarks.measure import Cost, measure
from datadog_checks.bedrock_model_customization.jobs.job import Job

ROWS: Final = 100_000
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT: Final = '123456789012'
MODELS: Final = ('amazon.nova-lite-v1:0:300k', 'amazon.nova-micro-v1:0:128k', 'meta.llama3-3-70b-instruct-v1:0:128k')
REGIONS: Final = ('us-east-1', 'us-west-2', 'eu-west-1')
STATUSES: Final = ('Completed', 'Completed', 'Completed', 'Completed', 'Failed', 'Stopped')


def synthetic_jobs(rows: int, changed: int = 0) -> Iterator[Job]:
    """Yield `rows` jobs, described and tagged. Every call yields the same jobs, except for the first `changed`."""
    for number in range(rows):
        yield _job(number, 'again' if number < changed else 'once')


def _job(number: int, step: str) -> Job:
    model, region = MODELS[number % len(MODELS)], REGIONS[number % len(REGIONS)]
    status = STATUSES[number % len(STATUSES)]
    created = START + timedelta(minutes=5 * number)
    ended = created + timedelta(minutes=30 + number % 300)
    base = f'arn:aws:bedrock:{region}:{ACCOUNT}'
    phase = {'status': 'Completed', 'creationTime': created.isoformat(), 'lastModifiedTime': ended.isoformat()}
    return Job(
        job_arn=f'{base}:model-customization-job/{model}/{number:012d}',
        account_id=ACCOUNT,
        base_model_arn=f'arn:aws:bedrock:{region}::foundation-model/{model}',
        client_request_token=f'00000000-0000-4000-8000-{number:012d}',
        creation_time=created,
        customization_type='FINE_TUNING',
        end_time=ended,
        failure_message='The role has no access to the training data.' if status == 'Failed' else None,
        hyper_parameters={'epochCount': '2', 'learningRate': f'{1 + number % 9}.0E-5', 'batchSize': '1'},
        job_name=f'job-{number}',
        last_modified_time=ended,
        output_data_config={'s3Uri': f's3://example-model-output/{number}/'},
        output_model_arn=f'{base}:custom-model/{model}/{number:012d}' if status == 'Completed' else None,
        output_model_name=f'model-{number}',
        role_arn=f'arn:aws:iam::{ACCOUNT}:role/Example',
        status=status,
        status_details={'validationDetails': phase, 'trainingDetails': phase},
        tags={'team': f'team-{number % 20}', 'env': 'prod', 'step': step},
        training_data_config={'s3Uri': 's3://example-training-data/train.jsonl'},
        training_metrics={'trainingLoss': 0.5 + number % 100 / 100} if status == 'Completed' else None,
        validation_data_config={'validators': [{'s3Uri': 's3://example-training-data/validation.jsonl'}]},
        validation_metrics=[{'validationLoss': 0.6 + number % 100 / 100}] if status == 'Completed' else None,
        vpc_config={'subnetIds': ['subnet-1', 'subnet-2'], 'securityGroupIds': ['sg-1']},
    )


@dataclass(frozen=True, slots=True)
class Line:
    """What one sync cost. `backend` is CPU seconds and MiB of the PostgreSQL process, if it is on this machine."""

    cost: Cost
    written: int
    backend: tuple[float, float]

    @property
    def cpu(self) -> float:
        """CPU seconds of both processes."""
        return self.cost.cpu + self.backend[0]


def main(
    rows: Annotated[int, typer.Option(min=100, help='How many jobs there are.')] = ROWS,
    dsn: Annotated[str | None, typer.Option(help='An empty database; without it a PostgreSQL of our own.')] = None,
) -> None:
    """Measure and print."""
    making = measure(lambda: sum(1 for _ in synthetic_jobs(rows)))
    steps = {'first': 0, 'nothing changed': 0, '1 % changed': rows // 100}
    with nullcontext(dsn) if dsn else temporary_server() as place:
        lines = {name: _sync(place, synthetic_jobs(rows, changed)) for name, changed in steps.items()}
    table = Table(
        'sync', 'written', 'wall s', 'CPU s', 'CPU s of PostgreSQL', 'peak MiB', 'peak MiB of PostgreSQL', box=None
    )
    table.add_row('making the jobs', '', f'{making.wall:.2f}', f'{making.cpu:.2f}', '', f'{making.peak:.0f}', '')
    for name, line in lines.items():
        wall, cpu = line.cost.wall - making.wall, line.cost.cpu - making.cpu
        backend = [f'{line.backend[0]:.2f}', f'{line.backend[1]:.0f}']
        peak = f'{line.cost.peak:.0f}'
        table.add_row(name, str(line.written), f'{wall:.2f}', f'{cpu:.2f}', backend[0], peak, backend[1])
    Console(width=120).print(table)
    first, second = lines['first'], lines['nothing changed']
    print(f'first: {first.cost.wall - making.wall:.1f} s, {first.cost.peak:.0f} MiB (asked: < 20 s, < 300 MiB)')
    wall = (first.cost.wall - making.wall) / max(second.cost.wall - making.wall, 0.01)
    cpu = (first.cpu - making.cpu) / max(second.cpu - making.cpu, 0.01)
    print(f'nothing changed: {wall:.1f} times cheaper by the clock, {cpu:.1f} times in CPU of both (asked: 10)')


def _sync(dsn: str, jobs: Iterator[Job]) -> Line:
    found: list[int] = []
    with connect(dsn) as connection:
        cost = measure(lambda: found.append(sync(connection, jobs).written))
        return Line(cost, found[0], _backend(connection))


def _backend(connection: Any) -> tuple[float, float]:
    """Return CPU seconds and peak memory in MiB of the server's process, or zeros if it is on another machine."""
    process = Path('/proc') / str(connection.info.backend_pid)
    if not Path(connection.info.host).is_absolute() or not process.is_dir():
        return 0, 0
    # After the name, which may hold anything, user and system time are the 12th and 13th field: see proc(5).
    ticks = (process / 'stat').read_text().rpartition(')')[2].split()[11:13]
    peak = next(
        (line.split()[1] for line in (process / 'status').read_text().splitlines() if line.startswith('VmHWM')), '0'
    )
    return sum(map(int, ticks)) / os.sysconf('SC_CLK_TCK'), int(peak) / 1024


if __name__ == '__main__':
    typer.run(main)
