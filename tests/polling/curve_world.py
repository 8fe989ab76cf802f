"""The scope of `tests/harness.py`, with a reader of the files that its jobs leave in S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bedrock_jobs.simulator import Clock, SimulatedJob, Simulator, Timeline
from bedrock_jobs.simulator.artifacts import put_artifact
from datadog_checks.bedrock_model_customization.polling.collector import Collector
from datadog_checks.bedrock_model_customization.polling.files import ArtifactReader, ArtifactSettings

from ..harness import REGION, T0, World

TRAINING = 'training_artifacts/step_wise_training_metrics.csv'
VALIDATION = 'validation_artifacts/post_fine_tuning_validation/validation_metrics.csv'
NESTED_VALIDATION = 'validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv'
MANIFEST = 'input_status/training/manifest.report.csv'
S3 = ('ListObjectsV2', 'GetObject', 'HeadBucket', 'HeadObject')

TRAINING_CSV = b'step_number,epoch_number,training_loss\n1,0,2.0\n2,0,1.5\n3,1,1.25\n4,1,1.0\n'
VALIDATION_CSV = b'step_number,epoch_number,validation_loss\n2,0,1.25\n4,1,1.5\n'
MANIFEST_CSV = (
    b'fileName,totalProcessedRecordCount,acceptedRecordCount,partiallyAcceptedRecordCount,rejectedRecordCount\n'
    b'train.jsonl,100,97,1,2\n'
)


@dataclass
class CurveWorld(World):
    """A world whose jobs leave files; `artifacts` None reads none of them."""

    artifacts: ArtifactSettings | None = field(default_factory=ArtifactSettings)
    reader: ArtifactReader | None = None

    def restart(self) -> None:
        super().restart()
        if self.artifacts:
            scope = self.collector.scope
            self.reader = ArtifactReader(scope, self.artifacts, self.pace.max_concurrency, self.pace.max_describes)
            store = self.disk.store()
            self.collector = Collector(scope, store, self.limits, self.job_filter, self.pace, self.reader)

    def job(self, name: str, timeline: Timeline, **spec: Any) -> SimulatedJob:
        return self.simulator.add_job(REGION, name=name, timeline=timeline, **spec)

    def put(self, job: SimulatedJob, name: str, body: bytes, *, region: str | None = None) -> None:
        put_artifact(self.simulator, job, name, body, region=region)

    def s3_requests(self) -> dict[str, int]:
        """The requests to S3 since the last call of this method or of `requests`."""
        return {operation: count for operation, count in self.requests().items() if operation in S3}


@contextmanager
def curve_world(**options: Any) -> Iterator[CurveWorld]:
    clock = Clock.manual(T0)
    with Simulator(clock) as simulator:
        yield CurveWorld(simulator, clock, **options)
