"""The check that the Agent runs: reads the configuration, polls each Region and submits the results."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from threading import RLock
from time import monotonic
from traceback import format_exc
from typing import Any, Final, NamedTuple

from datadog_checks.base import AgentCheck
from datadog_checks.base.agent import datadog_agent
from datadog_checks.base.utils.http import should_bypass_proxy

from . import config
from .aws.advice import MAX_ADVICE, advise, listing_broken_off
from .aws.bedrock import BedrockScope
from .aws.errors import AwsError, Kind, explain
from .aws.secrets import without_credentials
from .aws.session import AwsSession
from .aws.trials import ASSUME_ROLE, examine, with_little_patience
from .aws.usage import Footprint
from .config_models import ConfigMixin
from .jobs.job import Job
from .jobs.transitions import Transition
from .polling.collector import Collector
from .polling.files import ArtifactReader
from .polling.scope import ScopePoll
from .polling.state import StateStore
from .settings import Settings, cache_id, instance_id, read_settings
from .telemetry import metrics
from .telemetry.events import is_too_old, job_event
from .telemetry.metrics import Sample
from .telemetry.records import job_log
from .telemetry.tags import tag
from .telemetry.text import one_line

MAX_PARALLEL_SCOPES: Final = 8
MAX_LOGGED: Final = MAX_ADVICE
MAX_TRACE: Final = 4000
MAX_DIAGNOSIS_SECONDS: Final = 60


class Outcome(NamedTuple):
    """How one poll of one scope went, and how many seconds it took.

    One of `poll` and `error` is None; both are where the other Regions left no time for this one.
    """

    poll: ScopePoll | None
    error: Exception | None
    duration: float


class Failures:
    """Submission failures, summarised as one line per exception type."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._first: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def add(self, subject: str, error: Exception) -> None:
        kind = type(error).__name__
        self._first.setdefault(kind, f'{self._what}, and are tried again: {kind}: {error} ({subject})')
        self._counts[kind] += 1

    def lines(self) -> list[str]:
        return [f'{self._counts[kind]} {text}' for kind, text in self._first.items()]


