"""Functions that DDSQL has and PostgreSQL lacks; they exist for one transaction and are never committed."""

from __future__ import annotations

from typing import Final

SHIM: Final = 'bedrock_jobs_ddsql'
AS_TIMESTAMP: Final = f'{SHIM}.as_timestamp'

STATEMENTS: Final = (
    f'CREATE SCHEMA {SHIM}',
    # DDSQL documents its JSON functions for both text and JSON columns.
    f"""CREATE FUNCTION {SHIM}.json_extract_path_text(text, VARIADIC text[]) RETURNS text
    IMMUTABLE LANGUAGE sql AS 'SELECT pg_catalog.json_extract_path_text($1::json, VARIADIC $2)'""",
    f"""CREATE FUNCTION {SHIM}.json_extract_path(text, VARIADIC text[]) RETURNS json
    IMMUTABLE LANGUAGE sql AS 'SELECT pg_catalog.json_extract_path($1::json, VARIADIC $2)'""",
    f"""CREATE FUNCTION {SHIM}.json_array_elements(text) RETURNS SETOF json
    IMMUTABLE LANGUAGE sql AS 'SELECT pg_catalog.json_array_elements($1::json)'""",
    f"""CREATE FUNCTION {SHIM}.json_array_elements_text(text) RETURNS SETOF text
    IMMUTABLE LANGUAGE sql AS 'SELECT pg_catalog.json_array_elements_text($1::json)'""",
    f"""CREATE FUNCTION {AS_TIMESTAMP}(text) RETURNS timestamp
    STABLE LANGUAGE sql AS $$SELECT $1::timestamptz AT TIME ZONE 'UTC'$$""",
    f"CREATE FUNCTION {AS_TIMESTAMP}(timestamp) RETURNS timestamp IMMUTABLE LANGUAGE sql AS 'SELECT $1'",
    f"""CREATE FUNCTION {AS_TIMESTAMP}(timestamptz) RETURNS timestamp
    IMMUTABLE LANGUAGE sql AS $$SELECT $1 AT TIME ZONE 'UTC'$$""",
    'CREATE SCHEMA IF NOT EXISTS dd',
    """CREATE OR REPLACE FUNCTION dd.logs(columns text[], filter text DEFAULT NULL, indexes text[] DEFAULT NULL,
        storage text DEFAULT NULL, from_timestamp timestamptz DEFAULT NULL, to_timestamp timestamptz DEFAULT NULL)
    RETURNS SETOF record LANGUAGE plpgsql AS 'BEGIN RETURN; END'""",
)
"""Run these in a transaction with `SHIM` on the search path. `dd.logs` has no rows: only Datadog has the logs."""
