"""One job's loss curves, kept up to date with its files in S3."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.errors import AwsError, Kind
from ..aws.folder_reader import FolderReader
from ..aws.s3 import ObjectReader
from ..curves.job_curves import JobCurves
from ..jobs.output import Folder


class JobFiles(JobCurves):
    """The contents of one job's files.

    Of the last `update`, `refusals` holds the errors of refused requests, `too_large` the names of oversized files.
    """

    def __init__(self, *, keep_curve: bool = False) -> None:
        super().__init__(keep_training=keep_curve)
        self.refusals: Sequence[AwsError] = ()
        self.too_large: Sequence[str] = ()
        self._etags: dict[str, str] = {}
        self._was_complete = False

    def update(self, objects: ObjectReader, folder: Folder, *, max_size: int, is_complete: bool) -> None:
        """Read the files that changed since the last call: one listing, and one request per changed file.

        `is_complete` is False while the job runs and its files may still grow. Raises AwsError for errors worth a
        retry; a missing or refused file is left out.
        """
        if is_complete and not self._was_complete:
            # Read again: a last line without a line ending now counts.
            self._etags.clear()
        self._was_complete = is_complete
        reader = FolderReader(objects, folder, max_size, self._etags)
        self.refusals, self.too_large = reader.refusals, reader.too_large
        self.read_files(reader.list(), reader.read, is_complete=is_complete)

    @property
    def is_denied(self) -> bool:
        """Whether nothing has been read because every request was denied."""
        return bool(self.refusals) and not self._etags and all(error.kind is Kind.DENIED for error in self.refusals)
