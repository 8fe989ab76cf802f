"""Runs the check without an Agent and records what it would have sent."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from datadog_checks.base.stubs import aggregator

from datadog_checks.bedrock_model_customization.check import BedrockModelCustomizationCheck

# The Agent stub rejects tags such as env, which the real Agent accepts.
os.environ.setdefault('DDEV_SKIP_GENERIC_TAGS_CHECK', 'true')

TYPES = {number: name for name, number in aggregator.METRIC_ENUM_MAP.items()}


class Metric(NamedTuple):
    """One submitted value; `type` is gauge or count."""

    name: str
    type: str
    value: float
    tags: list[str]

    def tag(self, key: str) -> str:
        """Return the value of a tag, or an empty string if it is missing."""
        return tag_value(self.tags, key)


@dataclass(slots=True)
class Submission:
    """What one run of one or more checks sent. `warnings` appear in `agent status`; `errors` ended a run."""

    at: datetime
    metrics: list[Metric] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def select(self, name: str) -> list[Metric]:
        """Return the values of a metric, given its name without the namespace."""
        return [metric for metric in self.metrics if metric.name == f'bedrock_model_customization.{name}']

    def as_json(self) -> dict[str, Any]:
        """Return the submission as a JSON object: `t` in Unix seconds, `metrics` as [name, type, value, tags]."""
        record: dict[str, Any] = {
            't': int(self.at.timestamp()),
            'metrics': [list(metric) for metric in self.metrics],
            'events': self.events,
        }
        return record | {name: value for name in ('warnings', 'errors') if (value := getattr(self, name))}


def run(checks: Sequence[BedrockModelCustomizationCheck], at: datetime) -> Submission:
    """Run each check once, as the Agent would."""
    submission = Submission(at)
    aggregator.reset()
    for check in checks:
        error = check.run()
        if error:
            submission.errors.append(error)
        submission.warnings += check.get_warnings()
    submission.metrics = [
        Metric(name, TYPES[metric.type], metric.value, list(metric.tags))
        for name in sorted(aggregator.metric_names)
        for metric in aggregator.metrics(name)
    ]
    submission.events = list(aggregator.events)
    return submission


def quiet() -> None:
    """Keep the log off the terminal: the check's warnings are in the submission."""
    for name in ('bedrock_jobs', 'datadog_checks'):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def tag_value(tags: Sequence[str], key: str) -> str:
    """Return the value of a tag in a list of tags, or an empty string if it is missing."""
    return next((tag.partition(':')[2] for tag in tags if tag.partition(':')[0] == key), '')
