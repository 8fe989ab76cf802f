"""Tags that stand for one thing, and gauges of what AWS has told and of nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.jobs.filters import Criteria, JobFilter, TagFilter
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.telemetry.metrics import job_gauges, status_gauges, within_cap
from datadog_checks.bedrock_model_customization.telemetry.tags import AGENT_KEYS, OWN_KEYS, Tagger, tag, tag_key

ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'
T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)


def job(name: str, status: str, **fields: object) -> Job:
    return Job(**{'job_arn': f'{ARN}{name}', 'job_name': name, 'status': status, **fields})  # type: ignore[arg-type]


def test_a_job_tag_never_stands_in_for_another() -> None:
    tagger = Tagger(instance_tags=('team:platform',))
    tags = tagger.job_tags(
        {'Team': 'search', 'env': 'prod', 'status': 'x', 'cost-center': '42', '7up': 'y', 'a:b': 'c'}
    )
    assert tags == [
        'tag_7up:y',
        'tag_team:search',
        'a_b:c',
        'cost-center:42',
        'tag_env:prod',
        'tag_status:x',
    ]


@pytest.mark.parametrize(
    ('key', 'expected'),
    [
        ('部署', '部署'),
        ('担当', '担当'),
        ('Größe', 'größe'),
        ('Gru\u0308ße', 'grüße'),
        ('Отдел', 'отдел'),
        ('Cost Center (€)', 'cost_center____'),
        ('a/b.c-d_e:f', 'a/b.c-d_e_f'),
        ('2fast', 'tag_2fast'),
        ('💩', 'tag__'),
    ],
)
def test_keys_have_letters_of_any_script(key: str, expected: str) -> None:
    assert tag_key(key) == expected


def test_two_keys_that_become_one_keep_both_values() -> None:
    assert Tagger().job_tags({'Team': 'search', 'team': 'risk'}) == ['team:search', 'team:risk']


@pytest.mark.parametrize(
    ('key', 'value', 'expected'),
    [
        ('k', 'a,b', 'k:a_b'),
        ('k', '', 'k'),
        ('k', ' a\n b ', 'k:a b'),
        ('k', '\x00\ud800', 'k:\ufffd'),
        ('k', 'v' * 300, 'k:' + 'v' * 198),
    ],
)
def test_tag_values(key: str, value: str, expected: str) -> None:
    assert tag(key, value) == expected


def test_which_job_tags_are_sent() -> None:
    tags = {'team': 'a', 'aws:cloudformation:stack-name': 'b', 'owner': 'c', 'secret': 'd'}
    assert TagFilter(('*',), ('aws:*', 'secret')).wanted(tags) == {'owner': 'c', 'team': 'a'}
    assert TagFilter(('te*',)).wanted(tags) == {'team': 'a'}
    assert Tagger(max_job_tags=1).job_tags({'b': '1', 'a': '2'}) == ['a:2']


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_no_job_tag_takes_a_key_of_ours_or_of_the_agent(tags: dict[str, str]) -> None:
    built = Tagger(max_job_tags=100).job_tags(tags)
    assert not {one.partition(':')[0] for one in built} & (OWN_KEYS | AGENT_KEYS)
    assert all(one and '\x00' not in one and len(one) <= 200 and one.encode() for one in built)


def test_every_status_is_sent_zeros_too() -> None:
    samples = {sample.tags[0]: sample.value for sample in status_gauges({'Failed': 2, 'Unknown': 1})}
    assert samples == {
        'status:InProgress': 0,
        'status:Completed': 0,
        'status:Failed': 2,
        'status:Stopping': 0,
        'status:Stopped': 0,
        'status:Unknown': 1,
    }


def test_gauges_of_a_stuck_job() -> None:
    times = {'creationTime': T0.isoformat(), 'lastModifiedTime': (T0 + timedelta(minutes=4)).isoformat()}
    details = {'validationDetails': {'status': 'Completed', **times}, 'trainingDetails': {'status': 'NotStarted'}}
    stuck = job('a', 'InProgress', creation_time=T0, status_details=details)
    assert [(name, value, list(tags)) for name, value, tags in job_gauges(stuck, T0 + timedelta(hours=1))] == [
        ('job.duration', 3600, []),
        ('job.phase.duration', 240, ['phase:validation']),
        ('job.time_in_phase', 56 * 60, ['phase:training', 'phase_status:NotStarted']),
    ]


def test_gauges_of_a_completed_job_are_what_aws_told() -> None:
    done = job(
        'a', 'Completed', creation_time=T0, end_time=T0 + timedelta(hours=1), training_metrics={'trainingLoss': 0.5}
    )
    assert [sample.name for sample in job_gauges(done, T0)] == ['job.duration', 'job.training_loss']
    assert list(job_gauges(job('a', 'Completed'), T0)) == []


def test_the_cap_keeps_what_runs_and_what_failed() -> None:
    jobs = [
        job('a', 'Completed'),
        job('b', 'Failed'),
        job('c', 'InProgress'),
        job('d', 'Stopped'),
        job('e', 'Stopping'),
    ]
    assert [kept.job_name for kept in within_cap(jobs, 3)] == ['c', 'e', 'b']


@pytest.mark.parametrize(
    ('job_filter', 'wanted'),
    [
        (JobFilter(), 'abc'),
        (JobFilter(Criteria(job_names=('a', 'b'))), 'ab'),
        (JobFilter(exclude=Criteria(job_names=('a*',))), 'bc'),
        (JobFilter(Criteria(job_names=('*',)), Criteria(statuses=('Failed',))), 'ac'),
        (JobFilter(Criteria(customization_types=('DISTILLATION',))), 'c'),
        (JobFilter(Criteria(base_models=('amazon.nova-micro*',))), 'a'),
        (JobFilter(Criteria(tags=('team:s*', 'team:x'))), 'a'),
        (JobFilter(exclude=Criteria(tags=('team:search',))), 'bc'),
        (JobFilter(Criteria(job_names=('a', 'b'), statuses=('Failed',))), 'b'),
    ],
)
def test_filters(job_filter: JobFilter, wanted: str) -> None:
    jobs = [
        job(
            'a',
            'InProgress',
            job_arn=ARN.replace('amazon.nova-lite-v1:0:300k', 'amazon.nova-micro-v1:0:128k') + 'a',
            tags={'team': 'search'},
        ),
        job('b', 'Failed', tags={}),
        job('c', 'Completed', customization_type='DISTILLATION'),
    ]
    assert ''.join(str(found.job_name) for found in jobs if job_filter.wants(found)) == wanted
