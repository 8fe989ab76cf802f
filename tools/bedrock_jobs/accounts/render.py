"""Writes instances as files: for an Agent to read, or for Kubernetes, Helm and the Datadog Operator."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import yaml

from .errors import DeploymentError
from .instances import DISPATCHED, Instance

CHECK: Final = 'bedrock_model_customization'
CONFIG_MAP: Final = 'bedrock-model-customization'
MAX_CONFIG_MAP: Final = 1024 * 1024
"""The most bytes that Kubernetes accepts in a ConfigMap. Helm and the Operator turn their files into ConfigMaps too."""


class Format(StrEnum):
    """File formats. All but the first are for cluster checks, which a Cluster Agent dispatches to its runners."""

    CONF = 'conf'
    CLUSTER_CHECK = 'cluster-check'
    CONFIGMAP = 'configmap'
    HELM = 'helm'
    OPERATOR = 'operator'

    @property
    def is_dispatched(self) -> bool:
        """Whether a Cluster Agent dispatches the instances."""
        return self is not Format.CONF

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Default options for instances in this format."""
        return DISPATCHED if self.is_dispatched else {}

    @property
    def is_file_of_agent(self) -> bool:
        """Whether an Agent reads the file directly: each piece is then a file; otherwise one file holds them all."""
        return self in (Format.CONF, Format.CLUSTER_CHECK)

    @property
    def usage(self) -> Sequence[str]:
        """Instructions for using such a file, as lines."""
        return _USAGES[self]


@dataclass(frozen=True, slots=True)
class Place:
    """Where objects go in Kubernetes: their namespace, and a name that keeps files' objects apart."""

    namespace: str | None = None
    name: str | None = None

    def mistakes(self, form: Format) -> list[str]:
        """Return a line for each part that is not a valid Kubernetes name, or that has no effect in this format."""
        found = []
        for option, text, has_effect in (
            ('--namespace', self.namespace, form in (Format.CONFIGMAP, Format.OPERATOR)),
            ('--name', self.name, not form.is_file_of_agent),
        ):
            if text is not None and not _NAME.fullmatch(text):
                found.append(f'{option} {text!r}: must be 1 to 63 small letters, digits or dashes, no dash at an end')
            if text is not None and not has_effect:
                found.append(f'{option} has no effect with --format {form.value}')
        return found

    @property
    def config_map(self) -> str:
        return f'{CONFIG_MAP}-{self.name}' if self.name else CONFIG_MAP

    @property
    def metadata(self) -> dict[str, str]:
        return {'namespace': self.namespace} if self.namespace else {}

    def key(self, number: int) -> str:
        """Return the file name of a piece."""
        return f'conf-{self.name}-{number:02}.yaml' if self.name else f'conf-{number:02}.yaml'


_NAME: Final = re.compile(r'[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?')
_RESTART: Final = (
    'A Cluster Agent reads it when it starts; after a change: kubectl rollout restart deployment/...-cluster-agent'
)
# Without --server-side, kubectl keeps a copy in an annotation, which Kubernetes refuses above 256 KiB.
_APPLY: Final = 'kubectl apply --server-side -f'
_USAGES: Final = {
    Format.CONF: (f"A file of {CHECK}.d in an Agent's conf.d.",),
    Format.CLUSTER_CHECK: (f"A file of {CHECK}.d in the Cluster Agent's conf.d.", _RESTART),
    Format.CONFIGMAP: (f'{_APPLY} this, and mount it at /conf.d/{CHECK}.d of the Cluster Agent.', _RESTART),
    Format.HELM: ("Values for Datadog's chart, which restarts the Cluster Agent when they change.",),
    Format.OPERATOR: (
        'For the Datadog Operator: merge it into your DatadogAgent rather than apply it over that, which may take the',
        f'rest away; then {_APPLY} the result.',
        _RESTART,
    ),
}


class _Flow(list[Any]):
    """A list that is written on one line."""


class _Block(str):
    """A text that is written line by line, as it is."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes `_Flow` and `_Block`."""


