"""Parses timestamps as AWS sends them and as boto3 returns them."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite

MILLISECONDS_FROM = 1e11
# No job has times outside these years, and arithmetic on times at the limits of datetime would overflow.
YEARS = range(1970, 3000)


def parse_time(value: object) -> datetime | None:
    """Return a timezone-aware UTC time, or None if the value is not readable.

    Accepts what AWS and imitations of it send: ISO 8601 with or without a zone (none means UTC), seconds or
    milliseconds since the epoch as a number or as text, and boto3's own datetimes, aware or naive.
    """
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, str):
        text = value.strip()
        try:
            return _utc(datetime.fromisoformat(text))
        except ValueError:
            try:
                value = float(text)
            except ValueError:
                return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        seconds = float(value)
        if not isfinite(seconds):
            return None
        return _utc(datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= MILLISECONDS_FROM else seconds, UTC))
    except (OverflowError, OSError, ValueError):
        return None


def _utc(moment: datetime) -> datetime | None:
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return moment if moment.year in YEARS else None
