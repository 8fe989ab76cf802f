"""`bedrock-jobs assets preview`: a dashboard as a picture, from what the check emitted and without Datadog."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ._extras import extra

GROUP = 'assets'
NAME = 'preview'


class Theme(StrEnum):
    """The colours of the page; `auto` follows the reader's system."""

    auto = 'auto'
    light = 'light'
    dark = 'dark'


def register(app: typer.Typer) -> None:
    """Add the command to the `assets` commands, which exist where those of the deployer do."""
    group = next((one.typer_instance for one in app.registered_groups if one.name == GROUP), None)
    if group is None:
        group = typer.Typer(no_args_is_help=True, help='Dashboards, monitors and SLOs.')
        app.add_typer(group, name=GROUP)
    if NAME not in (command.name for command in group.registered_commands):
        group.command(NAME)(preview)


def preview(
    recording: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help='What `bedrock-jobs demo --record` wrote.')
    ],
    output: Annotated[Path, typer.Option('--output', '-o', help='The page to write.')] = Path('preview.html'),
    dashboard: Annotated[
        str, typer.Option(help='The file name of the dashboard, without .json.')
    ] = 'bedrock_model_customization_overview',
    variable: Annotated[
        list[str] | None, typer.Option(help='A template variable, such as region=us-east-1. Repeat for several.')
    ] = None,
    theme: Annotated[Theme, typer.Option(help='Colours of the page.')] = Theme.auto,
    assets: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help='The assets folder; that of the checkout.')
    ] = None,
) -> None:
    """Draw a dashboard as one HTML page. Exit codes: 0 every widget shows data, 1 one does not."""
    with extra('preview'):
        from ..preview.errors import PreviewError
        from ..preview.library import find_assets, read_library
        from ..preview.page import draw
        from ..preview.recording import read_recording
    try:
        library = read_library(find_assets(assets))
        page = draw(
            library.dashboard(dashboard), read_recording(recording), library, _chosen(variable or ()), theme.value
        )
        output.write_text(page.html, encoding='utf-8')
    except (PreviewError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    for title in page.errors:
        typer.echo(f'not drawn: {title}', err=True)
    for title in page.empty:
        typer.echo(f'no data: {title}', err=True)
    typer.echo(f'{output}: {len(page.html) // 1024} KiB')
    if page.errors or page.empty:
        raise typer.Exit(1)


def _chosen(variables: list[str] | tuple[()]) -> dict[str, str]:
    chosen = {}
    for text in variables:
        name, sign, value = text.partition('=')
        if not sign or not name or not value:
            raise typer.BadParameter(f'{text!r} is not of the form name=value')
        chosen[name] = value
    return chosen
