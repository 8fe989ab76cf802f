"""Jobs read from what AWS answers, and from what it should not have answered."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.jobs.arn import JobArn, model_name, parse_job_arn
from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS
from datadog_checks.bedrock_model_customization.jobs.job import Job, finite
from datadog_checks.bedrock_model_customization.jobs.reading import (
    DESCRIPTION,
    job_arn_of,
    merge,
    read_description,
    read_summary,
)
from datadog_checks.bedrock_model_customization.jobs.times import parse_time
from datadog_checks.bedrock_model_customization.jobs.transitions import transitions_of

ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'
CREATED = datetime(2026, 11, 23, 10, tzinfo=UTC)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_an_arn_with_colons_and_slashes_inside() -> None:
    assert parse_job_arn(ARN) == JobArn(
        'aws', 'us-east-1', '123456789012', 'amazon.nova-lite-v1:0:300k', 'miee4df3g2vt'
    )


@pytest.mark.parametrize('text', ['', 'arn', 'arn:aws:s3:::bucket', ARN.replace('customization', 'import'), ARN[:60]])
def test_not_the_arn_of_a_job(text: str) -> None:
    assert parse_job_arn(text) is None


@pytest.mark.parametrize(
    ('arn', 'name'),
    [
        ('arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k', 'amazon.nova-lite-v1:0:300k'),
        ('arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova/abc123', 'amazon.nova/abc123'),
        ('amazon.titan-text-lite-v1', 'amazon.titan-text-lite-v1'),
        ('', None),
        (None, None),
    ],
)
def test_model_name(arn: str | None, name: str | None) -> None:
    assert model_name(arn) == name


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        ('2026-11-23T10:00:00Z', CREATED),
        ('2026-11-23T10:00:00.000Z', CREATED),
        ('2026-11-23T05:00:00-05:00', CREATED),
        ('2026-11-23 10:00:00', CREATED),
        (CREATED.timestamp(), CREATED),
        (str(CREATED.timestamp()), CREATED),
        (CREATED.timestamp() * 1000, CREATED),
        (CREATED.replace(tzinfo=None), CREATED),
        ('yesterday', None),
        ('', None),
        (True, None),
        (float('nan'), None),
        (float('inf'), None),
        (1e300, None),
        ([], None),
        (None, None),
        ('0001-01-01T00:00:00+14:00', None),
    ],
)
def test_times(value: object, expected: datetime | None) -> None:
    assert parse_time(value) == expected


@pytest.mark.parametrize(
    ('value', 'expected'),
    [(1, 1.0), (0.5, 0.5), ('1.7', 1.7), ('NaN', None), (float('inf'), None), (True, None), (None, None), ({}, None)],
)
def test_finite(value: object, expected: float | None) -> None:
    assert finite(value) == expected


def test_each_field_of_a_job_is_a_column() -> None:
    assert {'_key', *(field.name for field in fields(Job))} - {'parent_model_arn'} == COLUMNS.keys()


CUSTOM = 'arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghij12'
FOUNDATION = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k'


@pytest.mark.parametrize('order', [('list',), ('list', 'get'), ('get', 'list'), ('list', 'get', 'list')])
def test_a_job_trained_on_a_custom_model_has_one_base_model(order: tuple[str, ...]) -> None:
    """A listing names the custom model as the base, GetModelCustomizationJob the foundation model."""
    answers = {
        'list': read_summary({'jobArn': ARN, 'baseModelArn': CUSTOM}),
        'get': read_description({'jobArn': ARN, 'baseModelArn': FOUNDATION}),
    }
    job = None
    for answer in order:
        job = merge(job, answers[answer])
        assert job.base_model == 'amazon.nova-lite-v1:0:300k'
    assert job is not None and job.parent_model == 'amazon.nova-lite-v1:0:300k/abcdefghij12'
    assert job.base_model_arn == (FOUNDATION if 'get' in order else None)


def test_a_listing_and_a_description_name_the_model_differently() -> None:
    summary = read_summary({'jobArn': ARN, 'customModelName': 'bot', 'customModelArn': 'arn:model'})
    description = read_description({'jobArn': ARN, 'outputModelName': 'bot', 'outputModelArn': 'arn:model'})
    assert (summary.output_model_name, summary.output_model_arn) == ('bot', 'arn:model')
    assert summary == description


def test_empty_is_missing() -> None:
    job = read_description({'jobArn': ARN, 'validationMetrics': [], 'vpcConfig': {}, 'failureMessage': ''})
    assert job == Job(job_arn=ARN, account_id='123456789012')


def test_hyper_parameters_are_texts_whatever_was_sent() -> None:
    job = read_description({'jobArn': ARN, 'hyperParameters': {'epochCount': 2, 'learningRate': '1.0E-4', 'x': None}})
    assert job.hyper_parameters == {'epochCount': '2', 'learningRate': '1.0E-4'}


def test_losses_that_are_not_numbers_are_missing() -> None:
    job = read_description(
        {
            'jobArn': ARN,
            'trainingMetrics': {'trainingLoss': float('nan')},
            'validationMetrics': [
                {'validationLoss': 0.5},
                None,
                {},
                {'validationLoss': 'Infinity'},
                {'validationLoss': 1},
            ],
        }
    )
    assert job.training_loss is None
    assert job.validation_losses == {0: 0.5, 4: 1.0}


@pytest.mark.parametrize('answer', [{}, {'jobArn': None}, {'jobArn': 'arn:aws:s3:::b'}, {'jobArn': 7}])
def test_an_answer_about_no_job(answer: dict[str, Any]) -> None:
    assert job_arn_of(answer) is None
    with pytest.raises(ValueError, match='no ARN'):
        read_summary(answer)


def test_merge_keeps_what_the_news_does_not_say() -> None:
    known = Job(job_arn=ARN, job_name='a', status='InProgress', tags={'team': 'x'}, failure_message=None)
    news = Job(job_arn=ARN, status='Failed', failure_message='why')
    assert merge(known, news) == Job(
        job_arn=ARN, job_name='a', status='Failed', tags={'team': 'x'}, failure_message='why'
    )
    assert merge(None, news) is news


def test_duration() -> None:
    later = CREATED + timedelta(hours=2)
    assert Job(job_arn=ARN, status='InProgress', creation_time=CREATED).duration(later) == timedelta(hours=2)
    assert Job(job_arn=ARN, status='Failed', creation_time=CREATED, end_time=later).duration(
        later + timedelta(days=1)
    ) == timedelta(hours=2)
    assert Job(job_arn=ARN, status='Failed', creation_time=CREATED).duration(later) is None
    assert Job(job_arn=ARN, status='InProgress').duration(later) is None
    assert Job(job_arn=ARN, status='InProgress', creation_time=later).duration(CREATED) == timedelta()


@given(st.dictionaries(st.sampled_from([member for member, _ in DESCRIPTION.values()]), json_values))
def test_nothing_in_an_answer_stops_us(answer: dict[str, Any]) -> None:
    job = read_description({**answer, 'jobArn': ARN})
    now = CREATED
    job.duration(now)
    assert transitions_of(job)[0].kind == 'created'
    assert all(isinstance(loss, float) for loss in job.validation_losses.values())
    for name in ('creation_time', 'end_time', 'last_modified_time'):
        moment = getattr(job, name)
        assert moment is None or moment.utcoffset() == timedelta()
