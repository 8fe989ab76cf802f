"""The Reference Table: made by upload, kept by difference, within Datadog's limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bedrock_jobs.datadog_assets.connection import Datadog
from bedrock_jobs.datadog_assets.errors import AssetsError, DatadogError
from bedrock_jobs.dataset import publish
from bedrock_jobs.dataset.publish import Publisher, batches, rows
from datadog_checks.bedrock_model_customization.jobs.columns import COLUMNS
from datadog_checks.bedrock_model_customization.telemetry.records import record
from tools.tests.fake_datadog import FakeDatadog
from tools.tests.fake_datadog.answers import Refused
from tools.tests.fake_datadog.server import DROP, DROP_AFTER

from .conftest import job

JOBS = [job(number) for number in range(4)] + [job(9, 'eu-west-1')]


@pytest.fixture
def publisher(datadog: Datadog) -> Publisher:
    return Publisher(datadog, wait=lambda seconds: None)


def table(fake: FakeDatadog) -> Any:
    [found] = fake.tables.all.values()
    return found


def test_a_row_has_26_columns_of_text(publisher: Publisher) -> None:
    [values] = rows(JOBS[1:2]).values()
    assert list(values) == list(COLUMNS)
    assert all(isinstance(value, str) for value in values.values())
    assert values['creation_time'] == '2026-11-23T10:00:00.000000Z'
    assert json.loads(values['training_metrics']) == {'training_loss': 0.5}
    assert values['end_time'] == ''


def test_a_difference_writes_nothing(publisher: Publisher, fake: FakeDatadog) -> None:
    found = publisher.compare(JOBS)
    assert found.is_new and len(found.upserts) == 5
    assert fake.writes == []


def test_the_table_is_made_by_upload(publisher: Publisher, fake: FakeDatadog) -> None:
    fake.tables.polls_until_done = 2
    publisher.apply(publisher.compare(JOBS))
    assert table(fake)['rows'] == rows(JOBS)
    assert {field['type'] for field in table(fake)['attributes']['schema']['fields']} == {'STRING'}
    again = publisher.compare(JOBS)
    assert not again.upserts and not again.stale and again.unchanged == 5


def test_only_what_changed_is_written(publisher: Publisher, fake: FakeDatadog) -> None:
    publisher.apply(publisher.compare(JOBS))
    before = len(fake.writes)
    changed = [job(0, status='Failed'), *JOBS[1:], job(20)]
    found = publisher.compare(changed)
    assert sorted(found.upserts) == [changed[0].job_arn, changed[-1].job_arn]
    publisher.apply(found)
    assert [len(request.body['data']) for request in fake.writes[before:]] == [2]
    assert table(fake)['rows'] == rows(changed)


def test_stale_rows_are_deleted_when_wanted_and_only_where_we_looked(publisher: Publisher, fake: FakeDatadog) -> None:
    publisher.apply(publisher.compare(JOBS))
    found = publisher.compare(JOBS[:2])
    assert list(found.stale) == [one.job_arn for one in JOBS[2:4]], 'the other Region was not looked at'
    publisher.apply(found)
    assert len(table(fake)['rows']) == 5
    publisher.apply(found, delete_stale=True)
    assert sorted(table(fake)['rows']) == sorted(one.job_arn for one in [*JOBS[:2], JOBS[4]])


def test_a_table_that_is_not_ours_is_left_alone(publisher: Publisher, fake: FakeDatadog) -> None:
    publisher.apply(publisher.compare(JOBS))
    table(fake)['attributes']['tags'] = []
    with pytest.raises(AssetsError, match='is not ours'):
        publisher.compare(JOBS)


def test_a_table_with_other_columns_is_left_alone(publisher: Publisher, fake: FakeDatadog) -> None:
    publisher.apply(publisher.compare(JOBS))
    table(fake)['attributes']['schema']['fields'].pop()
    with pytest.raises(AssetsError, match='other columns'):
        publisher.compare(JOBS)


def test_large_uploads_go_in_parts(publisher: Publisher, fake: FakeDatadog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part but the last has at least 5 MB, and there are at most 20."""
    many = [job(number, failure_message='x' * 2000) for number in range(5000)]
    publisher.apply(publisher.compare(many))
    [upload] = fake.tables.uploads.values()
    sizes = [len(part) for part in upload['parts']]
    assert len(sizes) == 3 and all(size >= 5_000_000 for size in sizes[:-1])
    assert len(table(fake)['rows']) == 5000


