"""The Bedrock operations on model customization jobs, custom models and their tags."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from . import arns
from .errors import ApiError, conflict, invalid, not_found
from .job import DEFAULT_HYPER_PARAMETERS, JobSpec, SimulatedJob, iso
from .store import Scope, Window, check_tags
from .stories import completes
from .timeline import Timeline
from .wire import Answer, Call

MAX_RESULTS: Final = 1000
DEFAULT_RESULTS: Final = 100
STATUSES: Final = frozenset({'InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped'})
CREATABLE: Final = frozenset(
    {'FINE_TUNING', 'CONTINUED_PRE_TRAINING', 'DISTILLATION', 'REINFORCEMENT_FINE_TUNING', 'IMPORTED'}
)

Plan = Callable[[JobSpec, datetime], Timeline]


def default_plan(spec: JobSpec, now: datetime) -> Timeline:
    """Make every created job succeed in the usual time."""
    return completes(now, validation_losses=tuple(0.9 for _ in spec.validators))


class Bedrock:
    """Answers Bedrock calls. `plan` gives the timeline of a job made by CreateModelCustomizationJob."""

    def __init__(self, plan: Plan = default_plan) -> None:
        self.plan = plan
        self._operations: dict[str, Callable[[Call, Scope, datetime], Answer]] = {
            'ListModelCustomizationJobs': self._list,
            'GetModelCustomizationJob': self._get,
            'CreateModelCustomizationJob': self._create,
            'StopModelCustomizationJob': self._stop,
            'ListTagsForResource': self._list_tags,
            'TagResource': self._tag,
            'UntagResource': self._untag,
            'GetCustomModel': self._get_model,
        }

    def answer(self, call: Call, scope: Scope, now: datetime) -> Answer:
        """Return the answer to a call, or raise ApiError."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise ApiError('UnknownOperationException', f'{call.method} {call.path} is not simulated.', 404)
        return operation(call, scope, now)

    def _list(self, call: Call, scope: Scope, now: datetime) -> Answer:
        window = read_window(call.query)
        limit = _max_results(call.query.get('maxResults'))
        token = call.query.get('nextToken')
        start = read_token(token, window) if token is not None else None
        # Take one more than the page holds, to see whether there is a next page.
        jobs = list(islice(scope.listed(window, now, start), limit + 1))
        page = jobs[:limit]
        members = b','.join([job.summary_json(now) for job in page])
        head = f'"nextToken":"{make_token(page[-1], window)}",'.encode() if len(jobs) > limit else b''
        return Answer(200, b'{' + head + b'"modelCustomizationJobSummaries":[' + members + b']}')

    def _get(self, call: Call, scope: Scope, now: datetime) -> Answer:
        return Answer(200, scope.job(call.identifier, now).details_json(now))

    def _create(self, call: Call, scope: Scope, now: datetime) -> Answer:
        document = _document(call)
        spec = read_spec(document, scope)
        tags, model_tags = read_tags(document.get('jobTags')), read_tags(document.get('customModelTags'))
        if (known := scope.find(spec.name, now)) is not None:
            # The client token makes a repeated request idempotent.
            if spec.client_request_token and known.spec.client_request_token == spec.client_request_token:
                return _json(201, {'jobArn': known.arn})
            raise conflict(f'The provided job name {spec.name} is already in use. Try a different job name.')
        job = scope.add(SimulatedJob(scope.account, scope.region, spec, self.plan(spec, now)), tags)
        if model_tags:
            scope.tag(job.output_model_arn, model_tags)
        return _json(201, {'jobArn': job.arn})

    def _stop(self, call: Call, scope: Scope, now: datetime) -> Answer:
        job = scope.job(call.identifier, now)
        try:
            stopped = job.timeline.stop(now)
        except ValueError:
            raise conflict(f'The job is {job.status(now)}; only a job in progress can be stopped.') from None
        job.replace_timeline(stopped)
        return _json(200, {})

    def _list_tags(self, call: Call, scope: Scope, now: datetime) -> Answer:
        arn = scope.taggable(resource_arn(call), now)
        tags = scope.tags_of(arn) or {}
        return _json(200, {'tags': [{'key': key, 'value': value} for key, value in tags.items()]})

    def _tag(self, call: Call, scope: Scope, now: datetime) -> Answer:
        arn = scope.taggable(resource_arn(call), now)
        scope.tag(arn, read_tags(_document(call).get('tags')))
        return _json(200, {})

    def _untag(self, call: Call, scope: Scope, now: datetime) -> Answer:
        arn = scope.taggable(resource_arn(call), now)
        scope.untag(arn, _document(call).get('tagKeys', ()))
        return _json(200, {})

    def _get_model(self, call: Call, scope: Scope, now: datetime) -> Answer:
        model = scope.of_model(call.identifier, now).custom_model(now)
        if model is None:
            raise not_found('The provided model identifier could not be found.')
        return _json(200, model)


