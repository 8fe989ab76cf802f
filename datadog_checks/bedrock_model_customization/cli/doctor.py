"""`bedrock-jobs doctor`: tries credentials, permissions and Regions of a conf.yaml, and says what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..aws.bedrock import BedrockScope
    from ..settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one trial. `works` is None where it could not be told; `advice` says what to do, if anything."""

    instance: int
    region: str
    operation: str
    works: bool | None
    answer: str
    advice: str = ''


def register(app: typer.Typer) -> None:
    app.command('doctor')(doctor)


def doctor(
    config: Annotated[Path, typer.Option('--config', '-c', help='A conf.yaml, as the Agent would have it.')],
    as_json: Annotated[bool, typer.Option('--json', help='Print the findings as a JSON list.')] = False,
) -> None:
    """Try the credentials, each permission and each Region; say which IAM action is missing and what is lost by it.

    Nothing is changed in AWS. Exits with 1 where something does not work.
    """
    from . import _agent, conf

    _agent.quiet()
    findings = []
    for number, settings in enumerate(conf.load(config), start=1):
        for finding in examine(number, settings):
            findings.append(finding)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    raise typer.Exit(1 if any(finding.works is False for finding in findings) else 0)


def examine(number: int, settings: Settings) -> Iterator[Finding]:
    """Yield the findings of one instance: its credentials once, then what each Region allows."""
    from ..aws.bedrock import BedrockScope
    from ..aws.session import AwsSession

    session = AwsSession(settings.aws)
    first = BedrockScope(session, settings.regions[0])
    account = _try(
        number, '', 'AssumeRole' if settings.aws.assume_role else 'GetCallerIdentity', lambda: _identity(first)
    )
    yield account
    if not account.works:
        return
    for region in settings.regions:
        yield from _examine_region(number, BedrockScope(session, region), first.account_id())


def _identity(scope: BedrockScope) -> str:
    """Use the credentials once: for a role, this is what assumes it."""
    account_id = scope.caller_account_id()
    return f'account {account_id}'


def _examine_region(number: int, scope: BedrockScope, account_id: str) -> Iterator[Finding]:
    from ..jobs.reading import job_arn_of

    found: list[str] = []

    def list_jobs() -> str:
        page = next(scope.list_jobs())
        found.extend(arn for arn in map(job_arn_of, page) if arn)
        return f'{len(page)}{" or more" if len(page) >= 1000 else ""} jobs'

    listing = _try(number, scope.region, 'ListModelCustomizationJobs', list_jobs)
    yield listing
    if not listing.works:
        return
    # A job that does not exist is refused for that, where the permission is there.
    made_up = f'arn:aws:bedrock:{scope.region}:{account_id}:model-customization-job/amazon.none/000000000000'
    job_arn = found[0] if found else made_up
    trials: dict[str, Callable[[], Any]] = {
        'GetModelCustomizationJob': lambda: scope.describe_job(job_arn),
        'GetResources': lambda: scope.tags_of([job_arn]),
        'ListTagsForResource': lambda: scope.job_tags(job_arn),
    }
    for operation, trial in trials.items():
        yield _try(number, scope.region, operation, partial(_allowed, trial))


def _allowed(trial: Callable[[], Any]) -> str:
    trial()
    return 'allowed'


def _try(number: int, region: str, operation: str, trial: Callable[[], str]) -> Finding:
    from ..aws.errors import AwsError, Kind, advise
    from ..reporting.text import one_line

    try:
        return Finding(number, region, operation, True, one_line(trial(), 100))
    except AwsError as error:
        if error.kind in (Kind.NOT_FOUND, Kind.INVALID) and operation != 'ListModelCustomizationJobs':
            return Finding(number, region, operation, True, 'allowed (tried on a job that does not exist)')
        return Finding(number, region, error.operation, False, error.kind.value, one_line(advise(error), 600))


def _print(findings: list[Finding]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in ('instance', 'Region', 'operation', '', 'answer'):
        table.add_column(header)
    for finding in findings:
        mark = Text('ok', 'green') if finding.works else Text('FAILED', 'bold red')
        table.add_row(str(finding.instance), finding.region, finding.operation, mark, Text(finding.answer))
    console.print(table)
    for finding in findings:
        if finding.advice:
            console.print(Text(f'instance {finding.instance} {finding.region}: {finding.advice}', 'yellow'))
    if all(finding.works for finding in findings):
        console.print(Text('Everything works.', 'green'))
