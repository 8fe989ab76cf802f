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
# So many characters of a value tell that it is meant, also where it is cut off or written otherwise further on.
TELLING: Final = 16
MAX_KNOWN: Final = 256

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
    """The values of credentials that were used, the newest of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[str, None] = {}

    def add(self, value: str | None) -> None:
        if not value or len(value) < SHORTEST or value in self._values:
            return
        with self._lock:
            self._values[value] = None
            while len(self._values) > MAX_KNOWN:
                self._values.pop(next(iter(self._values)))

    def values(self) -> list[str]:
        with self._lock:
            return list(self._values)


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
    """Remember the credentials in each request that a client sends from now on: an answer may quote them."""
    client.meta.events.register('before-send', _remember)


def _remember(request: AWSPreparedRequest, **_: Any) -> None:
    KNOWN.add(_text(request.headers.get('X-Amz-Security-Token')))
    KNOWN.add(_text(request.headers.get('Authorization')).partition('Credential=')[2].partition('/')[0])


def _text(value: Any) -> str:
    return value.decode('latin-1') if isinstance(value, bytes) else str(value or '')


def without_credentials(text: str) -> str:
    """Return a text without URL user names and passwords, credentials of ours, and what is named like credentials."""
    for value in KNOWN.values():
        text = _pattern(value).sub(HIDDEN, text)
    return _HEADER.sub(rf'\1 {HIDDEN}', _NAMED.sub(rf'\1{HIDDEN}', _URL_CREDENTIALS.sub(f'{HIDDEN}@', text)))


@lru_cache(maxsize=MAX_KNOWN)
def _pattern(value: str) -> re.Pattern[str]:
    """Match a value, or its beginning and what follows: as it is, and as URLs, JSON and HTML write it."""
    return re.compile(''.join(map(_written, value[:TELLING])) + r'[\w+/=%\\.~;&#-]*+')


def _written(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    code, plain = ord(character), re.escape(character)
    written = (plain, rf'%(?i:{code:02x})', rf'\\u(?i:{code:04x})', rf'&#{code};', rf'&#x(?i:{code:x});', rf'\\{plain}')
    return f'(?:{"|".join(written)})'
