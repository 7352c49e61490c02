"""What is asked of the policies: a get, a set, or leave to subscribe."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor


class Operation(Enum):
    """What is asked; the value is the fact `op`."""

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
    """A policy, whose rule says that this set follows from another."""

    __hash__ = object.__hash__


class Requester(NamedTuple):
    """Who asks, and from where: the same for all features of one SUBSCRIBE."""

    origin: Origin
    watcher: Aor | None = None
    """Address of record in From; None for an operator."""
    device: str | None = None
    """Text of the `<device>` element that came with a set; None when there was none."""
    user_agent: str | None = None
    """The User-Agent header; None when there was none."""
    transport: str | None = None
    """`udp` or `tcp`; None for an operator."""
    source_ip: str | None = None
    """Address that the request came from; None for an operator."""
    param: str | None = None
    """The route parameter that an operator gave; None when not given."""


class FeatureRequest(NamedTuple):
    """One question to the policies."""

    operation: Operation
    presentity: Aor
    requester: Requester
    feature: Feature | None = None
    """None only for leave to subscribe."""
    asked: FeatureState | None = None
    """The state that a set asks for; a value not said is None and keeps what is stored.
    None for a get."""


class Surroundings(NamedTuple):
    """What else policies may look at when a request comes."""

    stored_of: Callable[[Aor], Snapshot]
    """What is stored for another presentity. A StoreError when it cannot be read."""
    sets_of_user: int | None = None
    """Sets asked for the presentity in the last minute, this one included; None: not counted."""
    sets_of_device: int | None = None
    """Likewise sets that came from the same phone; None also for an operator."""


class Asked(NamedTuple):
    """One set inside a request that may hold several: which feature, and the state asked for."""

    feature: Feature
    state: FeatureState
    device: str | None = None
    """Text of its `<device>` element."""
