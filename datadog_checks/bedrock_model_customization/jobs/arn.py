"""Parses the Amazon Resource Names of Bedrock jobs and models."""

from __future__ import annotations

from typing import NamedTuple


class JobArn(NamedTuple):
    """The parts of `arn:<partition>:bedrock:<region>:<account_id>:model-customization-job/<model_id>/<job_id>`."""

    partition: str
    region: str
    account_id: str
    model_id: str
    job_id: str


def parse_job_arn(arn: str) -> JobArn | None:
    """Return the parts of a job's ARN, or None if `arn` is not one.

    The resource part may itself contain colons and slashes (`amazon.nova-lite-v1:0:300k/miee4df3g2vt`), so only the
    first five colons and the outermost slashes are separators. If the ARN contains no model (as in EventBridge's
    documented samples), `model_id` is empty.
    """
    parts = arn.split(':', 5)
    if len(parts) != 6 or parts[0] != 'arn' or parts[2] != 'bedrock':
        return None
    kind, _, rest = parts[5].partition('/')
    if kind != 'model-customization-job' or not rest:
        return None
    model_id, _, job_id = rest.rpartition('/')
    return JobArn(parts[1], parts[3], parts[4], model_id, job_id)


def model_name(arn: str | None) -> str | None:
    """Return the human-readable name in a model's ARN, or None if there is none.

    `arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k` gives `amazon.nova-lite-v1:0:300k`; a
    custom model (the base of iterative training) gives `<base model>/<model id>`; a bare model id is returned as is.
    """
    if not arn:
        return None
    resource = arn.split(':', 5)[-1] if arn.startswith('arn:') else arn
    _, slash, name = resource.partition('/')
    return (name if slash and arn.startswith('arn:') else resource) or None
