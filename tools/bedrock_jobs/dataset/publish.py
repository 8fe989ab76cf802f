"""Keeps the 26 columns in a Reference Table of Datadog, to be queried as `reference_tables.<name>`.

Reference Tables know text and 32-bit numbers only: times are ISO 8601, the rest is JSON. NULL is an empty text.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any, Final

from datadog_checks.bedrock_model_customization.jobs.arn import parse_job_arn
from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.telemetry.records import record

from ..datadog_assets.connection import Datadog
from ..datadog_assets.errors import AssetsError, DatadogError
from ..datadog_assets.ownership import OWNER_TAG

DEFAULT_NAME: Final = 'bedrock_model_customization_job'
KEY: Final = 'job_arn'
DESCRIPTION: Final = (
    'Amazon Bedrock model customization jobs, the columns of aws.bedrock_model_customization_job as text'
)
# Limits of the API: rows and bytes of a request, parts of an upload and the bytes of all but the last.
MAX_UPSERT: Final = 20_971
MAX_DELETE: Final = 45_589
MAX_BYTES: Final = 1_000_000
MAX_PARTS: Final = 20
MIN_PART: Final = 5_000_000
PAGE: Final = 1000
BUSY: Final = frozenset({409, 412, 423})
ATTEMPTS: Final = 8
_PENDING: Final = frozenset({'PROCESSING', 'PENDING', 'CREATING', 'UPLOADING', 'QUEUED'})

Rows = Mapping[str, Mapping[str, str]]
"""Values by column, by the row's key."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What it takes to bring the table up to date."""

    table_id: str | None
    upserts: Rows
    stale: Sequence[str]
    unchanged: int

    @property
    def is_new(self) -> bool:
        return self.table_id is None


