"""Asks AWS what a poll would ask, and records the answers without anything that identifies the customer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from botocore.client import BaseClient

from datadog_checks.bedrock_model_customization.aws.bedrock import ARNS_PER_TAG_REQUEST, BedrockScope
from datadog_checks.bedrock_model_customization.aws.errors import AwsError
from datadog_checks.bedrock_model_customization.aws.s3 import ObjectReader, TooLargeError
from datadog_checks.bedrock_model_customization.aws.session import AwsSession
from datadog_checks.bedrock_model_customization.aws.usage import Usage
from datadog_checks.bedrock_model_customization.jobs.output import folder_of
from datadog_checks.bedrock_model_customization.jobs.reading import job_arn_of, read_description
from datadog_checks.bedrock_model_customization.settings import Settings

from ..simulator.wire import decode_cbor
from .stand_ins import StandIns, shown

ABOUT: Final = 'recording.json'
MAX_FILE: Final = 64 * 1024
"""Files in S3 that are larger than this are not recorded."""
JOBS_WITH_FILES: Final = 20


class Recorder(AwsSession):
    """A session that keeps every response of Bedrock, the tagging API, STS and S3's listings, as AWS sent it."""

    def __init__(self, settings: Settings, number: int, exchanges: list[dict[str, Any]]) -> None:
        super().__init__(settings.aws)
        self.number, self.exchanges, self.reads_files = number, exchanges, settings.artifacts is not None
        self.region = self.about = ''

    def client(self, service: str, region: str, usage: Usage) -> BaseClient:
        client = super().client(service, region, usage)
        # First, and for each operation, as the check takes the body away from botocore in a hook of that operation.
        service_id = client.meta.service_model.service_id.hyphenize()
        for operation in client.meta.service_model.operation_names:
            client.meta.events.register_first(f'before-parse.{service_id}.{operation}', self._keep)
        return client

    def _keep(self, response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
        body = response_dict['body']
        # The content of a file comes as a stream, and is recorded where it is read.
        if isinstance(body, bytes):
            content = _content(body, str(response_dict['headers'].get('Content-Type')))
            self.keep(operation_model.name, response_dict['status_code'], dict(response_dict['headers']), content)

    def keep(self, operation: str, status: int, headers: dict[str, str], content: dict[str, Any]) -> None:
        self.exchanges.append(
            {
                'instance': self.number,
                'region': self.region,
                'operation': operation,
                'about': self.about,
                'status': status,
                'headers': headers,
                **content,
            }
        )


def record(instances: Sequence[Settings], max_jobs: int) -> dict[str, str]:
    """Return the texts of a recording by file name. AWS's failures are part of it, never exceptions.

    All jobs are listed; the newest `max_jobs` of each Region are described.
    """
    exchanges: list[dict[str, Any]] = []
    for number, settings in enumerate(instances, start=1):
        recorder = Recorder(settings, number, exchanges)
        with suppress(AwsError):
            recorder.caller_account_id(Usage())
        for recorder.region in settings.regions:
            _record_region(recorder, max_jobs)
    stand_ins = StandIns()
    # The first pass finds all words: only then is it known which stand-ins are not words of the input.
    for exchange in exchanges:
        _replaced(exchange, stand_ins)
    stand_ins.settle()
    about = {
        'version': 1,
        'recorded_at': datetime.now(UTC).isoformat(timespec='seconds'),
        'instances': [
            {
                'regions': [stand_ins.region(region) for region in settings.regions],
                'collect_artifacts': settings.artifacts is not None,
            }
            for settings in instances
        ],
    }
    lines: dict[str, list[str]] = {}
    for exchange in exchanges:
        lines.setdefault(f'{exchange["operation"]}.jsonl', []).append(shown(_replaced(exchange, stand_ins)))
    return {ABOUT: f'{json.dumps(about, indent=2)}\n'} | {
        name: '\n'.join([*texts, '']) for name, texts in sorted(lines.items())
    }


def _record_region(recorder: Recorder, max_jobs: int) -> None:
    scope = BedrockScope(recorder, recorder.region)
    arns: list[str] = []

    def list_jobs() -> None:
        for page in scope.list_jobs():
            arns.extend(arn for arn in map(job_arn_of, page) if arn)

    _ask(recorder, '', list_jobs)
    described = arns[:max_jobs]
    descriptions = [_ask(recorder, arn, partial(scope.describe_job, arn)) for arn in described]
    for start in range(0, len(described), ARNS_PER_TAG_REQUEST):
        _ask(recorder, '', partial(scope.tags_of, described[start : start + ARNS_PER_TAG_REQUEST]))
    for arn in described:
        _ask(recorder, arn, partial(scope.job_tags, arn))
    if recorder.reads_files:
        for description in [one for one in descriptions if one][:JOBS_WITH_FILES]:
            _record_files(recorder, ObjectReader(scope), description)


def _record_files(recorder: Recorder, reader: ObjectReader, description: dict[str, Any]) -> None:
    folder = folder_of(read_description(description))
    if folder is None:
        return
    listed = _ask(
        recorder, f's3://{folder.bucket}/{folder.prefix}', partial(reader.objects, folder.bucket, folder.prefix)
    )
    for found in listed or ():
        if found.key.endswith('.csv') and found.size <= MAX_FILE:
            about = f's3://{folder.bucket}/{found.key}'
            read = _ask(recorder, about, partial(reader.read, folder.bucket, found.key, b''.join, max_size=MAX_FILE))
            if read:
                recorder.keep('GetObject', 200, {}, {'text': read.result.decode('utf-8', 'replace')})


def _ask(recorder: Recorder, about: str, question: Callable[[], Any]) -> Any:
    recorder.about = about
    with suppress(AwsError, TooLargeError):
        return question()
    return None


def _content(body: bytes, content_type: str) -> dict[str, Any]:
    """Return a response's body as `body` (JSON or CBOR) or `xml`; of any other only its size, as `unreadable`."""
    try:
        if 'cbor' in content_type:
            return {'body': decode_cbor(body)}
        if body.lstrip().startswith(b'<') and 'html' not in content_type:
            return {'xml': body.decode()}
        return {'body': json.loads(body)}
    except (ValueError, RecursionError):
        return {'unreadable': len(body)}


def _replaced(exchange: dict[str, Any], stand_ins: StandIns) -> dict[str, Any]:
    replaced = {
        **exchange,
        'region': stand_ins.region(exchange['region']),
        'about': stand_ins.string(exchange['about']),
        'headers': stand_ins.headers(exchange['headers']),
    }
    for name, replace in (('body', stand_ins.document), ('xml', stand_ins.xml), ('text', stand_ins.csv)):
        if name in exchange:
            replaced[name] = replace(exchange[name])
    return replaced
