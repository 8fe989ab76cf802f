"""What the DDSQL reference (docs.datadoghq.com/ddsql_reference, autumn 2026) documents. Data only.

Anything missing here is undocumented. Datadog may still accept it, but does not promise to.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Arity(NamedTuple):
    """How many arguments a function takes; `most` None means no upper limit."""

    least: int
    most: int | None


def _exactly(count: int) -> Arity:
    return Arity(count, count)


AGGREGATES: Final = {
    name: _exactly(1)
    for name in ('min', 'max', 'count', 'sum', 'avg', 'bool_and', 'bool_or', 'array_agg', 'approx_percentile')
}
SCALARS: Final = {
    'ceil': _exactly(1),
    'ceiling': _exactly(1),
    'floor': _exactly(1),
    'round': _exactly(1),
    'power': _exactly(2),
    'abs': _exactly(1),
    'lower': _exactly(1),
    'upper': _exactly(1),
    'length': _exactly(1),
    'trim': _exactly(1),
    'replace': _exactly(3),
    'substring': _exactly(3),
    'reverse': _exactly(1),
    'strpos': _exactly(2),
    'split_part': _exactly(3),
    'coalesce': Arity(1, None),
    'cast': _exactly(1),
    'extract': _exactly(1),
    'to_timestamp': Arity(1, 2),
    'to_char': _exactly(2),
    'date_bin': _exactly(3),
    'date_trunc': _exactly(2),
    'now': _exactly(0),
    'current_setting': _exactly(1),
    'cardinality': _exactly(1),
    'array_position': _exactly(2),
    'string_to_array': _exactly(2),
    'array_to_string': _exactly(2),
    'regexp_like': _exactly(2),
    'regexp_match': Arity(2, 3),
    'regexp_replace': Arity(3, 6),
}
WINDOW_FUNCTIONS: Final = {
    'rank': _exactly(0),
    'row_number': _exactly(0),
    'lead': _exactly(1),
    'lag': _exactly(1),
    'first_value': _exactly(1),
    'last_value': _exactly(1),
    'nth_value': _exactly(2),
}
JSON_FUNCTIONS: Final = {'json_extract_path_text': Arity(2, None), 'json_extract_path': Arity(2, None)}
HSTORE_FUNCTIONS: Final = {'akeys': _exactly(1), 'avals': _exactly(1)}
INET_FUNCTIONS: Final = {name: _exactly(1) for name in ('host', 'network', 'netmask', 'masklen', 'broadcast', 'family')}
ROW_FUNCTIONS: Final = {
    'unnest': Arity(1, None),
    'json_array_elements': _exactly(1),
    'json_array_elements_text': _exactly(1),
}
"""Functions that return rows and are documented only in FROM."""

FUNCTIONS: Final[dict[str, Arity]] = {
    **AGGREGATES,
    **SCALARS,
    **WINDOW_FUNCTIONS,
    **JSON_FUNCTIONS,
    **HSTORE_FUNCTIONS,
    **INET_FUNCTIONS,
    **ROW_FUNCTIONS,
}
DATADOG_SCHEMA: Final = 'dd'
DATADOG_FUNCTIONS: Final = frozenset(
    {'logs', 'metrics_scalar', 'metrics_timeseries', 'cloud_cost_scalar', 'cloud_cost_timeseries'}
)
"""Table functions in the schema `dd`, whose data only Datadog has."""

FUNCTION_ALTERNATIVES: Final[dict[str, str]] = {
    'age': 'subtract the timestamps',
    'array_length': 'CARDINALITY(array)',
    'btrim': 'TRIM(text)',
    'char_length': 'LENGTH(text)',
    'clock_timestamp': 'NOW()',
    'concat': "a || b",
    'concat_ws': "a || ', ' || b",
    'count_if': 'SUM(CASE WHEN condition THEN 1 ELSE 0 END)',
    'date': "DATE_TRUNC('day', timestamp)",
    'date_add': "timestamp + INTERVAL '1 day'",
    'date_diff': 'subtract the timestamps',
    'date_part': 'EXTRACT(unit FROM timestamp)',
    'date_sub': "timestamp - INTERVAL '1 day'",
    'dateadd': "timestamp + INTERVAL '1 day'",
    'datediff': 'subtract the timestamps',
    'defined': "tags->'key' IS NOT NULL",
    'dense_rank': 'RANK()',
    'each': 'akeys(tags) and avals(tags)',
    'every': 'BOOL_AND(condition)',
    'exist': "tags->'key' IS NOT NULL",
    'format': "a || b",
    'getdate': 'NOW()',
    'greatest': 'CASE WHEN a > b THEN a ELSE b END',
    'group_concat': "ARRAY_TO_STRING(ARRAY_AGG(text), ', ')",
    'hstore_to_json': 'akeys(tags) and avals(tags)',
    'if': 'CASE WHEN condition THEN a ELSE b END',
    'iff': 'CASE WHEN condition THEN a ELSE b END',
    'ifnull': 'COALESCE(value, instead)',
    'instr': 'STRPOS(text, part)',
    'int': 'CAST(value AS BIGINT)',
    'isnull': 'value IS NULL',
    'json_array_length': 'COUNT(*) over json_array_elements(column) in FROM',
    'json_each': 'json_extract_path_text(column, key)',
    'json_object_keys': 'json_extract_path_text(column, key)',
    'jsonb_array_elements': 'json_array_elements(column)',
    'jsonb_extract_path_text': 'json_extract_path_text(column, path)',
    'least': 'CASE WHEN a < b THEN a ELSE b END',
    'left': 'SUBSTRING(text, 1, length)',
    'len': 'LENGTH(text)',
    'make_interval': "INTERVAL 'value unit'",
    'median': 'APPROX_PERCENTILE(0.5) WITHIN GROUP (ORDER BY value)',
    'nullif': 'CASE WHEN a = b THEN NULL ELSE a END',
    'nvl': 'COALESCE(value, instead)',
    'percentile_cont': 'APPROX_PERCENTILE(share) WITHIN GROUP (ORDER BY value)',
    'percentile_disc': 'APPROX_PERCENTILE(share) WITHIN GROUP (ORDER BY value)',
    'position': 'STRPOS(text, part)',
    'quantile': 'APPROX_PERCENTILE(share) WITHIN GROUP (ORDER BY value)',
    'regexp_matches': 'REGEXP_MATCH(text, pattern)',
    'skeys': 'akeys(tags)',
    'sqrt': 'POWER(number, 0.5)',
    'starts_with': "text LIKE 'start%'",
    'string_agg': "ARRAY_TO_STRING(ARRAY_AGG(text), ', ')",
    'substr': 'SUBSTRING(text, start, length)',
    'svals': 'avals(tags)',
    'to_date': "TO_TIMESTAMP(text, format)",
    'to_json': 'the column itself',
    'trunc': 'FLOOR(number)',
}
SYMBOLS: Final = frozenset('( ) [ ] , . ; * + - / || = <> != < <= > >= -> => << <<= >> >>= &&'.split())
SYMBOL_ALTERNATIVES: Final[dict[str, str]] = {
    '::': 'CAST(value AS type)',
    '->>': "json_extract_path_text(column, 'key'), or tags->'key' on hstore",
    '#>': "json_extract_path(column, 'key', 'key')",
    '#>>': "json_extract_path_text(column, 'key', 'key')",
    '?': "tags->'key' IS NOT NULL",
    '?|': "tags->'key' IS NOT NULL OR tags->'other' IS NOT NULL",
    '?&': "tags->'key' IS NOT NULL AND tags->'other' IS NOT NULL",
    '@>': "tags->'key' = 'value'",
    '<@': "tags->'key' = 'value'",
    '~': 'REGEXP_LIKE(text, pattern)',
    '~*': "REGEXP_LIKE(text, '(?i)pattern')",
    '!': 'NOT',
    '^': 'POWER(base, exponent)',
    '%': 'a - FLOOR(a / b) * b',
    '~~': 'LIKE',
    '~~*': 'LOWER(text) LIKE pattern',
    '$': 'the value itself',
    ':': 'the value itself',
    '|': "|| to join texts",
}
KEYWORD_ALTERNATIVES: Final[dict[str, str]] = {
    'CURRENT_DATE': "DATE_TRUNC('day', NOW())",
    'CURRENT_TIME': 'NOW()',
    'CURRENT_TIMESTAMP': 'NOW()',
    'LOCALTIME': 'NOW()',
    'LOCALTIMESTAMP': 'NOW()',
    'NULLS': 'CASE WHEN value IS NULL THEN 1 ELSE 0 END as the first thing to order by',
}
"""Words that are undocumented wherever they appear unquoted; other undocumented syntax shows in the tree."""

TYPES: Final = frozenset({'BIGINT', 'BOOLEAN', 'DECIMAL', 'INET', 'INTERVAL', 'JSON', 'TIMESTAMP', 'VARCHAR'})
CAST_TARGETS: Final = frozenset({'BIGINT', 'DECIMAL', 'INET', 'TIMESTAMP', 'VARCHAR'})
TYPE_ALTERNATIVES: Final[dict[str, str]] = {
    'BOOL': 'BOOLEAN',
    'CHAR': 'VARCHAR',
    'DATE': 'TIMESTAMP',
    'DOUBLE': 'DECIMAL',
    'FLOAT': 'DECIMAL',
    'INT': 'BIGINT',
    'INTEGER': 'BIGINT',
    'JSONB': 'JSON',
    'NUMERIC': 'DECIMAL',
    'REAL': 'DECIMAL',
    'SMALLINT': 'BIGINT',
    'STRING': 'VARCHAR',
    'TEXT': 'VARCHAR',
    'TIME': 'TIMESTAMP',
    'TIMESTAMPTZ': 'TIMESTAMP',
}
INTERVAL_UNITS: Final = frozenset('millisecond milliseconds second seconds minute minutes hour hours day days'.split())
EXTRACT_UNITS: Final = frozenset(
    'day dow doy epoch hour minute second week month quarter year timezone_hour timezone_minute'.split()
)
TRUNC_UNITS: Final = frozenset(
    'milliseconds second seconds minute minutes hour hours day days week weeks month months quarter quarters year '
    'years'.split()
)
SETTINGS: Final = ('dd.time_frame_start', 'dd.time_frame_end')
TIME_PATTERNS: Final = (
    'YYYY',
    'YY',
    'MM',
    'DD',
    'HH24',
    'HH12',
    'HH',
    'MI',
    'SS',
    'MS',
    'TZ',
    'OF',
    'AM',
    'am',
    'PM',
    'pm',
)
REGEX_FLAGS: Final = frozenset('inmg')
