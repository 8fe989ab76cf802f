"""Requests and responses on the wire: who calls which operation of which service, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

import cbor2

if TYPE_CHECKING:
    from .job import SimulatedJob

REST_JSON: Final = 'rest-json'
JSON: Final = 'json'
CBOR: Final = 'rpc-v2-cbor'
QUERY: Final = 'query'
S3: Final = 's3'

UNKNOWN_OPERATION: Final = 'UnknownOperation'

_CREDENTIAL: Final = re.compile(r'AWS4-HMAC-SHA256 .*?Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request')
_TAGGING_TARGET: Final = 'ResourceGroupsTaggingAPI_20170126.'
_ORGANIZATIONS_TARGET: Final = 'AWSOrganizationsV20161128.'
_TAGGING_PATH: Final = '/service/ResourceGroupsTaggingAPI_20170126/operation/'
_FIXED: Final = {
    ('GET', '/model-customization-jobs'): 'ListModelCustomizationJobs',
    ('POST', '/model-customization-jobs'): 'CreateModelCustomizationJob',
    ('POST', '/listTagsForResource'): 'ListTagsForResource',
    ('POST', '/tagResource'): 'TagResource',
    ('POST', '/untagResource'): 'UntagResource',
}
# An identifier is one path segment: slashes in an ARN arrive as %2F, and an unescaped slash makes another path.
_NAMED: Final = (
    ('GET', re.compile(r'/model-customization-jobs/([^/]+)'), 'GetModelCustomizationJob'),
    ('POST', re.compile(r'/model-customization-jobs/([^/]+)/stop'), 'StopModelCustomizationJob'),
    ('GET', re.compile(r'/custom-models/([^/]+)'), 'GetCustomModel'),
)


class Delivery(Enum):
    """How a response reaches the client."""

    WHOLE = 'whole'
    HALF = 'half'
    SLOW = 'slow'
    RESET = 'reset'
    HANG = 'hang'


@dataclass(slots=True)
class Answer:
    """An HTTP response; `delivery` says how it is sent, and `bytes_per_second` how fast if SLOW."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = 'application/json'
    delivery: Delivery = Delivery.WHOLE
    bytes_per_second: float = 0.0


@dataclass
class Call:
    """One request, parsed as an operation of a service. `identifier` is the job, model or resource that it names."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    service: str = ''
    operation: str = UNKNOWN_OPERATION
    protocol: str = REST_JSON
    access_key: str = ''
    account: str = ''
    region: str = ''
    identifier: str | None = None
    job: SimulatedJob | None = None

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters, decoded; the last value of a repeated parameter wins."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of a query-protocol body (STS)."""
        return dict(parse_qsl(self.body.decode(errors='replace'), keep_blank_values=True))


def read_call(method: str, raw_path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Parse the request as a call; without a SigV4 signature, `service` is empty."""
    path, _, query_string = raw_path.partition('?')
    call = Call(method, path, query_string, headers, body)
    if signature := _CREDENTIAL.match(headers.get('Authorization', '')):
        call.access_key, call.region, call.service = signature.groups()
    if call.service == 's3':
        call.protocol, call.operation = S3, _s3_operation(call)
    elif call.service == 'sts':
        call.protocol, call.operation = QUERY, call.form.get('Action', UNKNOWN_OPERATION)
        call.identifier = call.form.get('RoleArn')
    elif call.service == 'tagging' or path.startswith(_TAGGING_PATH):
        _read_tagging(call)
    elif call.service == 'organizations':
        target = call.headers.get('X-Amz-Target', '')
        call.protocol, call.operation = JSON, target.removeprefix(_ORGANIZATIONS_TARGET) or UNKNOWN_OPERATION
    else:
        _read_bedrock(call)
    return call


def encode_cbor(document: Mapping[str, Any]) -> bytes:
    """Encode a document for smithy-rpc-v2-cbor."""
    return cbor2.dumps(document)


def decode_cbor(body: bytes) -> Any:
    """Decode a smithy-rpc-v2-cbor body. Raises ValueError for anything else."""
    try:
        return cbor2.loads(body) if body else {}
    except cbor2.CBORError as error:
        raise ValueError(str(error)) from None


def _read_tagging(call: Call) -> None:
    if call.headers.get('smithy-protocol') == CBOR:
        call.protocol, call.operation = CBOR, call.path.removeprefix(_TAGGING_PATH)
    else:
        call.protocol = JSON
        call.operation = call.headers.get('X-Amz-Target', '').removeprefix(_TAGGING_TARGET) or UNKNOWN_OPERATION


def _read_bedrock(call: Call) -> None:
    if operation := _FIXED.get((call.method, call.path)):
        call.operation = operation
        return
    for method, pattern, operation in _NAMED:
        if method == call.method and (match := pattern.fullmatch(call.path)):
            call.operation, call.identifier = operation, unquote(match[1])
            return


def _s3_operation(call: Call) -> str:
    has_key = '/' in call.path.strip('/')
    if call.method == 'GET' and not has_key and call.query.get('list-type') == '2':
        return 'ListObjectsV2'
    named = {'GET': 'GetObject', 'HEAD': 'HeadObject', 'PUT': 'PutObject', 'DELETE': 'DeleteObject'}
    return named.get(call.method, UNKNOWN_OPERATION) if has_key else f'{call.method.title()}Bucket'
