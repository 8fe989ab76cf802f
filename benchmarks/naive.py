"""What a plain boto3 script does: every time, list all jobs, describe each, and get the tags of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import boto3

from benchmarks.credentials import use_made_up_credentials
from benchmarks.measure import Cost, measure

PAGE_SIZE: Final = 1000


class Naive:
    """A plain boto3 client with boto3's own defaults, created before anything is measured."""

    def __init__(self, endpoint_url: str, region: str, threads: int) -> None:
        use_made_up_credentials()
        self.client: Any = boto3.client('bedrock', region_name=region, endpoint_url=endpoint_url)
        self.threads = threads
        self.client.list_model_customization_jobs(maxResults=1)

    def list_jobs(self) -> Cost:
        """List all jobs in pages of the largest size, and do nothing with them."""
        return measure(self._arns)

    def read_all(self, sample: int | None = None) -> tuple[Cost, int]:
        """List all jobs, describe each (or a `sample`) and get its tags. Return the cost and how many were read."""
        read = 0

        def loop() -> None:
            nonlocal read
            arns = self._arns()[:sample]
            read = len(arns)
            with ThreadPoolExecutor(self.threads) as pool:
                for _ in pool.map(self._read, arns):
                    pass

        return measure(loop), read

    def _arns(self) -> list[str]:
        pages = self.client.get_paginator('list_model_customization_jobs').paginate(maxResults=PAGE_SIZE)
        return [summary['jobArn'] for page in pages for summary in page['modelCustomizationJobSummaries']]

    def _read(self, arn: str) -> None:
        self.client.get_model_customization_job(jobIdentifier=arn)
        self.client.list_tags_for_resource(resourceARN=arn)
