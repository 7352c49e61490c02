"""A server without SIP for tests of the management interface, with states and one policy."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from dfks_rules.app.answers import AnswersInMemory
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.app.records.events import EventRing
from dfks_rules.errors import DfksError, Finding, PolicyError, StoreError
from dfks_rules.model.decisions import Decision, Denial, NotifyScope, Outcome
from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    OFF,
    ROWS,
    Feature,
    FeatureState,
    Snapshot,
    values_over,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, FeatureRequest, Operation, Origin, Requester
from dfks_rules.model.values import Value
from dfks_rules.operations.decisions import Decided
from dfks_rules.operations.imports import Imports
from dfks_rules.operations.policies import (
    Activation,
    FailureRow,
    FileRow,
    HoursRow,
    PolicyListing,
    PolicyRow,
    RevisionRow,
    RuleRow,
    ScheduleRow,
    ShadowRow,
)
from dfks_rules.operations.ports import (
    Exposition,
    Place,
    Readiness,
    Scrape,
    SetResult,
    Sets,
    Stored,
    SubscriptionPage,
    SubscriptionRow,
)
from dfks_rules.operations.rollouts import Rollouts
from dfks_rules.operations.studies import Text, Texts
from dfks_rules.operations.traces import TraceRequest
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.site import make_site
from dfks_rules.policy.site.star_codes import StarCode
from dfks_rules.policy.site.targets import Target
from dfks_rules.policy.studying.coming import Cause, Coming
from dfks_rules.service.ports import ChangedError
from dfks_rules.store.calls import uri_of
from tests.helpers.journal import MemoryJournal
from tests.helpers.memory_cluster import MemoryCluster

REFUSED_TARGET = "sip:premium@example.com"
"""The forward target that the one policy refuses."""
KEPT_TARGET = "sip:fire-brigade@example.com"
"""The forward target that it does not let anybody remove."""
SINCE = "2026-01-05T12:00:00+00:00"
_SINCE = datetime.fromisoformat(SINCE)


class MemoryPolicies:
    """One policy; another revision can be restored, and the folder `candidate` compared."""

    def __init__(self) -> None:
        self.rows: tuple[PolicyRow, ...] = (
            PolicyRow("policies/default/policy.yaml", "default", 1),
        )
        self.findings: list[Finding] = []
        """What is wrong with the files now."""
        self.failure: FailureRow | None = None
        self.shadow: ShadowRow | None = None

    def listing(self) -> PolicyListing:
        """The one policy."""
        history = (RevisionRow("5e1e", SINCE, "files"), RevisionRow("5e1f", SINCE, "files"))
        return PolicyListing("5e1f", self.rows, SINCE, "files", history, self.failure, self.shadow)

    async def reload(self, trigger: str) -> Activation:
        """Nothing changes, or it raises the findings."""
        if self.findings:
            self.failure = FailureRow(SINCE, trigger, tuple(map(str, self.findings)))
            raise PolicyError(self.findings)
        return Activation("5e1f", changed=False)

    async def check(self) -> Activation:
        """The one policy, or it raises the findings."""
        if self.findings:
            raise PolicyError(self.findings)
        return Activation("5e20", changed=True)

    async def rollback(self, revision: str | None) -> Activation:
        """Switch to the other revision."""
        if revision not in (None, "5e1e"):
            raise DfksError("policy_no_revision", f"`{revision}` is not in memory")
        return Activation("5e1e", changed=True)

    def files(self, revision: str) -> list[FileRow]:
        """One file, longer than what is written at once, and one of a tenant."""
        if revision != "5e1f00000000":
            raise DfksError("policy_no_revision", f"`{revision}` is not in memory")
        text = '# "größer"\n' * 10_000
        return [FileRow("p.yaml", text, None), FileRow("tenants/a.example/q.yaml", "", "a.example")]

    async def start_shadow(self, candidate: str | Sequence[Text]) -> ShadowRow:
        """Two differences, seen at once."""
        path = candidate if isinstance(candidate, str) else candidate[0].name
        if path != "candidate":
            raise PolicyError([Finding(path, 0, 0, "policy_unreadable", "is not there")])
        samples = ({"given": {"op": "set"}, "active": {}, "shadow": {}},)
        self.shadow = ShadowRow(path, "5e20", SINCE, {"subscribe": 7}, {"get": 1}, 0, samples)
        return self.shadow

    async def stop_shadow(self) -> None:
        """Stop comparing."""
        self.shadow = None


class MemoryStudies:
    """Answers who asked what, as JSON, or raises."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: dict[str, Any] = {"revision": "5e1f"}
        self.language = ""
        """In which the last answer is to be read."""
        self.error: DfksError | None = None

    def _told(self, *asked: Any) -> bytes:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        return orjson.dumps(self.answer)

    async def count_values(self, text: bytes, asker: str) -> int:
        """As many as there are commas, and one more."""
        self._told("count", len(text), asker)
        return text.count(b",") + 1

    async def check(self, texts: Sequence[Text] | None, asker: str, language: str = "en") -> bytes:
        """The answer."""
        self.language = language
        return self._told("check", texts, asker)

    async def evaluate(
        self,
        texts: Sequence[Text] | None,
        facts: Mapping[str, Any],
        asker: str,
        language: str = "en",
    ) -> bytes:
        """The answer."""
        self.language = language
        return self._told("evaluate", texts, facts, asker)

    async def test(self, texts: Texts, asker: str, language: str = "en") -> bytes:
        """The answer."""
        self.language = language
        return self._told("test", texts, asker)

    async def prove(self, texts: Texts, asker: str, language: str = "en") -> bytes:
        """The answer."""
        self.language = language
        return self._told("prove", texts, asker)

    async def diff(self, old: Texts, new: Texts, asker: str, language: str = "en") -> bytes:
        """The answer."""
        self.language = language
        return self._told("diff", old, new, asker)

    async def explain(
        self, decided: Decided, asker: str, *, is_all: bool, language: str = "en"
    ) -> bytes:
        """The answer."""
        self.language = language
        return self._told("explain", decided.id, asker, is_all)


