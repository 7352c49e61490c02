"""What a trace consists of: messages, and decisions between them."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

Address = tuple[str, int]
"""Host, IPv6 without brackets, and port."""
JsonObject = Mapping[str, Any]


class Direction(Enum):
    """Which way a message went, as the server sees it."""

    RECEIVED = "received"
    SENT = "sent"

    __hash__ = object.__hash__


class Message(NamedTuple):
    """One SIP message, fit to be shown: credentials are blanked, a long body is cut."""

    at: float
    """Seconds since 1970."""
    direction: Direction
    transport: str
    """`udp`, `tcp` or `tls`."""
    local: Address
    """Of the server."""
    remote: Address
    """Of the peer."""
    call_id: str
    """Empty when it cannot be read."""
    data: bytes
    """What is kept of it."""
    length: int
    """Bytes of `data` before it was cut."""
    domains: frozenset[str] = frozenset()
    """Of the users in From and To."""

    @property
    def is_sent(self) -> bool:
        """Whether it went from the server to the peer."""
        return self.direction is Direction.SENT

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return len(self.data) + OVERHEAD


class Decided(NamedTuple):
    """What the policies decided on one request about one presentity."""

    at: float
    """Seconds since 1970."""
    call_id: str
    """Of the message that led to it; empty when that is not known."""
    presentity: str
    """`sip:user@domain`."""
    watcher: str | None
    """Who asked, as an address of record; None for an operator or another system."""
    origin: str
    """`watcher`, `operator` or `internal`."""
    decisions: tuple[JsonObject, ...]
    """One for each question, in order; see `decided.decided_of`. None where the store failed."""
    failure: str = ""
    """Why the store failed; empty when it did not."""
    actor: str | None = None
    """Name of the operator or program that asked, where it is known."""

    @property
    def domains(self) -> frozenset[str]:
        """Of the users whom it is about."""
        users = (self.presentity, self.watcher or "")
        return frozenset(user.rpartition("@")[2] for user in users if user)

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return OVERHEAD * (1 + 2 * len(self.decisions))


Entry = Message | Decided

OVERHEAD = 500
"""Bytes that an entry takes besides its text, about."""
