"""Draws a dashboard from its JSON file and from what the check emitted, without Datadog: one HTML page."""
