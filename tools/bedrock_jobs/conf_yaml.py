"""Reads a conf.yaml as the Agent does, with one check per instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from datadog_checks.base import ConfigurationError

from datadog_checks.bedrock_model_customization.check import BedrockModelCustomizationCheck
from datadog_checks.bedrock_model_customization.settings import Settings

from .errors import ToolError

NAME = 'bedrock_model_customization'
RECORDS_LOST: Final = (
    'emit_records: the file has no section logs with an entry of type integration, so the Agent drops every record'
)


class ConfYaml(NamedTuple):
    """What a conf.yaml holds: two sections, and whether a third one takes the check's logs."""

    init_config: dict[str, Any]
    instances: list[dict[str, Any]]
    has_logs: bool = False


def read(path: Path) -> ConfYaml:
    """Return the sections of a conf.yaml. Raises ToolError if the file is not one."""
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ToolError(f'{path} cannot be read: {error}') from error
    instances = document.get('instances') if isinstance(document, dict) else None
    if not isinstance(instances, list) or not instances or not all(isinstance(one, dict) for one in instances):
        raise ToolError(f'{path} has no list of instances')
    return ConfYaml(document.get('init_config') or {}, instances, has_logs(document))


def has_logs(document: Mapping[str, Any]) -> bool:
    """Whether a configuration tells the Agent to take the check's logs."""
    logs = document.get('logs')
    return isinstance(logs, list) and any(isinstance(log, dict) and log.get('type') == 'integration' for log in logs)


def checks(conf: ConfYaml) -> list[BedrockModelCustomizationCheck]:
    """Return a check for each instance, with its configuration validated. Raises ToolError that lists every mistake."""
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
        raise ToolError('\n'.join(mistakes))
    return made


def doubts(conf: ConfYaml) -> Iterator[tuple[int, str]]:
    """Yield what is valid in each instance but probably not meant, with the instance's number."""
    for number, check in enumerate(checks(conf), start=1):
        yield from ((number, doubt) for doubt in check.doubts)
        if check.settings.emit_records and not conf.has_logs:
            yield number, RECORDS_LOST


def load(path: Path) -> list[Settings]:
    """Return the settings of each instance of a conf.yaml. Raises ToolError."""
    return [check.settings for check in checks(read(path))]
