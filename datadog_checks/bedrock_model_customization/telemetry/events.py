"""Events: what happened to a job, worded for someone who is woken up by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from ..curves.summary import CurveSummary, ValidationSummary
from ..jobs.arn import parse_job_arn
from ..jobs.job import Job
from ..jobs.phases import Phase
from ..jobs.transitions import CREATED, ENDS, PHASE_ENDED, PHASE_STARTED, UNKNOWN_STATUS, Transition
from ..jobs.vocabulary import CUSTOMIZATION_TYPES
from .losses import FROM_ARTIFACT, FROM_CUSTOM_MODEL, FROM_JOB, final_losses
from .tags import Tagger, tag
from .text import block, clip, inline, unmentioned
from .words import console_url, duration_in_words

SOURCE: Final = 'bedrock_model_customization'
# Datadog's limits: title 500, text 4000, aggregation key 100 characters; no events older than 18 hours.
MAX_TITLE: Final = 500
MAX_TEXT: Final = 4000
MAX_AGE: Final = timedelta(hours=18)
MAX_NAME: Final = 100
MAX_FAILURE: Final = 2048
# The maximum that Bedrock allows.
MAX_VALIDATORS: Final = 10
# Enough for everything that identifies a job, at its longest, and for its losses; the failure message gets the rest.
MAX_FACTS: Final = 3000

HAPPENED: Final = {
    'created': 'was created',
    'stopping': 'is being stopped',
    'completed': 'completed',
    'failed': 'failed',
    'stopped': 'was stopped',
}
ALERT_TYPES: Final = {'failed': 'error', 'stopping': 'warning', 'stopped': 'warning', 'completed': 'success'}
SOURCES: Final = {
    None: '',
    FROM_JOB: '',
    FROM_CUSTOM_MODEL: ' (of the custom model; the job has none)',
    FROM_ARTIFACT: ' (last of the curve in S3; the job has none)',
}
"""The note that follows a loss, by the source of the loss."""


def job_event(
    job: Job,
    transition: Transition,
    tagger: Tagger,
    tags: Sequence[str],
    now: datetime,
    curves: CurveSummary | None = None,
) -> dict[str, Any]:
    """Return the Agent's event for one transition.

    It depends only on the job and its files in S3 (`curves`), so that an event sent twice is identical. `tags` are the
    scope's tags; `now` is used if AWS sent no time for the transition.
    """
    at = transition.at or now
    return {
        'timestamp': int(at.timestamp()),
        'event_type': SOURCE,
        'source_type_name': SOURCE,
        'msg_title': title(job, transition),
        'msg_text': text(job, transition, tagger, curves),
        'alert_type': ALERT_TYPES.get(transition.kind, 'warning' if transition.kind == UNKNOWN_STATUS else 'info'),
        'priority': 'low' if transition.kind in (PHASE_STARTED, PHASE_ENDED) else 'normal',
        'aggregation_key': aggregation_key(job),
        'tags': [
            *tags,
            *tagger.job(job, with_status=False),
            tag('transition', transition.kind),
            *_phase_tags(transition),
        ],
    }


def is_too_old(transition: Transition, now: datetime) -> bool:
    """Return whether Datadog would reject the event because of its age."""
    return transition.at is not None and now - transition.at >= MAX_AGE


def aggregation_key(job: Job) -> str:
    """Return the key that groups a job's events. The ARN is not used because it may exceed Datadog's limit."""
    arn = parse_job_arn(job.job_arn)
    return clip(f'bedrock:{arn.account_id}:{arn.region}:{arn.job_id}' if arn else job.job_arn, 100)


def title(job: Job, transition: Transition) -> str:
    """Return a title such as "Amazon Bedrock fine-tuning job support-bot-v3 failed"."""
    happened = HAPPENED.get(transition.kind)
    if transition.kind in (PHASE_STARTED, PHASE_ENDED):
        happened = f'{"started" if transition.kind == PHASE_STARTED else "ended"} phase {transition.subject}'
    elif transition.kind == UNKNOWN_STATUS:
        happened = f'has the unknown status {unmentioned(transition.subject, MAX_NAME)}'
    kind = CUSTOMIZATION_TYPES.get(job.customization_type or '', 'model customization')
    return clip(f'Amazon Bedrock {kind} job {unmentioned(job.name, MAX_NAME)} {happened}', MAX_TITLE)


def text(job: Job, transition: Transition, tagger: Tagger, curves: CurveSummary | None = None) -> str:
    """Return the event's text in Datadog's Markdown; untrusted text in it is escaped."""
    head, tail = '%%% \n', '\n %%%'
    facts = '\n'.join(f'- {label}: {value}' for label, value in _facts(job, transition, tagger, curves) if value)
    link = console_url(job)
    about = clip(facts, MAX_FACTS) + (f'\n\n[Custom models in the AWS console]({link})' if link else '')
    failure = _failure(job, MAX_TEXT - len(head + about + tail)) if transition.kind == 'failed' else ''
    return head + failure + about + tail


def _failure(job: Job, room: int) -> str:
    """Return AWS's failure message as a Markdown section of at most `room` characters, or a note that there is none."""
    head, tail = '**Failure message**\n\n', '\n\n'
    message = block(job.failure_message or '', min(room - len(head + tail), MAX_FAILURE))
    return f'{head}{message}{tail}' if message else 'AWS gave no failure message.\n\n'


