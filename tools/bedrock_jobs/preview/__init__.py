"""Draws a dashboard as one HTML page, without Datadog, from its JSON file and from what the check emitted."""
