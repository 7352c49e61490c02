"""What the SIP room has to know of the transports, as a role."""

from typing import NamedTuple, Protocol

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.uri import SipUri


class OutboundProxy(NamedTuple):
    """The proxy that our requests pass where no peer has named another one."""

    uri: SipUri
    route: bytes
    """The value of Route that sends a request there."""


class Ways(Protocol):
    """The ways to a peer besides the one that its message came by."""

    @property
    def outbound_proxy(self) -> OutboundProxy | None:
        """What the settings say; None for none."""
        ...

    def listener_for(self, transport: str, host: str, near: Listener) -> Listener | None:
        """The listener of a transport from which an address can be reached.

        Args:
            transport: as in a URI, in lower case: whatever a peer wrote there.
            host: an address.
            near: a local address; that of the listener is the same where there is such a one.
        """
        ...

    def listener_at(self, transport: str, host: str, port: int) -> Listener | None:
        """The listener of a local address, as `Listener` names it; None when there is none now."""
        ...

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """A live connection whose peer is exactly `remote`, address and port."""
        ...

    def is_open(self, connection: int) -> bool:
        """Whether the stream of this number takes requests."""
        ...

    def locate(self, branch: bytes, flow: Flow) -> None:
        """Look up where the hop of a flow leads, and tell `Endpoint.located`; never at once.

        Args:
            branch: of the request that waits for it.
            flow: its hop is what is looked up, its listener the local address that is preferred.
        """
        ...

    def avoid(self, flow: Flow, until: float) -> None:
        """Try others first, until then (monotonic seconds): nobody answered there."""
        ...
