"""Reference tables: upload, creation, rows and their limits."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from typing import Any

from .answers import Accepted, Refused, bad, missing
from .clock import Ids, now

Body = dict[str, Any]
MAX_BODY = 1 << 20
MIN_PART = 5_000_000
UPLOAD_LIFE = 300.0


class Tables:
    """Holds uploads and tables. `busy` counts the row writes that are answered with 409 first."""

    def __init__(self, ids: Ids) -> None:
        self.all: dict[str, Body] = {}
        self.uploads: dict[str, Body] = {}
        self.base = ''
        self.busy = 0
        self.polls_until_done = 0
        self.clock = time.monotonic
        self._ids = ids

    def create_reference_table_upload(self, body: Body) -> Body:
        attributes = body['data']['attributes']
        self._check_name(attributes['table_name'])
        if attributes['part_count'] > 1 and attributes['part_size'] < MIN_PART:
            raise bad('part_size must be at least 5000000')
        id = self._ids.hexadecimal()
        self.uploads[id] = {
            **attributes,
            'parts': [None] * attributes['part_count'],
            'until': self.clock() + UPLOAD_LIFE,
        }
        urls = [f'{self.base}/signed/{id}/{part}' for part in range(attributes['part_count'])]
        return {'data': {'type': 'upload', 'id': id, 'attributes': {'part_urls': urls}}}

    def put_part(self, id: str, part: int, data: bytes) -> Accepted:
        upload = self.uploads.get(id)
        if upload is None or self.clock() > upload['until']:
            raise Refused(403, 'Request has expired')
        if part < len(upload['parts']) - 1 and len(data) < MIN_PART:
            raise bad('EntityTooSmall')
        upload['parts'][part] = data
        return Accepted(200)

    def create_reference_table(self, body: Body) -> Body:
        attributes = body['data']['attributes']
        self._check_name(attributes['table_name'])
        if any(table['attributes']['table_name'] == attributes['table_name'] for table in self.all.values()):
            raise Refused(409, {'errors': ['table already exists']})
        upload_id = (attributes.get('file_metadata') or {}).get('upload_id')
        if attributes['source'] == 'LOCAL_FILE' and not upload_id:
            raise bad('upload_id is required')
        rows = self._rows(str(upload_id), attributes['schema'])
        id = self._ids.hexadecimal()
        shown = {
            'table_name': attributes['table_name'],
            'description': attributes.get('description', ''),
            'tags': attributes.get('tags', []),
            'schema': attributes['schema'],
            'source': attributes['source'],
            'status': 'DONE',
            'updated_at': now(),
        }
        self.all[id] = {'id': id, 'attributes': shown, 'rows': rows, 'polls': self.polls_until_done}
        return self._shown(self.all[id])

    def update_reference_table(self, body: Body, id: str) -> Accepted:
        table = self._get(id)
        changed = body['data'].get('attributes', {})
        upload_id = (changed.get('file_metadata') or {}).get('upload_id')
        if upload_id:
            table['rows'] = self._rows(upload_id, table['attributes']['schema'])
        table['attributes'] |= {key: changed[key] for key in ('description', 'tags') if key in changed}
        return Accepted(200)

    def list_tables(
        self, filter_table_name_exact: str = '', page_limit: str = '15', page_offset: str = '0', **_: str
    ) -> Body:
        found = [
            table
            for table in self.all.values()
            if not filter_table_name_exact or table['attributes']['table_name'] == filter_table_name_exact
        ]
        page = found[int(page_offset) : int(page_offset) + int(page_limit)]
        return {'data': [self._shown(table)['data'] for table in page]}

    def get_table(self, id: str) -> Body:
        table = self._get(id)
        table['polls'] = max(table['polls'] - 1, 0)
        return self._shown(table)

    def delete_table(self, id: str) -> Accepted:
        self._get(id)
        del self.all[id]
        return Accepted(200)

    def upsert_rows(self, body: Body, id: str) -> Accepted:
        table = self._ready(id, body)
        known = {field['name'] for field in table['attributes']['schema']['fields']}
        for row in body['data']:
            values = row['attributes']['values']
            if values.keys() - known or any(not isinstance(value, str) for value in values.values()):
                raise bad(f'row {row["id"]} does not fit the schema')
        for row in body['data']:
            table['rows'][row['id']] = row['attributes']['values']
        return Accepted(200)

    def delete_rows(self, body: Body, id: str) -> Accepted:
        table = self._ready(id, body)
        for row in body['data']:
            table['rows'].pop(row['id'], None)
        return Accepted(200)

    def list_reference_table_rows(self, id: str, page_limit: str = '100', page_continuation_token: str = '') -> Body:
        rows = sorted(self._get(id)['rows'].items())
        start = int(page_continuation_token or 0)
        end = start + int(page_limit)
        data = [{'type': 'row', 'id': key, 'attributes': {'values': values}} for key, values in rows[start:end]]
        links = {'first': 'https://example.com/first', 'self': 'https://example.com/self'}
        page = {'next_continuation_token': str(end)} if end < len(rows) else {}
        return {'data': data, 'links': links, 'meta': {'page': page}}

    def _ready(self, id: str, body: Body) -> Body:
        table = self._get(id)
        if len(json.dumps(body).encode()) > MAX_BODY:
            raise Refused(413, {'errors': ['request body is larger than 1 MiB']})
        if self.busy or table['polls']:
            self.busy = max(self.busy - 1, 0)
            raise Refused(409, {'errors': ['table is being updated']})
        return table

    def _get(self, id: str) -> Body:
        if id not in self.all:
            raise missing('table')
        return self.all[id]

    def _shown(self, table: Body) -> Body:
        status = 'PROCESSING' if table['polls'] else 'DONE'
        attributes = {**table['attributes'], 'row_count': len(table['rows']), 'status': status}
        return {'data': {'id': table['id'], 'type': 'reference_table', 'attributes': attributes}}

    def _rows(self, upload_id: str, schema: Body) -> dict[str, Body]:
        upload = self.uploads.get(upload_id)
        if upload is None or any(part is None for part in upload['parts']):
            raise bad('upload is not complete')
        names = [field['name'] for field in schema['fields']]
        lines = csv.reader(io.StringIO(b''.join(upload['parts']).decode()))
        if next(lines, None) != names or upload['headers'] != names:
            raise bad('headers do not match the schema')
        key = names.index(schema['primary_keys'][0])
        rows = {}
        for line in lines:
            if len(line) != len(names):
                raise bad('a line has another number of fields')
            if not line[key] or line[key] in rows:
                raise bad('a primary key is empty or there twice')
            rows[line[key]] = dict(zip(names, line, strict=True))
        return rows

    def _check_name(self, name: str) -> None:
        if not re.fullmatch(r'[a-z0-9_]{1,56}', name):
            raise bad('invalid table name')
