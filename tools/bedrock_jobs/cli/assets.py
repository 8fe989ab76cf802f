"""`bedrock-jobs assets`: deploys dashboards, monitors and SLOs from files to Datadog, and removes them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._ending import DIFFERENT, ERROR, extra, say
from .preview import preview

if TYPE_CHECKING:
    from ..datadog_assets.deploy import Deployer
    from ..datadog_assets.files import Library
    from ..datadog_assets.overlay import Overlay
    from ..datadog_assets.render import Desired
    from ..datadog_assets.verify import Report
    from ..datadog_client import Datadog

commands = typer.Typer(no_args_is_help=True, help='Dashboards, monitors and SLOs: check, deploy, verify, take back.')

Folder = Annotated[
    Path | None, typer.Option('--assets', exists=True, file_okay=False, help='The assets folder; that of the checkout.')
]
OverlayFile = Annotated[
    Path | None, typer.Option('--overlay', exists=True, dir_okay=False, help='YAML: thresholds, handles, prefix, ...')
]
Json = Annotated[bool, typer.Option('--json', help='Write JSON to standard output.')]
Force = Annotated[bool, typer.Option('--force', help='Take away handles and tags that people have added.')]
Prune = Annotated[bool, typer.Option('--prune', help='Delete what is ours and no file asks for any more.')]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands.command('preview')(preview)
    app.add_typer(commands, name='assets')


@commands.command('validate')
def validate(assets: Folder = None, overlay: OverlayFile = None, as_json: Json = False) -> None:
    """Check the files offline, strictly. Needs no keys. Exit codes: 0 all in order, 1 problems."""
    with extra('api'):
        from ..datadog_assets.lint import lint

        library, settings = _read(assets, overlay)
        found = lint(library, settings)
    if as_json:
        _write_json({file: [problem._asdict() for problem in problems] for file, problems in found.items()})
    else:
        _show_problems(found, len(library.assets))
    if found:
        raise typer.Exit(ERROR)


@commands.command('plan')
def plan(
    assets: Folder = None,
    overlay: OverlayFile = None,
    force: Force = False,
    prune: Prune = False,
    as_json: Json = False,
) -> None:
    """Show what apply would do; writes nothing. Exit codes: 0 nothing to do, 2 changes, 1 error."""
    with extra('api'), _deployer(assets, overlay, force, prune) as deployer:
        planned = deployer.plan()
        _show_plan(planned, as_json)
    if planned.has_changes:
        raise typer.Exit(DIFFERENT)


@commands.command('apply')
def apply(
    assets: Folder = None,
    overlay: OverlayFile = None,
    force: Force = False,
    prune: Prune = False,
    yes: Annotated[bool, typer.Option('--yes', '-y', help='Do not ask.')] = False,
    as_json: Json = False,
) -> None:
    """Make Datadog as the files want it. May be interrupted and run again. Exit codes: 0 done, 1 error or declined."""
    with extra('api'), _deployer(assets, overlay, force, prune) as deployer:
        if not yes:
            planned = deployer.plan()
            _show_plan(planned, False)
            if planned.has_changes:
                typer.confirm('Apply these changes?', abort=True, err=True)
        if not as_json:
            deployer.tell = lambda action: say(f'{_DONE[action.verb]} {action.label}: {action.title}')
        done = deployer.apply()
        if as_json:
            _write_json(_plan_json(done))
        else:
            say('applied' if done.has_changes else 'nothing to do')


@commands.command('status')
def status(assets: Folder = None, overlay: OverlayFile = None, as_json: Json = False) -> None:
    """Show what is deployed and how it is: in step or drifted, a monitor's state, and whether it is muted."""
    with extra('api'), _deployer(assets, overlay, False, False) as deployer:
        rows = _status_rows(deployer)
    if as_json:
        _write_json(rows)
    else:
        _table(['asset', 'id', 'in Datadog', 'state', 'added by people'], [list(row.values()) for row in rows])


@commands.command('destroy')
def destroy(
    overlay: OverlayFile = None,
    yes: Annotated[bool, typer.Option('--yes', '-y', help='Do not ask.')] = False,
    as_json: Json = False,
) -> None:
    """Delete what this deployment made, and nothing else. Exit codes: 0 all gone, 1 something was left or an error."""
    with extra('api'), _datadog() as datadog:
        from ..datadog_assets.deploy import Deployer
        from ..datadog_assets.overlay import read_overlay

        # The contents of the files do not matter here, not even whether they are valid.
        deployer = Deployer(datadog, read_overlay(overlay).deployment, ())
        owned = deployer.owned()
        if owned and not yes:
            _table(['asset', 'id', 'title'], [[f'{one.kind} {one.stem}', str(one.id), one.title] for one in owned])
            typer.confirm(f'Delete these {len(owned)}?', abort=True, err=True)
        if not as_json:
            deployer.tell = lambda action: say(f'{_DONE[action.verb]} {action.label}: {action.title}')
        done, refused = deployer.destroy(owned)
    left = [
        {'asset': f'{one.remote.kind} {one.remote.stem}', 'id': one.remote.id, 'reason': one.reason} for one in refused
    ]
    if as_json:
        _write_json({'deleted': [action.label for action in done], 'left': left})
    else:
        for one in left:
            say(f'left {one["asset"]} ({one["id"]}): {one["reason"]}', 'yellow')
        say(f'{len(done)} deleted' if done or left else 'nothing of ours is there')
    if refused:
        raise typer.Exit(ERROR)


