"""Builds one instance of the check for each account, valid by the check's own rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from datadog_checks.base import ConfigurationError

from datadog_checks.bedrock_model_customization import config
from datadog_checks.bedrock_model_customization.aws.regions import partition_of
from datadog_checks.bedrock_model_customization.telemetry.tags import OWN_KEYS, tag, tag_key

from .account import Account
from .errors import DeploymentError

Instance = dict[str, Any]

DEFAULT_ROLE_NAME: Final = 'DatadogBedrockModelCustomization'
DEFAULT_REGIONS: Final = ('us-east-1', 'us-west-2')
DEFAULTS: Final[Mapping[str, Any]] = {'min_collection_interval': 60}
"""Options of every instance, unless others are given."""
DISPATCHED: Final[Mapping[str, Any]] = {'empty_default_hostname': True, 'events_since': 1}
"""Options of instances that a Cluster Agent dispatches: metrics without a host, no state that outlives a Pod."""
OURS: Final = frozenset({'name', 'regions', 'assume_role', 'external_id'})

_ROLE_NAME: Final = re.compile(r'[\w+=,.@-]{1,64}', re.ASCII)
_ROLE_PATH: Final = re.compile(r'/([!-.0-~]+/)*', re.ASCII)
MAX_ROLE_PATH: Final = 512
# Text that the Agent or Helm would replace with something else.
_TEMPLATE: Final = re.compile(r'%{2,}|\{{2,}|\}{2,}')
_NOT_IN_NAME: Final = re.compile(r'[^A-Za-z0-9_.-]+')
_SECRET: Final = re.compile(r'ENC\[.+\]')


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all instances have in common.

    `role_path` begins and ends with a slash. If `partition` is None, the Regions' partition is used. `own_account` is
    polled with the Agent's own credentials, without a role. `options` are further options of each instance. `name_tag`
    is the key of a tag with the account's name, or None for no such tag.
    """

    role_name: str = DEFAULT_ROLE_NAME
    role_path: str = '/'
    external_id: str | None = None
    regions: Sequence[str] = DEFAULT_REGIONS
    partition: str | None = None
    own_account: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    name_tag: str | None = None


def make_instances(accounts: Iterable[Account], recipe: Recipe) -> list[Instance]:
    """Return an instance for each account, by id. Raises DeploymentError listing every mistake once."""
    _check(recipe)
    mistakes: dict[str, str] = {}
    instances = []
    for account in sorted(accounts):
        instance = make_instance(account, recipe)
        for line in _mistakes(instance, {}) or config.unknown_options(instance, {}):
            mistakes.setdefault(line, f'account {account.id}: {line}')
        instances.append(instance)
    if not instances:
        raise DeploymentError('no account is left to poll')
    if mistakes:
        raise DeploymentError('\n'.join(mistakes.values()))
    return instances


def wrong_with(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> list[str]:
    """Return a line for each mistake in an instance, and for each value that is valid but probably unintended."""
    mistakes = _mistakes(instance, init_config)
    if mistakes:
        return [*mistakes, *config.unknown_options(instance, init_config)]
    return config.suspicious_options(instance, init_config)


def _mistakes(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> list[str]:
    if _SECRET.fullmatch(str(instance.get('external_id'))):
        # The Agent replaces this with the secret before the check sees it.
        instance = {**instance, 'external_id': 'secret'}
    try:
        config.validate(instance, init_config)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


def make_instance(account: Account, recipe: Recipe) -> Instance:
    """Return one account's instance, without validating it."""
    regions = list(account.regions or recipe.regions)
    instance: Instance = {'name': _NOT_IN_NAME.sub('-', f'{account.name}-{account.id}').strip('-'), 'regions': regions}
    if account.id != recipe.own_account:
        partition = recipe.partition or (partition_of(regions[0]) if regions else None) or 'aws'
        instance['assume_role'] = f'arn:{partition}:iam::{account.id}:role{recipe.role_path}{recipe.role_name}'
        external_id = account.external_id or recipe.external_id
        if external_id is not None:
            instance['external_id'] = external_id
    instance |= {name: recipe.options[name] for name in sorted(recipe.options)}
    if recipe.name_tag and account.name:
        name = _TEMPLATE.sub(lambda found: found[0][0], tag(recipe.name_tag, account.name))
        instance['tags'] = [*(instance.get('tags') or ()), name]
    return instance


def account_of(instance: Mapping[str, Any]) -> str | None:
    """Return the account of the role to assume, or None if the Agent's own account is polled."""
    parts = str(instance.get('assume_role') or '').split(':')
    return parts[4] if len(parts) > 4 else None


def _check(recipe: Recipe) -> None:
    mistakes = []
    if not _ROLE_NAME.fullmatch(recipe.role_name):
        mistakes.append(f'role name {recipe.role_name!r}: must be 1 to 64 letters, digits or any of _+=,.@-')
    path = recipe.role_path
    if not _ROLE_PATH.fullmatch(path) or _TEMPLATE.search(path) or len(path) > MAX_ROLE_PATH:
        mistakes.append(
            f'role path {path!r}: must begin and end with a slash, and have up to {MAX_ROLE_PATH} visible ASCII '
            'characters, without %%, {{ and }}'
        )
    key = recipe.name_tag
    if key is not None and key != tag_key(key):
        mistakes.append(f'name tag {key!r}: is no key as Datadog writes it, such as {tag_key(key)}')
    if key in OWN_KEYS:
        mistakes.append(f'name tag {key!r}: is the key of a tag that the check sets itself')
    mistakes += [f'{name}: is made for each account' for name in sorted(recipe.options.keys() & OURS)]
    if mistakes:
        raise DeploymentError('\n'.join(mistakes))
