"""The files that one job left in S3: which there are, which changed, and what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from ..jobs.arn import parse_job_arn
from ..jobs.curves import (
    TRAINING_LOSS,
    VALIDATION_LOSS,
    Curve,
    ValidationSummary,
    read_curve,
    summarise_training,
    summarise_validation,
)
from ..jobs.data_check import RecordCounts, read_manifest
from ..jobs.job import Job
from .errors import AwsError, Kind
from .s3 import ListedObject, ObjectReader, TooLargeError

TRAINING_FILE: Final = 'training_artifacts/step_wise_training_metrics.csv'
VALIDATION_FOLDER: Final = 'validation_artifacts/'
VALIDATION_FILE: Final = 'validation_metrics.csv'
MANIFEST_FILE: Final = 'manifest.report.csv'
# Both are in use: the first in AWS's documentation, the second in its own notebooks and in newer jobs.
USUAL_VALIDATION_FILES: Final = (
    f'{VALIDATION_FOLDER}post_fine_tuning_validation/{VALIDATION_FILE}',
    f'{VALIDATION_FOLDER}post_fine_tuning_validation/validation/{VALIDATION_FILE}',
)
# A job has at most ten validators.
MAX_FILES: Final = 20

_BUCKET: Final = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')


class Folder(NamedTuple):
    """Where a job writes: `prefix` ends with a slash."""

    bucket: str
    prefix: str

    @property
    def parent(self) -> tuple[str, str]:
        """The bucket and prefix that jobs share which write to the same place."""
        return self.bucket, self.prefix.removesuffix('/').rpartition('/')[0]


def folder_of(job: Job) -> Folder | None:
    """Return the folder that a job writes to, None where its description does not tell.

    `outputDataConfig.s3Uri` may or may not end with a slash.
    """
    uri = job.output_data_config.get('s3Uri') if job.output_data_config else None
    arn = parse_job_arn(job.job_arn)
    if arn is None or not isinstance(uri, str) or not uri.startswith('s3://'):
        return None
    bucket, _, prefix = uri.removeprefix('s3://').partition('/')
    if not _BUCKET.fullmatch(bucket):
        return None
    prefix = prefix if not prefix or prefix.endswith('/') else f'{prefix}/'
    return Folder(bucket, f'{prefix}model-customization-job-{arn.job_id}/')


class JobFiles:
    """One job's files, as they were last read. `refusals` and `too_large` are of the last `update`.

    `training` is the whole curve as far as `keep_curve` was set, and else None; `validation` has the curves by key.
    """

    def __init__(self, *, keep_curve: bool = False) -> None:
        self.training: Curve | None = None
        self.training_summary = summarise_training(None)
        self.validation: dict[str, Curve] = {}
        self.manifests: dict[str, RecordCounts] = {}
        self.refusals: list[AwsError] = []
        self.too_large: list[str] = []
        self._keep_curve = keep_curve
        self._gaps: dict[str, ValidationSummary | None] = {}
        self._etags: dict[str, str] = {}
        self._was_complete = False

    @property
    def validation_summaries(self) -> tuple[ValidationSummary | None, ...]:
        """What the validation files tell, in the order of their keys: their position stands for the validator's."""
        return tuple(self._gaps.get(key) for key in sorted(self.validation))

    @property
    def records(self) -> RecordCounts | None:
        """The sums over all reports of the data check, None without one."""
        total = None
        for manifest in self.manifests.values():
            total = manifest if total is None else total.plus(manifest)
        return total

    def update(self, objects: ObjectReader, folder: Folder, *, max_size: int, is_complete: bool) -> None:
        """Read what changed since the last time: one listing, and a request for each file that did.

        `is_complete` is False while the job runs, and its files may grow. Raises AwsError for what may go better the
        next time; what is missing or refused stays missing.
        """
        self.refusals, self.too_large = [], []
        if is_complete and not self._was_complete:
            # A last line without its end now counts.
            self._etags.clear()
        self._was_complete = is_complete
        listed = self._list(objects, folder)
        read = partial(self._read, objects, folder, listed, max_size)

        def curve(names: tuple[str, ...], **options: Any) -> Callable[[Iterable[bytes]], Curve]:
            return lambda chunks: read_curve(chunks, names, is_complete=is_complete, **options)

        validation_changed = False
        for name in _validation_files(listed):
            found = read(name, curve(VALIDATION_LOSS))
            if found is not None:
                self.validation[name], validation_changed = found, True
        steps = frozenset(point.step for known in self.validation.values() for point in known.loss.recent)
        if validation_changed:
            # The gap is between two files: a training file that did not change is read again for the new steps.
            self._etags.pop(TRAINING_FILE, None)
        training = read(TRAINING_FILE, curve(TRAINING_LOSS, watched=steps))
        if training is not None:
            self.training_summary = summarise_training(training)
            self.training = training if self._keep_curve else None
        if training is not None or validation_changed:
            self._gaps = {name: summarise_validation(known, training) for name, known in self.validation.items()}
        for name in _manifests(listed):
            found = read(name, partial(read_manifest, is_complete=is_complete))
            if found is not None:
                self.manifests[name] = found

    @property
    def is_denied(self) -> bool:
        """Whether nothing could be read because nothing may be."""
        return bool(self.refusals) and not self._etags and all(error.kind is Kind.DENIED for error in self.refusals)

    def _list(self, objects: ObjectReader, folder: Folder) -> Mapping[str, ListedObject] | None:
        """Return the files by their names within the folder, None where it may not be listed."""
        try:
            listed = objects.objects(folder.bucket, folder.prefix)
        except AwsError as error:
            if not error.is_refusal:
                raise
            self.refusals.append(error)
            return {} if error.kind is Kind.NOT_FOUND else None
        return {found.key.removeprefix(folder.prefix): found for found in listed}

    def _read(
        self,
        objects: ObjectReader,
        folder: Folder,
        listed: Mapping[str, ListedObject] | None,
        max_size: int,
        name: str,
        use: Callable[[Iterable[bytes]], Any],
    ) -> Any:
        """Return what is in a file; None for one that is not there, may not be read, or has not changed."""
        known = self._etags.get(name)
        if listed is not None:
            found = listed.get(name)
            if found is None or (known and found.etag == known):
                return None
            if found.size > max_size:
                self.too_large.append(name)
                return None
        try:
            answer = objects.read(folder.bucket, folder.prefix + name, use, max_size=max_size, unless=known)
        except TooLargeError:
            self.too_large.append(name)
            return None
        except AwsError as error:
            if not error.is_refusal:
                raise
            if error.kind is not Kind.NOT_FOUND:
                self.refusals.append(error)
            return None
        if answer is None:
            return None
        self._etags[name] = answer.etag
        return answer.result


def _validation_files(listed: Mapping[str, ListedObject] | None) -> list[str]:
    if listed is None:
        return list(USUAL_VALIDATION_FILES)
    return [name for name in sorted(listed) if name.startswith(VALIDATION_FOLDER) and _is(name, VALIDATION_FILE)][
        :MAX_FILES
    ]


def _manifests(listed: Mapping[str, ListedObject] | None) -> list[str]:
    return [name for name in sorted(listed or ()) if _is(name, MANIFEST_FILE)][:MAX_FILES]


def _is(name: str, file_name: str) -> bool:
    return name.rpartition('/')[2] == file_name
