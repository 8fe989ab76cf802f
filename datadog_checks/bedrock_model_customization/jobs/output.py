"""The S3 folder that a job writes its files to."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .arn import parse_job_arn
from .job import Job

_BUCKET: Final = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')


class Folder(NamedTuple):
    """A folder in S3: `prefix` ends with a slash."""

    bucket: str
    prefix: str

    @property
    def parent(self) -> tuple[str, str]:
        """The bucket and prefix above this folder, shared by all jobs with the same output location."""
        return self.bucket, self.prefix.removesuffix('/').rpartition('/')[0]


def folder_of(job: Job) -> Folder | None:
    """Return the folder that a job writes to, or None if its description has no valid one.

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
