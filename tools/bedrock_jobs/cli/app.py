"""Assembles the command line from the modules in this folder."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

import typer

from datadog_checks.bedrock_model_customization.__about__ import __version__

from ._ending import Commands


def build() -> typer.Typer:
    """Return the application with the commands of every module in this folder that has a `register` function."""
    app = typer.Typer(
        name='bedrock-jobs',
        cls=Commands,
        help='Follow Amazon Bedrock model customization jobs, and bring them to Datadog.',
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={'help_option_names': ['-h', '--help']},
    )
    app.callback()(_options)
    package = __package__ or ''
    for module in sorted(found.name for found in iter_modules(import_module(package).__path__)):
        if not module.startswith('_') and module != 'app':
            register = getattr(import_module(f'{package}.{module}'), 'register', None)
            if register:
                register(app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit()


def _options(
    version: Annotated[
        bool, typer.Option('--version', callback=_version, is_eager=True, help='Show the version.')
    ] = False,
) -> None:
    pass
