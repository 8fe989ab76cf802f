"""What has arrived, what has not, and why that may be."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bedrock_jobs.datadog_assets.files import read
from bedrock_jobs.datadog_assets.overlay import Overlay
from bedrock_jobs.datadog_assets.render import render
from bedrock_jobs.datadog_assets.verify import Report, Verifier, parse_span, wait
from bedrock_jobs.datadog_assets.vocabulary import read_metrics
from bedrock_jobs.datadog_client import Datadog
from tools.tests.fake_datadog import FakeDatadog

ROOT = Path(__file__).parents[3]
LIBRARY = read(ROOT / 'assets')
assert LIBRARY.metadata is not None
NAMES = read_metrics(LIBRARY.metadata)
NAMESPACE = 'bedrock_model_customization.'
DASHBOARDS = [one for one in render(LIBRARY.assets, Overlay()) if one.kind == 'dashboard']


@pytest.fixture
def verifier(fake: FakeDatadog) -> Verifier:
    return Verifier(Datadog(fake.connection()), NAMES, DASHBOARDS, datetime.now(UTC) - timedelta(minutes=15))


def send(fake: FakeDatadog, *names: str, value: float = 0.0, tags: tuple[str, ...] = ('region:us-east-1',)) -> None:
    datadog = Datadog(fake.connection())
    point = [{'timestamp': int(time.time()), 'value': value}]
    series = [{'metric': NAMESPACE + name, 'type': 3, 'points': point, 'tags': list(tags)} for name in names]
    datadog.call(datadog.metrics.submit_metrics, body={'series': series})


def send_event(fake: FakeDatadog) -> None:
    fake.telemetry.create_event_v1(
        {'title': 'x', 'text': 'y', 'source_type_name': 'bedrock_model_customization', 'tags': ['transition:failed']}
    )


def quiet() -> list[str]:
    """Return the metrics that come also when there is no job."""
    plain = [name.removeprefix(NAMESPACE) for name in NAMES]
    return [name for name in plain if not name.startswith('job.') and name not in ('api.errors', 'api.throttles')]


def why(report: Report, name: str) -> str:
    return next(item.reason for item in report.items if item.name.endswith(name))


def test_an_account_without_data(verifier: Verifier) -> None:
    report = verifier.look()
    assert {item.name.removeprefix(NAMESPACE) for item in report.missing if item.kind == 'metric'} == set(quiet())
    assert 'agent status' in why(report, 'jobs.tracked')
    assert not any(item.has_arrived for item in report.items)


def test_a_quiet_account_has_everything_that_is_expected(verifier: Verifier, fake: FakeDatadog) -> None:
    send(fake, *quiet())
    report = verifier.look()
    assert report.missing == []
    assert 'only while there is a job' in why(report, 'job.duration')
    assert 'nothing happened' in why(report, 'source:bedrock_model_customization')
    assert any(item.kind == 'widget' and item.has_arrived for item in report.items)


def test_a_listing_that_fails(verifier: Verifier, fake: FakeDatadog) -> None:
    send(fake, 'can_connect', 'collection.duration', 'api.requests')
    report = verifier.look()
    assert 'see can_connect' in why(report, 'jobs.tracked')


def test_changes_without_events(verifier: Verifier, fake: FakeDatadog) -> None:
    send(fake, *quiet())
    send(fake, 'jobs.failed', value=1.0)
    report = verifier.look()
    assert [item.kind for item in report.missing] == ['events'] and 'option `events`' in report.missing[0].reason
    send_event(fake)
    assert verifier.look().missing == []


def test_a_query_that_is_refused_hides_no_other(fake: FakeDatadog) -> None:
    send(fake, *quiet())
    names = [*NAMES, 'not a metric']
    report = Verifier(Datadog(fake.connection()), names, [], datetime.now(UTC) - timedelta(minutes=15)).look()
    assert [item.name for item in report.missing] == ['not a metric']


def test_a_scope_narrows_everything(fake: FakeDatadog) -> None:
    send(fake, *quiet())
    since = datetime.now(UTC) - timedelta(minutes=15)
    here, there = (
        Verifier(Datadog(fake.connection()), NAMES, [], since, f'region:{region}').look()
        for region in ('us-east-1', 'eu-west-1')
    )
    assert here.missing == [] and there.missing


def test_old_data_is_none(fake: FakeDatadog) -> None:
    send(fake, *quiet())
    later = Verifier(Datadog(fake.connection()), NAMES, [], datetime.now(UTC) + timedelta(seconds=5))
    assert later.look().missing


def test_waiting_ends_when_all_is_there(verifier: Verifier, fake: FakeDatadog) -> None:
    told: list[int] = []

    def pause(seconds: float) -> None:
        if len(told) == 2:
            send(fake, *quiet())
        assert len(told) < 9

    report = wait(verifier, timedelta(minutes=3), pause, 15, lambda seen, left: told.append(len(seen.missing)))
    assert report.missing == [] and len(told) == 2


def test_waiting_ends_with_patience(verifier: Verifier) -> None:
    assert wait(verifier, timedelta(), lambda seconds: None, 15, lambda seen, left: None).missing


@pytest.mark.parametrize(('text', 'seconds'), [('90s', 90), ('15m', 900), ('2h', 7200), ('1d', 86400)])
def test_spans(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize('text', ['', '15', 'm', '0m', '-1m', '1w', '1.5h'])
def test_no_spans(text: str) -> None:
    with pytest.raises(ValueError, match='no span'):
        parse_span(text)
