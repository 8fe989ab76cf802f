"""Selects and reads the output files of one job."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from .curve import TRAINING_LOSS, VALIDATION_LOSS, Curve, read_curve
from .data_check import RecordCounts, read_manifest
from .summary import ValidationSummary, summarise_training, summarise_validation

TRAINING_FILE: Final = 'training_artifacts/step_wise_training_metrics.csv'
VALIDATION_FOLDER: Final = 'validation_artifacts/'
VALIDATION_FILE: Final = 'validation_metrics.csv'
MANIFEST_FILE: Final = 'manifest.report.csv'
# Both are in use: the first in AWS's documentation, the second in AWS's notebooks and in newer jobs.
USUAL_VALIDATION_FILES: Final = (
    f'{VALIDATION_FOLDER}post_fine_tuning_validation/{VALIDATION_FILE}',
    f'{VALIDATION_FOLDER}post_fine_tuning_validation/validation/{VALIDATION_FILE}',
)
# A job has at most ten validators.
MAX_FILES: Final = 20

Result = TypeVar('Result')


class ReadFile(Protocol):
    """A function that reads a file in a job's folder; see `aws.folder_reader.FolderReader.read`."""

    def __call__(
        self, name: str, use: Callable[[Iterable[bytes]], Result], *, again: bool = False
    ) -> Result | None: ...


class JobCurves:
    """One job's curves, as they were last read.

    `training` is the whole curve if `keep_training` is set, otherwise None. `validation` has the validation curves and
    `manifests` the data check's reports, both by file name.
    """

    def __init__(self, *, keep_training: bool = False) -> None:
        self.training: Curve | None = None
        self.training_summary = summarise_training(None)
        self.validation: dict[str, Curve] = {}
        self.manifests: dict[str, RecordCounts] = {}
        self._keep_training = keep_training
        self._validation_summaries: dict[str, ValidationSummary | None] = {}

    @property
    def validation_summaries(self) -> tuple[ValidationSummary | None, ...]:
        """The summaries of the validation files, sorted by file name; the position identifies the validator."""
        return tuple(self._validation_summaries.get(name) for name in sorted(self.validation))

    @property
    def records(self) -> RecordCounts | None:
        """The sums over all reports of the data check, or None if there is no report."""
        total = None
        for manifest in self.manifests.values():
            total = manifest if total is None else total.plus(manifest)
        return total

    def read_files(self, names: Collection[str] | None, read: ReadFile, *, is_complete: bool) -> None:
        """Read the job's files that have changed.

        `names` are the names of all files in the job's folder, or None if they are not known. `is_complete` is False
        while the job runs, as its files may still grow.
        """

        def curve(names: tuple[str, ...], **options: Any) -> Callable[[Iterable[bytes]], Curve]:
            return lambda chunks: read_curve(chunks, names, is_complete=is_complete, **options)

        validation_changed = False
        for name in _validation_files(names):
            found = read(name, curve(VALIDATION_LOSS))
            if found is not None:
                self.validation[name], validation_changed = found, True
        counted = [known for known in self.validation.values() if not known.has_restarted]
        steps = frozenset(point.step for known in counted for point in known.loss.recent)
        # The gap needs training losses at the validation steps, so new validation steps require reading the training
        # file again even if it has not changed.
        training = read(TRAINING_FILE, curve(TRAINING_LOSS, watched=steps), again=validation_changed)
        if training is not None:
            self.training_summary = summarise_training(training)
            self.training = training if self._keep_training else None
        if training is not None or validation_changed:
            self._validation_summaries = {
                name: summarise_validation(known, training) for name, known in self.validation.items()
            }
        for name in _manifests(names):
            counts = read(name, partial(read_manifest, is_complete=is_complete))
            if counts is not None:
                self.manifests[name] = counts


def _validation_files(names: Collection[str] | None) -> list[str]:
    if names is None:
        return list(USUAL_VALIDATION_FILES)
    found = [name for name in sorted(names) if name.startswith(VALIDATION_FOLDER) and _is(name, VALIDATION_FILE)]
    return found[:MAX_FILES]


def _manifests(names: Collection[str] | None) -> list[str]:
    return [name for name in sorted(names or ()) if _is(name, MANIFEST_FILE)][:MAX_FILES]


def _is(name: str, file_name: str) -> bool:
    return name.rpartition('/')[2] == file_name
