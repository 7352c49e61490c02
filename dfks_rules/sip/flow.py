"""Where messages come from and go to, named without sockets."""

from typing import NamedTuple


class Listener(NamedTuple):
    """A local address that SIP is served on."""

    transport: str
    """`udp` or `tcp`."""
    host: str
    """Address that peers reach this listener at, IPv6 without brackets."""
    port: int

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats what is lost (RFC 3261 §17: no retransmissions of ours)."""
        return self.transport != "udp"

    @property
    def sent_by(self) -> bytes:
        """Host and port as they stand in Via and Contact."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}".encode()


class Flow(NamedTuple):
    """A way to one peer."""

    listener: Listener
    remote: tuple[str, int]
    """Address (or, with `resolve`, a name) and port of the peer."""
    connection: int = 0
    """Number of the stream that leads there while it lives; 0 for datagrams."""
    resolve: bool = False
    """Whether `remote` has a host name instead of an address."""
