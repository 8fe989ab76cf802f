"""A simulated job: its creation parameters, its timeline, and the JSON that AWS would send for it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from . import arns
from .timeline import COMPLETED, DATA_PROCESSING, TRAINING, VALIDATION, Snapshot, Timeline

DEFAULT_BASE_MODEL: Final = 'amazon.nova-lite-v1:0:300k'
DEFAULT_HYPER_PARAMETERS: Final[Mapping[str, str]] = {
    'epochCount': '2',
    'learningRate': '1.0E-5',
    'learningRateWarmupSteps': '10',
}
_PHASE_MEMBERS: Final = {
    VALIDATION: 'validationDetails',
    DATA_PROCESSING: 'dataProcessingDetails',
    TRAINING: 'trainingDetails',
}
_NOT_IN_MODEL_NAMES: Final = re.compile(r'[^0-9a-zA-Z]+')
_encode = json.JSONEncoder(separators=(',', ':')).encode


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job's creation parameters, which never change. Members that are None are not sent."""

    name: str
    base_model: str = DEFAULT_BASE_MODEL
    customization_type: str | None = 'FINE_TUNING'
    output_model_name: str | None = None
    role_arn: str | None = None
    client_request_token: str | None = None
    hyper_parameters: Mapping[str, str] = field(default_factory=lambda: DEFAULT_HYPER_PARAMETERS)
    training_data: Mapping[str, Any] = field(
        default_factory=lambda: {'s3Uri': 's3://example-training-data/train.jsonl'}
    )
    validators: tuple[str, ...] = ()
    output_s3_uri: str = 's3://example-model-output/'
    kms_key_arn: str | None = None
    vpc_config: Mapping[str, Any] | None = None
    customization_config: Mapping[str, Any] | None = None