def test_batches_fit_into_a_request(publisher: Publisher, fake: FakeDatadog) -> None:
    publisher.apply(publisher.compare(JOBS))
    many = [job(number, failure_message='ü' * 1000) for number in range(1000)]
    publisher.apply(publisher.compare(many))
    bodies = [request.body for request in fake.requests if request.operation == 'upsert_rows']
    assert len(bodies) > 5
    assert all(len(json.dumps(body)) <= 1 << 20 for body in bodies)
    assert publisher.compare(many).upserts == {}


def test_batches_keep_to_number_and_size() -> None:
    items = [{'id': str(number)} for number in range(50)]
    assert [len(batch) for batch in batches(items, 20)] == [20, 20, 10]
    large = [{'id': str(number), 'text': 'x' * 400_000} for number in range(5)]
    assert [len(batch) for batch in batches(large, 20)] == [2, 2, 1]
    with pytest.raises(AssetsError, match='does not fit'):
        list(batches([{'id': 'huge', 'text': 'x' * publish.MAX_BYTES}], 20))


def test_a_busy_table_is_waited_for(publisher: Publisher, fake: FakeDatadog) -> None:
    publisher.apply(publisher.compare(JOBS))
    fake.tables.busy = 3
    publisher.apply(publisher.compare([job(0, status='Stopped')]))
    assert table(fake)['rows'][JOBS[0].job_arn]['status'] == 'Stopped'


def test_a_table_that_stays_busy_is_an_error(publisher: Publisher, fake: FakeDatadog) -> None:
    publisher.apply(publisher.compare(JOBS))
    fake.tables.busy = 100
    with pytest.raises(DatadogError, match='409: table is being updated'):
        publisher.apply(publisher.compare([job(0, status='Stopped')]))


@pytest.mark.parametrize('fault', [DROP, DROP_AFTER], ids=['lost', 'answer lost'])
def test_interrupted_at_every_request_and_run_again(fake: FakeDatadog, datadog: Datadog, fault: Refused) -> None:
    def run(settings: Any, jobs: Any) -> None:
        publisher = Publisher(Datadog(settings), wait=lambda seconds: None)
        publisher.apply(publisher.compare(jobs), delete_stale=True)

    later = [job(0, status='Failed'), job(1), job(30)]
    run(fake.settings(), JOBS)
    first = len(fake.requests)
    run(fake.settings(), later)
    wanted = table(fake)['rows']
    for position in range(len(fake.requests)):
        with FakeDatadog() as other:
            other.faults = [None] * position + [fault]
            for jobs in (JOBS, later, later):
                try:
                    run(other.settings(), jobs)
                except AssetsError:
                    run(other.settings(), jobs)
            assert len(other.tables.all) == 1
            assert table(other)['rows'] == wanted, (position, first)


def test_an_expired_upload_is_explained(publisher: Publisher, fake: FakeDatadog, monkeypatch: Any) -> None:
    moments = iter([0.0, 301.0])
    fake.tables.clock = lambda: next(moments)
    with pytest.raises(DatadogError, match=r'refused \(403\).*valid for 5 minutes'):
        publisher.apply(publisher.compare(JOBS))
    assert fake.tables.all == {}


def test_no_jobs_make_no_table(publisher: Publisher) -> None:
    with pytest.raises(AssetsError, match='no job'):
        publisher.apply(publisher.compare([]))


def test_rows_are_the_records(publisher: Publisher) -> None:
    for one in JOBS:
        values = rows([one])[one.job_arn]
        for name, value in record(one).items():
            assert values[name] == ('' if value is None else value if isinstance(value, str) else values[name])