def _facts(
    job: Job, transition: Transition, tagger: Tagger, curves: CurveSummary | None
) -> list[tuple[str, str | None]]:
    arn = parse_job_arn(job.job_arn)
    has_ended = transition.kind in ENDS
    reached = [f'{phase.name} {phase.status}' for phase in job.phases] if has_ended else []
    tags = tagger.job_tags(job.tags or {})
    return [
        ('Job', inline(job.name)),
        _elapsed(job, transition),
        ('Phases', inline(', '.join(reached)) if reached else None),
        (f'Time in {transition.subject}', _spent_in(job.phases, transition)),
        *(_losses(job, curves) if has_ended else ()),
        ('Base model', inline(job.base_model) if job.base_model else None),
        ('Parent model', inline(job.parent_model) if job.parent_model else None),
        ('Custom model', inline(job.output_model_name) if job.output_model_name else None),
        ('Account and Region', inline(f'{arn.account_id} {arn.region}') if arn else None),
        ('Job ARN', inline(job.job_arn)),
        *(_curve_facts(curves) if has_ended and curves else ()),
        ('Tags', inline(', '.join(tags), 1000) if tags else None),
    ]


def _elapsed(job: Job, transition: Transition) -> tuple[str, str | None]:
    """Return how long the job took, or how long it had run when this happened: it may have ended since."""
    if transition.kind in ENDS:
        took = job.duration(transition.at) if transition.at else None
        return 'Duration', duration_in_words(took) if took is not None else None
    if transition.kind == CREATED or transition.at is None or job.creation_time is None:
        return 'Since creation', None
    return 'Since creation', duration_in_words(transition.at - job.creation_time)


def _losses(job: Job, curves: CurveSummary | None) -> list[tuple[str, str | None]]:
    losses = final_losses(job, curves)
    facts: list[tuple[str, str | None]] = []
    if losses.training is not None:
        facts.append(('Training loss', f'{losses.training:g}{SOURCES[losses.training_source]}'))
    for position, loss in islice(losses.validation.items(), MAX_VALIDATORS):
        facts.append((f'Validation loss (validator {position})', f'{loss:g}{SOURCES[losses.validation_source]}'))
    return facts


def _curve_facts(curves: CurveSummary) -> list[tuple[str, str | None]]:
    """Return facts about the run from the job's files in S3."""
    facts: list[tuple[str, str | None]] = []
    training, records = curves.training, curves.records
    if training:
        facts.append(('Last training step', f'{training.step:g}'))
        if training.trend:
            slope = f'{training.trend.slope:+.3g} per 100 steps, over the last fifth of the run'
            facts.append(('Trend of the training loss', slope))
        if training.left_out:
            facts.append(
                ('Rows of the curve left out', f'{training.left_out}, which repeat a step, go back or have none')
            )
        if training.not_finite:
            facts.append(('Diverged', f'{training.not_finite} steps have a loss that is not finite'))
    for position, validation in enumerate(curves.validation[:MAX_VALIDATORS]):
        if validation:
            facts.append((f'Best validation loss (validator {position})', _validation_words(validation)))
    if records and records.rejected:
        facts.append(('Records rejected by the data check', f'{records.rejected:g}'))
    return facts


def _validation_words(validation: ValidationSummary) -> str:
    said = f'{validation.best_loss:g} at step {validation.best_step:g}'
    if validation.has_risen:
        said += f'; it had turned upward, to {validation.loss:g} at step {validation.step:g}: look for overfitting'
    elif validation.has_risen is False:
        said += '; it had not turned upward'
    return said


def _spent_in(phases: Sequence[Phase], transition: Transition) -> str | None:
    for phase in phases:
        if transition.kind == PHASE_ENDED and phase.name == transition.subject and transition.at:
            spent = phase.duration(transition.at)
            return duration_in_words(spent) if spent is not None else None
    return None


def _phase_tags(transition: Transition) -> list[str]:
    return [tag('phase', transition.subject)] if transition.kind in (PHASE_STARTED, PHASE_ENDED) else []
