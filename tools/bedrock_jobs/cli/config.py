"""`bedrock-jobs config`: writes configurations for many accounts, and validates existing ones."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..accounts.render import Format
from ..errors import ToolError
from ..private_files import write_text
from ._ending import ERROR, OK, say

if TYPE_CHECKING:
    from ..accounts.instances import Instance
    from ..accounts.organization import Members
    from ..accounts.render import Place

MARK = 'Made by bedrock-jobs '
"""The beginning of the first line of files that we write, after the comment's `# `."""

ACCOUNTS = 'Accounts'
INSTANCES = 'Instances'
FILES = 'Files'

Names = Annotated[
    list[str] | None,
    typer.Option('--include', help='Only these: account id, ou-... or a pattern of names.', rich_help_panel=ACCOUNTS),
]


def register(app: typer.Typer) -> None:
    commands = typer.Typer(no_args_is_help=True, help='Write configurations for many accounts, and find mistakes.')
    commands.command('generate')(generate)
    commands.command('validate')(validate)
    app.add_typer(commands, name='config')


def generate(
    context: typer.Context,
    organization: Annotated[
        bool, typer.Option('--organization', help='Every active account of the organization.', rich_help_panel=ACCOUNTS)
    ] = False,
    accounts: Annotated[
        Path | None,
        typer.Option(help='CSV: account id, and optionally name, Regions and external id.', rich_help_panel=ACCOUNTS),
    ] = None,
    include: Names = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help='None of these; exclude wins.', rich_help_panel=ACCOUNTS)
    ] = None,
    organization_role: Annotated[
        str | None, typer.Option(help='ARN of a role to assume, to list the accounts.', rich_help_panel=ACCOUNTS)
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help='Where to ask for the accounts, instead of AWS.', rich_help_panel=ACCOUNTS)
    ] = None,
    role_name: Annotated[
        str, typer.Option(help='Role to assume in each account.', rich_help_panel=INSTANCES)
    ] = 'DatadogBedrockModelCustomization',
    role_path: Annotated[str, typer.Option(help="The role's path.", rich_help_panel=INSTANCES)] = '/',
    external_id: Annotated[
        str | None,
        typer.Option(
            envvar='BEDROCK_JOBS_EXTERNAL_ID', help="What the roles' trust policy asks for.", rich_help_panel=INSTANCES
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option('--region', '-r', help='Regions to poll: us-east-1 and us-west-2.', rich_help_panel=INSTANCES),
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="AWS partition: the caller's, or that of the Regions.", rich_help_panel=INSTANCES)
    ] = None,
    own_account: Annotated[
        str | None,
        typer.Option(help="Account to poll with the Agent's own credentials.", rich_help_panel=INSTANCES),
    ] = None,
    name_tag: Annotated[
        str | None, typer.Option(help="Key of a tag with the account's name.", rich_help_panel=INSTANCES)
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option('--set', help='NAME=VALUE: an option of every instance.', rich_help_panel=INSTANCES),
    ] = None,
    form: Annotated[Format, typer.Option('--format', help='What kind of file.', rich_help_panel=FILES)] = Format.CONF,
    pieces: Annotated[
        int, typer.Option(min=1, help='Parts of equal work, each run by one Agent.', rich_help_panel=FILES)
    ] = 1,
    output: Annotated[
        Path | None,
        typer.Option('--output', '-o', help='File; pieces get -01, -02... in its name.', rich_help_panel=FILES),
    ] = None,
    namespace: Annotated[str | None, typer.Option(help='Namespace in Kubernetes.', rich_help_panel=FILES)] = None,
    name: Annotated[
        str | None,
        typer.Option(help='Part of the names in Kubernetes, another for each file.', rich_help_panel=FILES),
    ] = None,
    force: Annotated[
        bool, typer.Option('--force', help='Overwrite files that were not made by this.', rich_help_panel=FILES)
    ] = False,
) -> None:
    """Write an instance for each account, each with a role to assume there.

    Nothing is changed in AWS, and no credential is written. The same accounts give the same files.
    """
    from ..accounts.account import Selection, read_accounts
    from ..accounts.instances import DEFAULT_REGIONS, DEFAULTS, Recipe, make_instances
    from ..accounts.organization import Members
    from ..accounts.render import Place

    if organization == (accounts is not None):
        raise ToolError('give either --organization or --accounts FILE')
    if pieces > 1 and form.is_file_of_agent and output is None:
        raise ToolError('several pieces need --output FILE')
    if accounts:
        members = Members(read_accounts(_text(accounts)), [])
    else:
        members, partition = _members(endpoint_url, organization_role, region, partition)
    if own_account is not None and own_account not in {account.id for account in members.accounts}:
        raise ToolError(f'--own-account {own_account}: is none of the {len(members.accounts)} accounts')
    recipe = Recipe(
        role_name=role_name,
        role_path=role_path,
        external_id=external_id,
        regions=region or DEFAULT_REGIONS,
        partition=partition,
        own_account=own_account,
        options={**DEFAULTS, **form.defaults, **_parse(options or [])},
        name_tag=name_tag,
    )
    instances = make_instances(Selection(include or (), exclude or ()).of(*members), recipe)
    texts = _render(instances, form, pieces, Place(namespace, name), _command(context))
    if output is None:
        typer.echo(texts[0], nl=False)
    else:
        try:
            _write(output, texts, force)
        except OSError as error:
            raise ToolError(f'{output} cannot be written: {error.strerror or error}') from error
    for line in _remarks(instances, members, form, pieces):
        say(line)


