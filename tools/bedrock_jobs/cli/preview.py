"""`bedrock-jobs assets preview`: draws a dashboard from what the check emitted, without Datadog."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..private_files import write_text
from ._ending import ERROR, extra, say


class Theme(StrEnum):
    """The colours of the page; `auto` follows the reader's system setting."""

    auto = 'auto'
    light = 'light'
    dark = 'dark'


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
        from ..preview.library import find_assets, read_library
        from ..preview.page import draw
        from ..preview.recording import read_recording
    library = read_library(find_assets(assets))
    page = draw(library.dashboard(dashboard), read_recording(recording), library, _chosen(variable or ()), theme.value)
    write_text(output, page.html)
    for title in page.errors:
        say(f'not drawn: {title}')
    for title in page.empty:
        say(f'no data: {title}')
    typer.echo(f'{output}: {len(page.html) // 1024} KiB')
    if page.errors or page.empty:
        raise typer.Exit(ERROR)


def _chosen(variables: list[str] | tuple[()]) -> dict[str, str]:
    chosen = {}
    for text in variables:
        name, sign, value = text.partition('=')
        if not sign or not name or not value:
            raise typer.BadParameter(f'{text!r} is not of the form name=value')
        chosen[name] = value
    return chosen
