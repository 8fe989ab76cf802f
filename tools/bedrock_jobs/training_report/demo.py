"""A report without AWS: the simulator with some weeks of several teams' runs, two of which are hostile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from datadog_checks.bedrock_model_customization.aws.session import AwsSettings, default_session
from datadog_checks.bedrock_model_customization.jobs.filters import JobFilter
from datadog_checks.bedrock_model_customization.polling.files import ArtifactSettings
from datadog_checks.bedrock_model_customization.polling.inventory import Limits
from datadog_checks.bedrock_model_customization.polling.scope import Pace
from datadog_checks.bedrock_model_customization.settings import Settings
from datadog_checks.bedrock_model_customization.telemetry.tags import Tagger

from ..simulator import Clock, ReplaceMember, Simulator, Timeline, completes, distillation, fails, rft, stopped, stuck
from ..simulator.artifacts import leave_artifacts
from ..simulator.environment import made_up_credentials
from ..simulator.timeline import TRAINING

REGIONS: Final = ('us-east-1', 'us-west-2')
HOSTILE: Final = '"><script>document.title="hijacked"</script><img src=x onerror=alert(1)>'
HOSTILE_NAME: Final = f'hostile-{HOSTILE}-$x_{{1}}$'
NOVA_LITE: Final = 'amazon.nova-lite-v1:0:300k'
NOVA_MICRO: Final = 'amazon.nova-micro-v1:0:128k'
NOVA_2_LITE: Final = 'amazon.nova-2-lite-v1:0:256k'
TITAN: Final = 'amazon.titan-text-express-v1:0:8k'
LLAMA: Final = 'meta.llama3-3-70b-instruct-v1:0:128k'
PRE_TRAINING: Final = 'CONTINUED_PRE_TRAINING'
REINFORCEMENT: Final = 'REINFORCEMENT_FINE_TUNING'
RFT: Final = {'rftConfig': {'hyperParameters': {'epochCount': 3, 'batchSize': 64, 'learningRate': 1e-5}}}


@contextmanager
def demo(now: datetime) -> Iterator[list[Settings]]:
    """Serve the demo's jobs as they are at `now`, and yield the settings that see them all."""
    with _no_aws_of_ours(), Simulator(Clock.manual(now)) as simulator:
        jobs = [
            simulator.add_job(
                spec.pop('region', REGIONS[0]),
                name=name,
                timeline=life,
                tags={'team': team, 'env': 'demo'},
                validators=tuple(
                    f's3://example-training-data/{team}/validation-{number}.jsonl'
                    for number, _ in enumerate(life.final.validation_losses)
                ),
                output_s3_uri=f's3://example-model-output/{team}/',
                **spec,
            )
            for name, team, life, spec in _jobs(now)
        ]
        # The last one is completed, and has no files.
        leave_artifacts(simulator, jobs[:-1], grows=True)
        # AWS would refuse such a name; a page must not depend on that.
        for operation in ('ListModelCustomizationJobs', 'GetModelCustomizationJob'):
            simulator.faults.add(
                ReplaceMember(operation=operation, job='hostile', member='jobName', value=HOSTILE_NAME)
            )
        yield [_settings(simulator.endpoint_url)]


def _jobs(now: datetime) -> Iterator[tuple[str, str, Timeline, dict[str, Any]]]:
    """Yield each job's name, team, life, and what else it was created with."""

    def ago(hours: float) -> datetime:
        return now - timedelta(hours=hours)

    def tuned(epochs: int, rate: str) -> dict[str, Any]:
        return {'hyper_parameters': {'epochCount': str(epochs), 'learningRate': rate, 'learningRateWarmupSteps': '10'}}

    def done(hours: float, takes: float, loss: float | None, *validation: float) -> Timeline:
        training = timedelta(hours=takes)
        return completes(ago(hours), training=training, training_loss=loss, validation_losses=validation)

    def failed(hours: float, message: str) -> Timeline:
        return fails(ago(hours), message, phase=TRAINING, after=timedelta(minutes=50))

    bad_records = (
        'Encountered invalid records in the training data at s3://example-training-data/risk/train.jsonl: '
        "line 17 has no 'messages' member, line 212 exceeds the limit of 32000 tokens."
    )
    yield 'support-bot-v5', 'support', done(60, 2.1, 0.9533, 1.0211), tuned(5, '1.0E-5')
    yield 'support-bot-v6', 'support', done(44, 2.4, 0.7302, 0.8115), tuned(8, '5.0E-5')
    yield 'support-bot-v7', 'support', done(30, 2.6, 0.2114, 1.3702), tuned(8, '2.0E-4')
    yield (
        'support-bot-v8',
        'support',
        completes(ago(2.4), training=timedelta(hours=4), training_loss=0.69),
        tuned(6, '5.0E-5'),
    )
    yield 'hostile', 'red-team', done(50, 1.2, 1.0407, 1.1313), tuned(4, '1.0E-5')
    yield (
        'product-reviews',
        'catalog',
        done(52, 7.5, 1.7109, 1.8055, 1.9102),
        {'base_model': TITAN, 'customization_type': PRE_TRAINING, **tuned(6, '1.0E-5')},
    )
    yield (
        'math-tutor',
        'research',
        rft(ago(40)),
        {
            'base_model': NOVA_2_LITE,
            'customization_type': REINFORCEMENT,
            'hyper_parameters': {},
            'customization_config': RFT,
        },
    )
    yield (
        'reranker-distilled',
        'search',
        distillation(ago(20), training=timedelta(hours=2), training_loss=1.1203),
        {'base_model': NOVA_MICRO, 'customization_type': 'DISTILLATION'},
    )
    yield 'product-titles', 'catalog', stuck(ago(27)), {'base_model': NOVA_2_LITE}
    yield (
        'intent-llama',
        'search',
        stopped(ago(15), after=timedelta(hours=2)),
        {'base_model': LLAMA, 'region': REGIONS[1]},
    )
    yield 'risk-notes-v1', 'risk', fails(ago(25), bad_records, after=timedelta(minutes=4)), {}
    yield 'risk-notes-v2', 'risk', fails(ago(18), bad_records, after=timedelta(minutes=4)), {}
    yield (
        'fraud-narratives',
        'fraud',
        failed(12, f'Internal error. {HOSTILE}\n<b>Try</b> again.'),
        {'base_model': NOVA_MICRO},
    )
    yield 'no-files', 'risk', done(9, 1, None), {'base_model': NOVA_MICRO}


def _settings(endpoint_url: str) -> Settings:
    return Settings(
        regions=REGIONS,
        aws=AwsSettings(endpoint_url=endpoint_url),
        limits=Limits(),
        pace=Pace(),
        job_filter=JobFilter(),
        tagger=Tagger(),
        events=frozenset(),
        max_reported_jobs=0,
        collection_timeout=timedelta(minutes=5),
        artifacts=ArtifactSettings(),
    )


@contextmanager
def _no_aws_of_ours() -> Iterator[None]:
    """Made-up credentials, also for sessions that were made before."""
    with made_up_credentials():
        default_session.cache_clear()
        try:
            yield
        finally:
            default_session.cache_clear()
