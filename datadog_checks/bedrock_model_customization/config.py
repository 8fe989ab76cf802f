"""Explains mistakes in the configuration: which option, what was given, and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

from datadog_checks.base import ConfigurationError
from pydantic import BaseModel, ValidationError

from .config_models import InstanceConfig, SharedConfig, defaults

# Their values may hold secrets.
HIDDEN: Final = frozenset({'external_id', 'proxy'})
# The Agent itself reads these of any instance, or adds them to it; no spec names them.
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
"""What pydantic's types of errors mean to someone who writes YAML."""


def validate(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError, with a line for each mistake, where the configuration has any."""
    mistakes = [*_mistakes(SharedConfig, init_config, 'init_config.'), *_mistakes(InstanceConfig, instance, '')]
    if mistakes:
        raise ConfigurationError('\n'.join(mistakes))


def suspicious_options(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> list[str]:
    """Return what is valid, and yet hardly meant: names that no option has, a poll longer than its interval."""
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
        # A URL with a user, and maybe a password.
        return '(hidden)'
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '...'


def _plain(value: Any) -> Any:
    """Return the value as it was written: the models have made lists and mappings immutable."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
