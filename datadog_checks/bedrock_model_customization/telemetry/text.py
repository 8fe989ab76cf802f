"""Sanitises untrusted text, such as job names and AWS's messages."""

from __future__ import annotations

import re
from typing import Final

# NUL raises in the Agent's logger and truncates its tags; surrogates cannot be encoded; direction marks and what else
# is invisible can spoof text. Two such characters belong to the spelling of some languages, and stay.
_UNPRINTABLE: Final = re.compile(
    r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff'
    r'\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]'
)
_SURROGATE: Final = re.compile(r'[\ud800-\udfff]')
# Includes the ampersand because it starts an entity, and any character can be written as one: `&commat;` is an @.
_MARKDOWN: Final = re.compile(r'([\\`*_{}\[\]<>()#+!|~&])')
_MARKDOWN_FENCE: Final = re.compile(r'%(?=%)')
_INVISIBLE: Final = '\u200b'
_ELLIPSIS: Final = '...'


def clean(text: str, limit: int | None = None) -> str:
    """Return text that is safe for the Agent to log and send, cut to `limit` characters if given."""
    text = _SURROGATE.sub('\ufffd', _UNPRINTABLE.sub('', text)).replace('\r\n', '\n').replace('\r', '\n')
    return clip(text, limit) if limit is not None else text


def clip(text: str, limit: int) -> str:
    """Cut text to `limit` characters; cut text ends with an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - len(_ELLIPSIS), 0)] + _ELLIPSIS[:limit]


def one_line(text: str, limit: int) -> str:
    """Return clean text on one line."""
    return clip(' '.join(clean(text).split()), limit)


def unmentioned(text: str, limit: int) -> str:
    """Return clean text on one line, with mentions disabled: `@name` in an event would notify that person."""
    return clip(_no_mention(one_line(text, limit)), limit)


def inline(text: str, limit: int = 300) -> str:
    """Return text escaped for use within a line of Markdown in an event, in at most `limit` characters."""
    return clip(_MARKDOWN.sub(r'\\\1', _no_fence(unmentioned(text, limit))), limit)


def block(text: str, limit: int) -> str:
    """Return text as an indented Markdown block. Every line is indented, so that no content can end the block.

    The block has at most `limit` characters, indentation included.
    """
    lines = _no_fence(_no_mention(clean(text, limit))).splitlines()
    return clip('\n'.join(f'    {line}' for line in lines), limit)


def _no_fence(text: str) -> str:
    """Break up `%%%`, which begins and ends Markdown in an event."""
    return _MARKDOWN_FENCE.sub('% ', text)


def _no_mention(text: str) -> str:
    return text.replace('@', '@' + _INVISIBLE)
