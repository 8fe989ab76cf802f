"""Finds the check's configuration in a file of any supported format, and the mistakes in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import yaml

from datadog_checks.bedrock_model_customization.settings import cache_id

from ..conf_yaml import RECORDS_LOST, has_logs
from .errors import DeploymentError
from .instances import DEFAULT_REGIONS, account_of, wrong_with
from .render import CHECK, CONFIG_MAP

SECTIONS: Final = frozenset(
    """ad_identifiers advanced_ad_identifiers cel_selector check_tag_cardinality cluster_check docker_images
    ignore_autodiscovery_tags init_config instances jmx_metrics logs""".split()
)
"""The other keys that the Agent knows in a configuration, beside a check's instances."""
_NODES: Final = 'is read by every node, each of which would poll: make it a cluster check of the Cluster Agent'
_HIDDEN: Final = 'has no effect, as configMap beside it wins over configDataMap'
# The C loader is many times faster, but is not always built.
_Loader: Final = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class Conf(NamedTuple):
    """A configuration, and its place in the file: `place` is empty if the file holds nothing else.

    `objection` says what is wrong with that place. `is_dispatched` is True if a Cluster Agent dispatches it.
    """

    place: str
    document: Any
    is_dispatched: bool = False
    objection: str = ''


class File(NamedTuple):
    """The check's configurations in a file. Another file with any of the same `holders` would replace them."""

    confs: list[Conf]
    holders: list[str]


def read_file(text: str, name: str = '') -> File:
    """Read a file. Raises DeploymentError if it has no configuration of the check, or is not YAML."""
    found = File([], [])
    for document in _load(text):
        confs, holders = _of_document(document)
        found.confs.extend(conf._replace(place=f'{name} {conf.place}'.strip()) for conf in confs)
        found.holders.extend(holders)
    if not found.confs:
        raise DeploymentError(f'has neither instances nor, for Kubernetes, a configuration named {CHECK}')
    return found


def mistakes(confs: Iterable[Conf]) -> list[str]:
    """Return a line for each mistake in configurations that are used together."""
    seen: dict[tuple[str, str], str] = {}
    return [line for conf in confs for line in _conf_mistakes(conf, seen)]


def clashes(files: Iterable[tuple[str, File]]) -> list[str]:
    """Return a line for each holder that several of the named files have in common."""
    seen: dict[str, str] = {}
    found = []
    for name, file in files:
        for holder in file.holders:
            if holder in seen:
                hint = '' if holder.startswith('DatadogAgent') else '; --name tells them apart'
                found.append(f'{name}: has the same {holder} as {seen[holder]}, one replaces the other{hint}')
            seen.setdefault(holder, name)
    return found


def _load(text: str) -> list[Any]:
    """Read YAML. Refuses duplicate keys: one of the values would be lost, and which one depends on the parser."""
    loader = _Loader(text)
    try:
        documents = []
        while loader.check_node():
            node = loader.get_node()
            _refuse_duplicates(node, set())
            documents.append(loader.construct_document(node))
        return documents
    except yaml.YAMLError as error:
        raise DeploymentError(f'is no YAML: {" ".join(str(error).split())}') from error
    finally:
        loader.dispose()


def _refuse_duplicates(node: yaml.Node | None, seen: set[int]) -> None:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in keys:
                    raise DeploymentError(f'line {key.start_mark.line + 1}: {key.value} is given twice')
                keys.add((key.tag, key.value))
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for one in child if isinstance(child, tuple) else (child,):
            _refuse_duplicates(one, seen)


def _conf_mistakes(conf: Conf, seen: dict[tuple[str, str], str]) -> Iterator[str]:
    prefix = f'{conf.place}: ' if conf.place else ''
    document = conf.document
    if conf.objection:
        yield f'{prefix}{conf.objection}'
    if not isinstance(document, dict) or not isinstance(document.get('instances'), list) or not document['instances']:
        yield f'{prefix}has no list of instances'
        return
    if conf.is_dispatched and document.get('cluster_check') is not True:
        yield f'{prefix}cluster_check: must be true, or the Cluster Agent gives it to nobody'
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
        if instance.get('emit_records') and not has_logs(document):
            yield f'{name}: {RECORDS_LOST}'
        yield from (f'{name}: {line}' for line in wrong)
        if not wrong:
            yield from _repeated(name, instance, seen)


