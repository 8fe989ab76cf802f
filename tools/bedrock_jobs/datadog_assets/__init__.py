"""Brings dashboards, monitors and SLOs to Datadog, and finds out what is there. Needs the extra `api`."""
