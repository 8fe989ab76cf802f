"""Recordings for tests, made by hand."""

from __future__ import annotations

from typing import Any

from bedrock_jobs.preview.recording import Recording, recording_of

NAMESPACE = 'bedrock_model_customization.'
Sample = tuple[str, str, float, list[str]]


def recording(*polls: list[Sample], every: int = 60, events: list[dict[str, Any]] | None = None) -> Recording:
    """Return a recording of polls, each a list of (name, type, value, tags), `every` so many seconds."""
    return recording_of(
        {'t': number * every, 'metrics': poll, 'events': (events or []) if number == 0 else []}
        for number, poll in enumerate(polls)
    )


def event(title: str = 'failed', text: str = 'why', *tags: str, at: float = 0) -> dict[str, Any]:
    return {
        'timestamp': at,
        'source_type_name': 'bedrock_model_customization',
        'msg_title': title,
        'msg_text': f'%%% \n{text}\n %%%',
        'alert_type': 'error',
        'tags': list(tags),
    }
