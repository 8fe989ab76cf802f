"""Reading AWS's JSON itself: what hostile text costs, and what is too much to be read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.simulator import RawBody, completes
from datadog_checks.bedrock_model_customization.aws import bodies, raw
from datadog_checks.bedrock_model_customization.aws.bedrock import BedrockScope
from datadog_checks.bedrock_model_customization.aws.bodies import MAX_BYTES, MAX_ERROR_BYTES, MalformedAnswerError
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.aws.raw import MAX_DEPTH, TOKENS
from datadog_checks.bedrock_model_customization.aws.s3 import ObjectReader, TooLargeError
from datadog_checks.bedrock_model_customization.aws.session import AwsSession, AwsSettings

from ..harness import HOUR, T0, World, world

LIST = 'ListModelCustomizationJobs'


def tokens(text: str) -> Iterator[str]:
    """Texts and brackets, read character by character: what `TOKENS` should find."""
    at = 0
    while at < len(text):
        begin = at
        at += 1
        if text[begin] == '"':
            while at < len(text) and text[at] != '"':
                at += 2 if text[at] == '\\' else 1
            at = min(at + 1, len(text))
        if text[begin] in '"[]{}':
            yield text[begin:at]


@given(st.text('"\\[]{}a\n', max_size=60))
def test_texts_and_brackets_are_told_apart(text: str) -> None:
    assert [token[0] for token in TOKENS.finditer(text)] == list(tokens(text))


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('"\\[]{}a\n\u2028'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\[]{}a'), inner, max_size=3),
    max_leaves=20,
)


@given(nested)
def test_what_is_not_nested_too_deeply_stays_as_it_is(value: Any) -> None:
    text = json.dumps(value)
    assert raw._shallow(text) == text


@given(nested, st.integers(MAX_DEPTH + 1, 200))
def test_what_is_nested_too_deeply_is_null(value: Any, depth: int) -> None:
    text = json.dumps([value, json.loads('[' * depth + json.dumps(value) + ']' * depth), value])
    kept = json.loads(raw._shallow(text))
    assert kept[0] == kept[2] == value
    # One of the brackets that are kept is that of the whole.
    for _ in range(MAX_DEPTH - 1):
        (kept[1],) = kept[1]
    assert kept[1] is None


HOSTILE = {
    'an end that is missing': b'{"a":"%s',
    'a number that is too long': b'{"a":"%s","b":' + b'9' * 5000 + b'}',
    'a raw line break': b'{"a":"%s\n"}',
}


@pytest.mark.parametrize('filling', [b'\\"', b'\\n', b'x', b'"[', b'\\', b'"{"'])
@pytest.mark.parametrize('body', HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_costs_what_its_size_does(body: bytes, filling: bytes) -> None:
    """Each step is to something that is 8 or 16 times as large, and would take 64 or 256 times as long."""

    def cost(size: int) -> float:
        hostile = body.replace(b'%s', filling * (size // len(filling)))
        taken = []
        for _ in range(3):
            began = process_time()
            with suppress(MalformedAnswerError):
                raw._read_json(hostile)
            taken.append(process_time() - began)
        return min(taken)

    sizes = [2**13, 2**16, 2**20]
    for small, large in pairwise(sizes):
        # What a small one takes may be too short to be measured.
        assert cost(large) < 3 * large / small * max(cost(small), 0.02)


@pytest.fixture
def scope(aws_environment: None) -> Iterator[World]:
    with world() as made:
        yield made


def test_an_answer_that_floods_is_not_read(scope: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, 'MAX_BYTES', 2**20)
    arn = scope.add('job', completes(T0 - HOUR))
    aws = scope.collector.scope
    calls: dict[str, Callable[[], object]] = {
        LIST: lambda: list(aws.list_jobs()),
        'GetModelCustomizationJob': lambda: aws.describe_job(arn),
        'ListTagsForResource': lambda: aws.job_tags(arn),
        'GetResources': lambda: aws.tags_of([arn]),
    }
    body = b'{"modelCustomizationJobSummaries":[],"tags":[],"ResourceTagMappingList":[]%s}'
    for operation, call in calls.items():
        with scope.simulator.faults.during(RawBody(operation=operation, body=body % (b' ' * 2**19))):
            call()
        flood = RawBody(operation=operation, body=body % (b' ' * 2**21))
        with scope.simulator.faults.during(flood), pytest.raises(AwsError) as raised:
            call()
        assert raised.value.kind is Kind.MALFORMED
        assert raised.value.message == 'more than 1 MB in one answer'


class Flood(BaseHTTPRequestHandler):
    """Sends a gigabyte, in chunks and without its length, to whoever reads on."""

    protocol_version = 'HTTP/1.1'
    status, sent = 200, 0

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        self.send_response(self.status)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        chunk = b' ' * 2**20
        with suppress(OSError):
            for _ in range(1024):
                self.wfile.write(b'%x\r\n%s\r\n' % (len(chunk), chunk))
                type(self).sent += len(chunk)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize('status', [200, 400, 403, 500])
@pytest.mark.parametrize('call', ['list', 'describe', 'tags', 'bulk', 'sts', 's3', 'object'])
def test_reading_stops_while_an_endless_answer_arrives(status: int, call: str, aws_environment: None) -> None:
    class OfThisTest(Flood):
        pass

    OfThisTest.status = status
    with ThreadingHTTPServer(('127.0.0.1', 0), OfThisTest) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}'
        scope = BedrockScope(
            AwsSession(AwsSettings(endpoint_url=url, max_attempts=1, retry_mode='standard')), 'us-east-1'
        )
        calls: dict[str, Callable[[], object]] = {
            'list': lambda: list(scope.list_jobs()),
            'describe': lambda: scope.describe_job('x'),
            'tags': lambda: scope.job_tags(f'arn:aws:bedrock:us-east-1:123456789012:{"x" * 20}'),
            'bulk': lambda: scope.tags_of(['x']),
            'sts': scope.caller_account_id,
            's3': lambda: ObjectReader(scope).objects('example-output', ''),
            'object': lambda: ObjectReader(scope).read('example-output', 'x', list, max_size=MAX_BYTES),
        }
        with pytest.raises((AwsError, TooLargeError)) as raised:
            calls[call]()
        server.shutdown()
    expected = {200: Kind.MALFORMED, 400: Kind.UNREACHABLE, 403: Kind.UNREACHABLE, 500: Kind.SERVER}
    assert isinstance(raised.value, TooLargeError) or raised.value.kind in (expected[status], Kind.MALFORMED)
    limit = MAX_BYTES if status == 200 else MAX_ERROR_BYTES
    # What the kernel buffers was sent, and not read.
    assert OfThisTest.sent < limit + 16 * 2**20


def test_the_bound_is_far_above_what_is_real(scope: World) -> None:
    arns = [scope.add(f'job-{number}', completes(T0)) for number in range(20)]
    (page,) = scope.collector.scope.list_jobs()
    assert len(page) == len(arns)
    assert 1000 * len(json.dumps(page)) / len(page) < MAX_BYTES / 10
