"""An Amazon Bedrock model customization job, with the 26 fields of the dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from .arn import model_name, parse_job_arn
from .phases import Phase, read_phases
from .vocabulary import KNOWN_STATUSES, TERMINAL_STATUSES, UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model customization job, with everything known about it from Amazon Bedrock.

    The attributes have the names of the columns of `aws.bedrock_model_customization_job`; `_key` is the property `key`.
    None means that AWS sent no value, which is not the same as empty or zero. Times are timezone-aware and in UTC. JSON
    columns keep AWS's member names (camelCase) and values. `status` and `customization_type` are kept verbatim, even
    for values that AWS added after this was written.

    By AWS's model, neither source is complete: a listing lacks what only GetModelCustomizationJob returns, and both
    lack `tags`, which come from a third API. Only a listing has `parent_model_arn`, the custom model from which
    iterative training started; it is no column.
    """

    job_arn: str
    account_id: str | None = None
    base_model_arn: str | None = None
    client_request_token: str | None = None
    creation_time: datetime | None = None
    customization_config: Mapping[str, Any] | None = None
    customization_type: str | None = None
    end_time: datetime | None = None
    failure_message: str | None = None
    hyper_parameters: Mapping[str, str] | None = None
    job_name: str | None = None
    last_modified_time: datetime | None = None
    output_data_config: Mapping[str, Any] | None = None
    output_model_arn: str | None = None
    output_model_kms_key_arn: str | None = None
    output_model_name: str | None = None
    role_arn: str | None = None
    status: str | None = None
    status_details: Mapping[str, Any] | None = None
    tags: Mapping[str, str] | None = None
    training_data_config: Mapping[str, Any] | None = None
    training_metrics: Mapping[str, Any] | None = None
    validation_data_config: Mapping[str, Any] | None = None
    validation_metrics: Sequence[Any] | None = None
    vpc_config: Mapping[str, Any] | None = None
    parent_model_arn: str | None = None

    @property
    def key(self) -> str:
        """The dataset's `_key`: the job's ARN, which AWS never reuses."""
        return self.job_arn

    @property
    def name(self) -> str:
        """The job's display name: its name, or the id in its ARN if AWS sent no name."""
        arn = parse_job_arn(self.job_arn)
        return self.job_name or (arn.job_id if arn else self.job_arn)

    @property
    def region(self) -> str | None:
        """The Region in the job's ARN, or None if the ARN is not readable."""
        arn = parse_job_arn(self.job_arn)
        return arn.region if arn else None

    @property
    def known_status(self) -> str:
        """The status, or `Unknown` if it is missing or not in `KNOWN_STATUSES`."""
        return self.status if self.status in KNOWN_STATUSES else UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """Whether the job can no longer change. An unknown status is not terminal, and never counts as success."""
        return self.status in TERMINAL_STATUSES

    @property
    def base_model(self) -> str | None:
        """The foundation model's id, such as `amazon.nova-lite-v1:0:300k`, from the job's ARN, as it never changes."""
        arn = parse_job_arn(self.job_arn)
        return (arn.model_id if arn else None) or model_name(self.base_model_arn)

    @property
    def parent_model(self) -> str | None:
        """The custom model that the job started from, as `<foundation model>/<id>`; None if it was none."""
        return model_name(self.parent_model_arn)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that AWS reports, in the order that a job goes through them."""
        return read_phases(self.status_details)

    @property
    def training_loss(self) -> float | None:
        """`trainingMetrics.trainingLoss`, or None if it is missing or not a finite number."""
        return finite(self.training_metrics.get('trainingLoss')) if self.training_metrics else None

    @property
    def validation_losses(self) -> dict[int, float]:
        """Finite validation losses by the validator's position, which is the only identifier that AWS gives it."""
        losses: dict[int, float] = {}
        for position, metric in enumerate(self.validation_metrics or ()):
            loss = finite(metric.get('validationLoss')) if isinstance(metric, Mapping) else None
            if loss is not None:
                losses[position] = loss
        return losses

    def duration(self, now: datetime) -> timedelta | None:
        """Return the time from `creation_time` to `end_time`, or to `now` for a running job; never negative.

        A terminal job without `end_time` ends at `last_modified_time`. None if the start or the end is unknown.
        """
        if self.creation_time is None:
            return None
        end = self.end_time or (self.last_modified_time if self.is_terminal else now)
        return max(end - self.creation_time, timedelta()) if end else None


def finite(value: object) -> float | None:
    """Return a number, or text that holds one, as a float; None if it is not finite, not a number, or a bool."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
