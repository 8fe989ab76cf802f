"""Explains mistakes in the configuration: the option, the given value, and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

from datadog_checks.base import ConfigurationError
from pydantic import BaseModel, ValidationError

from .config_models import InstanceConfig, SharedConfig, defaults

# Options whose values may hold secrets.
HIDDEN: Final = frozenset({'external_id', 'proxy'})
# Options of any instance that the Agent itself reads or adds, and that no spec lists.
AGENT_OPTIONS: Final = frozenset({'check_tag_cardinality', 'loader', 'name', 'namespace', 'no_index'})
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
    if mistakes:
        raise ConfigurationError('\n'.join(mistakes))


def suspicious_options(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> list[str]:
    """Return warnings about valid but probably unintended values.

    These are names that no option has, and a poll that may take longer than the interval between polls.
    """
    found = [*_unknown(SharedConfig, init_config, 'init_config.'), *_unknown(InstanceConfig, instance, '')]
    interval = instance.get('min_collection_interval')
    timeout = instance.get('collection_timeout', defaults.instance_collection_timeout())
    if interval and float(timeout) >= float(interval):
        found.append(
            f'collection_timeout: {timeout} is not below min_collection_interval, {interval}: polls may come late'
        )
    return found


def _unknown(model: type[BaseModel], values: Collection[str], prefix: str) -> list[str]:
    known = [field.alias or name for name, field in model.model_fields.items()]
    found = []
    for name in map(str, values):
        if name not in known and name not in AGENT_OPTIONS and not name.startswith('_'):
            close = get_close_matches(name, known, n=1)
            meant = f'; did you mean {close[0]}?' if close else ''
            found.append(f'{prefix}{name}: there is no such option, it has no effect{meant}')
    return found


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
