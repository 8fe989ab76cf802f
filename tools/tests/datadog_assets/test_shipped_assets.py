"""The files that are shipped, deployed to the strict Datadog and taken back."""

from __future__ import annotations

from pathlib import Path

from bedrock_jobs.datadog_assets.deploy import Deployer
from bedrock_jobs.datadog_assets.files import read
from bedrock_jobs.datadog_assets.overlay import OFF_BY_DEFAULT, Overlay
from bedrock_jobs.datadog_assets.render import render
from bedrock_jobs.datadog_client import Datadog
from tools.tests.fake_datadog import FakeDatadog

LIBRARY = read(Path(__file__).parents[3] / 'assets')
EVERYTHING = Overlay.model_validate(
    {
        f'{kind}s': {stem: {'enabled': True} for known, stem in OFF_BY_DEFAULT if known == kind}
        for kind, _ in OFF_BY_DEFAULT
    }
)


def build(fake: FakeDatadog, overlay: Overlay) -> Deployer:
    return Deployer(Datadog(fake.connection()), overlay.deployment, render(LIBRARY.assets, overlay))


def test_deployed_once_kept_and_taken_back(fake: FakeDatadog) -> None:
    plan = build(fake, EVERYTHING).plan()
    assert len(plan.actions) == len(LIBRARY.assets) and {action.verb for action in plan.actions} == {'create'}
    build(fake, EVERYTHING).apply()
    writes = len(fake.writes)
    assert writes == len(LIBRARY.assets)
    assert not build(fake, EVERYTHING).apply().has_changes
    assert len(fake.writes) == writes
    run = build(fake, EVERYTHING)
    done, refused = run.destroy(run.owned())
    assert len(done) == len(LIBRARY.assets) and not refused
    assert fake.snapshot() == {'monitors': [], 'slos': [], 'dashboards': []}


def test_what_is_off_by_default_exists_and_is_not_deployed(fake: FakeDatadog) -> None:
    assert {(asset.kind, asset.stem) for asset in LIBRARY.assets} >= OFF_BY_DEFAULT
    build(fake, Overlay()).apply()
    assert len(fake.writes) == len(LIBRARY.assets) - len(OFF_BY_DEFAULT)
