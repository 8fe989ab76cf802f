"""No credential reaches a log, however an answer or an exception quotes it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from html import escape
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_jobs.simulator import RawBody
from datadog_checks.bedrock_model_customization.aws.errors import AwsError, Kind
from datadog_checks.bedrock_model_customization.aws.secrets import (
    KNOWN,
    MAX_KNOWN,
    without_credentials,
)
from datadog_checks.bedrock_model_customization.aws.session import AwsSession, AwsSettings

from ..harness import World, world

BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/='
tokens = st.text(BASE64, min_size=40, max_size=400).filter(lambda text: any(map(str.isalnum, text[:16])))
WRITTEN: list[Callable[[str], str]] = [
    str,
    lambda text: quote(text, safe=''),
    lambda text: (
        quote(quote(text, safe=''), safe='%').lower() if text.islower() else quote(text, safe='').replace('%2F', '%2f')
    ),
    lambda text: json.dumps(text).replace('/', '\\/'),
    lambda text: text.replace('/', '\\u002f').replace('+', '\\u002B'),
    lambda text: escape(text).replace('/', '&#x2F;').replace('+', '&#43;'),
    lambda text: text[: len(text) // 2],
]
NAMED = [
    '{"X-Amz-Security-Token": "%s"}',
    "{'X-Amz-Security-Token': b'%s'}",
    '{"x-amz-security-token":["%s"]}',
    '{\\"X-Amz-Security-Token\\": \\"%s\\"}',
    'X-Amz-Security-Token: %s',
    '"SessionToken" => "%s"',
    'sessionToken=%s&x=1',
    'x-amz-security-token%%3A%s',
    'x-amz-security-token%%3D%s&x',
    '<SessionToken>%s</SessionToken>',
    '<SecretAccessKey>%s</SecretAccessKey>',
    'aws_secret_access_key = %s',
    'Proxy-Authorization: Basic %s',
    "b'Proxy-Authorization': b'Basic %s'",
    'Authorization: Bearer %s',
    'Credential=%s/20261126/us-east-1/bedrock/aws4_request, SignedHeaders=host',
    'https://user:%s@example.com/x',
]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    KNOWN._beginnings.clear()


def message(text: str) -> str:
    return str(AwsError(Kind.DENIED, 'ListModelCustomizationJobs', 'AccessDenied', text))


@given(tokens, st.sampled_from(WRITTEN), st.text(max_size=30), st.text(max_size=30))
def test_what_was_sent_is_not_quoted(token: str, written: Callable[[str], str], before: str, after: str) -> None:
    KNOWN._beginnings.clear()
    KNOWN.add(token)
    shown = message(f'{before} {written(token)} {after}')
    assert written(token)[:20] not in shown and token[:20] not in shown


@given(st.text(BASE64.rstrip('/='), min_size=20, max_size=300), st.sampled_from(NAMED))
def test_what_is_named_like_a_credential_is_not_quoted(token: str, form: str) -> None:
    KNOWN._beginnings.clear()
    assert token not in message(f'a {form % token} b')


@pytest.mark.parametrize(
    'text',
    [
        'User: arn:aws:sts::123456789012:assumed-role/Reader/datadog-agent is not authorized to perform: bedrock:List',
        'The security token included in the request is invalid',
        'Credential should be scoped to a valid region',
        'Signature expired: 20261126T100000Z is now earlier than 20261126T100500Z',
    ],
)
def test_what_aws_says_of_credentials_stays(text: str) -> None:
    assert without_credentials(text) == text


def test_only_the_newest_are_remembered() -> None:
    for number in range(2 * MAX_KNOWN):
        KNOWN.add(f'{number:09}-and-more-of-it')
    assert len(KNOWN.beginnings()) == MAX_KNOWN
    assert message(f'{2 * MAX_KNOWN - 1:09}-and-more-of-it') != message('nothing')


@pytest.mark.parametrize('hostile', ['password=', '"' * 9, 'credential' * 3 + ' ', '=>', "b'", '<', 'session_'])
def test_hostile_text_costs_what_its_size_does(hostile: str) -> None:
    KNOWN.add('A' * 400)

    def cost(size: int) -> float:
        text = (hostile * size)[:size]
        began = process_time()
        for _ in range(20):
            without_credentials(text)
        return process_time() - began

    cost(1000)
    # 16 times as much text takes 256 times as long where it is quadratic.
    assert cost(64_000) < 100 * max(cost(4_000), 0.001)


@pytest.fixture
def scope(monkeypatch: pytest.MonkeyPatch, aws_environment: None) -> Iterator[World]:
    monkeypatch.setenv('AWS_SESSION_TOKEN', 'IQoJb3JpZ2luX2VjEXAMPLE/+token==')
    with world() as made:
        yield made


@pytest.mark.parametrize('form', ['%s', '{"headers": {"X": ["%s"]}}', '<E><Seen>%s</Seen></E>', "you sent b'%s'"])
def test_an_endpoint_that_echoes_the_session_token(form: str, scope: World) -> None:
    body = json.dumps({'message': form % 'IQoJb3JpZ2luX2VjEXAMPLE/+token=='}).encode()
    echo = RawBody(operation='ListModelCustomizationJobs', body=body, status=403)
    with scope.simulator.faults.during(echo), pytest.raises(AwsError) as raised:
        scope.poll()
    assert 'IQoJb3JpZ2lu' not in str(raised.value) and '***' in str(raised.value)


def test_the_password_of_a_proxy_is_not_quoted(aws_environment: None) -> None:
    AwsSession(AwsSettings(proxies={'https': 'http://me:pa%2Fss-word@proxy.example.com:3128'}))
    told = b64encode(b'me:pa/ss-word').decode()
    assert 'ss-word' not in message('refused: pa%2Fss-word') and 'ss-word' not in message('refused: pa/ss-word')
    assert told not in message(f'refused: {told}')
