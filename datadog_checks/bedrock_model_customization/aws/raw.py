"""Reads Bedrock's responses as plain JSON instead of through botocore's model.

botocore rejects a whole page if it cannot parse one member of one job, drops members that are newer than the Agent's
boto3, and spends most of a poll's CPU on timestamps. Its hook `before-parse` lets us take the body of a response first;
requests, signatures, retries and errors remain botocore's.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from botocore.client import BaseClient

from .bodies import MalformedAnswerError
from .cbor import is_whole

RAW: Final = 'RawAnswer'
# More digits than any number in the API has. Python refuses to read or write integers of more than 4300 digits.
MAX_DIGITS: Final = 300
# Far deeper than anything in the API, and far below the limit of Python's JSON reader.
MAX_DEPTH: Final = 64
# Possessive, and accepts an unterminated string: backtracking into a string takes quadratic time, and blocks all other
# threads meanwhile.
TOKENS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
OPERATIONS: Final = (
    'ListModelCustomizationJobs',
    'GetModelCustomizationJob',
    'GetCustomModel',
    'ListTagsForResource',
)


def read_raw(client: BaseClient) -> None:
    """Make a Bedrock client return the JSON as AWS sent it; see `answer_of`.

    A tagging client is left as it is, except that it rejects truncated CBOR, which botocore accepts.
    """
    service = client.meta.service_model.service_name
    if service == 'bedrock':
        for operation in OPERATIONS:
            client.meta.events.register(f'before-parse.bedrock.{operation}', _take_body)
    elif service == 'resourcegroupstaggingapi':
        client.meta.events.register('before-parse', _refuse_cut_cbor)


def answer_of(response: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON object in a client method's response, with AWS's member names and plain JSON values.

    Raises MalformedAnswerError if it is not an object.
    """
    answer = response.get(RAW, response)
    if not isinstance(answer, dict):
        raise MalformedAnswerError(f'expected a JSON object, got {type(answer).__name__}')
    return answer


def _refuse_cut_cbor(response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict['status_code'] >= 300:
        return
    if 'cbor' in str(response_dict['headers'].get('Content-Type')) and not is_whole(response_dict['body']):
        raise MalformedAnswerError('CBOR that was cut off')


def _take_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict['status_code'] >= 300:
        return
    customized_response_dict[RAW] = _read_json(response_dict['body'])
    response_dict['body'] = b'{}'


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        # Lenient, so that one bad value does not hide the other jobs: a string with invalid UTF-8 or a raw line break,
        # a number of thousands of digits, or a member nested thousands of levels deep.
        return json.loads(_shallow(body.decode('utf-8-sig', 'replace')), strict=False, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError(f'not JSON: {error}') from error


def _shallow(text: str) -> str:
    """Return JSON text with null in place of anything nested deeper than `MAX_DEPTH`."""
    kept, position, depth = [], 0, 0
    for token in TOKENS.finditer(text):
        if token[0] in '[{':
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += [text[position : token.start()], 'null']
        elif token[0] in ']}':
            if depth == MAX_DEPTH + 1:
                position = token.end()
            depth -= 1
    return ''.join([*kept, text[position:]]) if depth <= MAX_DEPTH else text


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < MAX_DIGITS else float(digits)
