from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from bedrock_jobs.simulator import Fleet

from .conftest import NOW

ACCOUNTS = ('123456789012', '210987654321')
REGIONS = ('us-east-1', 'us-west-2')


def test_the_same_seed_gives_the_same_fleet() -> None:
    def described(fleet: Fleet) -> list[tuple[bytes, dict[str, str]]]:
        return [(job.details_json(NOW), tags) for job, tags in fleet.build()]

    fleet = Fleet(until=NOW, jobs=60)
    assert described(fleet) == described(fleet)
    assert described(fleet) != described(Fleet(until=NOW, jobs=60, seed=1))


@pytest.mark.parametrize('active', [0.0, 0.05, 1.0])
def test_the_active_share_is_exact(active: float) -> None:
    jobs = [job for job, _ in Fleet(until=NOW, jobs=400, active=active).build()]
    running = [job for job in jobs if job.status(NOW) == 'InProgress']
    assert len(running) == 400 * active
    assert all(NOW - timedelta(days=90) <= job.created_at <= NOW for job in jobs)


def test_every_kind_and_fate_occurs_in_every_scope() -> None:
    jobs = list(Fleet(until=NOW, jobs=2000, accounts=ACCOUNTS, regions=REGIONS).build())
    assert Counter((job.account, job.region) for job, _ in jobs) == {(a, r): 500 for a in ACCOUNTS for r in REGIONS}
    assert {job.status(NOW) for job, _ in jobs} == {'InProgress', 'Completed', 'Failed', 'Stopped'}
    assert len({job.spec.customization_type for job, _ in jobs}) == 3
    assert len({job.model for job, _ in jobs}) == 3
    tagged = sum(1 for _, tags in jobs if tags)
    assert 1700 < tagged < 1900
