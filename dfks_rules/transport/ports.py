"""What a transport is, and what it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.connections import Connections
from dfks_rules.transport.round_robin import Excess
from dfks_rules.transport.turns import Turns

Receive = Callable[[bytes, Flow], None]
"""Takes one message and where it came from."""
Undelivered = Callable[[bytes, Flow], None]
"""Takes a message that could not be sent, and where it was to go. Never called from within `send`:
whoever sends has not yet noted that it did."""
Bounced = Callable[[bytes, Flow], None]
"""Takes the beginning of a datagram that nobody took, and where it was to go."""

Refuse = Callable[[bytes, Flow, Excess], None]
"""Answers a message that is too much, without working on it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What all transports of a server share."""

    receive: Receive
    turns: Turns
    """Whose message is next."""
    undelivered: Undelivered
    bounced: Bounced
    connections: Connections
    advertise: str | None
    """See `Listener`."""
    certificates: Certificates | None
    """What TLS shows; None where it is not served."""


class Transport(Protocol):
    """One configured address, and what is sent and received there."""

    @property
    def listener(self) -> Listener:
        """The address that was configured; for a wildcard, the one to name to an operator."""

    @property
    def counts(self) -> Mapping[str, int]:
        """What was received, sent and dropped so far."""

    def at(self, host: str) -> Listener:
        """The listener of the local address `host`; the configured one when it is not served."""

    def has(self, listener: Listener) -> bool:
        """Whether `listener` is an address of this transport."""

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message; what cannot be sent is told to `Context.undelivered`."""

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """A live stream to exactly this address; None for datagrams."""

    async def close(self) -> None:
        """Send what waits, then close every socket."""
