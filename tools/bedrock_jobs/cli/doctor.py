"""`bedrock-jobs doctor`: tests the credentials, permissions and Regions of a conf.yaml and reports what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._ending import ERROR, OK, extra
from ._recordings import ReplayFolder, configured, new_folder, write

if TYPE_CHECKING:
    from datadog_checks.bedrock_model_customization.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one test. `advice` says what to do, if anything."""

    instance: int
    region: str
    operation: str
    works: bool
    answer: str
    advice: str = ''


def register(app: typer.Typer) -> None:
    app.command('doctor')(doctor)


def doctor(
    config: Annotated[
        Path | None, typer.Option('--config', '-c', help='A conf.yaml, as the Agent would have it.')
    ] = None,
    replay: ReplayFolder = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print the findings as a JSON list.')] = False,
    record: Annotated[
        Path | None, typer.Option('--record', help="Write AWS's answers to this new folder, with made-up names.")
    ] = None,
    max_jobs: Annotated[
        int, typer.Option('--record-jobs', min=1, help='How many jobs of a Region --record describes, newest first.')
    ] = 100,
    yes: Annotated[bool, typer.Option('--yes', help='Write the recording without showing it and asking.')] = False,
) -> None:
    """Try the credentials, each permission and each Region; say which IAM action is missing and what is lost by it.

    Nothing is changed in AWS, and nothing is sent anywhere else. Exits with 1 where something does not work.
    """
    from .. import conf_yaml
    from . import _agent

    _agent.quiet()
    if record and replay:
        raise typer.BadParameter('--record asks AWS, and --replay does not: give one of them')
    if record and not (yes or sys.stdin.isatty()):
        raise typer.BadParameter('--record shows each file and asks: use a terminal, or give --yes')
    if record:
        new_folder(record)
    findings: list[Finding] = []
    with configured(config, replay) as (path, _):
        conf = conf_yaml.read(path)
        findings += [Finding(number, '', 'configuration', False, '', doubt) for number, doubt in conf_yaml.doubts(conf)]
        checks = conf_yaml.checks(conf)
        for number, check in enumerate(checks, start=1):
            findings += examine(number, check.settings)
        if record:
            with extra('simulator'):
                from ..recordings import recorder
            write(record, recorder.record([check.settings for check in checks], max_jobs), yes=yes)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    raise typer.Exit(OK if all(finding.works for finding in findings) else ERROR)


def examine(number: int, settings: Settings) -> Iterator[Finding]:
    """Yield the findings for one instance: first its credentials, then what each Region allows."""
    from datadog_checks.bedrock_model_customization.aws import trials
    from datadog_checks.bedrock_model_customization.aws.advice import advise
    from datadog_checks.bedrock_model_customization.aws.session import AwsSession
    from datadog_checks.bedrock_model_customization.telemetry.text import one_line

    for trial in trials.examine(AwsSession(trials.with_little_patience(settings.aws)), settings.regions):
        error = trial.error
        operation = error.operation if error else trial.operation
        advice = one_line(advise(error), 600) if error else ''
        yield Finding(number, trial.region, operation, error is None, one_line(trial.answer, 100), advice)


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
            where = ' '.join(filter(None, (f'instance {finding.instance}', finding.region)))
            console.print(Text(f'{where}: {finding.advice}', 'yellow'))
    if all(finding.works for finding in findings):
        console.print(Text('Everything works.', 'green'))
