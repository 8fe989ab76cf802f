"""Jobs, and a strict Datadog to send them to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bedrock_jobs.datadog_client import Datadog
from datadog_checks.bedrock_model_customization.jobs.job import Job
from tools.tests.fake_datadog import FakeDatadog

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def job(number: int, region: str = 'us-east-1', **changes: object) -> Job:
    """Return a made-up job; its text is hostile to CSV and SQL."""
    made = Job(
        job_arn=f'arn:aws:bedrock:{region}:123456789012:model-customization-job/amazon.nova-lite-v1:0/{number:012d}',
        account_id='123456789012',
        creation_time=NOW - timedelta(hours=number + 1),
        last_modified_time=NOW - timedelta(hours=number),
        customization_type='FINE_TUNING',
        failure_message='line one\n"quoted", comma; it\'s Zürich 🎉' if number % 2 else None,
        hyper_parameters={'epochCount': '2', 'learningRate': '0.00001'},
        job_name=f'job-{number}',
        status='Completed',
        tags={'team': 'nlp', 'owner': 'a b'},
        training_data_config={'s3Uri': 's3://example-bucket/train.jsonl'},
        training_metrics={'trainingLoss': 0.5},
        validation_metrics=[{'validationLoss': 1}],
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def datadog(fake: FakeDatadog) -> Datadog:
    return Datadog(fake.connection())
