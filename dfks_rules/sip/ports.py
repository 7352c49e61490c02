"""What this room needs to know of the transports, as a role."""

from typing import Protocol

from dfks_rules.sip.flow import Flow, Listener


class Ways(Protocol):
    """The ways to a peer besides the one that its message came by."""

    def listener_for(self, transport: str, listener: Listener) -> Listener | None:
        """The listener of another transport that can take the place of `listener`.

        Args:
            transport: as in a URI, in lower case: whatever a peer wrote there.
            listener: a local address; the other one has the same IP version.
        """
        ...

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """A live connection whose peer is exactly `remote`, address and port."""
        ...