def validate(
    files: Annotated[list[Path], typer.Argument(help='conf.yaml, ConfigMap, values for Helm, or DatadogAgent.')],
) -> None:
    """Print every mistake in configurations of this check that are used together. Exits with 1 where there is any."""
    from ..accounts.errors import DeploymentError
    from ..accounts.reading import clashes, mistakes, read_file

    found, read = [], []
    for path in files:
        try:
            read.append((path.name, read_file(_text(path), path.name)))
        except DeploymentError as error:
            found.append(f'{path.name}: {error}')
    confs = [conf for _, file in read for conf in file.confs]
    found += [*mistakes(confs), *clashes(read)]
    if not found:
        number = sum(len(conf.document['instances']) for conf in confs)
        typer.echo(f'{number} instance{"s" if number != 1 else ""}, no mistakes')
    for line in found:
        say(line)
    raise typer.Exit(ERROR if found else OK)


def _members(
    endpoint_url: str | None, role: str | None, regions: list[str] | None, partition: str | None
) -> tuple[Members, str]:
    """Return the organization's accounts, and the partition."""
    from datadog_checks.bedrock_model_customization.aws.session import AwsSettings
    from datadog_checks.bedrock_model_customization.config_models.validators import ROLE_ARN

    from ..accounts.instances import DEFAULT_REGIONS
    from ..accounts.organization import Organization

    if role is not None and not ROLE_ARN.fullmatch(role):
        raise ToolError("--organization-role: must be a role's ARN: arn:aws:iam::<12 digits>:role/<name>")
    first = (regions or DEFAULT_REGIONS)[0]
    settings = AwsSettings(
        assume_role=role, endpoint_url=endpoint_url, region=first, retry_mode='standard', max_attempts=5
    )
    organization = Organization(settings)
    caller = organization.caller()
    return organization.members(), partition or caller.partition


def _remarks(instances: list[Instance], members: Members, form: Format, pieces: int) -> Iterator[str]:
    """Yield what was written, and what the user should know about it."""
    scopes = sum(len(instance['regions']) for instance in instances)
    inactive = len(members.inactive)
    left_out = f' ({inactive} that are not active are left out)' if inactive else ''
    yield f'{len(instances)} accounts{left_out}, {scopes} scopes'
    bare = sum('assume_role' in instance and 'external_id' not in instance for instance in instances)
    if bare:
        yield f'{bare} of them without an external id (--external-id): the roles of assets/iam cannot be assumed so'
    if form.is_dispatched and pieces == 1 and len(instances) > 1:
        yield 'A Cluster Agent gives this to one runner as a whole: --pieces spreads it over several.'


def _parse(texts: list[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs, each value as YAML."""
    import yaml

    options: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition('=')
        if not separator or not name:
            raise ToolError(f'--set {text}: must be NAME=VALUE')
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ToolError(f'--set {text}: the value is no YAML') from error
    return options


def _command(context: typer.Context) -> str:
    """Return the command as given, on one line, without anything that may be secret."""
    words = ['config generate']
    for option in context.command.params:
        name = option.name or ''
        source = context.get_parameter_source(name)
        if source is None or source.name == 'DEFAULT' or name == 'force':
            continue
        value = context.params[name]
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [option.opts[0]] if one is True else [option.opts[0], _shown(name, one)]
    # This goes into a comment, which must be one line.
    return ''.join(character if character.isprintable() else ' ' for character in ' '.join(words))


def _shown(option: str, value: Any) -> str:
    from datadog_checks.bedrock_model_customization.aws.secrets import without_credentials
    from datadog_checks.bedrock_model_customization.config import HIDDEN

    if option == 'options':
        name, _, given = value.partition('=')
        return shlex.quote(f'{name}=...' if name in HIDDEN else f'{name}={without_credentials(given)}')
    if option in HIDDEN:
        return '...'
    # Keep only the file name: its folder differs between machines.
    return shlex.quote(value.name if isinstance(value, Path) else without_credentials(str(value)))


def _render(instances: list[Instance], form: Format, pieces: int, place: Place, command: str) -> list[str]:
    from datadog_checks.bedrock_model_customization.__about__ import __version__

    from ..accounts.pieces import scopes_of, split
    from ..accounts.render import render

    shared = split(instances, pieces)
    sizes = [sum(map(scopes_of, piece)) for piece in shared]
    of_pieces = f' in {pieces} pieces of {min(sizes)} to {max(sizes)}' if pieces > 1 else ''
    comments = [
        f'{MARK}{__version__}: {command}',
        f'{len(instances)} accounts, {sum(sizes)} scopes (accounts times Regions){of_pieces}. '
        'Make it anew rather than edit it.',
        *form.usage,
    ]
    return render(shared, form, comments, place)


def _write(output: Path, texts: list[str], force: bool) -> None:
    """Write the files. Refuse to overwrite files we did not write; report our files that are no longer generated."""
    if not output.name or output.is_dir():
        raise ToolError(f'{output} is a folder: give the name of a file')
    numbered = [output.with_name(f'{output.stem}-{number:02}{output.suffix}') for number in range(1, len(texts) + 1)]
    paths = numbered if len(texts) > 1 else [output]
    for path in paths:
        if path.exists() and not force and not _is_ours(path):
            raise ToolError(f'{path} was not made by this command: choose another name, or --force')
    output.parent.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)
        say(str(path))
    piece = re.compile(rf'{re.escape(output.stem)}(-\d{{2,}})?{re.escape(output.suffix)}')
    siblings = {path for path in output.parent.iterdir() if piece.fullmatch(path.name) and path.is_file()}
    for path in sorted(path for path in siblings - set(paths) if _is_ours(path)):
        say(f'{path} is left from an earlier run: remove it, or its accounts are polled twice')


def _is_ours(path: Path) -> bool:
    with path.open(encoding='utf-8', errors='replace') as file:
        return file.readline().startswith(f'# {MARK}')


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f'{path} cannot be read: {error}') from error