class MemoryExposition:
    """Says nothing but what it was asked for."""

    async def scrape(self, accept: str) -> Scrape:
        """Only a comment."""
        return Scrape("text/plain", f"# {accept}\n".encode())


class MemoryTraces:
    """One user is traced; another one would be too many."""

    def __init__(self) -> None:
        self.asked: list[TraceRequest] = []

    def trace(self, request: TraceRequest) -> AsyncIterator[bytes] | None:
        """Two pieces, for alice."""
        self.asked.append(request)
        return self._pieces() if request.user.user == "alice" else None

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"first\n"
        yield b"last\n"


RULES = (
    RuleRow("no-fraud/premium", "no-fraud/premium", "p/no-fraud.yaml", None, False, ("deny",), ()),
    RuleRow(
        "hours/night",
        "hours/night",
        "/srv/p/tenants/a.example/hours.yaml",
        "a.example",
        False,
        ("status",),
        (ScheduleRow("night", "UTC", (HoursRow(0, 1_320, 1_800, "every"),), ("12-25",), ()),),
    ),
)


class MemoryOperations:
    """Stores what is set, and refuses one forward target."""

    def __init__(self) -> None:
        self.states: dict[Aor, Snapshot] = {}
        self.params: list[str | None] = []
        self.actors: list[str | None] = []
        self.rows: list[SubscriptionRow] = []
        self.records: list[dict[str, Any]] = []
        self.is_broken = False
        self.cluster_is: dict[str, Readiness] = {}
        """What readiness says of it."""
        """Whether the store fails, as with a full disk."""
        self.policies = MemoryPolicies()
        self.decisions = Decisions(100, "5eed00", lambda _revision: None)
        self.studies = MemoryStudies()
        self.site = make_site(Directory(), NumberPlan(Dialling("DE", (3,), outside="0")))
        self.jobs: Imports | None = None
        self.traces = MemoryTraces()
        self.journal = MemoryJournal()
        self.answers = AnswersInMemory(lambda: _SINCE)
        self.exposition: Exposition = MemoryExposition()
        self.peers: Rollouts | None = None
        """Set by the test that needs nodes."""
        self.webhooks: Any = None
        """Set by the test that needs them."""
        self._level = "info"
        self.codes: dict[str, StarCode] = {}
        """Star codes of `example.com`."""
        self.refused = REFUSED_TARGET
        """The forward target that the policy refuses."""
        self._events: EventRing | None = None
        self.cluster = MemoryCluster()

    @property
    def events(self) -> EventRing:
        """What the test adds to the journal, once it says so to the ring."""
        if self._events is None:
            self._events = EventRing(self.journal, self.journal.durable, self._current, "5eed")
        return self._events

    @property
    def rollouts(self) -> Rollouts:
        """The policies of all nodes."""
        if self.peers is None:
            raise StoreError("store_not_shared", "a rollout needs a store that nodes share")
        return self.peers

    async def _current(self, wanted: Iterable[Aor]) -> dict[Aor, Snapshot]:
        return {aor: self.states.get(aor, NOTHING_STORED) for aor in wanted}

    async def set(self, sets: Sets) -> SetResult:
        """Store the states unless the policy refuses one."""
        if self.is_broken:
            raise StoreError("store_unavailable", "disk is full")
        self.params.append(sets.param)
        self.actors.append(sets.actor)
        before = self.states.get(sets.presentity, NOTHING_STORED)
        if sets.expected is not None and before.revision != sets.expected:
            raise ChangedError(sets.presentity, before.revision)
        outcomes = tuple(self._set(sets.presentity, one, sets.param) for one in sets.asked)
        if sets.are_one and (refused := [one for one in outcomes if one.decision.denial]):
            self.states[sets.presentity] = before
            outcomes = tuple(refused)
        after = self.states.get(sets.presentity, NOTHING_STORED)
        return SetResult(outcomes, "5eed-1", after.revision)

    async def tried(self, sets: Sets) -> SetResult:
        """What `set` would do."""
        states, params, actors = dict(self.states), [*self.params], [*self.actors]
        try:
            result = await self.set(sets)
        finally:
            self.states, self.params, self.actors = states, params, actors
        revision = states.get(sets.presentity, NOTHING_STORED).revision
        return result._replace(first="", revision=revision)

    async def remove(self, sets: Sets) -> SetResult:
        """Forget the states, unless the policy refuses to touch a target."""
        before = await self.stored(sets.presentity)
        self.actors.append(sets.actor)
        if sets.expected is not None and before.revision != sets.expected:
            raise ChangedError(sets.presentity, before.revision)
        requester = Requester(Origin.OPERATOR)
        outcomes = []
        for feature, state in zip(FEATURES, before.states, strict=True):
            request = FeatureRequest(Operation.SET, sets.presentity, requester, feature, OFF)
            rest = (before, _SINCE, NOWHERE)
            if state.value(Value.FORWARD_TO) == KEPT_TARGET:
                decision = _decision(state, Denial("kept", "This one stays"))
                refused = Outcome(request, decision, state, state, state, *rest)
                return SetResult((refused,), "5eed-1", before.revision)
            if state != OFF:
                outcomes.append(Outcome(request, _decision(OFF), state, OFF, OFF, *rest))
        if outcomes:
            self.states[sets.presentity] = Snapshot(before.revision + 1, NOTHING_STORED.states)
        else:
            request = FeatureRequest(Operation.SET, sets.presentity, requester, FEATURES[0], OFF)
            outcomes = [Outcome(request, _decision(OFF), OFF, OFF, OFF, before, _SINCE, NOWHERE)]
        after = self.states.get(sets.presentity, NOTHING_STORED)
        return SetResult(tuple(outcomes), "5eed-1", after.revision)

    def target(self, presentity: Aor, text: str) -> Target:
        """By a number plan of Germany."""
        return self.site.targets.analyse(text, presentity)

    @property
    def imports(self) -> Imports:
        """What the test has set."""
        if self.jobs is None:
            raise StoreError("store_no_journal", "states are kept in memory only")
        return self.jobs

    def rules(self) -> Sequence[RuleRow]:
        """One for all domains, and one of a tenant."""
        return RULES

    async def stored(self, presentity: Aor) -> Snapshot:
        """What was set."""
        if self.is_broken:
            raise StoreError("store_unavailable", "disk is full")
        return self.states.get(presentity, NOTHING_STORED)

    async def shown(self, presentity: Aor) -> list[tuple[Feature, FeatureState]]:
        """All that is stored, but for agent state."""
        snapshot = await self.stored(presentity)
        told = [feature for feature in FEATURES if ROWS[feature].assigned]
        return [(feature, snapshot.state(feature)) for feature in told]

    async def coming(self, presentity: Aor, hours: int) -> list[Coming]:
        """Do not disturb expires in an hour, where that is soon enough."""
        at, before = _SINCE + timedelta(hours=1), (await self.stored(presentity)).state(FEATURES[0])
        after = before._replace(status=False)
        return [Coming(at, FEATURES[0], Cause.EXPIRES, before, after, "p/two-hours")] * (hours > 1)

    async def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None, on: Feature | None
    ) -> list[Stored]:
        """Those that were set, by domain and user."""
        first = ("", "") if after is None else (after.domain, after.user)
        found = sorted(self.states.items(), key=lambda one: (one[0].domain, one[0].user))
        return [
            Stored(aor, snapshot)
            for aor, snapshot in found
            if (aor.domain, aor.user) > first
            and (domains is None or aor.domain in domains)
            and (on is None or snapshot.state(on).status)
        ][:at_most]

    def readiness(self) -> dict[str, Readiness]:
        """The store may be broken, and the node be about to leave."""
        store = Readiness.FAILING if self.is_broken else Readiness.OK
        return {"store": store, "policies": Readiness.OK, **self.cluster_is}

    def _set(self, presentity: Aor, asked: Asked, param: str | None) -> Outcome:
        snapshot = self.states.get(presentity, NOTHING_STORED)
        before = snapshot.state(asked.feature)
        values = values_over(asked.state.values, before.values)
        state = FeatureState(asked.state.status, values)
        rest = (snapshot, _SINCE, NOWHERE)
        request = FeatureRequest(
            Operation.SET,
            presentity,
            Requester(Origin.OPERATOR, param=param),
            asked.feature,
            asked.state,
        )
        if state.value(Value.FORWARD_TO) == self.refused:
            denial = Denial("toll-fraud", "Forwarding there is not allowed")
            return Outcome(request, _decision(before, denial), before, before, before, *rest)
        if state != before:
            self.states[presentity] = snapshot.replace(asked.feature, state)
        return Outcome(request, _decision(state), before, state, state, *rest)

    async def get_features(self, presentity: Aor) -> tuple[Outcome, ...]:
        """What is stored, unchanged by the policy."""
        snapshot = self.states.get(presentity, NOTHING_STORED)
        requester = Requester(Origin.OPERATOR)
        return tuple(
            Outcome(
                FeatureRequest(Operation.GET, presentity, requester, feature),
                _decision(snapshot.state(feature)),
                snapshot.state(feature),
                snapshot.state(feature),
                snapshot.state(feature),
                snapshot,
                _SINCE,
                NOWHERE,
            )
            for feature in FEATURES
        )

    def subscriptions(
        self, presentity: Aor | None, offset: int
    ) -> tuple[list[SubscriptionRow], int]:
        """The rows the test has added."""
        uri = None if presentity is None else presentity.uri
        rows = [one for one in self.rows if uri in (None, one.presentity)]
        return rows[offset:], len(rows)

    async def subscription_page(
        self, presentity: Aor | None, domains: frozenset[str] | None, place: Place, at_most: int
    ) -> SubscriptionPage:
        """The rows the test has added, by their number."""
        found, _ = self.subscriptions(presentity, 0)
        seen = [one for one in found if domains is None or _domain(one) in domains]
        rows = seen[place.entry : place.entry + at_most]
        end = place.entry + len(rows)
        return SubscriptionPage(rows, Place(0, end) if end < len(seen) else None)

    def refresh_watchers(self, presentity: Aor) -> int:
        """The number of watchers."""
        return sum(row.presentity == presentity.uri for row in self.rows)

    def latest_decisions(
        self, presentity: Aor | None, offset: int = 0
    ) -> tuple[list[dict[str, Any]], int]:
        """The records the test has added."""
        uri = presentity and presentity.uri
        found = [one for one in self.records if uri in (None, one["given"]["presentity"])]
        return found[offset:], len(found)

    async def explain_decisions(self, which: Aor | str) -> list[dict[str, Any]]:
        """Each record, unexplained."""
        found = (
            [one for one in self.records if one["id"] == which]
            if isinstance(which, str)
            else self.latest_decisions(which)[0]
        )
        return [{"record": one, "explanation": None, "text": []} for one in found]

    def star_codes(self, domain: str) -> Mapping[str, StarCode]:
        """Those of `example.com`."""
        return self.codes if domain == "example.com" else {}

    def uri_of(self, target: str, domain: str) -> str | None:
        """As the view has it."""
        return uri_of(target, domain)

    def statistics(self) -> Mapping[str, int]:
        """Three counters in two groups."""
        return {"sip:requests": 7, "presence:subscriptions": len(self.rows), "presence:notifies": 3}

    def uptime(self) -> float:
        """A minute and a half."""
        return 90.5

    def log_level(self) -> str:
        """The level set last."""
        return self._level

    def set_log_level(self, level: str) -> None:
        """Remember the level."""
        self._level = level


def _domain(row: SubscriptionRow) -> str:
    return row.presentity.rpartition("@")[2]


def subscription(number: int, presentity: str = "sip:alice@example.com") -> SubscriptionRow:
    """A row that differs from others in its number."""
    return SubscriptionRow(
        presentity,
        f"sip:phone{number}@example.com",
        f"call-{number}@192.0.2.1",
        3600,
        f"sip:phone{number}@192.0.2.1:5060",
        "as-feature-event",
        "udp",
        "proved",
    )


def _decision(state: FeatureState, denial: Denial | None = None) -> Decision:
    deciders = {"deny": "default/no-premium"} if denial else {}
    return Decision(
        state=state,
        assigned=True,
        notify=NotifyScope.ALL,
        denial=denial,
        matched=tuple(deciders.values()),
        decided_by=deciders,
        logs=(),
        revision="5e1f",
    )
