"""Finds the check's configuration in a file of any of the formats, and the mistakes in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import yaml

from ..settings import cache_id
from .errors import DeploymentError
from .instances import DEFAULT_REGIONS, wrong_with
from .render import CHECK

SECTIONS: Final = frozenset({'cluster_check', 'init_config', 'instances', 'logs', 'ignore_autodiscovery_tags'})
_HELM: Final = ('clusterAgent', 'confd')
_HELM_ADVANCED: Final = ('clusterAgent', 'advancedConfd', f'{CHECK}.d')
_HELM_OF_NODES: Final = ('datadog', 'confd')
_OPERATOR: Final = ('spec', 'override', 'clusterAgent', 'extraConfd', 'configDataMap')


class Conf(NamedTuple):
    """A configuration, and where in the file it stands: empty where it is the file itself."""

    place: str
    document: Any


def read_confs(text: str) -> list[Conf]:
    """Return the check's configurations in a file. Raises DeploymentError where there is none, or it is no YAML."""
    try:
        found = [conf for document in yaml.safe_load_all(text) for conf in _confs(document)]
    except yaml.YAMLError as error:
        raise DeploymentError(f'is no YAML: {" ".join(str(error).split())}') from error
    if not found:
        raise DeploymentError('has neither instances nor, for Kubernetes, a configuration of this check')
    return found


def mistakes(confs: Iterable[Conf]) -> list[str]:
    """Return a line for each mistake in configurations that are used together, none where they are right."""
    seen: dict[tuple[str, str], str] = {}
    return [line for conf in confs for line in _conf_mistakes(conf, seen)]


def _conf_mistakes(conf: Conf, seen: dict[tuple[str, str], str]) -> Iterator[str]:
    prefix = f'{conf.place}: ' if conf.place else ''
    document = conf.document
    if not isinstance(document, dict) or not isinstance(document.get('instances'), list) or not document['instances']:
        yield f'{prefix}has no list of instances'
        return
    for name in sorted(map(str, document.keys() - SECTIONS)):
        yield f'{prefix}{name}: is no section of a configuration'
    init_config = document.get('init_config') or {}
    if not isinstance(init_config, dict):
        yield f'{prefix}init_config: must be a mapping'
        return
    for number, instance in enumerate(document['instances'], start=1):
        name = f'{prefix}instance {number}'
        if not isinstance(instance, dict):
            yield f'{name}: must be a mapping'
            continue
        wrong = wrong_with(instance, init_config)
        yield from (f'{name}: {line}' for line in wrong)
        if not wrong:
            yield from _repeated(name, instance, seen)


def _repeated(name: str, instance: dict[str, Any], seen: dict[tuple[str, str], str]) -> Iterator[str]:
    """Tell of instances that poll the same jobs: each job would be reported twice, and both would share a state."""
    for region in instance.get('regions') or DEFAULT_REGIONS:
        first = seen.setdefault((cache_id(instance), region), name)
        if first != name:
            yield f'{name}: polls the same jobs of {region} as {first}'


def _confs(document: Any) -> Iterator[Conf]:
    if not isinstance(document, dict):
        return
    if 'instances' in document or 'init_config' in document:
        yield Conf('', document)
    elif document.get('kind') == 'ConfigMap':
        yield from _texts(document.get('data'), '')
    else:
        for path in (_HELM, _HELM_OF_NODES, _OPERATOR):
            yield from _texts(_at(document, path), CHECK)
        yield from _texts(_at(document, _HELM_ADVANCED), '')


def _texts(entries: Any, prefix: str) -> Iterator[Conf]:
    for name, text in entries.items() if isinstance(entries, Mapping) else ():
        if str(name).startswith(prefix):
            yield Conf(str(name), yaml.safe_load(text) if isinstance(text, str) else text)


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    return document
