"""Reads the files of one S3 folder, only if they have changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from ..jobs.output import Folder
from .errors import AwsError, Kind
from .s3 import ListedObject, ObjectReader, TooLargeError

Result = TypeVar('Result')


class FolderReader:
    """Lists one folder once, then reads files in it by their names relative to the folder.

    `etags` has the ETags of files read before, by name, and is updated with every read. `refusals` has the errors of
    what AWS refused; `too_large` has the names of files that exceed `max_size` bytes.
    """

    def __init__(self, objects: ObjectReader, folder: Folder, max_size: int, etags: dict[str, str]) -> None:
        self.refusals: list[AwsError] = []
        self.too_large: list[str] = []
        self._objects, self._folder, self._max_size, self._etags = objects, folder, max_size, etags
        self._listed: Mapping[str, ListedObject] | None = None

    def list(self) -> Collection[str] | None:
        """Return the names of the files: empty if the bucket does not exist, None if listing it is not allowed.

        Raises AwsError for failures that may be temporary, as `read` does.
        """
        try:
            listed = self._objects.objects(self._folder.bucket, self._folder.prefix)
        except AwsError as error:
            if not error.is_refusal:
                raise
            self.refusals.append(error)
            self._listed = {} if error.kind is Kind.NOT_FOUND else None
        else:
            self._listed = {found.key.removeprefix(self._folder.prefix): found for found in listed}
        return None if self._listed is None else self._listed.keys()

    def read(self, name: str, use: Callable[[Iterable[bytes]], Result], *, again: bool = False) -> Result | None:
        """Return what `use` makes of a file, or None if it is missing, unreadable, too large or unchanged.

        `again` reads the file even if it has not changed.
        """
        if again:
            self._etags.pop(name, None)
        known = self._etags.get(name)
        if self._listed is not None:
            found = self._listed.get(name)
            if found is None or (known and found.etag == known):
                return None
            if found.size > self._max_size:
                self.too_large.append(name)
                return None
        key = self._folder.prefix + name
        try:
            answer = self._objects.read(self._folder.bucket, key, use, max_size=self._max_size, unless=known)
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
