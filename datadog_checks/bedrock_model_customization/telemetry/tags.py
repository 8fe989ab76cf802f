"""Tags of metrics and events: the check's, the instance's, and the job's own."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ..jobs.filters import TagFilter
from ..jobs.job import Job
from .text import clean

MAX_TAG: Final = 200
OWN_KEYS: Final = frozenset(
    {
        'aws_account',
        'base_model',
        'column',
        'curve',
        'custom_model',
        'customization_type',
        'job_name',
        'loss_source',
        'operation',
        'parent_model',
        'phase',
        'phase_status',
        'reason',
        'region',
        'status',
        'transition',
        'validator',
    }
)
AGENT_KEYS: Final = frozenset(
    {
        'agent',
        'cluster',
        'cluster_id',
        'cluster_name',
        'clusterid',
        'clustername',
        'device',
        'env',
        'host',
        'host_name',
        'hostname',
        'kube_cluster_name',
        'orch_cluster_id',
        'service',
        'source',
        'version',
    }
)
CLASH_PREFIX: Final = 'tag_'
UNKNOWN_ACCOUNT: Final = 'unknown'


@lru_cache(maxsize=4096)
def tag(key: str, value: str) -> str:
    """Return one tag, with unsafe characters removed from or replaced in the value, cut to Datadog's 200 characters."""
    value = ' '.join(clean(value).replace(',', '_').split())
    return f'{key}:{value}'[:MAX_TAG] if value else key[:MAX_TAG]


@lru_cache(maxsize=4096)
def tag_key(key: str) -> str:
    """Normalise a job tag's key as Datadog would, and make it begin with a letter."""
    key = normalised(key)
    return key if key[:1].isalpha() else CLASH_PREFIX + key


@lru_cache(maxsize=4096)
def normalised(text: str) -> str:
    """Return a text as Datadog writes it in a tag: `Größe (cm)` becomes `größe__cm_`.

    The rule is that of docs.datadoghq.com/getting_started/tagging: lower case; letters and digits of any script,
    underscores, minuses, periods and slashes stay, everything else becomes an underscore. A colon stays too, but
    ends the key.
    """
    text = unicodedata.normalize('NFC', clean(text).strip()).lower()
    return ''.join(one if one in '_-./' or _is_letter_or_digit(one) else '_' for one in text)


def _is_letter_or_digit(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == 'L' or category == 'Nd'


@dataclass(frozen=True, slots=True)
class Tagger:
    """Builds the tags of one instance's scopes and jobs.

    A job's own tag never overrides another: if its key is one of the check's, one that the Agent sets, or one of the
    instance's `tags`, it is sent as `tag_<key>`. At most `max_job_tags` are kept, the first in key order.
    """

    instance_tags: Sequence[str] = ()
    tag_filter: TagFilter = field(default_factory=TagFilter)
    max_job_tags: int = 20

    @property
    def taken_keys(self) -> Collection[str]:
        return OWN_KEYS | AGENT_KEYS | {text.partition(':')[0].lower() for text in self.instance_tags}

    def scope(self, account_id: str | None, region: str) -> list[str]:
        """Return the tags of everything that is sent for one scope."""
        # The account tag is always set: a monitor grouped by it would otherwise miss a scope whose credentials never
        # worked.
        return [tag('aws_account', account_id or UNKNOWN_ACCOUNT), tag('region', region), *self.instance_tags]

    def job(self, job: Job, *, with_status: bool = True) -> list[str]:
        """Return the tags of one job, without those of its scope.

        Use `with_status=False` for past transitions: the job's status is the current one, not the one at that time.
        """
        own = {
            'job_name': job.name,
            'status': job.known_status if with_status else None,
            'customization_type': job.customization_type,
            'base_model': job.base_model,
            'parent_model': job.parent_model,
            'custom_model': job.output_model_name,
        }
        return [*(tag(key, value) for key, value in own.items() if value), *self.job_tags(job.tags or {})]

    def job_tags(self, tags: Mapping[str, str]) -> list[str]:
        """Return the job's own tags that the tag filter selects, at most `max_job_tags`."""
        wanted = list(self.tag_filter.wanted(tags).items())[: self.max_job_tags]
        taken = self.taken_keys
        built = []
        for key, value in wanted:
            name = tag_key(key)
            built.append(tag(CLASH_PREFIX + name if name in taken else name, value))
        return built
