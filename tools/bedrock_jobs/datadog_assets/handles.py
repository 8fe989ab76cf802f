"""Notification handles in a monitor's message. People add them in Datadog, and we must not remove them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r'(?P<block>\{\{\s*(?P<sign>[#^/])\s*(?P<name>[^}]*?)\s*\}\})'
    r'|(?<![\w.@])(?P<handle>@\w(?:[\w.\-+/@]*\w)?(?:(?<=\w)\([^()]*\))?)'
)
_EMPTY: Final = re.compile(r'\{\{\s*[#^]\s*([\w.]+)[^}]*\}\}\s*\{\{\s*/\s*\1\s*\}\}')


class Handle(NamedTuple):
    """A handle such as `@slack-ml-alerts`, and the conditional blocks that enclose it, outermost first."""

    name: str
    blocks: tuple[str, ...] = ()


def find(message: str) -> list[Handle]:
    """Return the handles in a message, in order."""
    found: list[Handle] = []
    blocks: list[str] = []
    for token in _TOKEN.finditer(message):
        if token['handle']:
            found.append(Handle(token['handle'], tuple(blocks)))
        elif token['sign'] != '/':
            blocks.append(token['sign'] + token['name'])
        elif blocks:
            blocks.pop()
    return found


def unbalanced(message: str) -> str | None:
    """Return the first conditional block that is never closed, or that is closed without having been opened."""
    blocks: list[str] = []
    for token in _TOKEN.finditer(message):
        name = (token['name'] or '').split(' ')[0]
        if token['handle']:
            continue
        if token['sign'] != '/':
            blocks.append(name)
        elif not blocks or blocks.pop() != name:
            return name
    return blocks[0] if blocks else None


def plain(message: str) -> str:
    """Return a message's text for comparison: without handles, blocks left empty by that, and white space."""
    text = _TOKEN.sub(lambda token: token['block'] or '', message)
    while (shorter := _EMPTY.sub('', text)) != text:
        text = shorter
    return ''.join(text.split())


def append(message: str, handles: list[str]) -> str:
    """Return the message with `handles` added on a line of their own, except those it already has."""
    new = [handle for handle in handles if handle not in {found.name for found in find(message)}]
    return f'{message.rstrip()}\n\n{" ".join(new)}' if new else message


def carry_over(message: str, old: str) -> str:
    """Return `message` with the handles that only `old` has, each in the conditional blocks it had there."""
    known = {handle.name for handle in find(message)}
    lines: dict[tuple[str, ...], list[str]] = {}
    for handle in find(old):
        if handle.name not in known:
            lines.setdefault(handle.blocks, []).append(handle.name)
    if not lines:
        return message
    added = [
        ''.join(f'{{{{{block}}}}}' for block in blocks)
        + ' '.join(dict.fromkeys(names))
        + ''.join(f'{{{{/{block[1:].split(" ")[0]}}}}}' for block in reversed(blocks))
        for blocks, names in lines.items()
    ]
    return f'{message.rstrip()}\n\n' + '\n'.join(added)
