"""The option --replay, and how a recording is shown and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ToolError
from ..private_files import write_text
from ._ending import extra, say

ReplayFolder = Annotated[
    Path | None,
    typer.Option('--replay', exists=True, file_okay=False, help="A folder of 'doctor --record', instead of AWS."),
]


@contextmanager
def configured(config: Path | None, replay: Path | None) -> Iterator[tuple[Path, datetime | None]]:
    """Yield the conf.yaml to use; with a recording, which is served meanwhile, also the time of the recording."""
    if (config is None) == (replay is None):
        raise typer.BadParameter('give one of --config and --replay')
    if config is not None:
        yield config, None
        return
    assert replay is not None
    with extra('simulator'):
        from ..recordings.replay import replaying
    with replaying(replay) as served:
        yield served


def new_folder(folder: Path) -> None:
    """Create the folder of a recording, for its owner only. Raises ToolError if there is something in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ToolError(f'{folder} is not empty: --record writes to a new folder')


def write(folder: Path, texts: Mapping[str, str], *, yes: bool) -> None:
    """Show each file of a recording and write it, readable by its owner only; unless `yes`, ask before each."""
    say('A recording stays on this machine: nothing is sent anywhere. Read each file before you share it.')
    for name, text in texts.items():
        if not yes:
            typer.echo(f'--- {name}\n{text}')
            if not typer.confirm(f'Write {folder / name}?', err=True):
                continue
        write_text(folder / name, text)
        say(f'{folder / name}: {len(text.encode())} bytes')
