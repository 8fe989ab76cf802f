"""Deploys dashboards, monitors and SLOs to Datadog, and reports what is there. Needs the extra `api`."""
