"""Every kind of single fault, put into every shipped file where it fits, is caught offline; exceptions are listed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bedrock_jobs.datadog_assets.files import FOLDERS, KINDS, Asset, Kind, read, walk
from bedrock_jobs.datadog_assets.lint import asset_problems, lint
from bedrock_jobs.datadog_assets.overlay import Overlay
from bedrock_jobs.datadog_assets.queries import with_threshold
from bedrock_jobs.datadog_assets.vocabulary import Vocabulary, read_metrics

ROOT = Path(__file__).parents[3]
LIBRARY = read(ROOT / 'assets')
NAMESPACE = 'bedrock_model_customization.'

Mutation = Callable[[dict[str, Any]], bool]
"""Puts one fault into a document, and tells whether it found a place for it."""

UNDETECTABLE = {
    'dashboard: another palette': 'palettes are free text in the models, and Datadog falls back to its default',
    'dashboard: an alias that says something else': 'words for people mean what people think',
    'monitor: another threshold everywhere': 'whether 3 or 30 is right, only people know',
    'monitor: a link to nowhere': 'addresses are not asked offline',
}
"""Faults that nothing offline can find, and why."""


def vocabulary() -> Vocabulary:
    assert LIBRARY.metadata is not None
    return Vocabulary(read_metrics(LIBRARY.metadata))


def nodes(document: Any, wanted: Callable[[Any], bool]) -> Iterator[Any]:
    return (value for _, value in walk(document) if isinstance(value, dict) and wanted(value))


def first(document: Any, wanted: Callable[[Any], bool]) -> Any:
    return next(nodes(document, wanted), None)


def put(wanted: Callable[[Any], bool], change: Callable[[Any], object]) -> Mutation:
    """Return a mutation that changes the first object that fits."""

    def mutate(document: dict[str, Any]) -> bool:
        node = first(document, wanted)
        if node is None:
            return False
        before = json.dumps(document)
        change(node)
        return bool(json.dumps(document) != before)

    return mutate


def swap(wanted: Callable[[Any], bool], key: str, old: str, new: str) -> Mutation:
    """Return a mutation that replaces a part of a text."""
    return put(
        lambda node: wanted(node) and isinstance(node.get(key), str) and old in node[key],
        lambda node: node.update({key: node[key].replace(old, new, 1)}),
    )


def rename(wanted: Callable[[Any], bool], old: str, new: str) -> Mutation:
    return put(lambda node: wanted(node) and old in node, lambda node: node.update({new: node.pop(old)}))


def drop(wanted: Callable[[Any], bool], key: str) -> Mutation:
    return put(lambda node: wanted(node) and key in node, lambda node: node.pop(key))


def setting(wanted: Callable[[Any], bool], **values: Any) -> Mutation:
    return put(wanted, lambda node: node.update(values))


def anything(node: Any) -> bool:
    return True


def is_metric_query(node: Any) -> bool:
    return node.get('data_source') == 'metrics' and 'query' in node


def has_metric_queries(node: Any) -> bool:
    return any(isinstance(one, dict) and is_metric_query(one) for one in node.get('queries') or [])


def is_widget(node: Any) -> bool:
    return 'definition' in node and 'layout' in node and node['definition'].get('type') != 'group'


def is_definition(node: Any) -> bool:
    return 'query' in node and 'options' in node


def of(kind: str) -> Callable[[Any], bool]:
    return lambda node: node.get('type') == kind and 'title' in node


def is_layout(node: Any) -> bool:
    return bool(node.keys() == {'x', 'y', 'width', 'height'})


def change_threshold(definition: dict[str, Any]) -> None:
    definition['options']['thresholds'] = {'critical': 12345}
    definition['query'] = with_threshold(definition['query'], 12345)


def overlap(document: dict[str, Any]) -> bool:
    widgets = next(
        (
            value
            for _, value in walk(document)
            if isinstance(value, list)
            and len(value) > 1
            and all(isinstance(one, dict) and 'layout' in one for one in value)
        ),
        None,
    )
    if widgets is None:
        return False
    widgets[1]['layout'] = dict(widgets[0]['layout'])
    return True


DASHBOARD: dict[str, Mutation] = {
    'a misspelt key in a widget': rename(of('timeseries'), 'show_legend', 'show_legendd'),
    'an unknown key in a widget': setting(is_widget, colour='red'),
    'an unknown key in a definition': put(is_widget, lambda node: node['definition'].update(colour='red')),
    'an unknown key in a request': setting(has_metric_queries, colour='red'),
    'an unknown key in a query': setting(is_metric_query, filter='*'),
    'an unknown key at the top': setting(anything, colour='red'),
    'a misspelt formula': rename(lambda node: 'formula' in node, 'formula', 'formulaa'),
    'a widget type that does not exist': setting(of('timeseries'), type='timeserie'),
    'a display type that does not exist': setting(lambda node: 'display_type' in node, display_type='columns'),
    'another response format': put(has_metric_queries, lambda node: node.update(response_format='event_list')),
    'no response format': drop(has_metric_queries, 'response_format'),
    'a text for a number': put(is_layout, lambda node: node.update(width='4')),
    'a number for a text': setting(of('query_value'), title=3),
    'no title': drop(anything, 'title'),
    'a hyphen in the title': put(anything, lambda node: node.update(title=node['title'] + ' - copy')),
    'no layout type': drop(anything, 'layout_type'),
    'an unknown layout type': setting(anything, layout_type='grid'),
    'no widgets': setting(anything, widgets=[]),
    'no description': setting(anything, description=''),
    'a tag that Datadog forbids': setting(anything, tags=['managed_by:me']),
    'six tags': setting(anything, tags=[f'team:{number}' for number in range(6)]),
    'an id that Datadog gives': setting(anything, id='abc-def-ghi'),
    'a metric that does not exist': swap(is_metric_query, 'query', NAMESPACE, NAMESPACE + 'x'),
    'a misspelt metric': swap(is_metric_query, 'query', f'{NAMESPACE}jobs', f'{NAMESPACE}jobss'),
    'a space aggregator that does not exist': swap(is_metric_query, 'query', 'sum:', 'summ:'),
    'a tag to group by that we do not send': swap(is_metric_query, 'query', 'by {', 'by {jobb_name,'),
    'a tag of another metric to group by': swap(is_metric_query, 'query', 'by {', 'by {validator_position,'),
    'a tag to filter by that we do not send': swap(is_metric_query, 'query', '{$', '{acount:1,$'),
    'a status that never occurs': swap(is_metric_query, 'query', '{$', '{status:broken,$'),
    'a variable that is not declared': swap(is_metric_query, 'query', '{$', '{$nobody,$'),
    'a function that does not exist': swap(is_metric_query, 'query', '.as_count()', '.as_counts()'),
    'a parenthesis too few': swap(is_metric_query, 'query', '.as_count()', '.as_count('),
    'a scope that is not closed': swap(is_metric_query, 'query', '}', ''),
    'a formula of a query that is not there': put(
        lambda node: 'formula' in node, lambda node: node.update(formula=node['formula'] + ' + query99')
    ),
    'a query in no formula': put(
        lambda node: has_metric_queries(node) and node.get('formulas'),
        lambda node: node['queries'].append({**node['queries'][0], 'name': 'spare'}),
    ),
    'a formula function that does not exist': put(
        lambda node: 'formula' in node, lambda node: node.update(formula=f'absolutely({node["formula"]})')
    ),
    'two queries of one name': put(has_metric_queries, lambda node: node['queries'].append(dict(node['queries'][0]))),
    'a request without queries': put(has_metric_queries, lambda node: node.update(queries=[])),
    'no data source': drop(is_metric_query, 'data_source'),
    'a data source that does not exist': setting(is_metric_query, data_source='metric'),
    'two widgets at one place': overlap,
    'a widget beyond the 12th column': put(is_layout, lambda node: node.update(x=11)),
    'a widget left of the grid': put(is_layout, lambda node: node.update(x=-1)),
    'a widget without layout': drop(is_widget, 'layout'),
    'a variable that nobody uses': put(
        anything, lambda node: node['template_variables'].append({'name': 'spare', 'prefix': 'region'})
    ),
    'a variable twice': put(
        anything, lambda node: node['template_variables'].append(dict(node['template_variables'][0]))
    ),
    'a variable of a tag that we do not send': put(
        anything, lambda node: node['template_variables'][0].update(prefix='regoin')
    ),
    'a deprecated default': put(anything, lambda node: node['template_variables'][0].update(default='*')),
    'a comparator that does not exist': setting(lambda node: 'comparator' in node, comparator='=>'),
    'a conditional colour that does not exist': setting(lambda node: 'comparator' in node, palette='white_on_redd'),
    'events of another source': swap(anything, 'query_string', f'source:{NAMESPACE[:-1]}', 'source:bedrock'),
    'an event list without a query': drop(lambda node: node.get('data_source') == 'event_stream', 'query_string'),
    'a legend layout that does not exist': setting(of('timeseries'), legend_layout='nice'),
    'an order that does not exist': setting(lambda node: 'order' in node, order='down'),
}
MONITOR: dict[str, Mutation] = {
    'a type that does not exist': setting(is_definition, type='metric alerts'),
    'no query': drop(is_definition, 'query'),
    'no type': drop(is_definition, 'type'),
    'an unknown key at the top': setting(anything, colour='red'),
    'an unknown key in the definition': setting(is_definition, colour='red'),
    'a misspelt option': put(is_definition, lambda node: node['options'].update(renotify_intervall=60)),
    'a text for a threshold': put(is_definition, lambda node: node['options']['thresholds'].update(critical='1')),
    'another threshold than the query has': put(
        is_definition, lambda node: node['options']['thresholds'].update(critical=12345)
    ),
    'a misspelt threshold': put(is_definition, lambda node: node['options']['thresholds'].update(crit=1)),
    'no thresholds': put(is_definition, lambda node: node['options'].pop('thresholds')),
    'a recovery on the wrong side': put(
        is_definition,
        lambda node: node['options']['thresholds'].update(critical_recovery=1e9 if '>' in node['query'] else -1e9),
    ),
    'a warning on the wrong side': put(
        is_definition, lambda node: node['options']['thresholds'].update(warning=1e9 if '>' in node['query'] else -1e9)
    ),
    'a warning recovery without warning': put(
        lambda node: is_definition(node) and 'warning' not in node['options']['thresholds'],
        lambda node: node['options']['thresholds'].update(warning_recovery=0),
    ),
    'priority 9': setting(is_definition, priority=9),
    'priority as text': setting(is_definition, priority='1'),
    'missing data handled in a way that does not exist': put(
        is_definition, lambda node: node['options'].update(on_missing_data='ignore')
    ),
    'missing data handled twice': put(
        is_definition,
        lambda node: node['options'].update(on_missing_data='show_no_data', notify_no_data=True, no_data_timeframe=10),
    ),
    'no data without timeframe': put(is_definition, lambda node: node['options'].update(notify_no_data=True)),
    'muted in the file': put(is_definition, lambda node: node['options'].update(silenced={'*': None})),
    'a text for a boolean': put(is_definition, lambda node: node['options'].update(include_tags='yes')),
    'no message': setting(is_definition, message=''),
    'a handle in the message': put(is_definition, lambda node: node.update(message=node['message'] + ' @slack-ml')),
    'a block that is not closed': put(
        is_definition, lambda node: node.update(message=node['message'] + '{{#is_alert}}')
    ),
    'a block that is closed twice': put(
        is_definition, lambda node: node.update(message=node['message'] + '{{/is_alert}}')
    ),
    'a condition that does not exist': put(
        is_definition, lambda node: node.update(message=node['message'] + '{{#is_alarm}}x{{/is_alarm}}')
    ),
    'a warning text without warning': put(
        lambda node: is_definition(node) and 'warning' not in node['options']['thresholds'],
        lambda node: node.update(message=node['message'] + '{{#is_warning}}x{{/is_warning}}'),
    ),
    'a field that the query does not group by': put(
        lambda node: is_definition(node) and ' by {' in node['query'],
        lambda node: node.update(message=node['message'] + '{{validator_name.name}}'),
    ),
    'a metric that does not exist': swap(is_definition, 'query', NAMESPACE, NAMESPACE + 'x'),
    'a tag to group by that we do not send': swap(is_definition, 'query', 'by {', 'by {jobb_name,'),
    'a window that does not exist': swap(is_definition, 'query', '(last_', '(latest_'),
    'an aggregator that does not exist': swap(is_definition, 'query', ':sum:', ':summ:'),
    'a function that does not exist': swap(is_definition, 'query', '.as_count()', '.as_counts()'),
    'no comparison': put(is_definition, lambda node: node.update(query=node['query'].rpartition('>')[0] or 'x')),
    'events of another source': swap(is_definition, 'query', f'source:{NAMESPACE[:-1]}', 'source:bedrock'),
    'an id that Datadog gives': setting(is_definition, id=1),
    'no name': setting(is_definition, name=''),
    'no integration tag': setting(is_definition, tags=[]),
    'a tag with a space': put(is_definition, lambda node: node['tags'].append('a tag')),
    'tags as text': setting(is_definition, tags='integration:x'),
    'another version': setting(anything, version=1),
    'no title': drop(anything, 'title'),
    'a long title': put(anything, lambda node: node.update(title='x' * 81)),
    'a template variable in the title': put(anything, lambda node: node.update(title='{{value}}')),
    'a long description': put(anything, lambda node: node.update(description='x' * 301)),
    'a date that is none': setting(anything, created_at='yesterday'),
    'no definition': drop(anything, 'definition'),
    'renotification of states without interval': put(
        lambda node: is_definition(node) and not node['options'].get('renotify_interval'),
        lambda node: node['options'].update(renotify_statuses=['alert']),
    ),
    'a duration beyond its range': put(is_definition, lambda node: node['options'].update(min_failure_duration=9999)),
}
SLO: dict[str, Mutation] = {
    'an unknown key': put(anything, lambda node: node['definition'].update(colour='red')),
    'a type that does not exist': put(anything, lambda node: node['definition'].update(type='metrics')),
    'a type of other fields': put(anything, lambda node: node['definition'].update(type='monitor')),
    'no thresholds': put(anything, lambda node: node['definition'].update(thresholds=[])),
    'a timeframe that does not exist': put(
        anything, lambda node: node['definition']['thresholds'][0].update(timeframe='1y')
    ),
    'a timeframe twice': put(
        anything, lambda node: node['definition']['thresholds'].append(node['definition']['thresholds'][0])
    ),
    'a target above 100': put(anything, lambda node: node['definition']['thresholds'][0].update(target=101)),
    'a warning below the target': put(anything, lambda node: node['definition']['thresholds'][0].update(warning=1)),
    'a metric that does not exist': swap(lambda node: 'numerator' in node, 'numerator', NAMESPACE, NAMESPACE + 'x'),
    'no as_count': swap(lambda node: 'numerator' in node, 'denominator', '.as_count()', ''),
    'a monitor that does not exist': put(
        anything, lambda node: node['definition'].update(type='monitor', query=None, monitor_ids=[1])
    ),
    'no definition': drop(anything, 'definition'),
}
MUTATIONS: dict[Kind, dict[str, Mutation]] = {'dashboard': DASHBOARD, 'monitor': MONITOR, 'slo': SLO}


def shipped(kind: Kind) -> list[Asset]:
    return [asset for asset in LIBRARY.assets if asset.kind == kind]


@pytest.mark.parametrize('asset', LIBRARY.assets, ids=lambda asset: asset.file)
def test_every_shipped_file_is_in_order(asset: Asset) -> None:
    assert list(asset_problems(asset, vocabulary())) == []


def test_the_shipped_files_fit_together() -> None:
    assert lint(LIBRARY, Overlay()) == {}


@pytest.mark.parametrize(
    ('kind', 'fault'), [(kind, fault) for kind in KINDS for fault in MUTATIONS[kind]], ids=lambda value: str(value)
)
def test_a_fault_is_caught(kind: Kind, fault: str) -> None:
    """In every file in which there is a place for it, and in one at least."""
    places = 0
    known = vocabulary()
    for asset in shipped(kind):
        document = copy.deepcopy(dict(asset.document))
        if not MUTATIONS[kind][fault](document):
            continue
        places += 1
        mutant = Asset(kind, asset.stem, document, asset.file)
        assert list(asset_problems(mutant, known)), f'{asset.file} passes with {fault}'
    assert places, f'no file has a place for {fault}'


@pytest.mark.parametrize(
    ('kind', 'fault', 'mutate'),
    [
        (
            'dashboard',
            'another palette',
            setting(lambda node: 'palette' in node and 'line_type' in node, palette='nice'),
        ),
        ('dashboard', 'an alias that says something else', setting(lambda node: 'alias' in node, alias='cats')),
        (
            'monitor',
            'another threshold everywhere',
            put(lambda node: is_definition(node) and node['type'] == 'query alert', change_threshold),
        ),
        (
            'monitor',
            'a link to nowhere',
            swap(is_definition, 'message', '/event/explorer', '/event/nowhere'),
        ),
    ],
)
def test_what_is_listed_as_undetectable_is(kind: Kind, fault: str, mutate: Mutation) -> None:
    """So that the list stays true: a fault that is caught one day leaves it."""
    assert f'{kind}: {fault}' in UNDETECTABLE
    for asset in shipped(kind):
        document = copy.deepcopy(dict(asset.document))
        if mutate(document):
            assert list(asset_problems(Asset(kind, asset.stem, document, asset.file), vocabulary())) == []


def test_there_are_enough_kinds_of_faults() -> None:
    assert len(DASHBOARD) + len(MONITOR) >= 30
    assert set(MUTATIONS) == set(FOLDERS)
