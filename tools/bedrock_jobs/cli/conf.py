"""Reads a conf.yaml as the Agent does: one check for each instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import typer
import yaml
from datadog_checks.base import ConfigurationError

from datadog_checks.bedrock_model_customization.check import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.settings import Settings

NAME = 'bedrock_model_customization'


class Conf(NamedTuple):
    """The two sections of a conf.yaml."""

    init_config: dict[str, Any]
    instances: list[dict[str, Any]]


def read(path: Path) -> Conf:
    """Return the sections of a conf.yaml. Exits with a message where it is none."""
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f'{path} cannot be read: {error}') from error
    instances = document.get('instances') if isinstance(document, dict) else None
    if not isinstance(instances, list) or not instances or not all(isinstance(one, dict) for one in instances):
        raise typer.BadParameter(f'{path} has no list of instances')
    return Conf(document.get('init_config') or {}, instances)


def checks(conf: Conf) -> list[BedrockModelCustomizationCheck]:
    """Return a check for each instance, its configuration validated. Exits with the mistakes where there are any."""
    made, mistakes = [], []
    for number, instance in enumerate(conf.instances, start=1):
        check = BedrockModelCustomizationCheck(NAME, conf.init_config, [instance])
        check.check_id = f'{NAME}:{number}'
        try:
            while check.check_initializations:
                check.check_initializations.popleft()()
        except ConfigurationError as error:
            mistakes += [f'instance {number}: {line}' for line in str(error).splitlines()]
        made.append(check)
    if mistakes:
        raise typer.BadParameter('\n'.join(mistakes))
    return made


def load(path: Path) -> list[Settings]:
    """Return the settings of each instance of a conf.yaml."""
    return [check.settings for check in checks(read(path))]
