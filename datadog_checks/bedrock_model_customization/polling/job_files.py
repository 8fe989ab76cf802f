"""One job's curves, kept up to date with the files that it leaves in S3."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.errors import AwsError, Kind
from ..aws.folder_reader import FolderReader
from ..aws.s3 import ObjectReader
from ..curves.job_curves import JobCurves
from ..jobs.output import Folder


class JobFiles(JobCurves):
    """What one job's files hold. `refusals`, and `too_large` by their names, could not be read at the last `update`."""

    def __init__(self, *, keep_curve: bool = False) -> None:
        super().__init__(keep_training=keep_curve)
        self.refusals: Sequence[AwsError] = ()
        self.too_large: Sequence[str] = ()
        self._etags: dict[str, str] = {}
        self._was_complete = False

    def update(self, objects: ObjectReader, folder: Folder, *, max_size: int, is_complete: bool) -> None:
        """Read what changed since the last time: one listing, and a request for each file that did.

        `is_complete` is False while the job runs, and its files may grow. Raises AwsError for what may go better the
        next time; what is missing or refused stays missing.
        """
        if is_complete and not self._was_complete:
            # A last line without its end now counts.
            self._etags.clear()
        self._was_complete = is_complete
        reader = FolderReader(objects, folder, max_size, self._etags)
        self.refusals, self.too_large = reader.refusals, reader.too_large
        self.read_files(reader.list(), reader.read, is_complete=is_complete)

    @property
    def is_denied(self) -> bool:
        """Whether nothing could be read because nothing may be."""
        return bool(self.refusals) and not self._etags and all(error.kind is Kind.DENIED for error in self.refusals)
