"""A benchmark's Agent: the real check, with stubs in place of the Agent's handling of submissions."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from datadog_checks.base.stubs import aggregator as untyped_aggregator

from benchmarks.credentials import use_made_up_credentials
from benchmarks.measure import Cost, measure, resident_memory
from datadog_checks.bedrock_model_customization import BedrockModelCustomizationCheck

# The base package has no type annotations.
aggregator: Any = untyped_aggregator
NAME: Final = 'bedrock_model_customization'
AGENT_RUNNERS: Final = 4
"""How many checks an Agent runs in parallel by default (`check_runners`)."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll of all instances cost, and what it submitted.

    `submitted` has the sum of each metric's values, by name without the namespace; `samples` is the number of values.
    `warnings` is what `agent status` shows. `told` is the name and kind of each transition reported as an event.
    """

    cost: Cost
    submitted: dict[str, float]
    samples: int
    warnings: tuple[str, ...]
    told: tuple[tuple[str, str], ...]


class Agent:
    """An Agent with several instances of the check, polled by `runners` threads."""

    def __init__(self, instances: Sequence[Mapping[str, Any]], runners: int = 1) -> None:
        use_made_up_credentials()
        logging.disable(logging.WARNING)
        self.now: datetime
        self.checks = [self._check(number, instance) for number, instance in enumerate(instances)]
        self.pool = ThreadPoolExecutor(runners)

    def _check(self, number: int, instance: Mapping[str, Any]) -> BedrockModelCustomizationCheck:
        check = BedrockModelCustomizationCheck(NAME, {}, [dict(instance)])
        check.check_id = f'{NAME}:{number}'
        check.clock = lambda: self.now
        return check

    def resident_memory(self) -> float:
        """Return this process's resident memory in MiB."""
        return resident_memory()

    def poll(self, now: datetime) -> Polled:
        """Run every instance once. Raises RuntimeError if a check raises."""
        self.now = now
        aggregator.reset()
        cost = measure(self._run_all)
        submitted: Counter[str] = Counter()
        samples = 0
        for name in aggregator.metric_names:
            metrics = aggregator.metrics(name)
            samples += len(metrics)
            submitted[name.removeprefix(f'{NAME}.')] = sum(metric.value for metric in metrics)
        told = tuple((_value(event, 'job_name'), _value(event, 'transition')) for event in aggregator.events)
        warnings = tuple(text for check in self.checks for text in check.get_warnings())
        return Polled(cost, dict(submitted), samples, warnings, told)

    def _run_all(self) -> None:
        for error in self.pool.map(lambda check: check.run(), self.checks):
            if error:
                raise RuntimeError(json.loads(error)[0]['traceback'])


def _value(event: Mapping[str, Any], key: str) -> str:
    return next((tag.partition(':')[2] for tag in event['tags'] if tag.startswith(f'{key}:')), '')