_Dumper.add_representer(_Flow, lambda dumper, value: dumper.represent_sequence('tag:yaml.org,2002:seq', value, True))
_Dumper.add_representer(_Block, lambda dumper, value: dumper.represent_scalar('tag:yaml.org,2002:str', value, '|'))


def render(
    pieces: Sequence[Sequence[Instance]], form: Format, comments: Sequence[str] = (), place: Place | None = None
) -> list[str]:
    """Return the texts of the files, one for each piece if an Agent reads them. The output is deterministic.

    A Cluster Agent dispatches a piece as a whole: its instances run on the same runner. Raises DeploymentError if a
    file would be larger than Kubernetes accepts, or if `place` is invalid.
    """
    place = place or Place()
    if mistakes := place.mistakes(form):
        raise DeploymentError('\n'.join(mistakes))
    confs = [_conf(piece, form) for piece in pieces]
    if form.is_file_of_agent:
        totals = [f'Piece {number} of {len(confs)}.' for number in range(1, len(confs) + 1)] if confs[1:] else ['']
        return [_text([conf], [*comments, total]) for conf, total in zip(confs, totals, strict=True)]
    texts = {place.key(number): _Block(_dump(conf)) for number, conf in enumerate(confs, start=1)}
    size = sum(len(text.encode()) + len(name) for name, text in texts.items())
    if size > MAX_CONFIG_MAP - 4096:
        raise DeploymentError(
            f'{size} bytes are more than a ConfigMap of Kubernetes takes (1 MiB), in which all files end with '
            f'--format {form.value}: write several with --format configmap, each with other accounts (--include) and '
            'another --name, and mount them together as a projected volume'
        )
    return [_text(_DOCUMENTS[form](texts, place), comments)]


def _conf(instances: Sequence[Instance], form: Format) -> dict[str, Any]:
    conf: dict[str, Any] = {'cluster_check': True} if form.is_dispatched else {}
    return conf | {'init_config': {}, 'instances': [_readable(instance) for instance in instances]}


def _config_map(texts: Mapping[str, str], place: Place) -> list[dict[str, Any]]:
    labels = {'app.kubernetes.io/managed-by': 'bedrock-jobs', 'app.kubernetes.io/name': CONFIG_MAP}
    metadata = {'name': place.config_map, **place.metadata, 'labels': labels}
    return [{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': metadata, 'data': dict(texts)}]


def _helm(texts: Mapping[str, str], _: Place) -> list[dict[str, Any]]:
    # `confd` would do for a single file, but the chart evaluates anything in it that looks like a template.
    confd = {f'{CHECK}.d': dict(texts)}
    return [
        {'datadog': {'clusterChecks': {'enabled': True}}, 'clusterAgent': {'enabled': True, 'advancedConfd': confd}}
    ]


def _operator(texts: Mapping[str, str], place: Place) -> list[dict[str, Any]]:
    (first, *others) = texts.values()
    is_alone = not others and not place.name
    if is_alone:
        confd: dict[str, Any] = {'configDataMap': {f'{CHECK}.yaml': first}}
    else:
        items = [{'key': name, 'path': f'{CHECK}.d/{name}'} for name in texts]
        confd = {'configMap': {'name': place.config_map, 'items': items}}
    agent = {
        'apiVersion': 'datadoghq.com/v2alpha1',
        'kind': 'DatadogAgent',
        'metadata': {'name': 'datadog', **place.metadata},
        'spec': {
            'features': {'clusterChecks': {'enabled': True}},
            'override': {'clusterAgent': {'extraConfd': confd}},
        },
    }
    return [*([] if is_alone else _config_map(texts, place)), agent]


_DOCUMENTS: Final = {Format.CONFIGMAP: _config_map, Format.HELM: _helm, Format.OPERATOR: _operator}


def _text(documents: Sequence[Mapping[str, Any]], comments: Sequence[str]) -> str:
    head = ''.join(f'# {line}\n' for line in comments if line)
    return head + '---\n'.join(_dump(document) for document in documents)


def _readable(instance: Instance) -> Instance:
    return {name: _Flow(value) if name == 'regions' else value for name, value in instance.items()}


def _dump(document: Mapping[str, Any]) -> str:
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
