"""Where messages come from and go to, named without sockets."""

from enum import StrEnum
from typing import NamedTuple


class TransportName(StrEnum):
    """The transports of RFC 3261 §18 that are served, as they are written in a URI."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


TRANSPORTS: tuple[TransportName, ...] = tuple(TransportName)
"""All of them: what is counted for each is a list in this order."""


class Listener:
    """A local address that SIP is served on; one object for each, compared by identity."""

    __slots__ = (
        "contact",
        "default_port",
        "host",
        "port",
        "position",
        "reliable",
        "secure",
        "secure_contact",
        "sent_by",
        "transport",
        "via_start",
    )

    def __init__(self, transport: str, host: str, port: int, advertise: str | None = None) -> None:
        """Name a local address.

        Args:
            transport: one of `TransportName`.
            host: the address that a peer sent to, IPv6 without brackets.
            port: the local port.
            advertise: `HOST` or `HOST:PORT` to write into Via and Contact instead of the address,
                IPv6 in brackets.
        """
        self.transport = TransportName(transport)
        self.position = TRANSPORTS.index(self.transport)
        """Of its transport in `TRANSPORTS`."""
        self.host = host
        """What is sent on this listener comes from this address."""
        self.port = port
        self.reliable = self.transport is not TransportName.UDP
        """Whether the transport repeats what is lost (RFC 3261 §17: no retransmissions of ours)."""
        self.secure = self.transport is TransportName.TLS
        """Whether the transport may carry what is addressed to a `sips` URI."""
        self.default_port = 5061 if self.secure else 5060
        """The port of a peer that names none (RFC 3261 §19.1.2, §18.2.2)."""
        where = _host_port(host, port) if advertise is None else _advertised(advertise, port)
        self.sent_by = where.encode()
        """Host and port as they stand in Via."""
        via = f"Via: SIP/2.0/{self.transport.value.upper()} {where};rport;branch="
        self.via_start = via.encode()
        """The Via of a request of ours, up to its branch."""
        parameter = f";transport={self.transport.value}" if self.reliable else ""
        self.contact = f"Contact: <sip:{where}{parameter}>\r\n".encode()
        """The header line that says where requests in a dialog go. With TLS it is a `sip` URI, too,
        as phones and proxies write it: `sips` would demand TLS of every hop, which the phone did
        not. (RFC 3261 §26.2.2 deprecates `transport=tls`; nothing else says it in a `sip` URI.)"""
        self.secure_contact = f"Contact: <sips:{where}>\r\n".encode() if self.secure else b""
        """The same for whoever wrote `sips` (§12.1.1); empty where that cannot be."""

    def __str__(self) -> str:
        return f"{self.transport.value}:{_host_port(self.host, self.port)}"


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _advertised(advertise: str, port: int) -> str:
    has_port = ":" in advertise.rpartition("]")[2]
    return advertise if has_port else f"{advertise}:{port}"


class Hop(NamedTuple):
    """The host and transport of a URI that requests go to, where the address is not known yet."""

    host: str
    """Mostly a name, in lower case, without the final period; IPv6 without brackets."""
    port: int | None
    """None where none was written, which is when there may be SRV records (RFC 3263 §4.2)."""
    transport: TransportName | None
    """What requests must go over; None for whatever DNS or RFC 3263 says."""
    may_be_here: bool = False
    """Whether a name may turn out to be a loopback address of this machine."""


BROKEN = -1
"""Number of a stream that has ended, whichever it was."""


class Flow(NamedTuple):
    """A way to one peer."""

    listener: Listener
    remote: tuple[str, int]
    """Address and port of the peer; for a stream that has ended, where a new one goes."""
    connection: int = 0
    """Number of the stream that leads there while it lives; 0 for datagrams."""
    hop: Hop | None = None
    """What is to be looked up, unless there is a stream that lives; `remote` is then what was
    written, perhaps a name. None where nothing is."""
