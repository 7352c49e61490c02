"""What a transport is, and what it is given."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dfks_rules.model.afterwards import Afterwards
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.connections import Connections
from dfks_rules.transport.round_robin import Excess
from dfks_rules.transport.turns import Turns


class Receiver(Protocol):
    """What takes all that transports learn; `app.driver.Driver` does. It never raises.

    It is never called from within `send` or `locate`: whoever sends has not yet noted that it did.
    """

    def receive(self, data: bytes, flow: Flow) -> None:
        """Take one datagram, or one message of a stream, and where it came from."""

    def refuse(self, data: bytes, flow: Flow, excess: Excess) -> None:
        """Answer a message that is too much, without working on it."""

    def undelivered(self, data: bytes) -> None:
        """Learn that a message could not be sent."""

    def bounced(self, beginning: bytes) -> None:
        """Learn that nobody took a datagram that begins like this."""

    def located(self, branch: bytes, targets: Sequence[Flow]) -> None:
        """Learn where the request of this branch may go; nowhere if there is no target."""


@dataclass(frozen=True, slots=True)
class Context:
    """What all transports of a server share."""

    receiver: Receiver
    turns: Turns
    """Whose message is next."""
    connections: Connections
    advertise: str | None
    """See `Listener`."""
    certificates: Certificates | None
    """What TLS shows; None where it is not served."""
    afterwards: Afterwards
    """What a datagram leads to is sent and stored at the end of the read that brought it."""


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
        """Send one message; what cannot be sent is told to `Receiver.undelivered`."""

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """A live stream to exactly this address; None for datagrams."""

    @property
    def is_calm(self) -> bool:
        """Whether nothing waits here to be worked on, or to be sent."""

    def pause(self) -> None:
        """Take no more from the kernel; work on what was taken, and send on."""

    def sockets(self) -> list[socket.socket]:
        """What whoever serves next has to be given."""

    async def close(self) -> None:
        """Send what waits, then close every socket."""
