"""A job's losses, from the best of the places that have any."""

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
    """A job's losses and where each comes from: `job`, `custom_model` or `artifact`; None where there is none.

    `validation` is by the validator's position.
    """

    training: float | None
    training_source: str | None
    validation: Mapping[int, float]
    validation_source: str | None


def final_losses(job: Job, summary: CurveSummary | None) -> FinalLosses:
    """Return the losses of a job: those of its description, and for a completed one without any, the next best.

    Next best are those of the custom model that it made, then the last ones of the step-wise files.
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