@commands.command('export')
def export(
    assets: Folder = None,
    overlay: OverlayFile = None,
    form: Annotated[str, typer.Option('--format', help='terraform, or json: the bodies for the API.')] = 'terraform',
    output: Annotated[
        Path | None, typer.Option('--output', '-o', help='The file to write, such as main.tf.json.')
    ] = None,
) -> None:
    """Write the assets, with the overlay, for another tool to deploy. Needs no keys."""
    if form not in ('terraform', 'json'):
        raise typer.BadParameter('--format is terraform or json')
    with extra('api'):
        from ..datadog_assets import terraform

        desired = _valid(*_read(assets, overlay))
        if form == 'terraform':
            document: Any = terraform.export(desired)
        else:
            document = [{'kind': one.kind, 'key': one.stem, 'body': one.body} for one in desired]
        text = json.dumps(document, indent=2, ensure_ascii=False) + '\n'
        if output:
            output.write_text(text, encoding='utf-8')
        else:
            typer.echo(text, nl=False)


@commands.command('verify')
def verify(
    since: Annotated[str, typer.Option('--since', help='How far back to look: 15m, 2h, 1d.')] = '15m',
    patience: Annotated[str, typer.Option('--timeout', help='How long to wait for what is missing.')] = '3m',
    scope: Annotated[str, typer.Option('--scope', help='Only this, as in a query: region:us-east-1,team:nlp')] = '*',
    assets: Folder = None,
    overlay: OverlayFile = None,
    as_json: Json = False,
) -> None:
    """Ask Datadog whether metrics, events and the data of each widget arrived. Exit codes: 0 all expected, 1 not."""
    with extra('api'):
        from ..datadog_assets.verify import Verifier, parse_span, wait
        from ..datadog_assets.vocabulary import read_metrics

        try:
            start, span = datetime.now(UTC) - parse_span(since), parse_span(patience)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        library, settings = _read(assets, overlay)
        desired = _valid(library, settings)
        assert library.metadata is not None
        dashboards = [one for one in desired if one.kind == 'dashboard']
        with _datadog() as datadog, _spinner() as show:
            verifier = Verifier(datadog, read_metrics(library.metadata), dashboards, start, scope)
            report = wait(
                verifier,
                span,
                time.sleep,
                15.0,
                lambda seen, left: show(f'{len(seen.missing)} of {len(seen.items)} not there yet; {left:.0f} s left'),
            )
    if as_json:
        _write_json({'since': start.isoformat(), 'items': [_fields(item) for item in report.items]})
    else:
        _show_report(report)
    if report.missing:
        raise typer.Exit(ERROR)


@contextmanager
def _datadog() -> Iterator[Datadog]:
    from ..datadog_client import Datadog, from_environment

    datadog = Datadog(from_environment())
    try:
        yield datadog
    finally:
        datadog.close()


@contextmanager
def _deployer(assets: Path | None, overlay: Path | None, force: bool, prune: bool) -> Iterator[Deployer]:
    from ..datadog_assets.deploy import Deployer

    library, settings = _read(assets, overlay)
    desired = _valid(library, settings)
    with _datadog() as datadog:
        yield Deployer(datadog, settings.deployment, desired, force=force, prune=prune)


def _read(assets: Path | None, overlay: Path | None) -> tuple[Library, Overlay]:
    from ..datadog_assets.files import find_folder, read
    from ..datadog_assets.overlay import read_overlay

    library = read(find_folder(assets))
    return library, read_overlay(overlay)


def _valid(library: Library, overlay: Overlay) -> list[Desired]:
    """Return what Datadog should contain; exit with the problems if the files have any."""
    from ..datadog_assets.lint import lint
    from ..datadog_assets.render import render

    found = lint(library, overlay)
    if found:
        _show_problems(found, len(library.assets))
        raise typer.Exit(ERROR)
    return render(library.assets, overlay)


