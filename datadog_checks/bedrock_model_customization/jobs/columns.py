"""The 26 columns of `aws.bedrock_model_customization_job`: the type of each, and the AWS member that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from sys import intern
from typing import Any, Final, Literal, NamedTuple

from .times import parse_time

ColumnType = Literal['string', 'timestamp', 'json', 'hstore']
Reader = Callable[[Any], Any]


class Column(NamedTuple):
    """One column, with its type as on Datadog's dataset page.

    Its value is the member `described_as` in the answer of GetModelCustomizationJob, and `listed_as` in an entry of
    ListModelCustomizationJobs. `read` converts either to the field of `Job`, or to None if it is unreadable.
    `account_id` comes from the ARN, `tags` come from a third API.
    """

    name: str
    type: ColumnType
    read: Reader | None = None
    described_as: str | None = None
    listed_as: str | None = None

    @property
    def attribute(self) -> str:
        """The name of the attribute of `Job`: that of `_key` is `key`."""
        return self.name.removeprefix('_')


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _shared_text(value: Any) -> str | None:
    """Read text that many jobs share; it is interned to save memory."""
    return intern(value) if type(value) is str and value else None


def _object(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) and value else None


def _list(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) and value else None


def _text_map(value: Any) -> dict[str, str] | None:
    """Read a map of strings. Numbers are converted to strings; other values are skipped."""
    if not isinstance(value, Mapping):
        return None
    readable = {
        str(key): item if isinstance(item, str) else str(item)
        for key, item in value.items()
        if isinstance(item, (str, int, float))
    }
    return readable or None


# Name, type, reader, member of a description, member of a listing's entry.
_TABLE: Final = (
    Column('_key', 'string'),
    Column('account_id', 'string'),
    Column('base_model_arn', 'string', _shared_text, 'baseModelArn', 'baseModelArn'),
    Column('client_request_token', 'string', _text, 'clientRequestToken'),
    Column('creation_time', 'timestamp', parse_time, 'creationTime', 'creationTime'),
    Column('customization_config', 'json', _object, 'customizationConfig'),
    Column('customization_type', 'string', _shared_text, 'customizationType', 'customizationType'),
    Column('end_time', 'timestamp', parse_time, 'endTime', 'endTime'),
    Column('failure_message', 'string', _text, 'failureMessage'),
    Column('hyper_parameters', 'hstore', _text_map, 'hyperParameters'),
    Column('job_arn', 'string', None, 'jobArn', 'jobArn'),
    Column('job_name', 'string', _text, 'jobName', 'jobName'),
    Column('last_modified_time', 'timestamp', parse_time, 'lastModifiedTime', 'lastModifiedTime'),
    Column('output_data_config', 'json', _object, 'outputDataConfig'),
    Column('output_model_arn', 'string', _text, 'outputModelArn', 'customModelArn'),
    Column('output_model_kms_key_arn', 'string', _text, 'outputModelKmsKeyArn'),
    Column('output_model_name', 'string', _text, 'outputModelName', 'customModelName'),
    Column('role_arn', 'string', _shared_text, 'roleArn'),
    Column('status', 'string', _shared_text, 'status', 'status'),
    Column('status_details', 'json', _object, 'statusDetails', 'statusDetails'),
    Column('tags', 'hstore'),
    Column('training_data_config', 'json', _object, 'trainingDataConfig'),
    Column('training_metrics', 'json', _object, 'trainingMetrics'),
    Column('validation_data_config', 'json', _object, 'validationDataConfig'),
    Column('validation_metrics', 'json', _list, 'validationMetrics'),
    Column('vpc_config', 'json', _object, 'vpcConfig'),
)
COLUMNS: Final[Mapping[str, Column]] = {column.name: column for column in _TABLE}
"""The columns by name, in the order of Datadog's dataset page (copied in tools/tests/dataset/)."""
