"""What is sent of a curve: gauges for monitors, and an event that tells how the run went."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.curves.curve import TRAINING_LOSS, VALIDATION_LOSS, read_curve
from datadog_checks.bedrock_model_customization.curves.data_check import RecordCounts
from datadog_checks.bedrock_model_customization.curves.series import Trend
from datadog_checks.bedrock_model_customization.curves.summary import (
    CurveSummary,
    TrainingSummary,
    ValidationSummary,
    summarise_training,
    summarise_validation,
)
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.jobs.transitions import Transition
from datadog_checks.bedrock_model_customization.telemetry.events import job_event
from datadog_checks.bedrock_model_customization.telemetry.metrics import curve_gauges, job_gauges
from datadog_checks.bedrock_model_customization.telemetry.tags import Tagger

from ..paths import ROOT

ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'
T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)
COMPLETED = Transition('completed', '', T0)
CURVES = CurveSummary(
    training=TrainingSummary(
        392, 7, 0.21, Trend(-0.0238, 313, 80), 0, {'perplexity': 1.25, 'critic/rewards/mean@1': 0.75}
    ),
    validation=(ValidationSummary(392, 1.37, 1.05, 196, True, 1.16, {}), None),
    records=RecordCounts(100, 97, None, 3),
)


def gauges(summary: CurveSummary) -> dict[str, tuple[float, list[str]]]:
    return {sample.name: (sample.value, list(sample.tags)) for sample in curve_gauges(summary)}


def test_every_gauge_of_a_curve() -> None:
    assert gauges(CURVES) == {
        'job.curve.step': (392, []),
        'job.curve.epoch': (7, []),
        'job.curve.training_loss': (0.21, []),
        'job.curve.training_loss_slope': (-0.0238, []),
        'job.curve.non_finite_losses': (0, []),
        'job.curve.perplexity': (1.25, ['curve:training']),
        'job.curve.reward': (0.75, ['curve:training', 'column:critic/rewards/mean_1']),
        'job.curve.validation_loss': (1.37, ['validator:0']),
        'job.curve.best_validation_loss': (1.05, ['validator:0']),
        'job.curve.best_validation_step': (196, ['validator:0']),
        'job.curve.validation_has_risen': (1, ['validator:0']),
        'job.curve.generalization_gap': (1.16, ['validator:0']),
        'job.records.accepted': (97, []),
        'job.records.rejected': (3, []),
    }
    assert gauges(CurveSummary()) == {}


def test_no_gauge_of_a_curve_lacks_its_row_in_the_metadata() -> None:
    with (ROOT / 'metadata.csv').open(newline='') as lines:
        rows = {row['metric_name'] for row in csv.DictReader(lines)}
    assert {f'bedrock_model_customization.{name}' for name in gauges(CURVES)} <= rows


TEXT = 'step_number,epoch_number,training_loss,validation_loss,perplexity,critic/rewards/mean'
ROWS = st.lists(
    st.lists(st.one_of(st.floats().map(repr), st.integers().map(str), st.just('')), max_size=6), max_size=30
)


@given(ROWS)
def test_any_numeric_file_gives_finite_gauges_or_none(rows: list[list[str]]) -> None:
    text = '\n'.join([TEXT, *(','.join(row) for row in rows), '']).encode()
    validation = read_curve([text], VALIDATION_LOSS)
    training = read_curve([text], TRAINING_LOSS, watched={point.step for point in validation.loss.recent})
    summary = CurveSummary(summarise_training(training), (summarise_validation(validation, training),))
    for sample in curve_gauges(summary):
        assert isfinite(sample.value)
        assert not any('step' in tag for tag in sample.tags)


def test_where_a_loss_comes_from_is_in_a_tag() -> None:
    job = Job(job_arn=ARN, status='Completed')
    losses = {sample.name: list(sample.tags) for sample in job_gauges(job, T0, CURVES) if '.curve.' not in sample.name}
    assert losses['job.training_loss'] == ['loss_source:artifact']
    assert losses['job.validation_loss'] == ['validator:0', 'loss_source:artifact']
    told = Job(job_arn=ARN, status='Completed', training_metrics={'trainingLoss': 0.5})
    assert [sample.tags for sample in job_gauges(told, T0)] == [['loss_source:job']]


# --- events


def event(curves: CurveSummary | None, **job: Any) -> Mapping[str, Any]:
    return job_event(Job(job_arn=ARN, job_name='bot', status='Completed', **job), COMPLETED, Tagger(), [], T0, curves)


def test_the_event_of_a_completion_tells_how_the_run_went() -> None:
    text = event(CURVES)['msg_text']
    for line in (
        '- Training loss: 0.21 (last of the curve in S3; the job has none)',
        '- Last training step: 392',
        '- Trend of the training loss: -0.0238 per 100 steps, over the last fifth of the run',
        '- Best validation loss (validator 0): 1.05 at step 196; it had turned upward, to 1.37 at step 392: '
        'look for overfitting',
        '- Records rejected by the data check: 3',
    ):
        assert line in text.splitlines()


def test_the_event_of_a_good_run_says_so() -> None:
    good = CurveSummary(validation=(ValidationSummary(30, 0.5, 0.5, 30, False, None, {}),), model_training_loss=0.25)
    text = event(good)['msg_text']
    assert '- Best validation loss (validator 0): 0.5 at step 30; it had not turned upward' in text
    assert '- Training loss: 0.25 (of the custom model; the job has none)' in text


def test_an_event_that_is_sent_twice_is_twice_the_same() -> None:
    assert event(CURVES) == event(CURVES)
    assert 'curve' not in event(None, training_metrics={'trainingLoss': 0.5})['msg_text']
