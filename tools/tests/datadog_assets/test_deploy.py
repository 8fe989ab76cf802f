"""Plan, apply and destroy against the strict Datadog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bedrock_jobs.datadog_assets.deploy import Deployer
from bedrock_jobs.datadog_assets.errors import AssetsError
from bedrock_jobs.datadog_assets.overlay import Overlay
from bedrock_jobs.datadog_client import DatadogError
from tools.tests.fake_datadog import FakeDatadog
from tools.tests.fake_datadog.answers import Refused
from tools.tests.fake_datadog.server import DROP, DROP_AFTER

from .conftest import DOCUMENTS

Build = Callable[..., Deployer]


def verbs(plan: Any) -> list[str]:
    return [action.verb for action in plan.actions]


def test_plan_on_an_empty_account_lists_every_asset_and_writes_nothing(deployer: Build, fake: FakeDatadog) -> None:
    plan = deployer().plan()
    assert verbs(plan) == ['create'] * len(DOCUMENTS)
    assert [action.kind for action in plan.actions] == ['monitor', 'monitor', 'slo', 'slo', 'dashboard']
    assert plan.has_changes
    assert fake.writes == []


def test_monitors_are_validated_by_datadog_before_any_write(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    order = [request.operation for request in fake.requests]
    assert order.count('validate_monitor') == 2
    assert max(i for i, name in enumerate(order) if name == 'validate_monitor') < order.index('create_monitor')


def test_what_datadog_refuses_stops_before_any_write(
    deployer: Build, fake: FakeDatadog, edit: Callable[..., None]
) -> None:
    edit('monitors/job_stopped.json', lambda d: d['definition']['options']['thresholds'].update(critical=3))
    with pytest.raises(AssetsError, match=r'job_stopped.json: Alert threshold \(3.0\) does not match'):
        deployer().apply()
    assert fake.writes == []


def test_apply_creates_and_fills_in_ids(deployer: Build, fake: FakeDatadog) -> None:
    assert verbs(deployer().apply()) == ['create'] * 5
    failed = next(id for id, one in fake.monitors.all.items() if one['name'] == 'Job failed')
    slos = {one['name']: one for one in fake.slos.all.values()}
    assert slos['No failures']['monitor_ids'] == [failed]
    [dashboard] = fake.dashboards.all.values()
    assert dashboard['widgets'][1]['definition']['alert_id'] == str(failed)
    assert dashboard['widgets'][2]['definition']['slo_id'] == slos['Success']['id']
    assert all(request.headers['X-Datadog-Managed-By'] == 'iac' for request in fake.requests)


def test_a_second_apply_writes_nothing(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    before = len(fake.writes)
    again = deployer().apply()
    assert verbs(again) == ['keep'] * 5
    assert len(fake.writes) == before
    assert not deployer().plan().has_changes


@pytest.mark.parametrize(
    ('file', 'mutate', 'operation'),
    [
        ('monitors/job_failed.json', lambda d: d['definition'].update(priority=1), 'update_monitor'),
        ('slos/success.json', lambda d: d['definition']['thresholds'][0].update(target=80), 'update_slo'),
        ('dashboards/overview.json', lambda d: d['widgets'][0]['definition'].update(title='New'), 'update_dashboard'),
    ],
)
def test_a_change_in_one_file_changes_one_object(
    deployer: Build, fake: FakeDatadog, edit: Callable[..., None], file: str, mutate: Any, operation: str
) -> None:
    deployer().apply()
    before = len(fake.writes)
    edit(file, mutate)
    plan = deployer().plan()
    assert verbs(plan).count('update') == 1 and verbs(plan).count('keep') == 4
    deployer().apply()
    assert [request.operation for request in fake.writes[before:]] == [operation]
    assert not deployer().plan().has_changes


def test_what_people_added_survives_an_update(deployer: Build, fake: FakeDatadog, edit: Callable[..., None]) -> None:
    deployer().apply()
    id, monitor = next((id, one) for id, one in fake.monitors.all.items() if one['name'] == 'Job failed')
    monitor['options']['silenced'] = {'*': None}
    monitor['draft_status'] = 'draft'
    monitor['tags'].append('squad:nlp')
    monitor['message'] += '\n{{#is_alert}}@pagerduty-nlp{{/is_alert}} @slack-nlp'
    assert not deployer().plan().has_changes

    edit('monitors/job_failed.json', lambda d: d['definition'].update(message='New text for {{job_name.name}}'))
    deployer().apply()
    monitor = fake.monitors.all[id]
    assert monitor['options']['silenced'] == {'*': None}
    assert monitor['draft_status'] == 'draft'
    assert 'squad:nlp' in monitor['tags']
    assert monitor['message'].startswith('New text for {{job_name.name}}')
    assert '{{#is_alert}}@pagerduty-nlp{{/is_alert}}' in monitor['message']
    assert '@slack-nlp' in monitor['message']
    assert not deployer().plan().has_changes


def test_saved_views_and_team_tags_of_a_dashboard_survive(
    deployer: Build, fake: FakeDatadog, edit: Callable[..., None]
) -> None:
    deployer().apply()
    [dashboard] = fake.dashboards.all.values()
    presets = [{'name': 'Mine', 'template_variables': [{'name': 'region', 'value': 'us-east-1'}]}]
    dashboard.update(template_variable_presets=presets, tags=['team:mine'], notify_list=['me@example.com'])
    edit('dashboards/overview.json', lambda d: d.update(description='Other'))
    deployer().apply()
    [dashboard] = fake.dashboards.all.values()
    assert dashboard['template_variable_presets'] == presets
    assert dashboard['tags'] == ['team:mine']
    assert dashboard['notify_list'] == ['me@example.com']


def test_force_takes_handles_and_tags_away_but_never_muting(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    id, monitor = next(iter(fake.monitors.all.items()))
    monitor['tags'].append('squad:nlp')
    monitor['message'] += ' @slack-nlp'
    monitor['options']['silenced'] = {'*': None}
    plan = deployer(force=True).plan()
    assert verbs(plan).count('update') == 1
    deployer(force=True).apply()
    monitor = fake.monitors.all[id]
    assert 'squad:nlp' not in monitor['tags'] and '@slack-nlp' not in monitor['message']
    assert monitor['options']['silenced'] == {'*': None}


def test_a_drift_is_put_right(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    [dashboard] = fake.dashboards.all.values()
    dashboard['widgets'].pop()
    next(iter(fake.monitors.all.values()))['name'] = 'Renamed'
    assert verbs(deployer().plan()).count('update') == 2
    deployer().apply()
    assert not deployer().plan().has_changes


def test_nothing_is_adopted(deployer: Build, fake: FakeDatadog) -> None:
    """Objects of the same name, and one whose marker is only half there, are left as they are."""
    deployer().apply()
    for monitor in fake.monitors.all.values():
        monitor['tags'].remove('managed_by:bedrock-jobs')
    for dashboard in fake.dashboards.all.values():
        dashboard['description'] = 'Made up for the tests.'
    theirs = {id: dict(one) for id, one in fake.monitors.all.items()}
    deployer().apply()
    assert {id: fake.monitors.all[id] for id in theirs} == theirs
    assert len(fake.monitors.all) == 4
    assert len(fake.dashboards.all) == 2


def test_a_duplicate_that_is_not_ours_is_reported(deployer: Build, fake: FakeDatadog) -> None:
    refusal = Refused(400, {'errors': ['Duplicate of an existing monitor_id:77 org_id:1']})
    run = deployer()
    fake.faults = [None] * 6 + [refusal]
    with pytest.raises(AssetsError, match=r'monitor_id:77.*did not make it'):
        run.apply()


def test_two_matches_are_refused(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    id, monitor = next(iter(fake.monitors.all.items()))
    fake.monitors.all[9999] = {**monitor, 'id': 9999, 'name': 'Clone'}
    before = len(fake.writes)
    for act in (deployer().plan, deployer().apply, deployer().owned):
        with pytest.raises(AssetsError, match=rf'Two monitors carry the marker default/job_failed: {id}.*9999.*Clone'):
            act()
    assert len(fake.writes) == before


def test_a_changed_type_makes_it_anew(deployer: Build, fake: FakeDatadog, edit: Callable[..., None]) -> None:
    deployer().apply()
    old = next(id for id, one in fake.monitors.all.items() if one['name'] == 'Job stopped')
    fake.monitors.all[old]['tags'].append('squad:nlp')
    query = 'events("source:bedrock_model_customization").rollup("count").last("5m") > 2'
    edit('monitors/job_stopped.json', lambda d: d['definition'].update(type='event-v2 alert', query=query))
    assert 'replace' in verbs(deployer().plan())
    deployer().apply()
    assert old not in fake.monitors.all
    [new] = [one for one in fake.monitors.all.values() if one['name'] == 'Job stopped']
    assert new['type'] == 'event-v2 alert' and 'squad:nlp' in new['tags']
    assert not deployer().plan().has_changes


def test_a_changed_type_that_an_slo_stands_on_is_refused(
    deployer: Build, fake: FakeDatadog, edit: Callable[..., None]
) -> None:
    deployer().apply()
    query = 'events("source:bedrock_model_customization").rollup("count").last("5m") > 2'
    edit('monitors/job_failed.json', lambda d: d['definition'].update(type='event-v2 alert', query=query))
    with pytest.raises(AssetsError, match='referenced in SLOs: No failures'):
        deployer().apply()
    assert len(fake.monitors.all) == 2


def test_what_no_file_asks_for_is_only_deleted_with_prune(deployer: Build, fake: FakeDatadog, folder: Any) -> None:
    deployer().apply()
    (folder / 'monitors/job_stopped.json').unlink()
    plan = deployer().plan()
    assert not plan.has_changes and [one.stem for one in plan.strays] == ['job_stopped']
    deployer().apply()
    assert len(fake.monitors.all) == 2
    assert deployer(prune=True).plan().has_changes
    deployer(prune=True).apply()
    assert len(fake.monitors.all) == 1


def test_deployments_are_apart(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    staging = Overlay(deployment='staging', prefix='[staging] ')
    deployer(staging).apply()
    assert len(fake.monitors.all) == 4 and len(fake.dashboards.all) == 2
    run = deployer(staging)
    done, refused = run.destroy(run.owned())
    assert len(done) == 5 and not refused
    assert not deployer().plan().has_changes


def test_destroy_deletes_ours_only_and_in_reverse(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    fake.monitors.create_monitor({'name': 'Theirs', 'type': 'query alert', 'query': 'avg(last_5m):avg:a.b{*} > 1'})
    fake.dashboards.create_dashboard({'title': 'Theirs', 'layout_type': 'ordered', 'widgets': []})
    run = deployer()
    done, refused = run.destroy(run.owned())
    assert [action.kind for action in done] == ['dashboard', 'slo', 'slo', 'monitor', 'monitor']
    assert not refused
    assert [one['name'] for one in fake.monitors.all.values()] == ['Theirs']
    assert [one['title'] for one in fake.dashboards.all.values()] == ['Theirs']
    assert deployer().owned() == []


def test_destroy_leaves_what_somebody_needs(deployer: Build, fake: FakeDatadog) -> None:
    deployer().apply()
    failed = next(id for id, one in fake.monitors.all.items() if one['name'] == 'Job failed')
    thresholds = [{'timeframe': '7d', 'target': 99.0}]
    fake.slos.create_slo({'name': 'Theirs', 'type': 'monitor', 'monitor_ids': [failed], 'thresholds': thresholds})
    run = deployer()
    done, refused = run.destroy(run.owned())
    assert [one.remote.id for one in refused] == [failed]
    assert 'Theirs' in refused[0].reason
    assert len(done) == 4


@pytest.mark.parametrize('fault', [DROP, DROP_AFTER, Refused(503), Refused(429, None, {'X-RateLimit-Reset': '0'})])
def test_a_create_whose_outcome_is_unclear_makes_no_duplicate(
    deployer: Build, fake: FakeDatadog, fault: Refused
) -> None:
    """Each create in turn meets the fault; the same run gets over it."""
    deployer().apply()
    wanted = fake.snapshot()
    creates = [i for i, request in enumerate(fake.requests) if request.operation in CREATES]
    for position in creates:
        with FakeDatadog() as other:
            other.faults = [None] * position + [fault]
            run = deployer()
            run.datadog = type(run.datadog)(other.connection())
            Deployer.__post_init__(run)
            run.apply()
            assert other.snapshot() == wanted


CREATES = frozenset({'create_monitor', 'create_slo', 'create_dashboard'})


def test_a_create_that_keeps_failing_is_given_up(deployer: Build, fake: FakeDatadog) -> None:
    run = deployer()
    fake.on_request = lambda number: fake.faults.__setitem__(slice(None), [Refused(500, {'errors': ['sorry']})])
    with pytest.raises(DatadogError, match='Datadog answered 500: sorry'):
        run.apply()


def test_a_create_that_comes_to_light_late_is_reported(deployer: Build, fake: FakeDatadog) -> None:
    """Datadog was still at the first request when we looked for its outcome and asked again."""
    run = deployer()
    creates: list[int] = []

    def late(number: int) -> None:
        if len(fake.monitors.all) == 2 and len(fake.slos.all) == 2 and not fake.dashboards.all and not creates:
            creates.append(number)
            fake.faults = [DROP]
        elif creates and len(fake.dashboards.all) == 1 and len(creates) == 1:
            creates.append(number)
            [made] = fake.dashboards.all.values()
            fake.dashboards.create_dashboard(
                {key: made[key] for key in ('title', 'layout_type', 'widgets', 'description')}
            )

    fake.on_request = late
    with pytest.raises(AssetsError, match='Two dashboards carry the marker default/overview'):
        run.apply()


def test_read_only_dashboards_are_explained(deployer: Build, fake: FakeDatadog, edit: Callable[..., None]) -> None:
    deployer().apply()
    next(iter(fake.dashboards.all.values()))['is_read_only'] = True
    edit('dashboards/overview.json', lambda d: d.update(description='Other'))
    with pytest.raises(DatadogError, match='This dashboard is read-only'):
        deployer().apply()


def test_more_than_a_page_of_objects(deployer: Build, fake: FakeDatadog) -> None:
    """Ours are found behind a page of other people's dashboards and other deployments' monitors."""
    for number in range(130):
        fake.dashboards.create_dashboard({'title': f'{number}', 'layout_type': 'ordered', 'widgets': []})
        query = f'avg(last_5m):avg:a.b{{*}} > {number}'
        tags = ['managed_by:bedrock-jobs', f'bedrock_jobs_asset:other/{number}']
        fake.monitors.create_monitor({'name': f'{number}', 'type': 'query alert', 'query': query, 'tags': tags})
    deployer().apply()
    assert not deployer().plan().has_changes
