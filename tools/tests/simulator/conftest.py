from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import Message
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from bedrock_jobs.simulator import Clock, Simulator

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(Clock.manual(NOW)) as simulator:
        yield simulator


@pytest.fixture
def connect(simulator: Simulator) -> Callable[..., Any]:
    """Make a boto3 client of a service, for a Region and an account; one attempt, so that each fault shows."""

    def connect(service: str, region: str = 'us-east-1', account: str | None = None, **options: Any) -> Any:
        settings = {'read_timeout': 5, 'retries': {'total_max_attempts': 1}, **options.pop('config', {})}
        known = simulator.client_options(region, account)
        return boto3.client(service, **{**known, **options}, config=Config(**settings))

    return connect


@pytest.fixture
def bedrock(connect: Callable[..., Any]) -> Any:
    return connect('bedrock')


@pytest.fixture
def tagging(connect: Callable[..., Any]) -> Any:
    return connect('resourcegroupstaggingapi')


class RawAnswer(NamedTuple):
    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def raw(simulator: Simulator) -> Callable[..., RawAnswer]:
    """Send a request without an SDK; `service` None leaves the signature out."""

    def raw(
        service: str | None, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b''
    ) -> RawAnswer:
        signature = f'AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/{service}/aws4_request, Signature=0'
        sent = {**({'Authorization': signature} if service else {}), **(headers or {})}
        connection = HTTPConnection(urlsplit(simulator.endpoint_url).netloc, timeout=5)
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        answer = RawAnswer(response.status, response.headers, response.read())
        connection.close()
        return answer

    return raw
