"""Checks the assets offline: their form against the client's models, their queries against what the check emits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.service_level_objective_request import ServiceLevelObjectiveRequest

from .errors import AssetsError
from .files import Asset, Kind, Library
from .lint_dashboard import dashboard_problems
from .lint_monitor import monitor_problems
from .lint_slo import slo_problems
from .overlay import Overlay
from .render import Desired, references, render, with_stand_ins
from .strict import Problem, check
from .vocabulary import Vocabulary, read_metrics

_MODELS = {'monitor': Monitor, 'slo': ServiceLevelObjectiveRequest, 'dashboard': Dashboard}


def lint(library: Library, overlay: Overlay) -> dict[str, list[Problem]]:
    """Return the problems of each file that has any. Files without problems are left out.

    Raises AssetsError if there is no `metadata.csv` with the folder.
    """
    if library.metadata is None:
        raise AssetsError(f'There is no metadata.csv beside {library.folder}: it names the metrics that exist.')
    vocabulary = Vocabulary(read_metrics(library.metadata))
    problems = {file: list(found) for file, found in library.problems.items()}
    desired = render(library.assets, overlay)
    known: set[tuple[str, str]] = {(one.kind, one.stem) for one in desired}
    by_key = {(one.kind, one.stem): one for one in desired}
    for asset in library.assets:
        found = list(asset_problems(asset, vocabulary))
        rendered = by_key.get((asset.kind, asset.stem))
        if rendered and not found:
            found += _rendered_problems(rendered, vocabulary)
        found += _reference_problems(asset, known, [other.stem for other in library.assets])
        if found:
            problems.setdefault(asset.file, []).extend(found)
    if _names(overlay) - {(asset.kind, asset.stem) for asset in library.assets}:
        unknown = sorted(_names(overlay) - {(asset.kind, asset.stem) for asset in library.assets})
        problems['overlay'] = [Problem(f'{kind}s.{stem}', 'no such file') for kind, stem in unknown]
    return problems


def asset_problems(asset: Asset, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield the problems of one file on its own."""
    prefix = '$' if asset.kind == 'dashboard' else '$.definition'
    body = with_stand_ins(asset.body)
    yield from check(body, (_MODELS[asset.kind],), path=prefix)
    yield from _SENSE[asset.kind](asset, vocabulary)


def _rendered_problems(desired: Desired, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield the problems that an overlay has caused in a file that has none itself."""
    body = dict(desired.body)
    document = body if desired.kind == 'dashboard' else {'definition': body}
    asset = Asset(desired.kind, desired.stem, document, desired.file)
    for problem in check(with_stand_ins(body), (_MODELS[desired.kind],), path='$ with overlay'):
        yield problem
    if desired.kind == 'monitor':
        for problem in monitor_problems(asset, vocabulary, rendered=True):
            yield Problem(f'{problem.path} with overlay', problem.message)


def _reference_problems(asset: Asset, known: set[tuple[str, str]], stems: Sequence[str]) -> Iterator[Problem]:
    for path, kind, stem in references(asset.body):
        if asset.kind == 'monitor':
            yield Problem(path, 'a monitor cannot refer to another asset')
        elif asset.kind == 'slo' and kind == 'slo':
            yield Problem(path, 'an SLO cannot refer to an SLO')
        elif (kind, stem) not in known:
            reason = 'is disabled' if stem in stems else 'does not exist'
            yield Problem(path, f'refers to {kind} {stem}, which {reason}')


def _names(overlay: Overlay) -> set[tuple[str, str]]:
    return {
        (kind, stem)
        for kind, named in (('monitor', overlay.monitors), ('slo', overlay.slos), ('dashboard', overlay.dashboards))
        for stem in named
    }


_SENSE: dict[Kind, Callable[[Asset, Vocabulary], Iterator[Problem]]] = {
    'monitor': monitor_problems,
    'slo': slo_problems,
    'dashboard': dashboard_problems,
}
