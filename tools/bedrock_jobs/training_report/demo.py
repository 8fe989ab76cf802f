"""A report without AWS: the same story as in the other demos, played in a simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from datadog_checks.bedrock_model_customization.aws.session import default_session
from datadog_checks.bedrock_model_customization.settings import Settings

from .. import conf_yaml
from ..simulator import Clock, Simulator, story
from ..simulator.environment import made_up_credentials


@contextmanager
def demo(now: datetime, prepare: Callable[[Simulator], object] = lambda simulator: None) -> Iterator[list[Settings]]:
    """Serve the jobs of a story that ends at `now`, and yield settings that can see all of them.

    `prepare` may add jobs.
    """
    with _no_aws_of_ours(), Simulator(Clock.manual(now)) as simulator:
        story.tell(simulator, now - story.LASTS)
        prepare(simulator)
        instances = story.instances(simulator.endpoint_url)
        yield [check.settings for check in conf_yaml.checks(conf_yaml.ConfYaml({}, instances))]


@contextmanager
def _no_aws_of_ours() -> Iterator[None]:
    """Use made-up credentials, also in sessions that already exist."""
    with made_up_credentials():
        default_session.cache_clear()
        try:
            yield
        finally:
            default_session.cache_clear()
