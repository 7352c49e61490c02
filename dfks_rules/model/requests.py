"""What policies are asked: a get, a set, or permission to subscribe."""

from collections.abc import Callable
from enum import Enum
from typing import ClassVar, Final, NamedTuple, final

from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor, Identity
from dfks_rules.model.record import Record


class Operation(Enum):
    """The kind of request; the value is the fact `op`."""

    GET = "get"
    SET = "set"
    SUBSCRIBE = "subscribe"

    __hash__ = object.__hash__


class Origin(Enum):
    """Who asks; the value is the fact `origin`."""

    WATCHER = "watcher"
    """A phone, by SIP."""
    OPERATOR = "operator"
    """An operator or another system, by MI."""
    INTERNAL = "internal"
    """A policy, one of whose rules derives this set from another, or said when it is due."""

    __hash__ = object.__hash__


class Requester(Record):
    """Who asks, and from where: the same for all features of one SUBSCRIBE."""

    _fields: ClassVar[tuple[str, ...]] = (
        "origin",
        "watcher",
        "device",
        "user_agent",
        "transport",
        "source_ip",
        "param",
        "identity",
        "actor",
    )

    def __init__(  # noqa: PLR0913 - its fields
        self,
        origin: Origin,
        watcher: Aor | None = None,
        device: str | None = None,
        user_agent: str | None = None,
        transport: str | None = None,
        source_ip: str | None = None,
        param: str | None = None,
        identity: Identity | None = None,
        actor: str | None = None,
    ) -> None:
        self.origin: Final = origin
        self.watcher: Final = watcher
        """Address of record of the `identity`, otherwise the one in From; None for an operator."""
        self.device: Final = device
        """Text of the `<device>` element sent with a set; None when there was none."""
        self.user_agent: Final = user_agent
        """The User-Agent header; None when there was none."""
        self.transport: Final = transport
        """`udp`, `tcp` or `tls`; None for an operator."""
        self.source_ip: Final = source_ip
        """Address from which the request came; None for an operator."""
        self.param: Final = param
        """The route parameter given by an operator, `expired` where a deadline has passed; None
        when not given."""
        self.identity: Final = identity
        """Who it is, where phones authenticate; None where From is believed."""
        self.actor: Final = actor
        """Who is behind an operator's request, for the journal, and `expired` where a deadline has
        passed; None where nobody says."""

    @property
    def told_actor(self) -> str | None:
        """Who asks, as journal, decisions and events say it; None where a rule made it follow."""
        if self.watcher is not None:
            return self.watcher.uri
        if self.origin is Origin.OPERATOR:
            return self.actor or self.source_ip or "mi"
        return self.actor


EXPIRED: Final = Requester(Origin.INTERNAL, param="expired", actor="expired")
"""Who asks for a feature to be switched off when its deadline has passed."""


class FeatureRequest(Record):
    """One question to the policies."""

    _fields: ClassVar[tuple[str, ...]] = (
        "operation",
        "presentity",
        "requester",
        "feature",
        "asked",
    )

    def __init__(
        self,
        operation: Operation,
        presentity: Aor,
        requester: Requester,
        feature: Feature | None = None,
        asked: FeatureState | None = None,
    ) -> None:
        self.operation: Final = operation
        self.presentity: Final = presentity
        self.requester: Final = requester
        self.feature: Final = feature
        """None only for permission to subscribe."""
        self.asked: Final = asked
        """The state a set asks for; values that it does not give stay as stored. None for a get."""


@final
class GroupCounts:
    """How many members of groups have a feature off, and how many on, as one request saw it."""

    __slots__ = ("_count", "seen")

    def __init__(self, count: Callable[[str, str, Feature], tuple[int, int] | None]) -> None:
        """Nothing was looked at yet.

        Args:
            count: (domain, group, feature) → how many are off, and how many on; None where nobody
                is in the group. Raises StoreError where that is not known.
        """
        self._count = count
        self.seen: Final[dict[tuple[str, str, Feature], tuple[int, int]]] = {}
        """(Domain, group, feature) → how many are off, and how many on, of those looked at."""

    def of(self, domain: str, group: str, feature: Feature) -> tuple[int, int] | None:
        """How many are off, and how many on; the same each time.

        Raises:
            StoreError: that is not known.
        """
        key = (domain, group, feature)
        found = self.seen.get(key)
        if found is None:
            found = self._count(domain, group, feature)
            if found is not None:
                self.seen[key] = found
        return found


class Surroundings(NamedTuple):
    """What else policies may look at when a request arrives."""

    stored_of: Callable[[Aor], Snapshot]
    """Loads what is stored for another presentity; raises StoreError when it cannot be read."""
    rates: tuple[tuple[str, int], ...] = ()
    """(Name of a fact such as `rate.user.hour`, how many sets there were) for those that rules
    read."""

    groups: GroupCounts | None = None
    """Counts of members of groups; None where no rule reads any."""

    def rate(self, name: str) -> int | None:
        """How many sets there were by one rate; None: not counted."""
        for counted, sets in self.rates:
            if counted == name:
                return sets
        return None


class Asked(Record):
    """One set within a request that may hold several: the feature, and the requested state."""

    _fields: ClassVar[tuple[str, ...]] = (
        "feature",
        "state",
        "device",
    )

    def __init__(
        self,
        feature: Feature,
        state: FeatureState,
        device: str | None = None,
    ) -> None:
        self.feature: Final = feature
        self.state: Final = state
        self.device: Final = device
        """Text of its `<device>` element."""
