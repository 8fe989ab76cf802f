"""Builds what is sent to Datadog: metrics, events, tags, records and text. Pure: the check submits the values."""
