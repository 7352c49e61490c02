"""What operators can ask of the running server; see `operations.ports.Operations`."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar

import orjson

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.desk.rule_rows import rule_rows
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.records.current import fetched
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.app.records.events import EventRing
from dfks_rules.app.records.logs import LoggedOutcomes
from dfks_rules.app.subscriptions import page_of, page_of_presentity, rows_of
from dfks_rules.app.worker.studies import WorkerStudies
from dfks_rules.app.worker.worker import Worker
from dfks_rules.errors import DfksError, StoreError
from dfks_rules.model.decisions import Outcome, Repeated
from dfks_rules.model.features import FEATURES, Feature, FeatureState, Snapshot
from dfks_rules.model.gets import Done, Result, outcomes_of
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin, Requester, Surroundings
from dfks_rules.operations.answers import Answers
from dfks_rules.operations.cluster import ClusterOperations
from dfks_rules.operations.coming import MOST_COMING
from dfks_rules.operations.decisions import Decided
from dfks_rules.operations.imports import Imports
from dfks_rules.operations.policies import RuleRow
from dfks_rules.operations.ports import (
    Exposition,
    Place,
    Readiness,
    SetResult,
    Sets,
    Stored,
    SubscriptionPage,
    SubscriptionRow,
)
from dfks_rules.operations.rollouts import Rollouts
from dfks_rules.operations.traces import TraceOperations
from dfks_rules.operations.turns import Turns
from dfks_rules.operations.webhooks import Webhooks
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.site.star_codes import StarCode
from dfks_rules.policy.site.targets import Target
from dfks_rules.policy.studying.coming import Coming, coming
from dfks_rules.presence.notifier import Notifier
from dfks_rules.service.features import Features
from dfks_rules.service.ports import Journal, NotKnownError
from dfks_rules.service.under_way import MAX_FETCHES
from dfks_rules.store.calls import uri_of


class Records(NamedTuple):
    """What the server writes down and counts."""

    log: LoggedOutcomes
    """Has the level that is logged from."""
    decisions: Decisions
    """What was decided."""
    metrics: Metrics
    """Every counter."""
    exposition: Exposition
    """The same for Prometheus, and more."""
    events: EventRing | None = None
    """Tells what happens; None where nothing lasts."""
    webhooks: Callable[[], Webhooks] | None = None
    """Gives what tells it by HTTP; None where nothing lasts."""


T = TypeVar("T")

Page = Callable[
    [Aor | None, int, frozenset[str] | None, Feature | None], Awaitable[Sequence[Stored]]
]
"""Gives stored presentities; see `operations.ports.Operations.page`."""


class Keeping(NamedTuple):
    """What is kept of states, beside what `Features` know."""

    page: Page
    is_failing: Callable[[], bool]
    """Whether what is asked for now would probably not be stored."""
    answers: Answers
    journal: Journal | None = None
    """None where nothing lasts."""
    rollouts: Rollouts | None = None
    """None where no other node follows the same policies."""
    cluster: ClusterOperations | None = None
    """None where nobody shares it."""
    standing: Callable[[], Readiness] | None = None
    """Whether this node may serve, and takes new dialogs; None where nobody else could."""


class ServerOperations:
    """The operators' side of a server."""

    traces: TraceOperations
    """Set by the server, as it looks at messages."""

    def __init__(  # noqa: PLR0913 - what it operates
        self,
        features: Features,
        notifier: Notifier,
        records: Records,
        policies: PolicyReloader,
        at: Callable[[], datetime],
        keeping: Keeping,
        worker: Worker,
    ) -> None:
        self._features = features
        self._notifier = notifier
        self._records = records
        self.exposition = records.exposition
        """What Prometheus is told."""
        self.policies = policies
        """The policies in force, and how they become others."""
        self.decisions = records.decisions
        """The last decisions."""
        self.studies = WorkerStudies(
            worker, lambda: policies.live.active.revision, records.decisions.site_of
        )
        """Questions that the worker answers."""
        self._explanations = 0
        self._at = at
        self._keeping = keeping
        self.answers = keeping.answers
        """What requests were answered that may come again."""
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self.jobs: Imports | None = None
        """Imports; None where nothing lasts."""

    async def set(self, sets: Sets) -> SetResult:
        """Set features, and say what came of it once it is committed."""
        requester = Requester(
            Origin.OPERATOR, device=sets.asked[0].device, param=sets.param, actor=sets.actor
        )
        settled, done = self._awaited()
        set_ = self._features.set_all if sets.are_one else self._features.set
        set_(
            sets.presentity,
            sets.asked,
            requester,
            self._at(),
            self._loop.time(),
            done,
            expected=sets.expected,
        )
        return await self._result(sets, settled)

    async def remove(self, sets: Sets) -> SetResult:
        """Switch off all features of a presentity, and forget their values."""
        requester = Requester(Origin.OPERATOR, param=sets.param, actor=sets.actor)
        settled, done = self._awaited()
        self._features.remove(
            sets.presentity, requester, self._at(), self._loop.time(), done, sets.expected
        )
        return await self._result(sets, settled)

    async def _result(self, sets: Sets, settled: asyncio.Future[tuple[Outcome, ...]]) -> SetResult:
        outcomes = await settled
        snapshot = await self.stored(sets.presentity)
        first = self._records.decisions.name_of(outcomes[0]) or ""
        return SetResult(outcomes, first, snapshot.revision)

    async def tried(self, sets: Sets) -> SetResult:
        """What would come of a set."""
        requester = Requester(Origin.OPERATOR, param=sets.param, actor=sets.actor)
        try_set = partial(
            self._features.try_set, sets.presentity, sets.asked, requester, self._at()
        )
        outcomes = await self._known(try_set)
        return SetResult(outcomes, "", (await self.stored(sets.presentity)).revision)

    def target(self, presentity: Aor, text: str) -> Target:
        """What a forward target is."""
        return self.policies.live.active.site.targets.analyse(text, presentity)

    @property
    def imports(self) -> Imports:
        """Imports."""
        if self.jobs is None:
            raise self._not_kept(phrase("imports"))
        return self.jobs

    def rules(self) -> Iterator[RuleRow]:
        """The rules in force."""
        return rule_rows(self.policies.live.active, self.policies.in_force.files.sources)

    async def stored(self, presentity: Aor) -> Snapshot:
        """What is stored; the policies are not asked."""
        return await self._known(partial(self._features.stored_of, presentity))

    async def shown(self, presentity: Aor) -> tuple[tuple[Feature, FeatureState], ...]:
        """What the presentity's own phone would be told now."""
        requester = Requester(Origin.WATCHER, watcher=presentity)
        look = partial(self._features.look, presentity, FEATURES, requester, self._at())
        return await self._known(look)

    async def coming(self, presentity: Aor, hours: int) -> list[Coming]:
        """What time will change for a presentity, if nobody touches anything."""
        for _ in range(MAX_FETCHES):
            try:
                return await self._walk(presentity, hours)
            except NotKnownError as unknown:
                await fetched(self._features, unknown.presentities)
        return await self._walk(presentity, hours)

    async def _walk(self, presentity: Aor, hours: int) -> list[Coming]:
        snapshot, at = await self.stored(presentity), self._at()
        features, until = self._features, at + timedelta(hours=hours)
        around = Surroundings(features.stored_of, (), features.group_counts())
        found: list[Coming] = []
        turns = Turns()
        active = self.policies.live.active
        for some in coming(active, presentity, snapshot, at, until, around):
            found += some
            if len(found) >= MOST_COMING:
                break
            await turns.rest()
        return found[:MOST_COMING]

    async def _known(self, look: Callable[[], T]) -> T:
        """What `look` gives, once what it reads is known."""
        for _ in range(MAX_FETCHES):
            try:
                return look()
            except NotKnownError as unknown:
                await fetched(self._features, unknown.presentities)
        return look()

    async def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None, on: Feature | None
    ) -> Sequence[Stored]:
        """Stored presentities, by domain and user."""
        return await self._keeping.page(after, at_most, domains, on)

    async def get_features(self, presentity: Aor) -> tuple[Outcome, ...]:
        """The states of all features, as an operator is told."""
        settled, done = self._awaited()
        requester = Requester(Origin.OPERATOR)
        self._features.get(presentity, requester, self._at(), self._loop.time(), done)
        return await settled

    @property
    def events(self) -> EventRing:
        """What happens."""
        if self._records.events is None:
            raise self._not_kept(phrase("events"))
        return self._records.events

    @property
    def webhooks(self) -> Webhooks:
        """Who is told by HTTP what happens."""
        if self._records.webhooks is None:
            raise self._not_kept(phrase("webhooks"))
        return self._records.webhooks()

    @property
    def cluster(self) -> ClusterOperations:
        """The nodes that share the store."""
        if self._keeping.cluster is None:
            why = phrase("this server has a store of its own; nodes share a `store: postgresql:`")
            raise StoreError("store_not_shared", why)
        return self._keeping.cluster

    @property
    def journal(self) -> Journal:
        """Every change of the last time."""
        if self._keeping.journal is None:
            raise self._not_kept(phrase("the journal"))
        return self._keeping.journal

    @property
    def rollouts(self) -> Rollouts:
        """The policies of all nodes."""
        if self._keeping.rollouts is None:
            message = phrase("a rollout needs a store that nodes share (`store: postgresql:`)")
            raise StoreError("store_not_shared", message)
        return self._keeping.rollouts

    def _not_kept(self, what: str) -> StoreError:
        why = phrase(
            "{what}: nothing lasts here, as states are kept in memory only (`store: memory:`)",
            what=what,
        )
        return StoreError("store_no_journal", why)

    def _awaited(self) -> tuple[asyncio.Future[tuple[Outcome, ...]], Done]:
        """What an operator waits for, and what is told of it."""
        settled: asyncio.Future[tuple[Outcome, ...]] = self._loop.create_future()

        def done(result: Result, _now: float) -> None:
            if settled.done():
                return
            if isinstance(result, StoreError):
                settled.set_exception(result)
            elif isinstance(result, Repeated):
                settled.set_result(result.outcomes)
            else:
                settled.set_result(outcomes_of(result))

        return settled, done

    def subscriptions(
        self, presentity: Aor | None, offset: int
    ) -> tuple[Iterator[SubscriptionRow], int]:
        """The live subscriptions from a position on, and how many there are."""
        tags = self._notifier.subscriptions.tags(presentity)
        rows = rows_of(self._notifier.subscriptions, tags[offset:], self._loop.time())
        return rows, len(tags)

    async def subscription_page(
        self,
        presentity: Aor | None,
        domains: frozenset[str] | None,
        place: Place,
        at_most: int,
    ) -> SubscriptionPage:
        """Some of the live subscriptions, from a place on."""
        subscriptions = self._notifier.subscriptions
        if presentity is not None:
            return await page_of_presentity(subscriptions, presentity, place, at_most)
        return await page_of(subscriptions, domains, place, at_most)

    def refresh_watchers(self, presentity: Aor) -> int:
        """Send the full state to each watcher; how many there are."""
        return self._notifier.refresh_watchers(presentity, self._at(), self._loop.time())

    def latest_decisions(
        self, presentity: Aor | None, offset: int = 0
    ) -> tuple[Iterator[dict[str, Any]], int]:
        """Records of the last decisions, the newest first."""
        found = self.decisions.latest(presentity, offset)
        return found, self.decisions.number_of(presentity)

    async def explain_decisions(self, which: Aor | str) -> list[dict[str, Any]]:
        """Why a decision, or the last ones about a presentity, came out as they did."""
        found = await self.decisions.asked_about(which)
        return [await self._explained(one) for one in found]

    async def _explained(self, decided: Decided) -> dict[str, Any]:
        record, decision = self.decisions.record(decided), decided.outcome.decision
        self._explanations += 1
        asker = f"operator {self._explanations}"
        try:
            told = orjson.loads(await self.studies.explain(decided, asker, is_all=True))
        except DfksError as error:
            matched = f"matched: {', '.join(decision.matched) or 'no rule'}"
            return {"record": record, "explanation": None, "text": [error.message, matched]}
        text, revision = told.pop("text"), told.pop("policyRevision")
        return {"record": record, "explanation": {**told, "revision": revision}, "text": text}

    def star_codes(self, domain: str) -> Mapping[str, StarCode]:
        """The star codes of a domain, of the policies in force."""
        return self.policies.live.active.site.targets.plan.codes.get(domain, {})

    def uri_of(self, target: str, domain: str) -> str | None:
        """The SIP URI of a forward target; None where it has none."""
        return uri_of(target, domain)

    def statistics(self) -> Mapping[str, int]:
        """`group:name` → value."""
        return {
            **self._records.metrics.collect(),
            **self.policies.statistics(),
            "presence:subscriptions": len(self._notifier.subscriptions),
            "presence:subscriptions_unproved": self._notifier.guard.unproved,
            "core:tasks": len(asyncio.all_tasks(self._loop)),
        }

    def readiness(self) -> dict[str, Readiness]:
        """What has to be well for new phones to be served."""
        checks = {
            "store": not self._keeping.is_failing(),
            "policies": bool(self.policies.live.active.revision),
        }
        told = {name: Readiness.OK if good else Readiness.FAILING for name, good in checks.items()}
        if self._keeping.standing is not None:
            told["cluster"] = self._keeping.standing()
        return told

    def uptime(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self._started

    def log_level(self) -> str:
        """The least level that is logged."""
        return self._records.log.level

    def set_log_level(self, level: str) -> None:
        """Log from this level on."""
        self._records.log.set_level(level)
