"""Plans, applies and removes a deployment. Datadog is the only state: there is no state file to lose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import sleep
from typing import Final, Literal

from ..datadog_client import Datadog, DatadogError
from . import ownership
from .diff import Change, changes, extras, merged, needs_replacement
from .errors import AssetsError
from .files import KINDS, Kind
from .remote import Remote, Shelf, shelves
from .render import Desired

Verb = Literal['create', 'update', 'replace', 'delete', 'keep']
CREATE_ATTEMPTS: Final = 4
_DUPLICATE: Final = 'duplicate of an existing monitor'


@dataclass(frozen=True, slots=True)
class Action:
    """What to do about one asset, or what was done."""

    verb: Verb
    kind: Kind
    stem: str
    title: str
    id: int | str | None = None
    changes: Sequence[Change] = ()

    @property
    def label(self) -> str:
        return f'{self.kind} {self.stem}'


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a deployment would do. `strays` are objects of ours in Datadog that no file asks for any more."""

    actions: Sequence[Action]
    strays: Sequence[Remote] = ()

    @property
    def has_changes(self) -> bool:
        return any(action.verb != 'keep' for action in self.actions)


@dataclass(slots=True)
class Refusal:
    """An object that was not deleted, and why."""

    remote: Remote
    reason: str


@dataclass(slots=True)
class Deployer:
    """Brings Datadog to the desired state, one request at a time, so that it can be stopped after any of them.

    Only objects with this deployment's marker are read or changed. `force` removes handles and tags that people have
    added; `prune` deletes objects that no file asks for any more.
    """

    datadog: Datadog
    deployment: str
    desired: Sequence[Desired]
    force: bool = False
    prune: bool = False
    tell: Callable[[Action], None] = lambda action: None
    wait: Callable[[float], None] = sleep
    _shelves: dict[Kind, Shelf] = field(init=False)
    _had_unclear_outcome: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._shelves = shelves(self.datadog)

    def look(self, kinds: Iterable[Kind] = KINDS) -> dict[tuple[Kind, str], Remote]:
        """Return this deployment's objects in Datadog, by kind and marker.

        Raises AssetsError if two objects carry the same marker: one is a copy somebody made, and only people can say
        which.
        """
        found: dict[tuple[Kind, str], Remote] = {}
        for kind in kinds:
            for remote in self._shelves[kind].owned():
                if remote.mark.partition('/')[0] != self.deployment:
                    continue
                twin = found.setdefault((kind, remote.mark), remote)
                if twin.id != remote.id:
                    raise _two_matches(twin, remote)
        return found

    def plan(self) -> Plan:
        """Return what `apply` would do. Datadog first checks every monitor that would be written."""
        plan = self._compare(self.look())
        self._validate(plan)
        return plan

    def apply(self) -> Plan:
        """Carry out the plan and return what was done. All checks come before the first write."""
        found = self.look()
        plan = self._compare(found)
        self._validate(plan)
        if not plan.has_changes:
            return plan
        ids = _ids(found)
        done: list[Action] = []
        for desired in self.desired:
            action, remote = self._make(desired.resolved(ids), found.get((desired.kind, desired.mark)))
            ids[desired.kind, desired.stem] = remote
            done.append(action)
            if action.verb != 'keep':
                self.tell(action)
        for stray in self._deletable(plan):
            done.append(self._delete(stray))
        if self._had_unclear_outcome:
            # A request that we gave up on may have been carried out late: look for duplicates.
            self.look()
        return Plan(done, () if self.prune else plan.strays)

    def owned(self) -> list[Remote]:
        """Return all objects of this deployment, in the order in which they can be deleted."""
        found = self.look().values()
        return [remote for kind in reversed(KINDS) for remote in found if remote.kind == kind]

    def destroy(self, remotes: Iterable[Remote]) -> tuple[list[Action], list[Refusal]]:
        """Delete objects returned by `owned`. Those that something else needs are kept, and the reason returned."""
        done: list[Action] = []
        refused: list[Refusal] = []
        for remote in remotes:
            reason = self._shelves[remote.kind].refusal(remote.id)
            if reason:
                refused.append(Refusal(remote, reason))
                continue
            done.append(self._delete(remote))
        return done, refused

    def _compare(self, found: Mapping[tuple[Kind, str], Remote]) -> Plan:
        ids = _ids(found)
        actions = [
            self._action(desired.resolved(ids), found.get((desired.kind, desired.mark))) for desired in self.desired
        ]
        wanted = {(desired.kind, desired.mark) for desired in self.desired}
        strays = [found[key] for kind in reversed(KINDS) for key in found if key[0] == kind and key not in wanted]
        deletions = [_action('delete', stray) for stray in strays] if self.prune else []
        return Plan([*actions, *deletions], strays)

    def _action(self, desired: Desired, remote: Remote | None) -> Action:
        if remote is None:
            return Action('create', desired.kind, desired.stem, desired.title)
        different = changes(desired.kind, desired.body, remote.body)
        if self.force:
            different += extras(desired.kind, desired.body, remote.body)
        verb: Verb = 'update' if different else 'keep'
        if needs_replacement(desired.kind, desired.body, remote.body):
            verb = 'replace'
        return Action(verb, desired.kind, desired.stem, desired.title, remote.id, different)

    def _validate(self, plan: Plan) -> None:
        """Let Datadog check what is to be written. Raises AssetsError listing everything that it refuses."""
        refused = []
        for desired, action in zip(self.desired, plan.actions, strict=False):
            if action.verb in ('create', 'update', 'replace'):
                try:
                    existing = action.id if action.verb == 'update' else None
                    self._shelves[desired.kind].validate(desired.body, existing)
                except DatadogError as error:
                    if error.status != 400 or _is_duplicate(error):
                        raise
                    refused.append(f'{desired.file}: {"; ".join(error.messages)}')
        if refused:
            raise AssetsError('Datadog refuses, and nothing was written:\n  ' + '\n  '.join(refused))

    def _make(self, desired: Desired, remote: Remote | None) -> tuple[Action, int | str]:
        action = self._action(desired, remote)
        shelf = self._shelves[desired.kind]
        if remote is not None and action.verb == 'keep':
            return action, remote.id
        if remote is not None and action.verb == 'update':
            shelf.update(remote.id, merged(desired.kind, desired.body, remote.body, force=self.force))
            return action, remote.id
        if remote is not None:
            reason = shelf.refusal(remote.id)
            if reason:
                raise AssetsError(
                    f'{desired.label} has to be made anew, since its type changes, but its predecessor is needed: '
                    f'{reason}. Run `assets destroy` first, or change that.'
                )
            shelf.delete(remote.id)
            body = merged(desired.kind, desired.body, remote.body, force=self.force)
            made = self._create(desired, body)
        else:
            made = self._create(desired, desired.body)
        return Action(action.verb, desired.kind, desired.stem, desired.title, made.id, action.changes), made.id

    def _create(self, desired: Desired, body: Mapping[str, object]) -> Remote:
        """Create it exactly once: if the outcome is unclear, look for the marker before trying again."""
        shelf = self._shelves[desired.kind]
        for attempt in range(CREATE_ATTEMPTS):
            try:
                return shelf.create(body)
            except DatadogError as error:
                if not (error.is_unclear or _is_duplicate(error)):
                    raise AssetsError(f'{desired.file}: {error}') from None
                failure = error
            self._had_unclear_outcome = True
            if not _is_duplicate(failure):
                self.wait(self.datadog.connection.backoff * 2**attempt)
            made = list(shelf.owned(desired.mark))
            if len(made) > 1:
                raise _two_matches(made[0], made[1])
            if made:
                return made[0]
            if _is_duplicate(failure):
                raise AssetsError(
                    f'{desired.file}: {"; ".join(failure.messages)} That monitor has the same content, but '
                    f'{ownership.TOOL} did not make it and leaves it alone. Delete it, or set `prefix` in an overlay.'
                )
        raise failure

    def _deletable(self, plan: Plan) -> list[Remote]:
        if not self.prune:
            return []
        for stray in plan.strays:
            reason = self._shelves[stray.kind].refusal(stray.id)
            if reason:
                raise AssetsError(f'{stray.kind} {stray.title} ({stray.id}) cannot be pruned: {reason}')
        return list(plan.strays)

    def _delete(self, remote: Remote) -> Action:
        self._shelves[remote.kind].delete(remote.id)
        action = _action('delete', remote)
        self.tell(action)
        return action


def _ids(found: Mapping[tuple[Kind, str], Remote]) -> dict[tuple[str, str], int | str]:
    return {(remote.kind, remote.stem): remote.id for remote in found.values()}


def _action(verb: Verb, remote: Remote) -> Action:
    return Action(verb, remote.kind, remote.stem, remote.title, remote.id)


def _is_duplicate(error: DatadogError) -> bool:
    return error.status in (400, 409) and any(_DUPLICATE in text.lower() for text in error.messages)


def _two_matches(one: Remote, other: Remote) -> AssetsError:
    where = 'the tag' if one.kind != 'dashboard' else 'the last line of the description'
    return AssetsError(
        f'Two {one.kind}s carry the marker {one.mark}: {one.id} ("{one.title}") and {other.id} ("{other.title}"). '
        f'One is probably a copy. Remove {where} from the copy, or delete it; nothing was changed.'
    )
