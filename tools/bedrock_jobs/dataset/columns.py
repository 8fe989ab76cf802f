"""What Datadog's dataset page says about the table and its columns, and their PostgreSQL types."""

from __future__ import annotations

from typing import Final

from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS, ColumnType

SCHEMA: Final = 'aws'
TABLE: Final = 'bedrock_model_customization_job'
FULL_NAME: Final = f'{SCHEMA}.{TABLE}'
NAMES: Final = tuple(COLUMNS)
TYPES: Final = {name: column.type for name, column in COLUMNS.items()}
"""The columns in the order of the dataset page, each with the type given there."""

# `json` rather than `jsonb` keeps the text as written. `timestamp` has no time zone and is always UTC.
SQL_TYPES: Final[dict[ColumnType, str]] = {
    'string': 'text',
    'timestamp': 'timestamp',
    'json': 'json',
    'hstore': 'hstore',
}

TABLE_DESCRIPTION: Final = (
    'Bedrock Model Customization Job in AWS allows you to create and manage fine-tuning jobs for foundation models in '
    'Amazon Bedrock. It provides details about the customization process, including job status, configuration, input '
    'data, and output location. This resource helps track and manage the lifecycle of model customization, enabling '
    'you to adapt foundation models to your specific domain or use case.'
)
DESCRIPTIONS: Final[dict[str, str]] = {
    'base_model_arn': 'Amazon Resource Name (ARN) of the base model.',
    'client_request_token': 'The token that you specified in the CreateCustomizationJob request.',
    'creation_time': 'Time that the resource was created.',
    'customization_config': 'The customization configuration for the model customization job.',
    'customization_type': 'The type of model customization.',
    'end_time': 'Time that the resource transitioned to terminal state.',
    'failure_message': 'Information about why the job failed.',
    'hyper_parameters': (
        'The hyperparameter values for the job. For details on the format for different models, see Custom model '
        'hyperparameters.'
    ),
    'job_arn': 'The Amazon Resource Name (ARN) of the customization job.',
    'job_name': 'The name of the customization job.',
    'last_modified_time': 'Time that the resource was last modified.',
    'output_data_config': 'Output data configuration',
    'output_model_arn': 'The Amazon Resource Name (ARN) of the output model.',
    'output_model_kms_key_arn': 'The custom model is encrypted at rest using this key.',
    'output_model_name': 'The name of the output model.',
    'role_arn': 'The Amazon Resource Name (ARN) of the IAM role.',
    'status': (
        'The status of the job. A successful job transitions from in-progress to completed when the output model is '
        'ready to use. If the job failed, the failure message contains information about why the job failed.'
    ),
    'status_details': (
        'For a Distillation job, the details about the statuses of the sub-tasks of the customization job.'
    ),
    'training_data_config': 'Contains information about the training dataset.',
    'training_metrics': 'Contains training metrics from the job creation.',
    'validation_data_config': 'Contains information about the validation dataset.',
    'validation_metrics': 'The loss metric for each validator that you provided in the createjob request.',
    'vpc_config': 'VPC configuration for the custom model job.',
}
"""Descriptions by column, verbatim; `_key`, `account_id` and `tags` have none."""