@dataclass(slots=True)
class Publisher:
    """Writes jobs to one Reference Table.

    What was written is read back each time, so that an interrupted run is simply run again. A table of the same name
    that we did not make is not touched.
    """

    datadog: Datadog
    name: str = DEFAULT_NAME
    wait: Callable[[float], None] = time.sleep
    tell: Callable[[int, int], None] = lambda done, total: None

    def compare(self, jobs: Iterable[Job]) -> Difference:
        """Return how the table differs from the jobs.

        Stale are rows of accounts and Regions that the jobs cover, but of none of the jobs: rows of what could not be
        reached are not.
        """
        wanted = rows(jobs)
        table = self._find()
        if table is None:
            return Difference(None, wanted, (), 0)
        there = self._read(table['id'])
        upserts = {key: values for key, values in wanted.items() if there.get(key) != values}
        covered = {_scope(key) for key in wanted}
        stale = [key for key in there if key not in wanted and _scope(key) in covered]
        return Difference(table['id'], upserts, stale, len(wanted) - len(upserts))

    def apply(self, difference: Difference, *, delete_stale: bool = False) -> None:
        """Write the difference: a new table by upload, an existing one in batches within Datadog's limits."""
        if difference.table_id is None:
            self._create(difference.upserts)
            return
        stale = difference.stale if delete_stale else ()
        total, done = len(difference.upserts) + len(stale), 0
        for batch in batches(map(_row, difference.upserts, difference.upserts.values()), MAX_UPSERT):
            self._patiently(self.datadog.table_rows.upsert_rows, difference.table_id, batch)
            done += len(batch)
            self.tell(done, total)
        for batch in batches(({'type': 'row', 'id': key} for key in stale), MAX_DELETE):
            self._patiently(self.datadog.tables.delete_rows, difference.table_id, batch)
            done += len(batch)
            self.tell(done, total)

    def _find(self) -> Mapping[str, Any] | None:
        call, api = self.datadog.call, self.datadog.tables
        found = [
            table
            for table in call(api.list_tables, filter_table_name_exact=self.name).get('data') or []
            if table['attributes'].get('table_name') == self.name
        ]
        if not found:
            return None
        table: Mapping[str, Any] = found[0]
        attributes = table['attributes']
        if OWNER_TAG not in (attributes.get('tags') or []):
            raise AssetsError(
                f'The Reference Table {self.name} is there, but without the tag {OWNER_TAG}: it is not ours and was '
                'not touched. Choose another name with --table.'
            )
        schema = attributes.get('schema') or {}
        if [one['name'] for one in schema.get('fields') or []] != list(COLUMNS) or schema.get('primary_keys') != [KEY]:
            raise AssetsError(f'The Reference Table {self.name} has other columns. Delete it, or choose another name.')
        return table

    def _read(self, table_id: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        token: str | None = None
        while True:
            more = {'page_continuation_token': token} if token else {}
            answer = self.datadog.call(
                self.datadog.tables.list_reference_table_rows, id=table_id, page_limit=PAGE, **more
            )
            for one in answer.get('data') or []:
                values = (one.get('attributes') or {}).get('values') or {}
                found[one['id']] = {name: str(values.get(name) or '') for name in COLUMNS}
            token = ((answer.get('meta') or {}).get('page') or {}).get('next_continuation_token')
            if not token:
                return found

    def _create(self, wanted: Rows) -> None:
        if not wanted:
            raise AssetsError('There is no job to make a table of.')
        upload_id = self._upload(to_csv(wanted))
        attributes = {
            'table_name': self.name,
            'description': DESCRIPTION,
            'source': 'LOCAL_FILE',
            'tags': [OWNER_TAG, 'integration:bedrock-model-customization'],
            'file_metadata': {'upload_id': upload_id},
            'schema': {'fields': [{'name': name, 'type': 'STRING'} for name in COLUMNS], 'primary_keys': [KEY]},
        }
        body = {'data': {'type': 'reference_table', 'attributes': attributes}}
        try:
            table_id = self.datadog.call(self.datadog.tables.create_reference_table, body=body)['data']['id']
        except DatadogError as error:
            # The first attempt may have made it although its answer was lost.
            made = self._find() if error.is_unclear or error.status == 409 else None
            if made is None:
                raise
            table_id = made['id']
        self._until_ready(table_id, len(wanted))

    def _upload(self, data: bytes) -> str:
        size = max(MIN_PART, ceil(len(data) / MAX_PARTS))
        edges = [*range(0, len(data), size), len(data)]
        parts = [data[start:end] for start, end in pairwise(edges)]
        attributes = {
            'table_name': self.name,
            'headers': list(COLUMNS),
            'part_count': len(parts),
            'part_size': min(size, len(data)),
        }
        body = {'data': {'type': 'upload', 'attributes': attributes}}
        upload = self.datadog.call(self.datadog.tables.create_reference_table_upload, body=body)['data']
        for url, part in zip(upload['attributes']['part_urls'], parts, strict=True):
            self.datadog.put_part(url, part)
        return str(upload['id'])

    def _until_ready(self, table_id: str, total: int) -> None:
        for attempt in range(60):
            attributes = self.datadog.call(self.datadog.tables.get_table, id=table_id)['data']['attributes']
            status = str(attributes.get('status') or '').upper()
            if status in ('ERROR', 'FAILED'):
                reason = (attributes.get('file_metadata') or {}).get('error_message') or 'no reason given'
                raise AssetsError(f'Datadog could not read the upload: {reason}')
            if status not in _PENDING:
                self.tell(total, total)
                return
            self.wait(min(2.0 * (attempt + 1), 10.0))
        raise AssetsError('Datadog is still reading the upload. It will be there in a while; nothing has to be redone.')

    def _patiently(self, operation: Any, table_id: str, batch: Sequence[Any]) -> None:
        """Write one batch, and wait where the table is busy with the one before."""
        for attempt in range(ATTEMPTS):
            try:
                self.datadog.call(operation, id=table_id, body={'data': list(batch)})
                return
            except DatadogError as error:
                if error.status not in BUSY or attempt == ATTEMPTS - 1:
                    raise
            self.wait(self.datadog.settings.backoff * 2**attempt)


def rows(jobs: Iterable[Job]) -> dict[str, dict[str, str]]:
    """Return the jobs as rows of text, by their key."""
    return {job.job_arn: {name: as_text(value) for name, value in record(job).items()} for job in jobs}


def as_text(value: Any) -> str:
    """Return a value of a record as the table holds it."""
    if value is None:
        return ''
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(',', ':'))


def to_csv(wanted: Rows) -> bytes:
    """Return the rows as CSV in UTF-8, with a header line."""
    text = io.StringIO(newline='')
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(COLUMNS)
    for values in wanted.values():
        writer.writerow(values[name] for name in COLUMNS)
    return text.getvalue().encode()


def batches(items: Iterable[Mapping[str, Any]], most: int) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the items in lists that fit into a request, by number and by bytes. Raises AssetsError for a huge item."""
    batch: list[Mapping[str, Any]] = []
    size = 0
    for item in items:
        # What the client sends is ASCII: other characters take up to 12 bytes each.
        length = len(json.dumps(item)) + 2
        if length > MAX_BYTES:
            raise AssetsError(f'{item.get("id")} does not fit into a request of {MAX_BYTES} bytes.')
        if batch and (len(batch) == most or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _row(key: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {'type': 'row', 'id': key, 'attributes': {'values': dict(values)}}


def _scope(key: str) -> tuple[str, str] | None:
    arn = parse_job_arn(key)
    return (arn.account_id, arn.region) if arn else None
