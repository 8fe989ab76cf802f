"""Synthetic fleets: many plausible jobs over a span of time, repeatable by seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from . import stories
from .accounts import DEFAULT_ACCOUNT
from .job import JobSpec, SimulatedJob
from .timeline import DATA_PROCESSING, TRAINING, VALIDATION, Timeline

TEAMS: Final = ('search', 'support', 'risk', 'catalog')
MODELS: Final = ('amazon.nova-lite-v1:0:300k', 'amazon.nova-micro-v1:0:128k', 'meta.llama3-3-70b-instruct-v1:0:128k')
TYPES: Final[Mapping[str, float]] = {'FINE_TUNING': 0.8, 'DISTILLATION': 0.12, 'REINFORCEMENT_FINE_TUNING': 0.08}
MESSAGES: Final = (
    stories.S3_MESSAGE,
    'Invalid input error: line 17 of the training data is not valid JSON. Fix the file and create another job.',
    'Internal error. Try to create the job again.',
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a synthetic fleet looks like.

    `jobs` is the number of jobs created in the `span` before `until`, spread evenly over `accounts` and `regions`.
    `active` is the share still running at `until`; of those, the share `stuck` never starts training. Of the rest, the
    shares `failed` and `stopped` ended that way and the others completed. `tagged` is the tagged share of all jobs.
    """

    until: datetime
    jobs: int = 100
    span: timedelta = timedelta(days=90)
    active: float = 0.02
    stuck: float = 0.2
    failed: float = 0.12
    stopped: float = 0.05
    tagged: float = 0.9
    accounts: Sequence[str] = (DEFAULT_ACCOUNT,)
    regions: Sequence[str] = ('us-east-1',)
    teams: Sequence[str] = TEAMS
    models: Sequence[str] = MODELS
    types: Mapping[str, float] = field(default_factory=lambda: TYPES)
    seed: int = 0

    def build(self) -> Iterator[tuple[SimulatedJob, dict[str, str]]]:
        """Yield the jobs with their tags, oldest first, for `Simulator.add_jobs`."""
        rng = random.Random(self.seed)
        # Active jobs are the newest ones, as in an account where nothing stays stuck for months.
        finished = self.jobs - round(self.jobs * self.active)
        for number in range(self.jobs):
            is_active = number >= finished
            team = rng.choice(self.teams)
            kind = rng.choices(list(self.types), list(self.types.values()))[0]
            spec = JobSpec(
                name=f'{team}-{number:06d}',
                base_model=rng.choice(self.models),
                customization_type=kind,
                validators=('s3://example-training-data/validation.jsonl',) if rng.random() < 0.5 else (),
                output_s3_uri=f's3://example-model-output/{team}/',
            )
            timeline = (
                self._active(rng, kind) if is_active else self._finished(rng, kind, number / max(1, finished), spec)
            )
            account = self.accounts[number % len(self.accounts)]
            region = self.regions[number // len(self.accounts) % len(self.regions)]
            tags = {'team': team, 'env': rng.choice(('dev', 'prod'))} if rng.random() < self.tagged else {}
            yield SimulatedJob(account, region, spec, timeline), tags

    def _finished(self, rng: random.Random, kind: str, share: float, spec: JobSpec) -> Timeline:
        # The longest life below takes less than twelve hours, so all of these have ended by `until`.
        margin = min(timedelta(hours=12), self.span)
        created = self.until - self.span + (self.span - margin) * share
        training = timedelta(minutes=rng.uniform(40, 240))
        draw = rng.random()
        if draw < self.failed:
            phase = rng.choice((VALIDATION, TRAINING))
            phases = (VALIDATION, DATA_PROCESSING, TRAINING) if kind == 'DISTILLATION' else (VALIDATION, TRAINING)
            after = timedelta(seconds=rng.uniform(60, 900))
            return stories.fails(created, rng.choice(MESSAGES), phase=phase, phases=phases, after=after)
        if draw < self.failed + self.stopped:
            return stories.stopped(created, after=timedelta(minutes=rng.uniform(10, 120)))
        loss = round(rng.uniform(0.3, 1.8), 4)
        losses = tuple(round(loss + rng.uniform(0, 0.4), 4) for _ in spec.validators)
        if kind == 'DISTILLATION':
            return stories.distillation(created, training=training, training_loss=loss, validation_losses=losses)
        if kind == 'REINFORCEMENT_FINE_TUNING':
            return stories.rft(created, training=training * 2)
        return stories.completes(created, training=training, training_loss=loss, validation_losses=losses)

    def _active(self, rng: random.Random, kind: str) -> Timeline:
        if rng.random() < self.stuck:
            return stories.stuck(self.until - timedelta(hours=rng.uniform(1, 11)))
        training = timedelta(hours=rng.uniform(2, 6))
        created = self.until - training * rng.uniform(0.05, 0.9)
        if kind == 'DISTILLATION':
            return stories.distillation(created, training=training)
        return stories.completes(created, training=training)
