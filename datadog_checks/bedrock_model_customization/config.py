"""Explains mistakes in the configuration: which option, what was given, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from datadog_checks.base import ConfigurationError
from pydantic import BaseModel, ValidationError

from .config_models import InstanceConfig, SharedConfig

# Their values may hold secrets.
HIDDEN: Final = frozenset({'external_id', 'proxy', 'endpoint_url'})
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
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '...'
