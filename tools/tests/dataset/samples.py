"""Jobs for the tests: what only a listing says, what a description says, what a hostile account says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.jobs.job import Job

T0 = datetime(2026, 11, 16, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT = '123456789012'
NOVA = 'amazon.nova-lite-v1:0:300k'
LLAMA = 'meta.llama3-3-70b-instruct-v1:0:128k'


def arn(number: int, region: str = 'us-east-1', model: str = NOVA, account: str = ACCOUNT) -> str:
    return f'arn:aws:bedrock:{region}:{account}:model-customization-job/{model}/{number:012d}'


def model_arn(model: str = NOVA, region: str = 'us-east-1') -> str:
    return f'arn:aws:bedrock:{region}::foundation-model/{model}'


def listed(number: int = 1, **members: Any) -> Job:
    """A job of which only ListModelCustomizationJobs has told."""
    values: dict[str, Any] = {
        'job_arn': arn(number),
        'account_id': ACCOUNT,
        'base_model_arn': model_arn(),
        'creation_time': T0,
        'customization_type': 'FINE_TUNING',
        'job_name': f'job-{number}',
        'last_modified_time': T0 + HOUR,
        'status': 'InProgress',
    }
    return Job(**{**values, **members})


def described(number: int = 1, **members: Any) -> Job:
    """A completed job with every one of the 26 columns."""
    phase = {'status': 'Completed', 'creationTime': '2026-11-16T09:31:00Z', 'lastModifiedTime': '2026-11-16T09:34:00Z'}
    values: dict[str, Any] = {
        'client_request_token': 'token-1',
        'customization_config': {'distillationConfig': {'teacherModelConfig': {'teacherModelIdentifier': 'teacher'}}},
        'end_time': T0 + 2 * HOUR,
        'failure_message': 'none',
        'hyper_parameters': {'epochCount': '2', 'learningRate': '0.00001'},
        'last_modified_time': T0 + 2 * HOUR,
        'output_data_config': {'s3Uri': 's3://example-model-output/'},
        'output_model_arn': f'arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/{NOVA}/abcdefabcdef',
        'output_model_kms_key_arn': f'arn:aws:kms:us-east-1:{ACCOUNT}:key/example',
        'output_model_name': 'model-1',
        'role_arn': f'arn:aws:iam::{ACCOUNT}:role/Example',
        'status': 'Completed',
        'status_details': {'validationDetails': phase, 'trainingDetails': phase},
        'tags': {'team': 'search', 'env': 'prod'},
        'training_data_config': {
            'invocationLogsConfig': {
                'usePromptResponse': True,
                'invocationLogSource': {'s3Uri': 's3://example-logs/'},
                'requestMetadataFilters': {'andAll': [{'equals': {'myKey': 'A'}}, {'notEquals': {'other_key': 'b'}}]},
            }
        },
        'training_metrics': {'trainingLoss': 0.8421},
        'validation_data_config': {'validators': [{'s3Uri': 's3://example-validation/a.jsonl'}]},
        'validation_metrics': [{'validationLoss': 0.9}, {'validationLoss': 1.1}],
        'vpc_config': {'subnetIds': ['subnet-1'], 'securityGroupIds': ['sg-1']},
    }
    return listed(number, **{**values, **members})


def hostile(number: int = 1) -> Job:
    """A job whose texts and numbers PostgreSQL cannot store as they are."""
    deep: Any = 'bottom'
    for _ in range(500):
        deep = {'down': deep}
    return described(
        number,
        job_name='nul\x00 and \ud800 and "quotes" \\ and\ttab\nline',
        failure_message='\\N',
        hyper_parameters={'a"b\\c': 'x"y\\z', '': '', 'nul\x00': '\x00', 'kéy': '=>, NULL'},
        tags={'multi': ['b', 'a', 'b'], 'NULL': 'NULL', "q'": '$$'},
        training_metrics={'trainingLoss': float('nan'), 'other': float('-inf'), 'text': '\x00\udfff'},
        validation_metrics=[{'validationLoss': float('inf')}, None, 'x'],
        vpc_config={'down': deep},
    )


# --- Generated jobs

_characters = st.characters(exclude_characters='\x00', exclude_categories=['Cs'])
_texts = st.text(_characters, min_size=1, max_size=20)
_any_text = st.text(min_size=1, max_size=20)
_times = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))
_words = st.sampled_from(
    ['s3Uri', 'status', 'trainingLoss', 'subnetIds', 'maxResponseLengthForInference', 'equals', 'x']
)


def _is_no_number(text: str) -> bool:
    """Whether a text stays one in the columns of losses, where "NaN" and its like are null."""
    return text.strip('+-').lower() not in ('nan', 'inf', 'infinity')


def _json(
    texts: st.SearchStrategy[str], integers: st.SearchStrategy[int], floats: st.SearchStrategy[float]
) -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | integers | floats | texts.filter(_is_no_number)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3), max_leaves=8
    )


def jobs(*, hostile: bool = False) -> st.SearchStrategy[Job]:
    """Any job that AWS could send; `hostile` ones also hold what cannot be stored."""
    texts = _any_text if hostile else _texts
    floats = st.floats(allow_nan=hostile, allow_infinity=hostile)
    integers = st.integers() | st.integers(-(10**400), 10**400) if hostile else st.integers(-(2**63), 2**64 - 1)
    objects = st.dictionaries(_words, _json(texts, integers, floats), min_size=1, max_size=3)
    maps = st.dictionaries(texts, texts, min_size=1, max_size=3)
    arns = st.integers(0, 10**12 - 1).map(arn)
    return st.builds(
        Job,
        job_arn=arns,
        **{name: st.none() | texts for name in ('account_id', 'client_request_token', 'failure_message', 'job_name')},
        **{name: st.none() | texts for name in ('base_model_arn', 'output_model_arn', 'output_model_name', 'role_arn')},
        **{name: st.none() | texts for name in ('customization_type', 'output_model_kms_key_arn', 'status')},
        **{name: st.none() | _times for name in ('creation_time', 'end_time', 'last_modified_time')},
        **{name: st.none() | maps for name in ('hyper_parameters', 'tags')},
        **{name: st.none() | objects for name in ('customization_config', 'output_data_config', 'status_details')},
        **{name: st.none() | objects for name in ('training_data_config', 'training_metrics', 'vpc_config')},
        validation_data_config=st.none() | objects,
        validation_metrics=st.none() | st.lists(objects, min_size=1, max_size=3),
    )
