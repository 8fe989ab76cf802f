"""A local endpoint that answers from a recording. It reaches no network, and its credentials are made up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import yaml

from ..errors import ToolError
from ..simulator.bedrock import read_window, resource_arn
from ..simulator.clock import Clock
from ..simulator.environment import made_up_credentials
from ..simulator.errors import ApiError, not_found, render
from ..simulator.server import Server
from ..simulator.tagging import read_request
from ..simulator.wire import CBOR, Answer, Call, Delivery, encode_cbor, read_call

ABOUT: Final = 'recording.json'
LISTING: Final = 'ListModelCustomizationJobs'
NEXT_OBJECTS: Final = re.compile('<NextContinuationToken>([^<]*)<')


class Replay(NamedTuple):
    """A recording that is being served: a conf.yaml that leads to it, and the time at which it was made."""

    config: Path
    at: datetime


@contextmanager
def replaying(folder: Path) -> Iterator[Replay]:
    """Serve a recording. Raises ToolError if the folder has none that can be read."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding='utf-8'))
        at = datetime.fromisoformat(about['recorded_at'])
        instances = [
            {'regions': list(one['regions']), 'collect_artifacts': bool(one['collect_artifacts']), 'max_attempts': 1}
            for one in about['instances']
        ]
        texts = [path.read_text(encoding='utf-8') for path in sorted(folder.glob('*.jsonl'))]
        exchanges = [json.loads(line) for text in texts for line in text.splitlines()]
        recording = Recording(exchanges, Clock.manual(at))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f'{folder} is no recording of doctor --record: {error}') from error
    server = Server(recording)
    url = server.start()
    try:
        with TemporaryDirectory() as temporary, made_up_credentials():
            for number, instance in enumerate(instances, start=1):
                # The instances' credentials are the same: the path tells them apart.
                instance['endpoint_url'] = f'{url}/{number}'
            config = Path(temporary) / 'conf.yaml'
            config.write_text(yaml.safe_dump({'instances': instances}), encoding='utf-8')
            yield Replay(config, at)
    finally:
        server.stop()


class Recording:
    """Answers requests as AWS did. Of several answers to one question, the last counts."""

    def __init__(self, exchanges: list[dict[str, Any]], clock: Clock) -> None:
        self.clock = clock
        self._answers: dict[tuple[int, str, str, str], dict[str, Any]] = {}
        self._pages: dict[tuple[int, str], list[dict[str, Any]]] = {}
        # The pages of a listing in S3, by the token that leads to each.
        self._objects: dict[tuple[int, str, str], dict[str, dict[str, Any]]] = {}
        self._tags: dict[tuple[int, str], dict[str, Any]] = {}
        for one in exchanges:
            place = (one['instance'], one['region'])
            self._answers[(*place, one['operation'], one['about'])] = one
            if one['status'] == 200 and one['operation'] == LISTING:
                for job in one['body']['modelCustomizationJobSummaries']:
                    _created(job)
                self._pages.setdefault(place, []).append(one)
            if one['operation'] == 'ListObjectsV2':
                pages = self._objects.setdefault((*place, one['about']), {})
                last = next(reversed(pages.values()), {}).get('xml', '')
                pages[''.join(NEXT_OBJECTS.findall(last))] = one
            if one['status'] == 200 and one['operation'] == 'GetResources':
                mappings = one.get('body', {}).get('ResourceTagMappingList', ())
                self._tags.setdefault(place, {}).update({mapping['ResourceARN']: mapping for mapping in mappings})

    async def serve(self, method: str, raw_path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to a request."""
        number, _, path = raw_path.lstrip('/').partition('/')
        call = read_call(method, f'/{path}', headers, body)
        place = (int(number), '' if call.service == 'sts' else call.region)
        try:
            return self._answer(call, place)
        except ApiError as error:
            return render(error, call.protocol)

    def _answer(self, call: Call, place: tuple[int, str]) -> Answer:
        about = _about(call)
        one = self._answers.get((*place, call.operation, about))
        if call.operation == 'ListObjectsV2':
            one = self._objects.get((*place, about), {}).get(call.query.get('continuation-token', ''), one)
        if call.operation == LISTING and (pages := self._pages.get(place)):
            return _page(call, pages)
        if one is None and (call.operation in (LISTING, 'GetResources', 'GetCallerIdentity')):
            # AWS was not reached.
            return Answer(0, b'', delivery=Delivery.RESET)
        if one is None:
            raise _unknown(call)
        if call.operation == 'GetResources' and one['status'] == 200:
            tags = self._tags.get(place, {})
            wanted = read_request(call).get('ResourceARNList') or ()
            found = [tags[arn] for arn in wanted if arn in tags]
            one = {**one, 'body': {'PaginationToken': '', 'ResourceTagMappingList': found}}
        return _rendered(one, call)


def _about(call: Call) -> str:
    if call.operation == 'ListTagsForResource':
        return resource_arn(call)
    if call.operation == 'ListObjectsV2':
        return f's3:/{unquote(call.path).rstrip("/")}/{call.query.get("prefix", "")}'
    if call.operation == 'GetObject':
        return f's3:/{unquote(call.path)}'
    return call.identifier or ''


def _page(call: Call, pages: list[dict[str, Any]]) -> Answer:
    """Return a page of the listing, without the jobs that the request leaves out."""
    window = read_window(call.query)
    number = int(call.query.get('nextToken') or 0)
    if not 0 <= number < len(pages):
        raise ApiError('ValidationException', 'The provided nextToken is invalid.', 400)
    document = dict(pages[number]['body'])
    document['modelCustomizationJobSummaries'] = [
        job
        for job in document['modelCustomizationJobSummaries']
        if window.status in (None, job.get('status'))
        and (window.after is None or _created(job) > window.after)
        and (window.before is None or _created(job) < window.before)
    ]
    document.pop('nextToken', None)
    if number + 1 < len(pages):
        document['nextToken'] = str(number + 1)
    return _rendered({**pages[number], 'body': document}, call)


def _created(job: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(job['creationTime'])


def _rendered(one: Mapping[str, Any], call: Call) -> Answer:
    headers = dict(one['headers'])
    content_type = headers.pop('content-type', 'application/json')
    if call.protocol == CBOR and 'body' in one:
        return Answer(one['status'], encode_cbor(one['body']), headers | {'smithy-protocol': CBOR}, 'application/cbor')
    headers.pop('smithy-protocol', None)
    if content_type == 'application/cbor':
        content_type = 'application/x-amz-json-1.1'
    if 'body' in one:
        return Answer(one['status'], json.dumps(one['body']).encode(), headers, content_type)
    text = one.get('xml', one.get('text', 'x' * one.get('unreadable', 0)))
    return Answer(one['status'], text.encode(), headers, content_type)


def _unknown(call: Call) -> ApiError:
    if call.service == 's3':
        return ApiError('NoSuchKey', 'The specified key does not exist.', 404)
    return not_found('The provided identifier is not in the recording.')