def read_window(query: Mapping[str, str]) -> Window:
    """Parse the filters of ListModelCustomizationJobs. Raises ValidationException for values AWS would refuse."""
    status, name = query.get('statusEquals'), query.get('nameContains')
    if status is not None and status not in STATUSES:
        raise invalid(f'statusEquals must be one of {sorted(STATUSES)}, got {status}')
    if name is not None and not arns.JOB_NAME.fullmatch(name):
        raise invalid('nameContains must have 1 to 63 characters of a job name')
    if query.get('sortBy', 'CreationTime') != 'CreationTime':
        raise invalid('sortBy must be CreationTime')
    order = query.get('sortOrder', 'Descending')
    if order not in ('Ascending', 'Descending'):
        raise invalid(f'sortOrder must be Ascending or Descending, got {order}')
    after, before = (_time(query.get(name)) for name in ('creationTimeAfter', 'creationTimeBefore'))
    return Window(after, before, status, name, order == 'Ascending')


def make_token(job: SimulatedJob, window: Window) -> str:
    """Return the token of the page after `job`. It is a sort position, so new jobs do not shift pages."""
    place = json.dumps([iso(job.created_at), job.id, _fingerprint(window)])
    return base64.urlsafe_b64encode(place.encode()).decode()


def read_token(token: str, window: Window) -> tuple[datetime, str]:
    """Return the sort key in a token of the same window. Raises ValidationException for any other token."""
    try:
        created, job_id, fingerprint = json.loads(base64.b64decode(token.encode(), b'-_', validate=True))
        if fingerprint == _fingerprint(window):
            return datetime.fromisoformat(created), job_id
    except (ValueError, TypeError, binascii.Error):
        pass
    raise invalid('The provided nextToken is invalid.')


def read_tags(tags: Any) -> dict[str, str]:
    """Parse tags in Bedrock's format, a list of objects with lowercase `key` and `value`."""
    try:
        read = {tag['key']: tag['value'] for tag in tags or ()}
    except (TypeError, KeyError):
        raise invalid('tags must be a list of {key, value}') from None
    check_tags(read)
    return read


def read_spec(document: Mapping[str, Any], scope: Scope) -> JobSpec:
    """Parse the body of CreateModelCustomizationJob, except its tags."""
    required = (
        'jobName',
        'customModelName',
        'roleArn',
        'baseModelIdentifier',
        'trainingDataConfig',
        'outputDataConfig',
    )
    if missing := [name for name in required if not document.get(name)]:
        raise invalid(f'Missing required members: {", ".join(missing)}')
    if not arns.JOB_NAME.fullmatch(document['jobName']):
        raise invalid('jobName is not a job name')
    kind = document.get('customizationType', 'FINE_TUNING')
    if kind not in CREATABLE:
        raise invalid(f'customizationType must be one of {sorted(CREATABLE)}, got {kind}')
    try:
        arns.foundation_model_id(document['baseModelIdentifier'])
    except ValueError as error:
        raise invalid(str(error)) from None
    validators = (document.get('validationDataConfig') or {}).get('validators') or ()
    key = document.get('customModelKmsKeyId')
    return JobSpec(
        name=document['jobName'],
        base_model=document['baseModelIdentifier'],
        customization_type=kind,
        output_model_name=document['customModelName'],
        role_arn=document['roleArn'],
        client_request_token=document.get('clientRequestToken'),
        hyper_parameters={**DEFAULT_HYPER_PARAMETERS, **(document.get('hyperParameters') or {})},
        training_data=document['trainingDataConfig'],
        validators=tuple(validator['s3Uri'] for validator in validators),
        output_s3_uri=document['outputDataConfig']['s3Uri'],
        kms_key_arn=key and arns.key_arn(scope.account, scope.region, key),
        vpc_config=document.get('vpcConfig'),
        customization_config=document.get('customizationConfig'),
    )


def _max_results(text: str | None) -> int:
    if text is None:
        return DEFAULT_RESULTS
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_RESULTS):
        raise invalid(f'maxResults must be from 1 to {MAX_RESULTS}, got {text}')
    return int(text)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(f'not a timestamp: {text}')
    return moment


def _fingerprint(window: Window) -> str:
    return hashlib.blake2b(repr(window).encode(), digest_size=6).hexdigest()


def _document(call: Call) -> dict[str, Any]:
    try:
        document = json.loads(call.body or b'{}')
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise invalid('The body is not a JSON object.')
    return document


def resource_arn(call: Call) -> str:
    """Return the resource that a tag operation names. Raises ValidationException if it names none."""
    arn = _document(call).get('resourceARN')
    if not isinstance(arn, str):
        raise invalid('resourceARN is missing')
    return arn


def _json(status: int, document: Mapping[str, Any]) -> Answer:
    return Answer(status, json.dumps(document).encode())
