"""`bedrock-jobs report`: shows loss curves, phases and failures as a page, a picture or a terminal plot."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..errors import ToolError
from ..private_files import write_text
from ._ending import extra, say
from ._recordings import ReplayFolder, configured

if TYPE_CHECKING:
    from datadog_checks.bedrock_model_customization.settings import Settings

    from ..training_report.runs import Report, Run

UNITS: Final = {'m': 'minutes', 'h': 'hours', 'd': 'days', 'w': 'weeks'}
NOT_IN_FILE_NAMES: Final = re.compile(r'[^A-Za-z0-9._+-]+')
MAX_FILE_NAME: Final = 80


class Format(StrEnum):
    """The output format of a report."""

    HTML = 'html'
    PNG = 'png'
    TEXT = 'text'

    @classmethod
    def of_file(cls, name: str) -> Format:
        """Return the format that a file's name ends with, or a page."""
        return {'png': cls.PNG, 'txt': cls.TEXT}.get(name.rpartition('.')[2].lower(), cls.HTML)


def register(app: typer.Typer) -> None:
    app.command('report')(report)


def report(
    config: Annotated[
        Path | None,
        typer.Option('--config', '-c', exists=True, dir_okay=False, help="The check's conf.yaml: look at AWS now."),
    ] = None,
    demo: Annotated[bool, typer.Option('--demo', help='Made-up jobs in a simulated AWS.')] = False,
    replay: ReplayFolder = None,
    job: Annotated[str | None, typer.Option('--job', help='One job, by its name or ARN.')] = None,
    since: Annotated[
        str, typer.Option('--since', help='Jobs created in this time, and those that run: 12h, 7d, 4w.')
    ] = '7d',
    out: Annotated[
        Path | None,
        typer.Option('--output', '--out', '-o', help='Write to this file. [default: report.html, or NAME.png]'),
    ] = None,
    wanted: Annotated[
        Format | None,
        typer.Option('--format', help="Page, one job's picture, or text. [default: as the file's name ends, or html]"),
    ] = None,
    artifacts: Annotated[
        bool | None,
        typer.Option('--artifacts/--no-artifacts', help='Read loss curves in S3. [default: as collect_artifacts says]'),
    ] = None,
) -> None:
    """Show how training runs went: loss curves side by side, time in phases, and why jobs failed."""
    if sum((config is not None, demo, replay is not None)) != 1:
        raise typer.BadParameter('give one of --config, --demo and --replay')
    as_format, window = wanted or Format.of_file(out.name if out else ''), duration(since)
    if as_format is Format.PNG and job is None:
        raise typer.BadParameter('a PNG shows one job: name it with --job')
    with extra('report'):
        _needs(as_format)
        made = _look(config, replay, window, job, artifacts)
        if job is not None and not made.runs:
            _complain(made)
            raise ToolError(f'no job {job!r} was found')
        if as_format is Format.HTML:
            _write_page(made, out or Path('report.html'))
        elif as_format is Format.PNG:
            _draw(made.runs[0], out)
        else:
            _plot(made, out)
    _complain(made)


def duration(text: str) -> timedelta:
    """Parse a duration such as `90m`, `12h`, `7d` or `4w`. Exits with a message if it is invalid."""
    match = re.fullmatch(r'(\d{1,5})([mhdw])', text.strip())
    if not match or not int(match[1]):
        raise typer.BadParameter(f'{text!r} is no time: write it as 90m, 12h, 7d or 4w')
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _needs(as_format: Format) -> None:
    """Import what the format needs now, so that a missing library fails before a minute of AWS requests."""
    from importlib import import_module

    import_module({Format.HTML: 'jinja2', Format.PNG: 'matplotlib', Format.TEXT: 'plotext'}[as_format])


def _look(
    config: Path | None, replay: Path | None, since: timedelta, job: str | None, artifacts: bool | None
) -> Report:
    from ..training_report.runs import allow_artifacts, look

    now = datetime.now(UTC)
    with ExitStack() as stack:
        if replay:
            config, recorded_at = stack.enter_context(configured(None, replay))
            now = recorded_at or now
        for settings in (instances := _instances(config, now, stack)):
            if settings.artifacts is None and artifacts is None:
                say('Loss curves in S3 are not read: set collect_artifacts: true, or give --artifacts.')
                break
        allowed = [allow_artifacts(settings, artifacts) for settings in instances]
        return look(allowed, now, since=since, job_name=job, progress=lambda region: say(f'looking at {region}'))


def _instances(config: Path | None, now: datetime, stack: ExitStack) -> list[Settings]:
    if config is not None:
        from ..conf_yaml import load

        return load(config)
    with extra('simulator'):
        from ..training_report.demo import demo

        return stack.enter_context(demo(now))


def _write_page(made: Report, out: Path) -> None:
    from ..training_report.page import render

    text = render(made)
    write_text(out, text)
    curves = sum(run.has_curve for run in made.runs)
    say(f'{out}: {len(made.runs)} jobs, {curves} with a loss curve, {len(text) // 1024} KiB')


def _draw(run: Run, out: Path | None) -> None:
    from ..training_report.picture import draw

    if not run.has_curve:
        raise ToolError('the job has no loss curve to draw')
    path = out or Path(f'{file_name(run.job.job_name or "job")}.png')
    draw(run, path)
    say(str(path))


def _plot(made: Report, out: Path | None) -> None:
    from ..training_report.terminal import describe, plot

    if not made.runs:
        say('There is no job.')
        return
    is_terminal, width = out is None and typer.get_text_stream('stdout').isatty(), get_terminal_size().columns
    parts = []
    for run in made.runs:
        parts.append(describe(run, made.made_at, width))
        if run.has_curve:
            parts.append(plot(run, width, colors=is_terminal))
    text = '\n'.join(parts)
    if out:
        write_text(out, f'{text}\n')
    else:
        typer.echo(text)


def file_name(name: str) -> str:
    """Return a job's name as a file name, without characters that could point to another folder."""
    return NOT_IN_FILE_NAMES.sub('-', name).strip('.-')[:MAX_FILE_NAME] or 'job'


def _complain(made: Report) -> None:
    from datadog_checks.bedrock_model_customization.telemetry.text import one_line

    for problem in made.problems:
        say(f'missing: {one_line(problem, 500)}')
