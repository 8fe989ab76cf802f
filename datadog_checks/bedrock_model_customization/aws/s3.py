"""Lists S3 objects by prefix, and streams those that have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any, Final, Generic, NamedTuple, TypeVar

from botocore.exceptions import ClientError

from .bedrock import BedrockScope
from .errors import AwsError, Kind, explain

CHUNK: Final = 64 * 1024
MAX_PAGES: Final = 5

Result = TypeVar('Result')


class ListedObject(NamedTuple):
    """An object in a listing; `size` is in bytes."""

    key: str
    etag: str
    size: int


class ReadObject(NamedTuple, Generic[Result]):
    """The result of reading an object, and its ETag, to detect later changes."""

    result: Result
    etag: str


class TooLargeError(Exception):
    """An object is larger than the allowed size."""


class ObjectReader:
    """Reads objects with one scope's credentials. A bucket in another Region costs one extra request, once.

    Every method raises AwsError when AWS fails.
    """

    def __init__(self, scope: BedrockScope) -> None:
        self.scope = scope

    def prepare(self) -> None:
        """Create the client now, before several threads need it."""
        self.scope.client('s3')

    def objects(self, bucket: str, prefix: str) -> list[ListedObject]:
        """Return the objects whose keys start with a prefix: at most 5000, in key order."""
        operation = 'ListObjectsV2'
        arguments = {'Bucket': bucket, 'Prefix': prefix}
        found: list[ListedObject] = []
        for _ in range(MAX_PAGES):
            try:
                page = self.scope.client('s3').list_objects_v2(**arguments)  # type: ignore[attr-defined]
                found += (
                    ListedObject(entry['Key'], str(entry.get('ETag', '')), int(entry.get('Size', 0)))
                    for entry in page.get('Contents', ())
                )
            except Exception as error:
                raise explain(error, operation) from error
            if not page.get('NextContinuationToken'):
                break
            arguments['ContinuationToken'] = page['NextContinuationToken']
        return found

    def read(
        self,
        bucket: str,
        key: str,
        use: Callable[[Iterable[bytes]], Result],
        *,
        max_size: int,
        unless: str | None = None,
    ) -> ReadObject[Result] | None:
        """Stream an object through `use` and return the result, or None if its ETag is still `unless`.

        Raises TooLargeError if it has more than `max_size` bytes, usually before any of it is read.
        """
        operation = 'GetObject'
        arguments = {'Bucket': bucket, 'Key': key} | ({'IfNoneMatch': unless} if unless else {})
        try:
            answer = self.scope.client('s3').get_object(**arguments)  # type: ignore[attr-defined]
            with closing(answer['Body']) as body:
                if answer.get('ContentLength', 0) > max_size:
                    raise TooLargeError(key)
                return ReadObject(use(self._chunks(body, max_size)), str(answer.get('ETag', '')))
        except TooLargeError:
            raise
        except Exception as error:
            if isinstance(error, ClientError) and error.response['ResponseMetadata'].get('HTTPStatusCode') == 304:
                return None
            raise _explained(error, operation, bucket, key) from error

    def _chunks(self, body: Any, max_size: int) -> Iterator[bytes]:
        size = 0
        for chunk in body.iter_chunks(CHUNK):
            size += len(chunk)
            if size > max_size:
                raise TooLargeError
            self.scope.session.guard.stop()
            yield chunk


def _explained(error: Exception, operation: str, bucket: str, key: str) -> AwsError:
    """Return an AwsError whose message names the object, which AWS's own message does not."""
    found = explain(error, operation)
    if found.kind in (Kind.DENIED, Kind.NOT_FOUND):
        return AwsError(found.kind, found.operation, found.code, f'{found.message} (s3://{bucket}/{key})')
    return found
