"""Removes credentials from text: those that this process sent, by their value, and others by how they are written."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.client import BaseClient

HIDDEN: Final = '***'
# Shorter values are found in ordinary words, and are no credentials of AWS's.
SHORTEST: Final = 8
# So many characters tell which value is meant, also where it is cut off or written otherwise further on.
TELLING: Final = 16
MAX_KNOWN: Final = 64

_URL_CREDENTIALS: Final = re.compile(r'(?<=//)[^/\s]+@')
# Python quotes a header that it rejects, which may be a session token or the whole authorization.
_HEADER: Final = re.compile(r'(?i)(invalid header (?:name|value)).*', re.DOTALL)
_NAMES: Final = (
    r'(?:x-amz-)?(?:signature|credential|security-?token)|(?:aws)?_?access_?key_?id|session_?token'
    r'|secret_?(?:access_?)?key|(?:proxy-)?authorization|password'
)
# As a query, a header, JSON, Python, Ruby's hash, XML, and what of these is in a URL. Possessive, so that hostile text
# costs no more than its size.
_NAMED: Final = re.compile(
    rf'(?i)((?:{_NAMES})(?:\\?["\'\]]|%22|%27)?+\s{{0,3}}+(?:=>|[=:>]|%3[ade])\s{{0,3}}+(?:\[?b?\\?["\']|%22|%27)?+'
    r'(?:(?:basic|bearer|aws4-hmac-sha256)\s++)?+)[^&\s,"\'<>]++'
)


class _Known:
    """How the credentials begin that were used, the newest of them. All tokens of STS begin alike."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._beginnings: dict[str, None] = {}

    def add(self, value: str) -> None:
        beginning = value[:TELLING]
        if len(beginning) < SHORTEST or beginning in self._beginnings:
            return
        with self._lock:
            self._beginnings[beginning] = None
            while len(self._beginnings) > MAX_KNOWN:
                self._beginnings.pop(next(iter(self._beginnings)))

    def beginnings(self) -> list[str]:
        with self._lock:
            return list(self._beginnings)


KNOWN: Final = _Known()


def remember_proxies(proxies: Mapping[str, str] | None) -> None:
    """Remember the passwords in the URLs of proxies."""
    for url in (proxies or {}).values():
        parts = urlsplit(url)
        if parts.password:
            user, password = unquote(parts.username or ''), unquote(parts.password)
            for value in (parts.password, password, b64encode(f'{user}:{password}'.encode()).decode()):
                KNOWN.add(value)


def remember_sent(client: BaseClient) -> None:
    """Remember the session token in each request that a client sends from now on: an answer may quote it.

    Nothing else of the credentials is sent: a signature is good for one request, and an access key's id is no secret.
    """
    client.meta.events.register('before-send', _remember)


def _remember(request: AWSPreparedRequest, **_: Any) -> None:
    token = request.headers.get('X-Amz-Security-Token', '')
    KNOWN.add(token.decode('latin-1') if isinstance(token, bytes) else str(token))


def without_credentials(text: str) -> str:
    """Return a text without URL user names and passwords, credentials of ours, and what is named like credentials."""
    for beginning in KNOWN.beginnings():
        text = _pattern(beginning).sub(HIDDEN, text)
    return _HEADER.sub(rf'\1 {HIDDEN}', _NAMED.sub(rf'\1{HIDDEN}', _URL_CREDENTIALS.sub(f'{HIDDEN}@', text)))


@lru_cache(maxsize=MAX_KNOWN)
def _pattern(beginning: str) -> re.Pattern[str]:
    """Match what begins so, as it is and as URLs, JSON and HTML write it."""
    return re.compile(''.join(map(_written, beginning)) + r'[\w+/=%\\.~;&#-]*+')


def _written(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    code, plain = ord(character), re.escape(character)
    written = (plain, rf'%(?i:{code:02x})', rf'\\u(?i:{code:04x})', rf'&#{code};', rf'&#x(?i:{code:x});', rf'\\{plain}')
    return f'(?:{"|".join(written)})'
