"""Monitors, SLOs and dashboards in Datadog: the same few operations for each kind, and only on our own objects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from ..datadog_client import Datadog, DatadogError
from . import ownership
from .files import Kind

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Remote:
    """An object of ours in Datadog, as Datadog returns it."""

    kind: Kind
    id: int | str
    mark: str
    body: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.body.get('title' if self.kind == 'dashboard' else 'name'))

    @property
    def stem(self) -> str:
        return self.mark.partition('/')[2]


class Shelf(ABC):
    """All objects of one kind that are ours."""

    kind: ClassVar[Kind]

    def __init__(self, datadog: Datadog) -> None:
        self.datadog = datadog

    @abstractmethod
    def owned(self, mark: str | None = None) -> Iterator[Remote]:
        """Yield the objects that carry a marker of ours, or only those that carry `mark`."""

    @abstractmethod
    def create(self, body: Mapping[str, Any]) -> Remote:
        """Create it, once: an unclear outcome is raised, not retried."""

    @abstractmethod
    def update(self, id: int | str, body: Mapping[str, Any]) -> None:
        """Replace it."""

    @abstractmethod
    def _delete(self, id: int | str) -> None: ...

    def validate(self, body: Mapping[str, Any], id: int | str | None) -> None:  # noqa: B027
        """Let Datadog check a body without writing. Raises DatadogError if it refuses. Only monitors can be checked."""

    def refusal(self, id: int | str) -> str | None:
        """Return why it should not be deleted, such as an SLO that depends on it, or None if it can be."""
        return None

    def delete(self, id: int | str) -> None:
        """Delete it. It is not an error if it is already gone."""
        try:
            self._delete(id)
        except DatadogError as error:
            if error.status != 404:
                raise


class Monitors(Shelf):
    """Monitors, found by their tags."""

    kind = 'monitor'

    def owned(self, mark: str | None = None) -> Iterator[Remote]:
        wanted = ','.join(ownership.tags(mark)) if mark else ownership.OWNER_TAG
        page = 0
        while True:
            found = self.datadog.call(
                self.datadog.monitors.list_monitors, monitor_tags=wanted, page=page, page_size=PAGE
            )
            yield from _tagged(self.kind, found, mark)
            if len(found) < PAGE:
                return
            page += 1

    def validate(self, body: Mapping[str, Any], id: int | str | None) -> None:
        api = self.datadog.monitor_validation
        if id is None:
            self.datadog.call(api.validate_monitor, body=dict(body))
        else:
            self.datadog.call(api.validate_existing_monitor, monitor_id=id, body=dict(body))

    def create(self, body: Mapping[str, Any]) -> Remote:
        made = self.datadog.call(self.datadog.monitors.create_monitor, body=dict(body))
        return Remote(self.kind, made['id'], ownership.from_tags(made.get('tags') or []) or '', made)

    def update(self, id: int | str, body: Mapping[str, Any]) -> None:
        # An update does not accept the type, not even the same type under its other name.
        fields = {key: value for key, value in body.items() if key != 'type'}
        self.datadog.call(self.datadog.monitors.update_monitor, monitor_id=id, body=fields)

    def refusal(self, id: int | str) -> str | None:
        return _refusal(self.datadog, self.datadog.monitors.check_can_delete_monitor, monitor_ids=[id])

    def _delete(self, id: int | str) -> None:
        self.datadog.call(self.datadog.monitors.delete_monitor, monitor_id=id)


class Slos(Shelf):
    """SLOs, found by their tags. Datadog can search for only one tag; the other is checked here."""

    kind = 'slo'

    def owned(self, mark: str | None = None) -> Iterator[Remote]:
        wanted = ownership.tags(mark)[-1] if mark else ownership.OWNER_TAG
        offset = 0
        while True:
            answer = self.datadog.call(self.datadog.slos.list_slos, tags_query=wanted, limit=PAGE, offset=offset)
            found = answer.get('data') or []
            yield from _tagged(self.kind, found, mark)
            if len(found) < PAGE:
                return
            offset += PAGE

    def create(self, body: Mapping[str, Any]) -> Remote:
        made = self.datadog.call(self.datadog.slos.create_slo, body=dict(body))['data'][0]
        return Remote(self.kind, made['id'], ownership.from_tags(made.get('tags') or []) or '', made)

    def update(self, id: int | str, body: Mapping[str, Any]) -> None:
        self.datadog.call(self.datadog.slos.update_slo, slo_id=id, body=dict(body))

    def refusal(self, id: int | str) -> str | None:
        return _refusal(self.datadog, self.datadog.slos.check_can_delete_slo, ids=str(id))

    def _delete(self, id: int | str) -> None:
        self.datadog.call(self.datadog.slos.delete_slo, slo_id=id)


class Dashboards(Shelf):
    """Dashboards, found by the last line of their description. The list has the description but not the widgets."""

    kind = 'dashboard'

    def owned(self, mark: str | None = None) -> Iterator[Remote]:
        for summary in self._summaries():
            known = ownership.from_description(summary.get('description'))
            if known and mark in (None, known):
                try:
                    body = self.datadog.call(self.datadog.dashboards.get_dashboard, dashboard_id=summary['id'])
                except DatadogError as error:
                    if error.status == 404:
                        continue
                    raise
                yield Remote(self.kind, summary['id'], known, body)

    def _summaries(self) -> Iterator[Mapping[str, Any]]:
        start = 0
        while True:
            answer = self.datadog.call(self.datadog.dashboards.list_dashboards, count=PAGE, start=start)
            found = answer.get('dashboards') or []
            yield from found
            if len(found) < PAGE:
                return
            start += PAGE

    def create(self, body: Mapping[str, Any]) -> Remote:
        made = self.datadog.call(self.datadog.dashboards.create_dashboard, body=dict(body))
        return Remote(self.kind, made['id'], ownership.from_description(made.get('description')) or '', made)

    def update(self, id: int | str, body: Mapping[str, Any]) -> None:
        self.datadog.call(self.datadog.dashboards.update_dashboard, dashboard_id=id, body=dict(body))

    def _delete(self, id: int | str) -> None:
        self.datadog.call(self.datadog.dashboards.delete_dashboard, dashboard_id=id)


def shelves(datadog: Datadog) -> dict[Kind, Shelf]:
    """Return the shelves in the order in which objects have to be created."""
    ordered: Sequence[Shelf] = (Monitors(datadog), Slos(datadog), Dashboards(datadog))
    return {shelf.kind: shelf for shelf in ordered}


def _refusal(datadog: Datadog, question: Any, **parameters: Any) -> str | None:
    try:
        answer = datadog.call(question, **parameters)
    except DatadogError as error:
        if error.status == 409:
            return '; '.join(error.messages) or 'something else needs it'
        raise
    errors = (answer or {}).get('errors')
    return '; '.join(str(error) for error in errors.values()) if errors else None


def _tagged(kind: Kind, found: Iterable[Mapping[str, Any]], mark: str | None) -> Iterator[Remote]:
    """Yield the objects whose tags carry a marker of ours, or only those that carry `mark`."""
    for body in found:
        known = ownership.from_tags(body.get('tags') or [])
        if known and mark in (None, known):
            yield Remote(kind, body['id'], known, body)
