"""GetResources of the Resource Groups Tagging API, over both of its wire protocols."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from .errors import ApiError
from .store import Scope
from .wire import CBOR, Answer, Call, decode_cbor, encode_cbor

MAX_ARNS: Final = 100
MAX_PER_PAGE: Final = 100
DEFAULT_PER_PAGE: Final = 50
# Filters and paging are refused together with a list of ARNs.
_EXCLUSIVE: Final = ('TagFilters', 'ResourceTypeFilters', 'ResourcesPerPage', 'TagsPerPage', 'PaginationToken')


def answer(call: Call, scope: Scope, now: datetime) -> Answer:
    """Return the answer to a call, or raise ApiError."""
    if call.operation != 'GetResources':
        raise ApiError('UnknownOperationException', f'{call.operation} is not simulated.', 404)
    document = get_resources(read_request(call), scope, now)
    if call.protocol == CBOR:
        return Answer(200, encode_cbor(document), {'smithy-protocol': CBOR}, 'application/cbor')
    return Answer(200, json.dumps(document).encode(), content_type='application/x-amz-json-1.1')


def get_resources(request: Mapping[str, Any], scope: Scope, now: datetime) -> dict[str, Any]:
    """Return tag mappings. Never tagged resources are absent; resources whose tags were removed have an empty list."""
    if (listed := request.get('ResourceARNList')) is not None:
        if given := [name for name in _EXCLUSIVE if request.get(name)]:
            raise _invalid(f'ResourceARNList cannot be used together with {", ".join(given)}')
        if not 1 <= len(listed) <= MAX_ARNS:
            raise _invalid(f'ResourceARNList must have 1 to {MAX_ARNS} members, got {len(listed)}')
        return {'PaginationToken': '', 'ResourceTagMappingList': list(_mappings(sorted(set(listed)), scope, now))}
    per_page = request.get('ResourcesPerPage', DEFAULT_PER_PAGE)
    if not isinstance(per_page, int) or not 1 <= per_page <= MAX_PER_PAGE:
        raise _invalid(f'ResourcesPerPage must be from 1 to {MAX_PER_PAGE}, got {per_page}')
    types = request.get('ResourceTypeFilters') or ()
    tag_filters = request.get('TagFilters') or ()
    start = _read_token(request.get('PaginationToken') or '')
    wanted = (arn for arn in scope.tagged(start) if _has_type(arn, types))
    found = (mapping for mapping in _mappings(wanted, scope, now) if _has_tags(mapping['Tags'], tag_filters))
    # Take one more than the page holds, to see whether there is a next page.
    page = list(islice(found, per_page + 1))
    token = _make_token(page[per_page - 1]['ResourceARN']) if len(page) > per_page else ''
    return {'PaginationToken': token, 'ResourceTagMappingList': page[:per_page]}


def read_request(call: Call) -> dict[str, Any]:
    """Return the body of a call as a document, for either protocol."""
    try:
        document = decode_cbor(call.body) if call.protocol == CBOR else json.loads(call.body or b'{}')
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ApiError('SerializationException', 'The body cannot be read.', 400)
    return document


def _exists(arn: str, scope: Scope, now: datetime) -> bool:
    try:
        return bool(scope.taggable(arn, now))
    except ApiError:
        return False


def _mappings(arns: Iterable[str], scope: Scope, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the mappings of the resources that exist and are or were tagged."""
    for arn in arns:
        tags = scope.tags_of(arn)
        if tags is not None and _exists(arn, scope, now):
            yield {'ResourceARN': arn, 'Tags': [{'Key': key, 'Value': value} for key, value in tags.items()]}


def _has_type(arn: str, types: Iterable[str]) -> bool:
    """Whether the ARN has one of the types, `service` or `service:resource`; no types means any."""
    _, _, service, _, _, resource = arn.split(':', 5)
    full = f'{service}:{resource.partition("/")[0]}'
    return not types or any(wanted in (service, full) for wanted in types)


def _has_tags(tags: Iterable[Mapping[str, str]], filters: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the tags include every filter's key, with one of its values if it has any."""
    held = {tag['Key']: tag['Value'] for tag in tags}
    return all(
        wanted.get('Key') in held and (not wanted.get('Values') or held[wanted['Key']] in wanted['Values'])
        for wanted in filters
    )


def _make_token(arn: str) -> str:
    return base64.urlsafe_b64encode(arn.encode()).decode()


def _read_token(token: str) -> str:
    try:
        arn = base64.b64decode(token.encode(), b'-_', validate=True).decode()
    except (ValueError, binascii.Error):
        arn = '?'
    if arn and not arn.startswith('arn:'):
        raise _invalid('PaginationToken is invalid')
    return arn


def _invalid(message: str) -> ApiError:
    return ApiError('InvalidParameterException', message, 400)
