"""Where messages come from and go to, named without sockets."""

from typing import NamedTuple


class Listener:
    """A local address that SIP is served on; one object for each, compared by identity."""

    __slots__ = ("contact", "host", "port", "reliable", "secure", "sent_by", "transport")

    def __init__(self, transport: str, host: str, port: int) -> None:
        self.transport = transport
        """`udp` or `tcp`."""
        self.host = host
        """Address that peers reach this listener at, IPv6 without brackets."""
        self.port = port
        self.reliable = transport != "udp"
        """Whether the transport repeats what is lost (RFC 3261 §17: no retransmissions of ours)."""
        self.secure = False
        """Whether the transport may carry what is addressed to a `sips` URI."""
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.sent_by = where.encode()
        """Host and port as they stand in Via."""
        parameter = f";transport={transport}" if self.reliable else ""
        self.contact = f"Contact: <sip:{where}{parameter}>\r\n".encode()
        """The header line that says where requests in a dialog go."""

    def __str__(self) -> str:
        return f"{self.transport}:{self.sent_by.decode()}"


class Flow(NamedTuple):
    """A way to one peer."""

    listener: Listener
    remote: tuple[str, int]
    """Address (or, with `resolve`, a name) and port of the peer."""
    connection: int = 0
    """Number of the stream that leads there while it lives; 0 for datagrams."""
    resolve: bool = False
    """Whether `remote` has a host name instead of an address."""
