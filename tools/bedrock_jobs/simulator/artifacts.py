"""Files that jobs leave in S3, in the real format: loss curves, validation curves and the data check's report.

They appear as the jobs run: the report when the validation phase ends, curves when the job completes, or gradually
while it trains. Numbers are derived from the job, so every run gives the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import exp
from typing import Final, NamedTuple

from .faults import Fault
from .job import SimulatedJob
from .simulator import Simulator
from .timeline import COMPLETED, FAILED, TRAINING, VALIDATION
from .wire import Answer, Call

TRAINING_FILE: Final = 'training_artifacts/step_wise_training_metrics.csv'
VALIDATION_FOLDER: Final = 'validation_artifacts/post_fine_tuning_validation'
MANIFEST_FILE: Final = 'input_status/{}/manifest.report.csv'
MANIFEST_HEADER: Final = (
    'fileName,totalProcessedRecordCount,acceptedRecordCount,partiallyAcceptedRecordCount,rejectedRecordCount'
)
# How many intermediate states a growing file has before its final one.
GROWTH: Final = 12
MAX_EPOCHS: Final = 20
REINFORCEMENT: Final = 'REINFORCEMENT_FINE_TUNING'
PRE_TRAINING: Final = 'CONTINUED_PRE_TRAINING'


class Upload(NamedTuple):
    """An object that appears at a given time and replaces its predecessor."""

    at: datetime
    job: SimulatedJob
    name: str
    body: bytes


@dataclass(kw_only=True)
class Uploads(Fault):
    """Puts objects into S3 when they are due. This is a fault only because faults see each call first."""

    simulator: Simulator
    waiting: list[Upload] = field(default_factory=list)

    def matches(self, call: Call) -> bool:
        return call.service == 's3'

    def before(self, call: Call) -> Answer | None:
        now = self.simulator.now()
        due = sorted((upload for upload in self.waiting if upload.at <= now), key=lambda upload: upload.at)
        self.waiting = [upload for upload in self.waiting if upload.at > now]
        for upload in {(upload.job.arn, upload.name): upload for upload in due}.values():
            put_artifact(self.simulator, upload.job, upload.name, upload.body)
        return None


def leave_artifacts(simulator: Simulator, jobs: Iterable[SimulatedJob], *, grows: bool = False) -> Uploads:
    """Make jobs write their files to S3 as they run; with `grows`, curves also appear while they train.

    This adds an entry to the simulator's faults and returns it: clearing the faults ends it.
    """
    uploads = Uploads(simulator=simulator)
    for job in jobs:
        uploads.waiting += uploads_of(job, grows=grows)
    simulator.faults.add(uploads)
    return uploads


def put_artifact(simulator: Simulator, job: SimulatedJob, name: str, body: bytes, *, region: str | None = None) -> None:
    """Put one file into a job's folder now. `name` is relative to the folder."""
    bucket, _, prefix = job.spec.output_s3_uri.removeprefix('s3://').partition('/')
    prefix = prefix if not prefix or prefix.endswith('/') else f'{prefix}/'
    key = f'{prefix}model-customization-job-{job.id}/{name}'
    simulator.put_object(bucket, key, body, region=region or job.region, account=job.account)


def uploads_of(job: SimulatedJob, *, grows: bool = False) -> Iterator[Upload]:
    """Yield everything that a job leaves in S3, in any order."""
    timeline = job.timeline
    ends = {step.phase: step.at for step in timeline.transitions() if step.kind == 'phase_ended'}
    starts = {step.phase: step.at for step in timeline.transitions() if step.kind == 'phase_started'}
    if VALIDATION in ends:
        is_bad = timeline.final.status == FAILED and TRAINING not in starts
        yield Upload(ends[VALIDATION], job, MANIFEST_FILE.format('training'), _manifest(job, is_bad=is_bad))
    if TRAINING not in starts or timeline.final.status != COMPLETED:
        return
    steps, epochs = length(job)
    training = training_csv(job)
    validation = [validation_csv(job, position) for position in range(len(job.spec.validators))]
    shares = [part / (GROWTH + 1) for part in range(1, GROWTH + 1)] if grows else []
    for share in [*shares, 1.0]:
        at = starts[TRAINING] + (ends[TRAINING] - starts[TRAINING]) * share
        reached = int(steps * share)
        yield Upload(at, job, TRAINING_FILE, training[: reached + 1].to_bytes())
        done = int(epochs * share)
        for position, lines in enumerate(validation if done else ()):
            yield Upload(at, job, _validation_name(job, position), lines[: done + 1].to_bytes())


