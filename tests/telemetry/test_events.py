"""Events that a person reads, and that foreign text cannot break."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from datadog_checks.bedrock_model_customization.curves.summary import CurveSummary, TrainingSummary, ValidationSummary
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.transitions import KINDS, Transition, transitions_of
from datadog_checks.bedrock_model_customization.telemetry.events import (
    MAX_TEXT,
    MAX_TITLE,
    is_too_old,
    job_event,
    title,
)
from datadog_checks.bedrock_model_customization.telemetry.tags import Tagger
from datadog_checks.bedrock_model_customization.telemetry.words import console_url, duration_in_words

ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'
T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)
FAILED = Job(
    job_arn=ARN,
    job_name='support-bot-v3',
    status='Failed',
    customization_type='FINE_TUNING',
    base_model_arn='arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k',
    creation_time=T0,
    end_time=T0 + timedelta(minutes=72, seconds=5),
    failure_message='Amazon Bedrock could not read s3://example-bucket/train.jsonl',
    tags={'team': 'search', 'owner': 'jane@example.com', 'env': 'prod'},
)
LARGEST = ValidationSummary(1.23456e-300, -1.23456e-300, -1.23456e-300, -1.23456e-300, True, None, {})
CURVES = st.builds(
    CurveSummary,
    training=st.none() | st.just(TrainingSummary(392, 7, 0.21, None, 10**9, {})),
    validation=st.lists(st.none() | st.just(LARGEST), max_size=30).map(tuple),
)
SCOPE = ['aws_account:123456789012', 'region:us-east-1']
NOW = T0 + timedelta(hours=2)


def event(job: Job, kind: str) -> dict[str, object]:
    (news,) = [news for news in transitions_of(job) if news.kind == kind]
    return job_event(job, news, Tagger(), SCOPE, NOW)


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_of_transition_has_words(kind: str) -> None:
    assert title(FAILED, Transition(kind, 'training', T0)).startswith('Amazon Bedrock fine-tuning job support-bot-v3 ')
    assert not title(FAILED, Transition(kind, 'training', T0)).endswith('None')


def test_a_failure_says_who_why_and_how_long() -> None:
    failure = event(FAILED, 'failed')
    assert failure['msg_title'] == 'Amazon Bedrock fine-tuning job support-bot-v3 failed'
    assert failure['alert_type'] == 'error'
    assert failure['timestamp'] == int((T0 + timedelta(minutes=72, seconds=5)).timestamp())
    assert failure['aggregation_key'] == 'bedrock:123456789012:us-east-1:miee4df3g2vt'
    assert failure['tags'] == [
        *SCOPE,
        'job_name:support-bot-v3',
        'customization_type:FINE_TUNING',
        'base_model:amazon.nova-lite-v1:0:300k',
        'tag_env:prod',
        'owner:jane@example.com',
        'team:search',
        'transition:failed',
    ]
    text = str(failure['msg_text'])
    assert '    Amazon Bedrock could not read s3://example-bucket/train.jsonl' in text
    assert '- Duration: 1 h 12 min' in text
    assert 'https://us-east-1.console.aws.amazon.com/bedrock/' in text


@pytest.mark.parametrize(
    'mark', ['\xad', '\u061c', '\u180e', '\u200b', '\u200e', '\u202e', '\u2060', '\u2066', '\ufeff', '\U000e0041']
)
def test_what_is_invisible_is_in_no_title_and_no_tag(mark: str) -> None:
    made = event(replace(FAILED, job_name=f'a{mark}b', tags={f'k{mark}': f'v{mark}w'}), 'failed')
    assert mark not in str(made['msg_title'])
    assert not [one for one in made['tags'] if mark in one]  # type: ignore[attr-defined]


def test_what_happened_earlier_to_a_job_that_has_ended_does_not_say_how_long_it_ran() -> None:
    job = replace(FAILED, status_details={'validationDetails': {
        'status': 'Completed',
        'creationTime': (T0 + timedelta(minutes=1)).isoformat(),
        'lastModifiedTime': (T0 + timedelta(minutes=9)).isoformat(),
    }})  # fmt: skip
    text = str(event(job, 'phase_ended')['msg_text'])
    assert '- Since creation: 9 min\n' in text and '- Time in validation: 8 min' in text
    assert '1 h 12 min' not in text


def test_a_job_trained_on_a_custom_model_names_it() -> None:
    job = replace(FAILED, parent_model_arn=ARN.replace('model-customization-job', 'custom-model'))
    assert 'parent_model:amazon.nova-lite-v1:0:300k/miee4df3g2vt' in event(job, 'failed')['tags']  # type: ignore[operator]
    assert '- Parent model: amazon.nova-lite-v1:0:300k/miee4df3g2vt' in str(event(job, 'failed')['msg_text'])


@pytest.mark.parametrize(
    ('status', 'kind', 'alert_type'),
    [
        ('Completed', 'completed', 'success'),
        ('Stopped', 'stopped', 'warning'),
        ('Stopping', 'stopping', 'warning'),
        ('InProgress', 'created', 'info'),
        ('Paused', 'unknown_status', 'warning'),
    ],
)
def test_alert_types(status: str, kind: str, alert_type: str) -> None:
    job = Job(job_arn=ARN, status=status, creation_time=T0, last_modified_time=NOW)
    assert event(job, kind)['alert_type'] == alert_type


def test_a_completion_has_its_losses() -> None:
    job = Job(
        job_arn=ARN,
        status='Completed',
        creation_time=T0,
        end_time=NOW,
        training_metrics={'trainingLoss': 0.4375},
        validation_metrics=[{'validationLoss': 0.5}, {'validationLoss': 0.75}],
    )
    text = str(event(job, 'completed')['msg_text'])
    assert (
        '- Training loss: 0.4375\n- Validation loss (validator 0): 0.5\n- Validation loss (validator 1): 0.75' in text
    )


def test_an_event_of_the_past_does_not_change_with_the_job() -> None:
    then = Job(job_arn=ARN, job_name='a', status='InProgress', creation_time=T0)
    now = Job(job_arn=ARN, job_name='a', status='Stopped', creation_time=T0, end_time=NOW)
    assert event(then, 'created') == event(now, 'created')


def test_a_phase_that_ended_says_how_long_it_took() -> None:
    times = {'creationTime': T0.isoformat(), 'lastModifiedTime': (T0 + timedelta(seconds=245)).isoformat()}
    details = {'validationDetails': {'status': 'Completed', **times}}
    job = Job(job_arn=ARN, job_name='a', status='InProgress', creation_time=T0, status_details=details)
    ended = event(job, 'phase_ended')
    assert ended['msg_title'] == 'Amazon Bedrock model customization job a ended phase validation'
    assert '- Time in validation: 4 min 5 s' in str(ended['msg_text'])
    assert ended['priority'] == 'low'
    assert 'phase:validation' in ended['tags']  # type: ignore[operator]


@given(name=st.text(), message=st.text(), key=st.text(min_size=1), value=st.text())
def test_foreign_text_breaks_nothing(name: str, message: str, key: str, value: str) -> None:
    hostile = f'{name}@all %%% </script>'
    job = Job(
        job_arn=ARN,
        job_name=hostile,
        status='Failed',
        creation_time=T0,
        end_time=NOW,
        failure_message=f'{message}\n%%%\n# @pagerduty\x00',
        tags={key: value},
    )
    built = event(job, 'failed')
    title, text, tags = str(built['msg_title']), str(built['msg_text']), built['tags']
    for field in (title, text, *tags):  # type: ignore[misc]
        field.encode('utf-8')
        assert '\x00' not in field
    assert '\n' not in title
    assert text.startswith('%%% \n') and text.endswith('\n %%%') and text.count('%%%') == 2
    assert '@all' not in title + text and '@pagerduty' not in text
    assert len(title) <= MAX_TITLE and len(text) <= MAX_TEXT
    assert len(str(built['aggregation_key'])) <= 100
    assert all(len(one) <= 200 for one in tags)  # type: ignore[attr-defined]


def test_text_is_cut_to_datadogs_limit() -> None:
    tags = {f'key{number}': 'v' * 250 for number in range(50)}
    job = Job(job_arn=ARN, job_name='n' * 500, status='Failed', failure_message='%' * 5000, end_time=NOW, tags=tags)
    built = job_event(job, Transition('failed', '', NOW), Tagger(), SCOPE, NOW)
    assert len(str(built['msg_text'])) <= MAX_TEXT
    assert str(built['msg_text']).count('%%%') == 2


LINES = st.lists(st.text(max_size=30) | st.sampled_from(['', 'abc', '@', '%%%', 'x' * 3000]), max_size=600)
NAMES = st.none() | st.text(max_size=400) | st.text('*_%@&\\', min_size=200, max_size=400)
LOSSES = st.lists(st.floats().map(lambda loss: {'validationLoss': loss}), max_size=30)


def facts(built: dict[str, object]) -> list[str]:
    return [line for line in str(built['msg_text']).splitlines() if line.startswith(('- ', '[Custom models'))]


@given(
    LINES.map('\n'.join) | st.integers(0, 2048).map('a\n'.__mul__),
    NAMES,
    NAMES,
    st.none() | st.dictionaries(st.text(min_size=1, max_size=128), st.text(max_size=256), max_size=50),
    LOSSES,
)
def test_no_failure_message_takes_the_place_of_anything_else(
    message: str, name: str | None, model: str | None, tags: dict[str, str] | None, losses: list[dict[str, float]]
) -> None:
    job = replace(
        FAILED,
        job_name=name,
        output_model_name=model,
        base_model_arn=model,
        tags=tags,
        validation_metrics=losses,
        failure_message=None,
    )
    without, built = event(job, 'failed'), event(replace(job, failure_message=message), 'failed')
    text = str(built['msg_text'])
    assert len(text) <= MAX_TEXT
    assert facts(built)[-len(facts(without)) :] == facts(without)
    for known in ('- Duration: 1 h 12 min', '- Account and Region: 123456789012 us-east-1', f'- Job ARN: {ARN}'):
        assert known in text.splitlines()
    assert text.startswith('%%% \n') and text.endswith('#/custom-models)\n %%%')


def test_a_failure_message_of_many_short_lines_is_cut_with_its_indentation() -> None:
    text = str(event(replace(FAILED, failure_message='\n'.join(['abc'] * 500)), 'failed')['msg_text'])
    assert text.count('    abc\n') > 200 and '...\n\n- Job: support-bot-v3\n' in text
    assert '- Tags: ' in text and f'- Job ARN: {ARN}' in text


@given(CURVES)
def test_no_curves_take_the_place_of_what_identifies_a_job(curves: CurveSummary) -> None:
    job = replace(FAILED, status='Completed', job_name='*' * 400, base_model_arn='_' * 400, tags={'k': 'v' * 250})
    text = str(job_event(job, Transition('completed', '', NOW), Tagger(), SCOPE, NOW, curves)['msg_text'])
    assert len(text) <= MAX_TEXT
    assert f'- Job ARN: {ARN}' in text.splitlines()


# --- what a reader sees of foreign text


@pytest.mark.parametrize(
    'name', ['R&D', 'a & b', '&commat;all', '&#64;all', '&percnt;&percnt;&percnt;', '&lt;b&gt;', '\\&amp;', 'a\\', '&']
)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    """By CommonMark, of which Datadog's Markdown is one kind: no entity becomes the sign that it stands for."""
    text = str(event(replace(FAILED, job_name=name), 'failed')['msg_text'])
    html = MarkdownIt('commonmark').render(text.removeprefix('%%% \n').removesuffix('\n %%%'))
    assert f'<li>Job: {escape(name, quote=False)}</li>' in html
    assert '@all' not in html


def test_events_older_than_18_hours_are_refused() -> None:
    news = Transition('failed', '', T0)
    assert not is_too_old(news, T0 + timedelta(hours=17, minutes=59))
    assert is_too_old(news, T0 + timedelta(hours=18))
    assert not is_too_old(Transition('failed', '', None), T0)


@pytest.mark.parametrize(
    ('seconds', 'expected'),
    [
        (0, '0 s'),
        (17.9, '17 s'),
        (245, '4 min 5 s'),
        (3600, '1 h'),
        (4325, '1 h 12 min'),
        (183600, '2 d 3 h'),
        (-5, '0 s'),
    ],
)
def test_durations_in_words(seconds: float, expected: str) -> None:
    assert duration_in_words(timedelta(seconds=seconds)) == expected


def test_no_link_into_a_partition_without_a_known_console() -> None:
    assert console_url(Job(job_arn=ARN.replace('arn:aws:', 'arn:aws-iso:'))) is None
    assert console_url(Job(job_arn=ARN.replace('us-east-1', 'a.b/c'))) is None
