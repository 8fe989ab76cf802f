"""Instances as files: what an Agent reads, and what Kubernetes, Helm and the Datadog Operator make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import yaml

from .errors import DeploymentError
from .instances import DISPATCHED, Instance

CHECK: Final = 'bedrock_model_customization'
CONFIG_MAP: Final = 'bedrock-model-customization'
MAX_CONFIG_MAP: Final = 1024 * 1024
"""Bytes that Kubernetes takes in one ConfigMap, which is what Helm and the Operator make of these files too."""


class Format(StrEnum):
    """Kinds of files. All but the first are for cluster checks, which a Cluster Agent gives out to its runners."""

    CONF = 'conf'
    CLUSTER_CHECK = 'cluster-check'
    CONFIGMAP = 'configmap'
    HELM = 'helm'
    OPERATOR = 'operator'

    @property
    def is_dispatched(self) -> bool:
        """Whether a Cluster Agent gives out the instances."""
        return self is not Format.CONF

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Options that instances should have in such a file."""
        return DISPATCHED if self.is_dispatched else {}

    @property
    def is_file_of_agent(self) -> bool:
        """Whether an Agent reads it as it is; each piece is a file then, where the others hold all pieces in one."""
        return self in (Format.CONF, Format.CLUSTER_CHECK)

    @property
    def usage(self) -> str:
        """How such a file is used."""
        return _USAGES[self]


_USAGES: Final = {
    Format.CONF: f"A file of {CHECK}.d in an Agent's conf.d.",
    Format.CLUSTER_CHECK: f"A file of {CHECK}.d in the Cluster Agent's conf.d.",
    Format.CONFIGMAP: f'Mount it at /conf.d/{CHECK}.d of the Cluster Agent.',
    Format.HELM: "Values for Datadog's chart.",
    Format.OPERATOR: 'For the Datadog Operator; merge it with your DatadogAgent.',
}


class _Flow(list[Any]):
    """A list that is written in one line."""


class _Block(str):
    """A text that is written as it is, line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes the two above."""


_Dumper.add_representer(_Flow, lambda dumper, value: dumper.represent_sequence('tag:yaml.org,2002:seq', value, True))
_Dumper.add_representer(_Block, lambda dumper, value: dumper.represent_scalar('tag:yaml.org,2002:str', value, '|'))


def render(
    pieces: Sequence[Sequence[Instance]], form: Format, comments: Sequence[str] = (), *, namespace: str | None = None
) -> list[str]:
    """Return the texts of the files, the same for the same arguments: one for each piece where Agents read them.

    A Cluster Agent gives out a piece as a whole: its instances run on the same runner. Raises DeploymentError where a
    file would be larger than Kubernetes takes.
    """
    confs = [_conf(piece, form) for piece in pieces]
    if form.is_file_of_agent:
        totals = [f'Piece {number} of {len(confs)}.' for number in range(1, len(confs) + 1)] if confs[1:] else ['']
        return [_text([conf], [*comments, total]) for conf, total in zip(confs, totals, strict=True)]
    texts = {f'conf-{number:02}.yaml': _Block(_dump(conf)) for number, conf in enumerate(confs, start=1)}
    size = sum(len(text.encode()) + len(name) for name, text in texts.items())
    if size > MAX_CONFIG_MAP - 4096:
        raise DeploymentError(
            f'{size} bytes are more than a ConfigMap of Kubernetes takes (1 MiB): write several, each of which '
            'includes other accounts'
        )
    return [_text(_DOCUMENTS[form](texts, {'namespace': namespace} if namespace else {}), comments)]


def _conf(instances: Sequence[Instance], form: Format) -> dict[str, Any]:
    conf: dict[str, Any] = {'cluster_check': True} if form.is_dispatched else {}
    return conf | {'init_config': {}, 'instances': [_readable(instance) for instance in instances]}


def _config_map(texts: Mapping[str, str], place: Mapping[str, str]) -> list[dict[str, Any]]:
    labels = {'app.kubernetes.io/managed-by': 'bedrock-jobs', 'app.kubernetes.io/name': CONFIG_MAP}
    metadata = {'name': CONFIG_MAP, **place, 'labels': labels}
    return [{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': metadata, 'data': dict(texts)}]


def _helm(texts: Mapping[str, str], _: Mapping[str, str]) -> list[dict[str, Any]]:
    # Only a folder may hold several files for one check; the chart calls that advanced.
    (first, *others) = texts.values()
    confd = {'advancedConfd': {f'{CHECK}.d': dict(texts)}} if others else {'confd': {f'{CHECK}.yaml': first}}
    return [{'datadog': {'clusterChecks': {'enabled': True}}, 'clusterAgent': {'enabled': True, **confd}}]


def _operator(texts: Mapping[str, str], place: Mapping[str, str]) -> list[dict[str, Any]]:
    (first, *others) = texts.values()
    if others:
        items = [{'key': name, 'path': f'{CHECK}.d/{name}'} for name in texts]
        confd: dict[str, Any] = {'configMap': {'name': CONFIG_MAP, 'items': items}}
    else:
        confd = {'configDataMap': {f'{CHECK}.yaml': first}}
    agent = {
        'apiVersion': 'datadoghq.com/v2alpha1',
        'kind': 'DatadogAgent',
        'metadata': {'name': 'datadog', **place},
        'spec': {
            'features': {'clusterChecks': {'enabled': True}},
            'override': {'clusterAgent': {'extraConfd': confd}},
        },
    }
    return [*(_config_map(texts, place) if others else []), agent]


_DOCUMENTS: Final = {Format.CONFIGMAP: _config_map, Format.HELM: _helm, Format.OPERATOR: _operator}


def _text(documents: Sequence[Mapping[str, Any]], comments: Sequence[str]) -> str:
    head = ''.join(f'# {line}\n' for line in comments if line)
    return head + '---\n'.join(_dump(document) for document in documents)


def _readable(instance: Instance) -> Instance:
    return {name: _Flow(value) if name == 'regions' else value for name, value in instance.items()}


def _dump(document: Mapping[str, Any]) -> str:
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
