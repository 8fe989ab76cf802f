"""Names inside Amazon Resource Names, as Bedrock writes them."""

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
    """Return the parts of a job's ARN, or None where it is not one.

    The resource part holds colons and slashes of its own (`amazon.nova-lite-v1:0:300k/miee4df3g2vt`), so only the
    first five colons and the outermost slashes separate anything. A job without a model in its ARN (EventBridge's
    documented samples) gives an empty `model_id`.
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
    """Return the part of a model's ARN that people call it by, or None where there is none.

    `arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k` gives `amazon.nova-lite-v1:0:300k`; a
    custom model, the base of iterative training, gives `<base model>/<model id>`; a bare model id is its own name.
    """
    if not arn:
        return None
    resource = arn.split(':', 5)[-1] if arn.startswith('arn:') else arn
    _, slash, name = resource.partition('/')
    return (name if slash and arn.startswith('arn:') else resource) or None