class BedrockModelCustomizationCheck(AgentCheck, ConfigMixin):
    """Polls Amazon Bedrock's model customization jobs, and submits gauges, counts and events about them."""

    __NAMESPACE__ = 'bedrock_model_customization'

    def __init__(self, name: str, init_config: dict[str, Any], instances: list[dict[str, Any]]) -> None:
        super().__init__(name, init_config, instances)
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.settings: Settings
        self._session: AwsSession | None = None
        self._store: StateStore | None = None
        self._collectors: dict[str, Collector] = {}
        self._order: deque[str] = deque()
        self._failing: set[str] = set()
        self._succeeded: dict[str, datetime] = {}
        self.doubts: list[str] = []
        self._problems: dict[str, dict[str, str]] = {}
        self._refused: dict[str, dict[str, AwsError]] = {}
        self._initializing = RLock()
        self.check_initializations.append(self._prepare)
        self.diagnosis.register(self._diagnose)

    def load_configuration_models(self, package_path: str | None = None) -> None:
        """Load the models. Raises ConfigurationError, naming each wrong option, its value and what is allowed."""
        config.validate(self.instance or {}, self.init_config or {})
        super().load_configuration_models(package_path)

    def run_check_initializations(self) -> None:
        """Load the configuration and prepare, only once even if the Agent runs and diagnoses the check together."""
        with self._initializing:
            super().run_check_initializations()

    def _prepare(self) -> None:
        agent_proxy = datadog_agent.get_config('proxy') or None
        self.settings = read_settings(self.config, self.shared_config, agent_proxy, should_bypass_proxy)
        self._session = AwsSession(self.settings.aws)
        store = self._state_store()
        for region in self.settings.regions:
            scope, pace = BedrockScope(self._session, region), self.settings.pace
            artifacts = None
            if self.settings.artifacts:
                artifacts = ArtifactReader(scope, self.settings.artifacts, pace.max_concurrency, pace.max_describes)
            collector = Collector(scope, store, self.settings.limits, self.settings.job_filter, pace, artifacts)
            self._collectors[region] = collector
        self._store = store
        self._order = deque(self._collectors)
        self.doubts = config.suspicious_options(self.instance or {}, self.init_config or {})
        if self.settings.emit_records and not self.logs_enabled:
            self.doubts.append('emit_records sends nothing: set logs_enabled to true in datadog.yaml')
        for doubt in self.doubts:
            self.log.warning('%s', one_line(doubt, MAX_LOGGED))

    def _state_store(self) -> StateStore:
        """Return the state store. All instances share a key prefix, so that one may continue from another's state.

        The base class's methods are not used because they would put the instance's `name` before each key.
        """
        instance = self.instance or {}
        old = f'{self.check_id.rpartition(":")[0]}:{cache_id(instance)}_'
        return StateStore(
            lambda key: datadog_agent.read_persistent_cache(f'{self.name}:state_{key}'),
            lambda key, text: datadog_agent.write_persistent_cache(f'{self.name}:state_{key}', text),
            instance_id(instance),
            self.settings.regions,
            lambda key: datadog_agent.read_persistent_cache(old + key),
        )

    def check(self, _: Any) -> None:
        """Poll every Region once. A failure in one Region is reported and does not affect the others."""
        assert self._session is not None
        self._session.guard.start(self.settings.collection_timeout.total_seconds())
        self.warnings += [one_line(doubt, MAX_LOGGED) for doubt in self.doubts]
        for region, outcome in self._poll_all():
            try:
                self._report(region, outcome)
            except Exception as error:
                # The poll is not remembered, so the next one reports it again. The trace is cleaned and put on one line
                # because it may quote any text.
                trace = one_line(without_credentials(format_exc()), MAX_TRACE)
                self.log.error('%s: the poll could not be reported: %s', self._where(region), trace)
                failure = one_line(without_credentials(f'{type(error).__name__}: {error}'), MAX_LOGGED)
                self.warnings.append(f'{self._where(region)}: the poll could not be reported: {failure}')

    def cancel(self) -> None:
        """Make a running poll end at its next request. The Agent calls this from another thread."""
        if self._session:
            self._session.guard.cancel()

    def _where(self, region: str) -> str:
        """Name a scope for people: its account, if that is known, and its Region."""
        account = self._collectors[region].account_id
        return f'{account} {region}' if account else region

    def _poll_all(self) -> Iterator[tuple[str, Outcome]]:
        """Poll the Regions in parallel; yield each Region's outcome as soon as it is done."""
        # If there are more Regions than threads, those that failed come last, as they may take all the time; of the
        # others, those that had to wait come first at the next poll.
        regions = sorted(self._order, key=self._failing.__contains__)
        self._order.rotate(-MAX_PARALLEL_SCOPES)
        if len(regions) == 1:
            yield regions[0], self._poll(regions[0])
            return
        with ThreadPoolExecutor(min(len(regions), MAX_PARALLEL_SCOPES), thread_name_prefix='scope') as pool:
            polls = {pool.submit(self._poll, region): region for region in regions}
            for done in as_completed(polls):
                yield polls[done], done.result()

    def _poll(self, region: str) -> Outcome:
        started = monotonic()
        if self._session and self._session.guard.is_over:
            return Outcome(None, None, 0.0)
        try:
            return Outcome(self._collectors[region].poll(self.clock()), None, monotonic() - started)
        except Exception as error:
            return Outcome(None, error, monotonic() - started)

    def _report(self, region: str, outcome: Outcome) -> None:
        now = self.clock()
        collector, poll = self._collectors[region], outcome.poll
        if poll is None and outcome.error is None:
            self.warnings.append(
                f'{self._where(region)}: not polled, as other Regions took all the time: it comes earlier next time'
            )
            return
        (self._failing.discard if poll else self._failing.add)(region)
        for problem in self._store.take_problems() if self._store else ():
            self.log.warning('%s', one_line(problem, MAX_LOGGED))
        tags = self.settings.tagger.scope(collector.account_id, region)
        self._submit(self._health(region, outcome, now), tags)
        footprint = collector.scope.footprint()
        self._submit_footprint(footprint, tags)
        self._forget_refusals(region, footprint)
        if poll is None:
            self._note_problems(region, [explain(outcome.error or Exception(), 'poll')])
            return
        self._submit(metrics.status_gauges(poll.counts), tags)
        for job in metrics.within_cap(poll.jobs, self.settings.max_reported_jobs):
            gauges = metrics.job_gauges(job, now, poll.curves.get(job.job_arn))
            self._submit(gauges, [*tags, *self.settings.tagger.job(job)])
        transitions, others = self._report_transitions(poll, tags, now)
        changed: Sequence[Job] = poll.changed
        if self.settings.emit_records:
            changed, refused = self._send_records(poll, tags, now)
            others += refused
        others += self._shortfalls(poll)
        try:
            collector.remember(poll, transitions, changed, now)
        except Exception as error:
            others.append(f'the state could not be saved: {error}')
        self._note_problems(region, poll.problems, others, poll.broken_off)

    def _send_records(self, poll: ScopePoll, tags: list[str], now: datetime) -> tuple[list[Job], list[str]]:
        """Send a record of each changed job; return the jobs that were sent, and why the others were not."""
        sent, failures = [], Failures('records could not be sent')
        for job in poll.changed:
            try:
                self.send_log(job_log(job, tags, now))
                sent.append(job)
            except Exception as error:
                failures.add(job.job_arn, error)
        return sent, failures.lines()

    def _report_transitions(
        self, poll: ScopePoll, tags: list[str], now: datetime
    ) -> tuple[list[tuple[Job, Transition]], list[str]]:
        """Report the poll's transitions; return those that were reported, and why the others were not."""
        for count in metrics.TRANSITION_COUNTS.values():
            self.count(count, 0, tags)
        reported: list[tuple[Job, Transition]] = []
        failures, too_old = Failures('transitions could not be reported'), 0
        for job, transition in poll.transitions:
            try:
                too_old += not self._report_transition(poll, job, transition, tags, now)
                reported.append((job, transition))
            except Exception as error:
                failures.add(f'{job.job_arn} {transition.key}', error)
        if too_old:
            self.log.info('%d events are not sent: Datadog takes none that is older than 18 hours', too_old)
        return reported, failures.lines()

    def _report_transition(
        self, poll: ScopePoll, job: Job, transition: Transition, tags: list[str], now: datetime
    ) -> bool:
        """Send a transition's event and count it; return False if it was too old for its event to be sent."""
        is_young = transition.kind not in self.settings.events or not is_too_old(transition, now)
        if transition.kind in self.settings.events and is_young:
            self.event(job_event(job, transition, self.settings.tagger, tags, now, poll.curves.get(job.job_arn)))
        counted = metrics.TRANSITION_COUNTS.get(transition.kind)
        if counted and (job.job_arn, transition.key) not in poll.counted:
            self.count(counted, 1, [*tags, *self.settings.tagger.job(job, with_status=False)])
        return is_young

    def _health(self, region: str, outcome: Outcome, now: datetime) -> Iterator[Sample]:
        """Yield the metrics about the health of the integration itself."""
        poll = outcome.poll
        yield Sample(metrics.CAN_CONNECT, 1 if poll else 0)
        yield Sample(metrics.COLLECTION_DURATION, outcome.duration)
        if poll and poll.is_complete:
            self._succeeded[region] = now
        if poll:
            yield Sample(metrics.JOBS_TRACKED, poll.tracked)
            yield Sample(metrics.JOBS_LEFT_OUT, poll.left_out)
            yield Sample(metrics.JOBS_UNREADABLE, poll.unreadable)
            yield Sample(metrics.JOBS_AWAITING_DESCRIPTION, poll.awaiting_description)
            yield Sample(metrics.JOBS_AWAITING_FILTER, poll.awaiting_filter)
        if region in self._succeeded:
            since = max((now - self._succeeded[region]).total_seconds(), 0.0)
            yield Sample(metrics.COLLECTION_TIME_SINCE_SUCCESS, since)

    def _shortfalls(self, poll: ScopePoll) -> list[str]:
        """Return sentences that say what this poll's data leaves out because of option limits or unreadable answers."""
        shortfalls = list(poll.shortfalls)
        if len(poll.jobs) > self.settings.max_reported_jobs:
            left_out = len(poll.jobs) - self.settings.max_reported_jobs
            shortfalls.append(f'{left_out} jobs have no gauges of their own: max_reported_jobs is reached')
        if poll.not_counted:
            shortfalls.append(f'{poll.not_counted} ended jobs are not counted: max_tracked_jobs is reached')
        if poll.unreadable:
            shortfalls.append(f'{poll.unreadable} entries of the listing name no job and are not reported')
        if poll.malformed:
            members = ', '.join(sorted(set().union(*poll.malformed.values())))
            shortfalls.append(f'{len(poll.malformed)} jobs lack what could not be read of them: {members}')
        return shortfalls

    def _note_problems(
        self, region: str, errors: Sequence[AwsError], others: Iterable[str] = (), broken_off: AwsError | None = None
    ) -> None:
        """Show each problem in `agent status` while it lasts; log it once when it starts and once when it ends."""
        refused = self._refused.setdefault(region, {})
        refused |= {error.operation: error for error in errors if error.iam_action and error.operation != ASSUME_ROLE}
        texts: dict[str, str] = {}
        for error in (*errors, *refused.values()):
            texts.setdefault(f'{error.operation} {error.code}', advise(error))
        if broken_off:
            # Keyed without AWS's message, which may differ from poll to poll.
            texts[f'the listing of jobs was broken off: {broken_off.code}'] = listing_broken_off(broken_off)
        for other in others:
            texts[other.lstrip('0123456789')] = other
        known = self._problems.get(region, {})
        for key, text in texts.items():
            message = f'{self._where(region)}: {one_line(text, MAX_LOGGED)}'
            self.warnings.append(message)
            if key not in known:
                self.log.warning('%s', message)
        for key in known.keys() - texts.keys():
            self.log.info('%s: no longer: %s', self._where(region), one_line(key, MAX_LOGGED))
        self._problems[region] = texts

    def _forget_refusals(self, region: str, footprint: Footprint) -> None:
        """Forget refusals of operations that were requested again: a refused request is not repeated at every poll."""
        refused = self._refused.get(region, {})
        self._refused[region] = {name: error for name, error in refused.items() if not footprint.requests[name]}

    def _diagnose(self) -> None:
        """Test credentials, Regions and permissions for `agent diagnose`. A poll may be running at the same time."""
        try:
            # The Agent may request a diagnosis before the first run.
            self.run_check_initializations()
        except Exception as error:
            finding = f'the configuration is refused: {one_line(str(error), MAX_LOGGED)}'
            self.diagnosis.fail('configuration', finding, 'configuration', remediation='correct it, and ask again')
            return
        session = AwsSession(with_little_patience(self.settings.aws))
        session.guard.start(MAX_DIAGNOSIS_SECONDS)
        for trial in examine(session, self.settings.regions):
            if trial.error and trial.error.kind is Kind.CREDENTIALS:
                # The next attempt must not use the same credentials again.
                session.reset()
            finding = one_line(trial.finding, MAX_LOGGED)
            if trial.error is None:
                self.diagnosis.success(trial.name, finding, 'AWS', trial.purpose)
                continue
            tell = self.diagnosis.fail if trial.is_fatal else self.diagnosis.warning
            answer = one_line(str(trial.error), MAX_LOGGED)
            tell(trial.name, finding, 'AWS', trial.purpose, trial.remedy, answer)

    def _submit_footprint(self, footprint: Footprint, tags: list[str]) -> None:
        for operation, requests in footprint.requests.items():
            of_operation = [*tags, tag('operation', operation)]
            self.count(metrics.API_REQUESTS, requests, of_operation)
            self.count(metrics.API_THROTTLES, footprint.throttles[operation], of_operation)
        for (operation, reason), errors in footprint.errors.items():
            self.count(metrics.API_ERRORS, errors, [*tags, tag('operation', operation), tag('reason', reason)])

    def _submit(self, samples: Iterable[Sample], tags: list[str]) -> None:
        for name, value, own_tags in samples:
            self.gauge(name, value, [*tags, *own_tags])
