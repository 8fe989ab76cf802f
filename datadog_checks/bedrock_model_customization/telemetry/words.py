"""Formats durations in words, and links to the AWS console."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ..jobs.arn import parse_job_arn
from ..jobs.job import Job

MAX_REGION: Final = 32
CONSOLES: Final = {'aws': 'console.aws.amazon.com', 'aws-us-gov': 'console.amazonaws-us-gov.com'}


def console_url(job: Job) -> str | None:
    """Return the URL of the console page of custom models and jobs, or None if the partition or Region is unknown."""
    arn = parse_job_arn(job.job_arn)
    console = CONSOLES.get(arn.partition) if arn else None
    region = arn.region if arn and arn.region.replace('-', '').isalnum() and len(arn.region) <= MAX_REGION else None
    return f'https://{region}.{console}/bedrock/home?region={region}#/custom-models' if console and region else None


def duration_in_words(duration: timedelta) -> str:
    """Format a duration in its two largest units: `2 d 3 h`, `1 h 12 min`, `4 min 5 s`, `17 s`."""
    seconds = max(int(duration.total_seconds()), 0)
    units = [('d', seconds // 86400), ('h', seconds // 3600 % 24), ('min', seconds // 60 % 60), ('s', seconds % 60)]
    largest = next((place for place, (_, amount) in enumerate(units) if amount), len(units) - 1)
    return ' '.join(f'{amount} {unit}' for unit, amount in units[largest : largest + 2] if amount) or '0 s'
