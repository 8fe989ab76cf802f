"""Datadog's vocabulary: metrics, events, tags, records and text. Pure: builds values, which the check submits."""
