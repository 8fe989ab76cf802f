"""Seven hours of a company's fine-tuning, with every problem that people call us about at night.

This is the one story behind every demo: `bedrock-jobs demo`, `sql --demo`, `dataset --demo`, `report --demo`, the
previews of dashboards, and the pictures in the README.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from .accounts import DEFAULT_ACCOUNT
from .arns import custom_model_arn, resource_id
from .artifacts import leave_artifacts
from .job import JobSpec, SimulatedJob
from .simulator import Simulator
from .stories import completes, distillation, fails, rft, stopped, stuck
from .timeline import TRAINING, Timeline

LASTS: Final = timedelta(hours=7)
OTHER_ACCOUNT: Final = '210987654321'
ROLE_NAME: Final = 'DatadogBedrockModelCustomization'
ROLE_ARN: Final = f'arn:aws:iam::{OTHER_ACCOUNT}:role/{ROLE_NAME}'
EXTERNAL_ID: Final = 'example-external-id'
REGIONS: Final = ('us-east-1', 'us-west-2')

NOVA_LITE: Final = 'amazon.nova-lite-v1:0:300k'
NOVA_MICRO: Final = 'amazon.nova-micro-v1:0:128k'
NOVA_2_LITE: Final = 'amazon.nova-2-lite-v1:0:256k'
LLAMA: Final = 'meta.llama3-3-70b-instruct-v1:0:128k'
HAIKU: Final = 'anthropic.claude-3-haiku-20240307-v1:0:200k'
TITAN: Final = 'amazon.titan-text-express-v1:0:8k'

BAD_RECORDS: Final = (
    'Encountered invalid records in the training data at s3://example-training-data/risk/train.jsonl: '
    "line 17 has no 'messages' member, line 212 exceeds the limit of 32000 tokens."
)
INTERNAL: Final = 'Encountered an unexpected error when processing the request, please try again.'
DISTILL: Final[Mapping[str, Any]] = {
    'distillationConfig': {
        'teacherModelConfig': {
            'teacherModelIdentifier': 'amazon.nova-pro-v1:0:300k',
            'maxResponseLengthForInference': 1000,
        }
    }
}


REINFORCE: Final[Mapping[str, Any]] = {
    'rftConfig': {'hyperParameters': {'epochCount': 3, 'batchSize': 64, 'learningRate': 1e-5}}
}


def tuned(epochs: int, rate: str) -> dict[str, str]:
    """Return hyper-parameters."""
    return {'epochCount': str(epochs), 'learningRate': rate, 'learningRateWarmupSteps': '10'}


class Part(NamedTuple):
    """One job of the story: where it runs, what it is, and its timeline."""

    name: str
    team: str
    owner: str
    timeline: Timeline
    base_model: str = NOVA_LITE
    customization_type: str = 'FINE_TUNING'
    region: str = 'us-east-1'
    account: str = DEFAULT_ACCOUNT
    hyper_parameters: Mapping[str, str] = tuned(2, '1.0E-5')
    customization_config: Mapping[str, Any] | None = None
    parent: str | None = None
    """The part whose model this one was trained on: iterative training."""


def parts(start: datetime) -> list[Part]:
    """Return the jobs of a story that begins at `start` and lasts `LASTS`. Jobs of earlier days ended before it."""

    def hours(number: float) -> timedelta:
        return timedelta(hours=number)

    def at(number: float) -> datetime:
        return start + hours(number)

    overfit = completes(at(0.4), training=hours(1.6), training_loss=0.2114, validation_losses=(1.3702,))
    good = completes(at(0.2), training=hours(2.2), training_loss=0.8421, validation_losses=(0.9017,))
    student = distillation(at(0.6), data_processing=hours(0.8), training=hours(2.4), training_loss=1.1203)
    older = completes(at(-40), training=hours(2.4), training_loss=0.9533, validation_losses=(1.0211,))
    reinforced = rft(at(1.1), training=hours(9))
    pretrained = completes(at(-5), training=hours(7.5), training_loss=1.7109, validation_losses=(1.8055,))
    rerun = completes(at(3.2), training=hours(2.9), training_loss=0.5127, validation_losses=(0.6034, 0.7215))
    halted = stopped(at(1.5), after=hours(2.1), takes=timedelta(minutes=9))
    halting = stopped(at(5.4), after=hours(1.4), takes=hours(1))
    return [
        Part('support-bot-v7', 'support', 'ana', good, hyper_parameters=tuned(8, '5.0E-5'), parent='support-bot-v6'),
        Part('support-bot-v8', 'support', 'ana', rerun, hyper_parameters=tuned(6, '2.0E-4'), parent='support-bot-v7'),
        Part('reranker-distilled', 'search', 'li', student, NOVA_MICRO, 'DISTILLATION', customization_config=DISTILL),
        Part('intent-llama', 'search', 'li', halted, LLAMA, region='us-west-2'),
        Part('risk-notes-v2', 'risk', 'sam', fails(at(1.9), BAD_RECORDS, after=timedelta(minutes=4))),
        Part('product-titles', 'catalog', 'kim', stuck(at(0.8)), NOVA_2_LITE),
        Part('product-reviews', 'catalog', 'kim', pretrained, TITAN, 'CONTINUED_PRE_TRAINING'),
        Part(
            'math-tutor',
            'research',
            'noor',
            reinforced,
            NOVA_2_LITE,
            'REINFORCEMENT_FINE_TUNING',
            hyper_parameters={},
            customization_config=REINFORCE,
        ),
        Part(
            'summaries-haiku',
            'research',
            'noor',
            overfit,
            HAIKU,
            region='us-west-2',
            hyper_parameters=tuned(8, '2.0E-4'),
        ),
        Part('summaries-haiku-b', 'research', 'noor', halting, HAIKU, region='us-west-2'),
        Part(
            'fraud-narratives',
            'fraud',
            'eva',
            fails(at(2.6), INTERNAL, phase=TRAINING, after=hours(1.3)),
            NOVA_MICRO,
            account=OTHER_ACCOUNT,
        ),
        Part(
            'fraud-narratives-2',
            'fraud',
            'eva',
            completes(at(4.3), training=hours(4)),
            NOVA_MICRO,
            account=OTHER_ACCOUNT,
        ),
        Part('support-bot-v6', 'support', 'ana', older, hyper_parameters=tuned(5, '1.0E-5')),
        Part('risk-notes-v1', 'risk', 'sam', fails(at(-20), BAD_RECORDS)),
    ]


def jobs(start: datetime) -> list[tuple[SimulatedJob, dict[str, str]]]:
    """Return the jobs of a story that begins at `start`, each with its tags."""
    made = []
    for part in parts(start):
        spec = JobSpec(
            name=part.name,
            base_model=_model_of(part) if part.parent else part.base_model,
            customization_type=part.customization_type,
            output_model_name=f'{part.name}-model',
            training_data={'s3Uri': f's3://example-training-data/{part.team}/train.jsonl'},
            validators=tuple(
                f's3://example-training-data/{part.team}/validation-{number}.jsonl'
                for number, _ in enumerate(part.timeline.final.validation_losses)
            ),
            output_s3_uri=f's3://example-model-output/{part.team}/',
            hyper_parameters=part.hyper_parameters,
            customization_config=part.customization_config,
        )
        job = SimulatedJob(part.account, part.region, spec, part.timeline)
        made.append((job, {'team': part.team, 'owner': part.owner, 'env': 'demo'}))
    return made


def _model_of(part: Part) -> str:
    """Return the ARN of the model that a part's parent made."""
    parent = resource_id('job', part.account, part.region, str(part.parent))
    model = resource_id('model', part.account, part.region, parent)
    return custom_model_arn(part.account, part.region, part.base_model, model)


def tell(simulator: Simulator, start: datetime) -> list[SimulatedJob]:
    """Add the story's jobs to a simulator, and a role in the other account; return the jobs."""
    simulator.account(OTHER_ACCOUNT).add_role(ROLE_NAME, external_id=EXTERNAL_ID)
    told = jobs(start)
    simulator.add_jobs(told)
    leave_artifacts(simulator, [job for job, _ in told], grows=True)
    return [job for job, _ in told]


def instances(endpoint_url: str) -> list[dict[str, object]]:
    """Return check instances that cover the whole story: one account directly, the other through its role."""
    common: dict[str, object] = {'endpoint_url': endpoint_url, 'lookback_hours': 72, 'terminal_job_hours': 72}
    common |= {'collect_artifacts': True, 'artifact_refresh_interval': 600}
    events = {'events': ['created', 'stopping', 'completed', 'failed', 'stopped']}
    return [
        common | events | {'regions': list(REGIONS)},
        common | events | {'regions': [REGIONS[0]], 'assume_role': ROLE_ARN, 'external_id': EXTERNAL_ID},
    ]
