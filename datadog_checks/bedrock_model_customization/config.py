"""Explains mistakes in the configuration: the option, the given value, and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from datadog_checks.base import ConfigurationError
from pydantic import BaseModel, ValidationError

from .aws.regions import is_known
from .config_models import InstanceConfig, SharedConfig, defaults
from .telemetry.tags import OWN_KEYS

# Options whose values may hold secrets.
HIDDEN: Final = frozenset({'external_id', 'proxy'})
# Options of any instance that the Agent itself reads or adds, and that no spec lists.
AGENT_OPTIONS: Final = frozenset({'check_tag_cardinality', 'loader', 'name', 'namespace', 'no_index'})
# What other integrations call a role, a profile or keys. Where these were ignored, the Agent's own account was polled.
ROLE_NAMES: Final = ('rolearn', 'iamrole', 'awsrole', 'rolename', 'crossaccountrole')
CREDENTIAL_NAMES: Final = ('profile', 'accesskey', 'secretkey', 'sessiontoken', 'credential', 'webidentity')
NO_CREDENTIALS_HERE: Final = (
    'there is no such option; give the Agent an instance role, IRSA or EKS Pod Identity, or set AWS_PROFILE in its '
    'environment, and name a role of another account by assume_role'
)
MAX_SHOWN: Final = 120
TYPES: Final = {
    'tuple_type': 'must be a list',
    'list_type': 'must be a list',
    'string_type': 'must be a text',
    'int_type': 'must be a whole number',
    'int_parsing': 'must be a whole number',
    'int_from_float': 'must be a whole number',
    'float_type': 'must be a number',
    'float_parsing': 'must be a number',
    'bool_type': 'must be true or false',
    'bool_parsing': 'must be true or false',
    'dict_type': 'must be a mapping',
    'model_type': 'must be a mapping',
}
"""Messages for pydantic's error types, in terms that someone who writes YAML knows."""


def validate(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> None:
    """Check the configuration. Raises ConfigurationError, with one line per mistake, if it has any."""
    mistakes = [*_mistakes(SharedConfig, init_config, 'init_config.'), *_mistakes(InstanceConfig, instance, '')]
    for model, values, prefix in ((SharedConfig, init_config, 'init_config.'), (InstanceConfig, instance, '')):
        mistakes += [f'{prefix}{name}: {message}' for name, message in _of_credentials(model, values)]
    if mistakes:
        raise ConfigurationError('\n'.join(mistakes))


def suspicious_options(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> list[str]:
    """Return warnings about valid but probably unintended values.

    These are names that no option has, Regions that botocore does not know, tags with keys of the check's own, and a
    poll that may take longer than the interval between polls.
    """
    found = unknown_options(instance, init_config)
    for region in instance.get('regions') or ():
        if not is_known(str(region)):
            found.append(f'regions: {region} is not a Region that the botocore of this Agent knows')
    for text in instance.get('tags') or ():
        key = str(text).partition(':')[0].strip().lower()
        if key in OWN_KEYS:
            found.append(f'tags: {key} is a tag that the check sets itself: what has it would have two values')
    timeout = instance.get('collection_timeout')
    interval = instance.get('min_collection_interval') or defaults.instance_min_collection_interval()
    if timeout and float(timeout) >= float(interval):
        found.append(
            f'collection_timeout: {timeout} is not below min_collection_interval, {interval}: polls may come late'
        )
    return found


def unknown_options(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> list[str]:
    """Return a warning for each name that no option has. These need not be valid otherwise."""
    return [*_unknown(SharedConfig, init_config, 'init_config.'), *_unknown(InstanceConfig, instance, '')]


def _of_credentials(model: type[BaseModel], values: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield options that look like a role or credentials, and where these belong."""
    for name in sorted(map(str, values)):
        if name in _known(model) or name in AGENT_OPTIONS:
            continue
        plain = name.lower().replace('_', '').replace('-', '')
        if any(word in plain for word in ROLE_NAMES) or plain == 'role':
            yield name, 'there is no such option; a role to assume is named by assume_role'
        elif any(word in plain for word in CREDENTIAL_NAMES):
            yield name, NO_CREDENTIALS_HERE


def _unknown(model: type[BaseModel], values: Collection[str], prefix: str) -> list[str]:
    known, found = _known(model), []
    for name in map(str, values):
        if name not in known and name not in AGENT_OPTIONS and not name.startswith('_'):
            close = get_close_matches(name, known, n=1)
            meant = f'; did you mean {close[0]}?' if close else ''
            found.append(f'{prefix}{name}: there is no such option, it has no effect{meant}')
    return found


def _known(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _mistakes(model: type[BaseModel], values: Mapping[str, Any], prefix: str) -> list[str]:
    given = {name: value for name, value in values.items() if value is not None}
    blank = sorted((values.keys() - given.keys()) & model.model_fields.keys())
    mistakes = [f'{prefix}{name}: has no value; give it one, or remove the line' for name in blank]
    try:
        model.model_validate(given, context={'configured_fields': frozenset(given)})
    except ValidationError as error:
        mistakes += [prefix + _explain(mistake) for mistake in error.errors(include_url=False)]
    return mistakes


def _explain(mistake: Mapping[str, Any]) -> str:
    path = [str(step + 1) if isinstance(step, int) else str(step) for step in mistake['loc']]
    allowed = TYPES.get(mistake['type'], str(mistake['msg']).removeprefix('Value error, '))
    if not path:
        return allowed
    given = '(hidden)' if path[0] in HIDDEN else _shown(mistake['input'])
    return f'{" -> ".join(path)}: {allowed}; given: {given}'


def _shown(value: Any) -> str:
    text = repr(_plain(value))
    if '@' in text and '://' in text:
        # A URL with a user name, and perhaps a password.
        return '(hidden)'
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '...'


def _plain(value: Any) -> Any:
    """Return the value as the user wrote it: the models turn lists and mappings into immutable types."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