def _status_rows(deployer: Deployer) -> list[dict[str, str]]:
    from ..datadog_assets.diff import changes, extras

    found = deployer.look()
    ids: dict[tuple[str, str], int | str] = {(one.kind, one.stem): one.id for one in found.values()}

    def row(desired: Desired) -> dict[str, str]:
        remote = found.pop((desired.kind, desired.mark), None)
        if remote is None:
            return {'asset': desired.label, 'id': '', 'deployed': 'absent', 'state': '', 'added': ''}
        wanted = desired.resolved(ids)
        drifted = changes(wanted.kind, wanted.body, remote.body)
        added = [str(value) for change in extras(wanted.kind, wanted.body, remote.body) for value in change.before]
        deployed = 'drifted: ' + ', '.join(sorted({change.path for change in drifted})) if drifted else 'in step'
        return {
            'asset': desired.label,
            'id': str(remote.id),
            'deployed': deployed,
            'state': _state(remote.body),
            'added': ' '.join(added),
        }

    rows = [row(desired) for desired in deployer.desired]
    for stray in found.values():
        label = f'{stray.kind} {stray.stem}'
        rows.append({'asset': label, 'id': str(stray.id), 'deployed': 'no file', 'state': '', 'added': ''})
    return rows


def _state(body: Any) -> str:
    states = [str(body.get('overall_state') or '')]
    if (body.get('options') or {}).get('silenced'):
        states.append('muted')
    if body.get('draft_status') == 'draft':
        states.append('draft')
    return ', '.join(state for state in states if state)


_DONE = {
    'create': 'created',
    'update': 'updated',
    'replace': 'replaced',
    'delete': 'deleted',
    'keep': 'unchanged',
}
_SIGNS = {
    'create': ('+', 'green'),
    'update': ('~', 'yellow'),
    'replace': ('!', 'red'),
    'delete': ('-', 'red'),
    'keep': ('=', 'dim'),
}


def _show_plan(plan: Any, as_json: bool) -> None:
    if as_json:
        _write_json(_plan_json(plan))
        return
    for action in plan.actions:
        sign, style = _SIGNS[action.verb]
        _print(f'{sign} {action.label}: {action.title}', style)
        for change in action.changes:
            _print(f'    {change.path}')
            for line in _difference(change.before, change.after):
                _print(f'      {line}', {'-': 'red', '+': 'green'}.get(line[:1]))
    for stray in plan.strays:
        if not any(action.verb == 'delete' and action.id == stray.id for action in plan.actions):
            _print(f'? {stray.kind} {stray.stem}: no file asks for it any more; --prune deletes it', 'yellow')
    counts = {verb: sum(action.verb == verb for action in plan.actions) for verb in _SIGNS}
    _print(', '.join(f'{count} to {verb}' for verb, count in counts.items()))


def _difference(before: Any, after: Any) -> list[str]:
    """Return two values as lines with - and +; for long texts, only the parts that differ."""
    from difflib import unified_diff

    old, new = (_lines(value) for value in (before, after))
    if len(old) + len(new) <= 2:
        return [*(f'- {line}' for line in old), *(f'+ {line}' for line in new)]
    return [f'{line[0]} {line[1:]}' for line in list(unified_diff(old, new, n=1, lineterm=''))[3:]]


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines() or ['']
    return json.dumps(value, indent=1, ensure_ascii=False).splitlines()


def _plan_json(plan: Any) -> dict[str, Any]:
    return {
        'has_changes': plan.has_changes,
        'actions': [
            {
                'verb': action.verb,
                'kind': action.kind,
                'key': action.stem,
                'title': action.title,
                'id': action.id,
                'changes': [change._asdict() for change in action.changes],
            }
            for action in plan.actions
        ],
        'strays': [{'kind': one.kind, 'key': one.stem, 'id': one.id} for one in plan.strays],
    }


def _show_problems(found: Any, total: int) -> None:
    for file, problems in sorted(found.items()):
        _print(file, 'bold')
        for problem in problems:
            _print(f'  {problem}', 'red')
    wrong = sum(len(problems) for problems in found.values())
    _print(f'{total} files, {wrong} problems' if wrong else f'{total} files, all in order', 'red' if wrong else 'green')


def _show_report(report: Report) -> None:
    marks = {True: 'there', False: 'missing'}
    rows = [
        [item.kind, item.name, marks[item.has_arrived] if item.is_expected or item.has_arrived else 'none', item.reason]
        for item in report.items
    ]
    _table(['kind', 'name', 'data', 'why that may be'], rows)
    count = len(report.missing)
    say(f'{count} expected things are missing' if count else 'everything that is expected has arrived')


def _fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ('kind', 'name', 'has_arrived', 'is_expected', 'reason')}


@contextmanager
def _spinner() -> Iterator[Any]:
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: say(text)
        return
    with console.status('asking Datadog') as spinner:
        yield lambda text: spinner.update(text)


def _table(headers: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console().print(table)


def _print(text: str, style: str | None = None) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False).print(Text(text), style=style, soft_wrap=True)


def _write_json(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