class SimulatedJob:
    """One job in one account and Region. Its JSON is cached while its state does not change."""

    __slots__ = (
        '_details',
        '_snapshot',
        '_summary',
        'account',
        'arn',
        'base_model_arn',
        'id',
        'model',
        'region',
        'spec',
        'timeline',
    )

    def __init__(self, account: str, region: str, spec: JobSpec, timeline: Timeline, *, job_id: str | None = None):
        if not arns.JOB_NAME.fullmatch(spec.name):
            raise ValueError(f'not a job name: {spec.name!r}')
        self.account = account
        self.region = region
        self.spec = spec
        self.timeline = timeline
        self.id = job_id or arns.resource_id('job', account, region, spec.name)
        self.model = arns.foundation_model_id(spec.base_model)
        self.arn = arns.job_arn(account, region, self.model, self.id)
        is_custom = arns.CUSTOM_MODEL_ARN.fullmatch(spec.base_model)
        self.base_model_arn = spec.base_model if is_custom else arns.foundation_model_arn(region, self.model)
        self._snapshot: tuple[int, Snapshot | None]
        self._summary: tuple[int, bytes]
        self._details: tuple[int, bytes]
        self._forget()

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def created_at(self) -> datetime:
        return self.timeline.created_at

    @property
    def output_model_name(self) -> str:
        return self.spec.output_model_name or _NOT_IN_MODEL_NAMES.sub('-', self.name).strip('-')

    @property
    def output_model_arn(self) -> str:
        """The custom model's ARN; it is sent only once the job has completed."""
        model_id = arns.resource_id('model', self.account, self.region, self.id)
        return arns.custom_model_arn(self.account, self.region, self.model, model_id)

    def replace_timeline(self, timeline: Timeline) -> None:
        """Replace the job's timeline; the creation time must stay the same, because the store sorts by it."""
        if timeline.created_at != self.created_at:
            raise ValueError('created_at must not change')
        self.timeline = timeline
        self._forget()

    def status(self, now: datetime) -> str:
        """Return the status at `now`, which must not be before the creation."""
        return self._at(self.timeline.position(now)).status

    def summary_json(self, now: datetime) -> bytes:
        """Return the job's entry in ListModelCustomizationJobs at `now`, which must not be before the creation."""
        position = self.timeline.position(now)
        if self._summary[0] != position:
            document = self.summary(self._at(position))
            self._summary = (position, _encode(document).encode())
        return self._summary[1]

    def details_json(self, now: datetime) -> bytes:
        """Return the response of GetModelCustomizationJob at `now`, which must not be before the creation."""
        position = self.timeline.position(now)
        if self._details[0] != position:
            document = self.details(self._at(position))
            self._details = (position, _encode(document).encode())
        return self._details[1]

    def summary(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the members of ModelCustomizationJobSummary."""
        is_completed = snapshot.status == COMPLETED
        return _present(
            jobArn=self.arn,
            baseModelArn=self.base_model_arn,
            jobName=self.name,
            status=snapshot.status,
            statusDetails=status_details(snapshot),
            lastModifiedTime=iso(snapshot.last_modified),
            creationTime=iso(self.created_at),
            endTime=iso(snapshot.end_time),
            customModelArn=self.output_model_arn if is_completed else None,
            customModelName=self.output_model_name if is_completed else None,
            customizationType=self.spec.customization_type,
        )

    def details(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the members of GetModelCustomizationJobResponse."""
        token = self.spec.client_request_token or str(uuid.uuid5(uuid.NAMESPACE_URL, self.arn))
        return _present(
            jobArn=self.arn,
            jobName=self.name,
            outputModelName=self.output_model_name,
            outputModelArn=self.output_model_arn if snapshot.status == COMPLETED else None,
            clientRequestToken=token,
            roleArn=self.spec.role_arn
            or f'arn:{arns.partition(self.region)}:iam::{self.account}:role/BedrockCustomization',
            status=snapshot.status,
            statusDetails=status_details(snapshot),
            failureMessage=snapshot.failure_message,
            creationTime=iso(self.created_at),
            lastModifiedTime=iso(snapshot.last_modified),
            endTime=iso(snapshot.end_time),
            # The service model of Get allows only a foundation model here, even when training on top of a custom one.
            baseModelArn=arns.foundation_model_arn(self.region, self.model),
            outputModelKmsKeyArn=self.spec.kms_key_arn,
            vpcConfig=self.spec.vpc_config,
            **self._shared(snapshot),
        )

    def custom_model(self, now: datetime) -> dict[str, Any] | None:
        """Return the response of GetCustomModel at `now`; None while the job has not produced a model."""
        snapshot = self.timeline.at(now)
        if snapshot is None or snapshot.status != COMPLETED:
            return None
        return _present(
            modelArn=self.output_model_arn,
            modelName=self.output_model_name,
            jobName=self.name,
            jobArn=self.arn,
            baseModelArn=self.base_model_arn,
            modelKmsKeyArn=self.spec.kms_key_arn,
            creationTime=iso(snapshot.end_time),
            modelStatus='Active',
            **self._shared(snapshot),
        )

    def _forget(self) -> None:
        """Drop the caches, each of which holds the last state by its position on the timeline."""
        self._snapshot = (-1, None)
        self._summary = self._details = (-1, b'')

    def _at(self, position: int) -> Snapshot:
        cached_position, snapshot = self._snapshot
        if snapshot is None or cached_position != position:
            snapshot = self.timeline.snapshot(position)
            self._snapshot = (position, snapshot)
        return snapshot

    def _shared(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the members that a job and its model have in common."""
        loss = snapshot.training_loss
        return {
            'hyperParameters': dict(self.spec.hyper_parameters),
            'trainingDataConfig': self.spec.training_data,
            'validationDataConfig': {'validators': [{'s3Uri': uri} for uri in self.spec.validators]},
            'outputDataConfig': {'s3Uri': self.spec.output_s3_uri},
            'customizationType': self.spec.customization_type,
            'trainingMetrics': None if loss is None else {'trainingLoss': loss},
            # Running jobs have an empty list here, and so do some completed ones.
            'validationMetrics': [{'validationLoss': loss} for loss in snapshot.validation_losses],
            'customizationConfig': self.spec.customization_config,
        }


def status_details(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the member `statusDetails`; None for a job that shows no phases."""
    details = {
        _PHASE_MEMBERS[phase.name]: _present(
            status=phase.status, creationTime=iso(phase.created), lastModifiedTime=iso(phase.modified)
        )
        for phase in snapshot.phases
    }
    return details or None


def iso(moment: datetime | None) -> str | None:
    """Return a time in Bedrock's format: ISO 8601 with milliseconds and Z."""
    return f'{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z' if moment else None


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