def _repeated(name: str, instance: dict[str, Any], seen: dict[tuple[str, str], str]) -> Iterator[str]:
    """Yield a line for instances that poll the same jobs, with any role: each job would be reported twice."""
    whose = cache_id({**instance, 'assume_role': account_of(instance), 'external_id': None})
    for region in instance.get('regions') or DEFAULT_REGIONS:
        first = seen.setdefault((whose, region), name)
        if first != name:
            yield f'{name}: polls the same jobs of {region} as {first}'


def _of_document(document: Any) -> File:
    if not isinstance(document, dict):
        return File([], [])
    if 'instances' in document or 'init_config' in document:
        return File([Conf('', document)], [])
    if document.get('kind') == 'ConfigMap':
        return _of_config_map(document)
    if document.get('kind') == 'DatadogAgent':
        return _of_operator(document)
    cluster = _at(document, 'clusterAgent')
    single, several = _ours(_at(cluster, 'confd')), _at(cluster, 'advancedConfd', f'{CHECK}.d')
    confs = [*_confs(single, is_dispatched=True), *_confs(several, is_dispatched=True)]
    of_nodes = [*_confs(_ours(_at(document, 'datadog', 'confd')), objection=f'datadog.confd {_NODES}')]
    return File([*confs, *of_nodes], [f'key {conf.place} of the Cluster Agent' for conf in confs])


def _of_config_map(document: Mapping[str, Any]) -> File:
    metadata = _at(document, 'metadata')
    name, label = str(_at(metadata, 'name')), _at(metadata, 'labels', 'app.kubernetes.io/name')
    data = _at(document, 'data')
    # Ours is mounted as the check's folder, where any file name will do. In others, a name must start with ours.
    confs = list(_confs(data if name.startswith(CONFIG_MAP) or label == CONFIG_MAP else _ours(data)))
    return File(confs, [f'ConfigMap {_named(document)}'] if confs else [])


def _of_operator(document: Mapping[str, Any]) -> File:
    found = File([], [])
    override = _at(document, 'spec', 'override')
    for component in override if isinstance(override, Mapping) else ():
        extra = _at(override, component, 'extraConfd')
        config_map, inline = _at(extra, 'configMap'), _ours(_at(extra, 'configDataMap'))
        is_dispatched = component == 'clusterAgent'
        objection = _HIDDEN if config_map else '' if is_dispatched else f'override.{component} {_NODES}'
        found.confs.extend(_confs(inline, is_dispatched=is_dispatched, objection=objection))
        if inline or str(_at(config_map, 'name')).startswith(CONFIG_MAP):
            found.holders.append(f'DatadogAgent {_named(document)}, override.{component}.extraConfd')
    return found


def _confs(entries: Any, *, is_dispatched: bool = False, objection: str = '') -> Iterator[Conf]:
    for name, text in entries.items() if isinstance(entries, Mapping) else ():
        document = text
        if isinstance(text, str):
            try:
                document = next(iter(_load(text)), None)
            except DeploymentError as error:
                raise DeploymentError(f'{name}: {error}') from error
        yield Conf(str(name), document, is_dispatched, objection)


def _ours(entries: Any) -> dict[str, Any]:
    """Return the files that belong to the check by name, as the Agent decides it too."""
    entries = entries if isinstance(entries, Mapping) else {}
    return {str(name): text for name, text in entries.items() if str(name).startswith(f'{CHECK}.')}


def _named(document: Mapping[str, Any]) -> str:
    metadata = _at(document, 'metadata')
    return '/'.join(str(part) for name in ('namespace', 'name') if (part := _at(metadata, name)))


def _at(document: Any, *path: str) -> Any:
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    return document
