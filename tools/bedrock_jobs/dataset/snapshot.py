"""Jobs saved in a file as JSON lines: a header, then one record per job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.telemetry.records import record

from ..errors import ToolError
from ..private_files import open_text
from .rows import job_of

FORMAT: Final = 'bedrock-jobs-snapshot'
VERSION: Final = 1


class SnapshotError(ToolError):
    """The file is not a snapshot, or is damaged. The message says where."""


def write_snapshot(path: Path, jobs: Iterable[Job], now: datetime | None = None) -> int:
    """Write jobs to a file atomically and return how many there were. Raises OSError."""
    taken_at = (now or datetime.now(UTC)).isoformat(timespec='seconds')
    unfinished = path.with_name(path.name + '.part')
    count = 0
    try:
        with open_text(unfinished) as file:
            file.write(json.dumps({'format': FORMAT, 'version': VERSION, 'taken_at': taken_at}) + '\n')
            for job in jobs:
                file.write(json.dumps(_entry(job), ensure_ascii=False, allow_nan=False) + '\n')
                count += 1
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def read_snapshot(path: Path) -> Iterator[Job]:
    """Yield the jobs in a file. Raises OSError, and SnapshotError for a file that is not a complete snapshot."""
    with path.open(encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            try:
                document = json.loads(line)
                if number > 1:
                    yield job_of(document)
                elif not isinstance(document, dict) or document.get('format') != FORMAT:
                    raise SnapshotError(f'{path} is no snapshot: its first line does not say so')
                elif document.get('version') != VERSION:
                    raise SnapshotError(f'{path} has version {document.get("version")}, not {VERSION}')
            except (ValueError, TypeError, AttributeError) as error:
                raise SnapshotError(f'{path}, line {number}: {error}') from error


def _entry(job: Job) -> dict[str, Any]:
    """Return a record in which a job without tags has an empty map and a job with unknown tags has null."""
    values = record(job)
    return values if values['tags'] is not None or job.tags is None else {**values, 'tags': {}}
