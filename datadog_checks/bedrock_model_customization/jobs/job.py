"""The job: one Amazon Bedrock model customization job, with the 26 fields of the dataset."""

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
    """One model customization job, as far as Amazon Bedrock has told us.

    The attributes are the columns of `aws.bedrock_model_customization_job`, by the same names; `_key` is the
    property `key`. None means that AWS did not say, which is not the same as empty or zero. Times are aware and in
    UTC. Members that are JSON columns keep AWS's own member names (camelCase) and values. `status` and
    `customization_type` are kept verbatim, also where AWS has added a value since.

    Neither listing nor description is complete by AWS's own model: a listing never has what only
    GetModelCustomizationJob returns, and neither has `tags`, which come from a third API.
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

    @property
    def key(self) -> str:
        """The dataset's `_key`: the job's ARN, which AWS never reuses."""
        return self.job_arn

    @property
    def name(self) -> str:
        """What people call the job: its name, or the id in its ARN where AWS did not say it."""
        arn = parse_job_arn(self.job_arn)
        return self.job_name or (arn.job_id if arn else self.job_arn)

    @property
    def region(self) -> str | None:
        """The Region in the job's ARN."""
        arn = parse_job_arn(self.job_arn)
        return arn.region if arn else None

    @property
    def known_status(self) -> str:
        """The status, or `Unknown` for a value that AWS added after this was written, or never sent."""
        return self.status if self.status in KNOWN_STATUSES else UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """Whether the job can never change again. An unknown status is not terminal, and never a success."""
        return self.status in TERMINAL_STATUSES

    @property
    def base_model(self) -> str | None:
        """The base model's id, such as `amazon.nova-lite-v1:0:300k`."""
        return model_name(self.base_model_arn)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that AWS reports, in the order in which a job goes through them."""
        return read_phases(self.status_details)

    @property
    def training_loss(self) -> float | None:
        """`trainingMetrics.trainingLoss`, or None where it is missing or not a finite number."""
        return finite(self.training_metrics.get('trainingLoss')) if self.training_metrics else None

    @property
    def validation_losses(self) -> dict[int, float]:
        """Finite validation losses by the validator's position, the only identity that AWS gives a validator."""
        losses: dict[int, float] = {}
        for position, metric in enumerate(self.validation_metrics or ()):
            loss = finite(metric.get('validationLoss')) if isinstance(metric, Mapping) else None
            if loss is not None:
                losses[position] = loss
        return losses

    def duration(self, now: datetime) -> timedelta | None:
        """The time from `creation_time` to `end_time`, or to `now` for a job that still runs; never negative.

        None without a creation time, and for a terminal job of which AWS gave no end.
        """
        if self.creation_time is None:
            return None
        end = self.end_time or (self.last_modified_time if self.is_terminal else now)
        return max(end - self.creation_time, timedelta()) if end else None


def finite(value: object) -> float | None:
    """Return a number as a float, or None for anything that is not a finite number (NaN, infinity, text, bool)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