class Lines(tuple[str, ...]):
    """The lines of a file, without line endings; the first is the header."""

    def __getitem__(self, part: slice) -> Lines:  # type: ignore[override]
        return Lines(super().__getitem__(part))

    def to_bytes(self) -> bytes:
        return ''.join(f'{line}\n' for line in self).encode()


def length(job: SimulatedJob) -> tuple[int, int]:
    """Return a job's number of steps and number of epochs."""
    try:
        epochs = min(max(int(float(job.spec.hyper_parameters.get('epochCount', '2'))), 1), MAX_EPOCHS)
    except ValueError:
        epochs = 2
    return epochs * random.Random(job.arn).randrange(40, 160), epochs


def training_csv(job: SimulatedJob) -> Lines:
    """Return `step_wise_training_metrics.csv`: steps count from 1 and epochs from 0, as in all real files.

    Continued pre-training has the documented column `perplexity`, reinforcement fine-tuning has rewards and no loss.
    """
    rng = random.Random(f'{job.arn} training')
    steps, epochs = length(job)
    last = job.timeline.final.training_loss
    last = 0.9 if last is None else last
    first = last + rng.uniform(0.9, 2.2)
    speed = rng.uniform(3.5, 7)
    if job.spec.customization_type == REINFORCEMENT:
        return _rewards_csv(rng, steps, epochs)
    with_perplexity = job.spec.customization_type == PRE_TRAINING
    lines = ['step_number,epoch_number,training_loss' + (',perplexity' if with_perplexity else '')]
    for step in range(1, steps + 1):
        share = step / steps
        noise = rng.gauss(0, 0.04) * (1.4 - share)
        loss = last if step == steps else max(last + (first - last) * (exp(-speed * share) - exp(-speed)) + noise, 0.01)
        perplexity = f',{exp(loss):.4f}' if with_perplexity else ''
        lines.append(f'{step},{(step - 1) * epochs // steps},{loss:.6f}{perplexity}')
    return Lines(lines)


def validation_csv(job: SimulatedJob, position: int = 0) -> Lines:
    """Return `validation_metrics.csv`: a row at the last step of each epoch.

    If the job's validation loss is far above its training loss, the curve turns upward half-way.
    """
    rng = random.Random(f'{job.arn} validation {position}')
    steps, epochs = length(job)
    losses = job.timeline.final.validation_losses
    last = losses[position] if position < len(losses) else 1.0
    training = job.timeline.final.training_loss
    is_overfit = training is not None and last - training > 0.5
    best = last - 0.35 if is_overfit else last
    turn = 0.45 if is_overfit else 1.0
    lines = ['step_number,epoch_number,validation_loss']
    for epoch in range(epochs):
        share = (epoch + 1) / epochs
        rise = (share - turn) / (1 - turn) if share > turn else 0.0
        fall = max(turn - share, 0.0) / turn
        loss = last if epoch == epochs - 1 else best + 0.9 * fall**1.7 + (last - best) * rise + rng.gauss(0, 0.01)
        lines.append(f'{steps * (epoch + 1) // epochs},{epoch},{max(loss, 0.01):.6f}')
    return Lines(lines)


def _rewards_csv(rng: random.Random, steps: int, epochs: int) -> Lines:
    lines = ['step_number,epoch_number,critic/rewards/mean,critic/rewards/max,actor/entropy,val-score/rewards/mean@1']
    for step in range(1, steps + 1):
        share = step / steps
        mean = 0.82 - 0.6 * exp(-3 * share) + rng.gauss(0, 0.02)
        validated = f'{mean - 0.05:.4f}' if step % 10 == 0 else ''
        entropy = 1.2 * exp(-1.5 * share) + rng.gauss(0, 0.02)
        lines.append(
            f'{step},{(step - 1) * epochs // steps},{mean:.4f},{min(mean + 0.15, 1):.4f},{entropy:.4f},{validated}'
        )
    return Lines(lines)


def _validation_name(job: SimulatedJob, position: int) -> str:
    """Return a file's name: a single validator's is the one AWS documents; several validators have a folder each."""
    folder = f'/validation-{position}' if len(job.spec.validators) > 1 else ''
    return f'{VALIDATION_FOLDER}{folder}/validation_metrics.csv'


def _manifest(job: SimulatedJob, *, is_bad: bool) -> bytes:
    rng = random.Random(f'{job.arn} manifest')
    total = rng.randrange(800, 12_000)
    rejected = rng.randrange(2, 60) if is_bad else rng.choice((0, 0, 0, 3))
    partially = rng.choice((0, 0, 5))
    return f'{MANIFEST_HEADER}\ntrain.jsonl,{total},{total - rejected - partially},{partially},{rejected}\n'.encode()
