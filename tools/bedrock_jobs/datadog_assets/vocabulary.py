"""What the check emits, to check queries against: metrics, their tags, and the possible values of tags."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from datadog_checks.bedrock_model_customization.jobs.phases import PHASE_MEMBERS
from datadog_checks.bedrock_model_customization.jobs.vocabulary import CUSTOMIZATION_TYPES, KNOWN_STATUSES, UNKNOWN
from datadog_checks.bedrock_model_customization.telemetry import metrics
from datadog_checks.bedrock_model_customization.telemetry.events import SOURCE
from datadog_checks.bedrock_model_customization.telemetry.tags import AGENT_KEYS, CLASH_PREFIX, OWN_KEYS

from .queries import Query
from .strict import Problem

NAMESPACE: Final = f'{SOURCE}.'
SCOPE_TAGS: Final = frozenset({'aws_account', 'region', 'host'})
NEWS_TAGS: Final = frozenset({'job_name', 'customization_type', 'base_model', 'parent_model', 'custom_model'})
JOB_TAGS: Final = NEWS_TAGS | {'status'}
USER_TAGS: Final = frozenset({'team', 'owner', 'project', 'application', 'cost_center', 'env', 'service'})
"""Tags that people put on jobs or instances. One that clashes with the Agent's own is sent as `tag_<key>`."""

_BY_METRIC: Final = {
    metrics.JOBS: frozenset({'status'}),
    metrics.JOB_PHASE_DURATION: JOB_TAGS | {'phase'},
    metrics.JOB_TIME_IN_PHASE: JOB_TAGS | {'phase', 'phase_status'},
    metrics.JOB_TRAINING_LOSS: JOB_TAGS | {'loss_source'},
    metrics.JOB_VALIDATION_LOSS: JOB_TAGS | {'loss_source', 'validator'},
    metrics.CURVE_VALIDATION_LOSS: JOB_TAGS | {'validator'},
    metrics.CURVE_BEST_VALIDATION_LOSS: JOB_TAGS | {'validator'},
    metrics.CURVE_BEST_VALIDATION_STEP: JOB_TAGS | {'validator'},
    metrics.CURVE_VALIDATION_HAS_RISEN: JOB_TAGS | {'validator'},
    metrics.CURVE_GENERALIZATION_GAP: JOB_TAGS | {'validator'},
    metrics.CURVE_PERPLEXITY: JOB_TAGS | {'curve', 'validator'},
    metrics.CURVE_REWARD: JOB_TAGS | {'curve', 'validator', 'column'},
    metrics.API_REQUESTS: frozenset({'operation'}),
    metrics.API_ERRORS: frozenset({'operation', 'reason'}),
    metrics.API_THROTTLES: frozenset({'operation'}),
    **dict.fromkeys(metrics.TRANSITION_COUNTS.values(), NEWS_TAGS),
}
TAG_VALUES: Final = {
    'status': frozenset(status.lower() for status in (*KNOWN_STATUSES, UNKNOWN)),
    'phase': frozenset(PHASE_MEMBERS),
    'customization_type': frozenset(kind.lower() for kind in CUSTOMIZATION_TYPES),
}
"""Values of tags with a fixed vocabulary, in lower case because Datadog stores tags in lower case."""


def tags_of(metric: str) -> frozenset[str]:
    """Return the tag keys of one of our metrics, except those that users choose."""
    name = metric.removeprefix(NAMESPACE)
    return SCOPE_TAGS | _BY_METRIC.get(name, JOB_TAGS if is_of_a_job(name) else frozenset())


def is_of_a_job(metric: str) -> bool:
    """Whether a metric describes one job, and so is sent only while there is a job to report."""
    return metric.removeprefix(NAMESPACE).startswith('job.')


def is_users_tag(key: str) -> bool:
    """Whether a tag key may come from a job or from the configuration rather than from us."""
    plain = key.removeprefix(CLASH_PREFIX)
    return plain in USER_TAGS or (key != plain and plain in OWN_KEYS | AGENT_KEYS)


def read_metrics(metadata: Path) -> dict[str, str]:
    """Return the type of each metric in `metadata.csv`, by full name."""
    with metadata.open(newline='', encoding='utf-8') as lines:
        return {row['metric_name']: row['metric_type'] for row in csv.DictReader(lines)}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Metric names with their types, and the checks of queries against them."""

    types: Mapping[str, str]

    def problems(self, query: Query, path: str, variables: Collection[str] = ()) -> Iterator[Problem]:
        """Yield the problems of a metric query: its form, its metrics, its tags and its variables."""
        for fault in query.faults:
            yield Problem(path, fault)
        for metric in query.metrics:
            if metric.name not in self.types:
                yield Problem(path, f'{metric.name} is not in metadata.csv')
                continue
            known = tags_of(metric.name)
            for key in metric.group_by:
                if key not in known and not is_users_tag(key) and not key.startswith('$'):
                    yield Problem(path, f'{metric.name} has no tag {key} to group by')
            for key, value in metric.filters:
                if key not in known and not is_users_tag(key):
                    yield Problem(path, f'{metric.name} has no tag {key} to filter by')
                elif key in TAG_VALUES and not _can_match(value, key):
                    yield Problem(path, f'{key}:{value} never occurs')
            for variable in metric.variables - set(variables):
                yield Problem(path, f'${variable} is not a template variable here')


def _can_match(value: str, key: str) -> bool:
    return '$' in value or '*' in value or value.lower() in TAG_VALUES[key]
