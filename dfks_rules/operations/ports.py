"""What the doors of operators need from the rest of the server, as protocols."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.answers import Answers
from dfks_rules.operations.cluster import ClusterOperations
from dfks_rules.operations.decisions import DecisionRecords
from dfks_rules.operations.events import Events
from dfks_rules.operations.imports import Imports
from dfks_rules.operations.policies import PolicyDesk, RuleRow
from dfks_rules.operations.rollouts import Rollouts
from dfks_rules.operations.sets import SetResult as SetResult
from dfks_rules.operations.sets import Sets as Sets
from dfks_rules.operations.sets import Setting
from dfks_rules.operations.studies import Studies
from dfks_rules.operations.traces import TraceOperations
from dfks_rules.operations.webhooks import Webhooks
from dfks_rules.policy.site.star_codes import StarCode
from dfks_rules.policy.site.targets import Target
from dfks_rules.policy.studying.coming import Coming
from dfks_rules.service.ports import Journal


class Readiness(Enum):
    """Whether something that serving needs is well."""

    OK = "ok"
    DRAINING = "draining"
    """It is, and takes nothing new, since it is about to end."""
    FAILING = "failing"


class SubscriptionRow(NamedTuple):
    """One subscription, as operators see it."""

    presentity: str
    """URI of the user whose features are watched."""
    watcher: str
    """URI of the watcher."""
    call_id: str
    """Call-ID of its dialog."""
    expires: int
    """Seconds left."""
    contact: str
    """Where NOTIFY requests go."""
    event: str
    """The event package."""
    transport: str
    """`udp`, `tcp` or `tls`."""
    proof: str
    """Whether its address has shown that it wants NOTIFYs: `proved`, `answers` (told as long as it
    does) or `unproved` (it is told when it has)."""


class Place(NamedTuple):
    """A place among all subscriptions, from which a list goes on."""

    second: int = 0
    entry: int = 0
    tag: str = ""
    """Where those of one presentity are listed: the tag of the last one."""


class SubscriptionPage(NamedTuple):
    """Some of the live subscriptions."""

    rows: list[SubscriptionRow]
    next: Place | None
    """Where the list goes on; None at its end."""


class Stored(NamedTuple):
    """What is stored for one presentity."""

    presentity: Aor
    snapshot: Snapshot


class Scrape(NamedTuple):
    """Every metric, as Prometheus reads them."""

    content_type: str
    body: bytes


class Exposition(Protocol):
    """What Prometheus is told."""

    async def scrape(self, accept: str) -> Scrape:
        """All metrics, in the format that an Accept header asks for."""
        ...


class Operations(Setting, Protocol):
    """What an operator can ask of the server. All calls are made on the event loop's thread."""

    def target(self, presentity: Aor, text: str) -> Target:
        """What a forward target is, by the number plan in force."""
        ...

    @property
    def imports(self) -> Imports:
        """Imports.

        Raises:
            StoreError: states are only kept in memory (`store_no_journal`).
        """
        ...

    def rules(self) -> Iterable[RuleRow]:
        """The rules in force in order of precedence, each made when it is asked for."""
        ...

    async def stored(self, presentity: Aor) -> Snapshot:
        """What is stored; the policies are not asked.

        Raises:
            StoreError: it cannot be read.
        """
        ...

    async def shown(self, presentity: Aor) -> Sequence[tuple[Feature, FeatureState]]:
        """What the presentity's own phone would be told now, of the features it may know.

        Raises:
            StoreError: what policies look at besides cannot be read.
        """
        ...

    async def coming(self, presentity: Aor, hours: int) -> Sequence[Coming]:
        """What time will change for a presentity within so many hours, if nobody touches anything:
        what expires, and what its own phone is shown from some moment on; the earliest first.

        Raises:
            StoreError: what is stored cannot be read.
        """
        ...

    async def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None, on: Feature | None
    ) -> Sequence[Stored]:
        """Presentities for which something was ever stored, by domain and user.

        Args:
            after: the last one that is known; None begins.
            at_most: how many.
            domains: those of these domains; None: all.
            on: those where this feature is on; None: all.

        Raises:
            StoreError: they cannot be read.
        """
        ...

    async def get_features(self, presentity: Aor) -> tuple[Outcome, ...]:
        """What an operator is told about each of `FEATURES`, in that order.

        Raises:
            StoreError: the states cannot be read.
        """
        ...

    @property
    def answers(self) -> Answers:
        """What requests were answered that may come again."""
        ...

    @property
    def events(self) -> Events:
        """What happens.

        Raises:
            StoreError: states are only kept in memory (`store_no_journal`).
        """
        ...

    @property
    def webhooks(self) -> Webhooks:
        """Who is told by HTTP what happens.

        Raises:
            StoreError: states are only kept in memory (`store_no_journal`).
        """
        ...

    @property
    def cluster(self) -> ClusterOperations:
        """The nodes that share its store.

        Raises:
            StoreError: it has a store of its own (`store_not_shared`).
        """
        ...

    @property
    def journal(self) -> Journal:
        """Every change of the last time.

        Raises:
            StoreError: states are only kept in memory (`store_no_journal`).
        """
        ...

    def subscriptions(
        self, presentity: Aor | None, offset: int
    ) -> tuple[Iterable[SubscriptionRow], int]:
        """The live subscriptions from a position on, and how many there are in all.

        They are looked up as they are asked for, as there may be very many.

        Args:
            presentity: whose features are watched; None for everybody's.
            offset: how many to skip.
        """
        ...

    async def subscription_page(
        self,
        presentity: Aor | None,
        domains: frozenset[str] | None,
        place: Place,
        at_most: int,
    ) -> SubscriptionPage:
        """Some of the live subscriptions, from a place on.

        Only so many are looked at that a page may have fewer rows than it could, or none, although
        the list goes on.

        Args:
            presentity: whose features are watched; None for everybody's.
            domains: those of presentities of these domains; None: all.
            place: where to begin.
            at_most: how many.
        """
        ...

    def refresh_watchers(self, presentity: Aor) -> int:
        """Send the full state to each watcher; returns the number of watchers."""
        ...

    @property
    def policies(self) -> PolicyDesk:
        """The policies of the server."""
        ...

    @property
    def rollouts(self) -> Rollouts:
        """The policies of all nodes.

        Raises:
            StoreError: there are no other nodes (`store_not_shared`).
        """
        ...

    @property
    def decisions(self) -> DecisionRecords:
        """The last decisions."""
        ...

    @property
    def studies(self) -> Studies:
        """Questions about policies and decisions that another process answers."""
        ...

    def latest_decisions(
        self, presentity: Aor | None, offset: int = 0
    ) -> tuple[Iterable[Mapping[str, Any]], int]:
        """Records of the last decisions, newest first from a position on, and how many there are.

        They are made as they are asked for.

        Args:
            presentity: whom they are about; None for all.
            offset: how many to skip.
        """
        ...

    async def explain_decisions(self, which: Aor | str) -> Sequence[Mapping[str, Any]]:
        """Why decisions came out as they did.

        Args:
            which: the id of a decision, or a presentity, for the last decisions about it.

        Returns:
            `record`, `explanation` (None when its policies are gone, or it takes too long) and
            `text` of each decision; empty when there is none.
        """
        ...

    @property
    def exposition(self) -> Exposition:
        """What Prometheus is told."""
        ...

    @property
    def traces(self) -> TraceOperations:
        """What passes between the server and single users."""
        ...

    def star_codes(self, domain: str) -> Mapping[str, StarCode]:
        """The star codes of a domain, in lower case; empty where there are none."""
        ...

    def uri_of(self, target: str, domain: str) -> str | None:
        """The SIP URI of a forward target, as written in a domain; None where it has none."""
        ...

    def statistics(self) -> Mapping[str, int]:
        """`group:name` → value, since the start."""
        ...

    def readiness(self) -> Mapping[str, Readiness]:
        """What has to be well for new phones to be served, each with whether it is."""
        ...

    def uptime(self) -> float:
        """Seconds since the start."""
        ...

    def log_level(self) -> str:
        """The lowest level that is logged: `debug`, `info`, `warning` or `error`."""
        ...

    def set_log_level(self, level: str) -> None:
        """Log from this level on: `debug`, `info`, `warning` or `error`."""
        ...
