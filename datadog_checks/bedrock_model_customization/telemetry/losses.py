"""A job's losses, from the best source that has any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..curves.summary import CurveSummary
from ..jobs.job import Job
from ..jobs.vocabulary import COMPLETED

FROM_JOB: Final = 'job'
FROM_CUSTOM_MODEL: Final = 'custom_model'
FROM_ARTIFACT: Final = 'artifact'


class FinalLosses(NamedTuple):
    """A job's losses and their sources (`job`, `custom_model` or `artifact`); None if there is no loss.

    `validation` has losses by the validator's position.
    """

    training: float | None
    training_source: str | None
    validation: Mapping[int, float]
    validation_source: str | None


def final_losses(job: Job, summary: CurveSummary | None) -> FinalLosses:
    """Return a job's losses from its description, or, if it is completed and has none there, from other sources.

    These are, in order, the custom model that the job made, and the last losses in the step-wise files.
    """
    training: list[tuple[float | None, str]] = [(job.training_loss, FROM_JOB)]
    validation: list[tuple[Mapping[int, float], str]] = [(job.validation_losses, FROM_JOB)]
    if summary is not None and job.status == COMPLETED:
        training.append((summary.model_training_loss, FROM_CUSTOM_MODEL))
        training.append((summary.training.loss if summary.training else None, FROM_ARTIFACT))
        validation.append((summary.model_validation_losses, FROM_CUSTOM_MODEL))
        last = {position: found.loss for position, found in enumerate(summary.validation) if found}
        validation.append((last, FROM_ARTIFACT))
    loss, source = next(((loss, source) for loss, source in training if loss is not None), (None, None))
    losses, losses_source = next(((losses, source) for losses, source in validation if losses), ({}, None))
    return FinalLosses(loss, source, losses, losses_source)
