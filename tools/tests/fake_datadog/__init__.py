"""A strict, stateful Datadog on the loopback interface, made from the client's own endpoints and models.

    with FakeDatadog() as fake:
        settings = fake.connection()

What it does beyond the models, it does because Datadog was recorded to do so.
"""

from .server import FakeDatadog

__all__ = ['FakeDatadog']
