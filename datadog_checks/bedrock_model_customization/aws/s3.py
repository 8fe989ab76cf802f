"""Objects in S3: listed by prefix, and read as a stream only if they changed."""

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
    """An object as a listing shows it; `size` is in bytes."""

    key: str
    etag: str
    size: int


class ReadObject(NamedTuple, Generic[Result]):
    """What was made of an object, and the ETag by which to ask whether it has changed."""

    result: Result
    etag: str


class TooLargeError(Exception):
    """An object has more bytes than may be read."""


class ObjectReader:
    """Reads objects with one scope's credentials. A bucket in another Region costs botocore one request more, once.

    Every method raises AwsError for what goes wrong at AWS.
    """

    def __init__(self, scope: BedrockScope) -> None:
        self.scope = scope

    def prepare(self) -> None:
        """Make the client now, before several threads ask for it."""
        self.scope.client('s3')

    def objects(self, bucket: str, prefix: str) -> list[ListedObject]:
        """Return the objects whose keys begin with a prefix: the first 5000 in the order of their keys."""
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
        """Stream an object through `use`; None where its ETag still is `unless`.

        Raises TooLargeError for one of more than `max_size` bytes, most often before any of it is read.
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
    """AWS does not say which object it is about; a person wants to know."""
    found = explain(error, operation)
    if found.kind in (Kind.DENIED, Kind.NOT_FOUND):
        return AwsError(found.kind, found.operation, found.code, f'{found.message} (s3://{bucket}/{key})')
    return found
