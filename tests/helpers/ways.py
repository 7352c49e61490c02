"""The ways of a server on UDP, TCP and TLS, IPv4 and IPv6, that records what is to be looked up."""

from dfks_rules.sip.flow import Flow, Hop, Listener
from dfks_rules.sip.ports import OutboundProxy
from dfks_rules.sip.uri import parse_uri
from tests.helpers.playbook import LISTENER

TCP = Listener("tcp", "192.0.2.1", 5061)
TLS = Listener("tls", "192.0.2.1", 5061)
UDP6 = Listener("udp", "2001:db8::1", 5060)
TCP6 = Listener("tcp", "2001:db8::1", 5060)


class FakeWays:
    """Everything that `Ways` wants to be."""

    def __init__(self, stream: Flow | None = None, proxy: bytes | None = None) -> None:
        self.stream = stream
        self.open: set[int] = set()
        """Numbers of the streams that live."""
        self.outbound_proxy = (
            None if proxy is None else OutboundProxy(parse_uri(proxy), b"<%b>" % proxy)
        )
        self.sought: list[tuple[bytes, Hop]] = []
        """The branches and hops that are to be looked up."""
        self.avoided: list[tuple[Flow, float]] = []

    def listener_for(self, transport: str, host: str, near: Listener) -> Listener | None:
        """One of six, less TLS over IPv6."""
        ipv6 = {"udp": UDP6, "tcp": TCP6}
        return (ipv6 if ":" in host else {"udp": LISTENER, "tcp": TCP, "tls": TLS}).get(transport)

    def listener_at(self, transport: str, host: str, port: int) -> Listener | None:
        """One of five."""
        found = [one for one in (LISTENER, TCP, TLS, UDP6, TCP6) if one.transport == transport]
        return next((one for one in found if (one.host, one.port) == (host, port)), None)

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """The one that it was given."""
        found = self.stream
        return found if found is not None and found.remote == remote else None

    def is_open(self, connection: int) -> bool:
        """Whether a test says so."""
        return connection in self.open

    def locate(self, branch: bytes, flow: Flow) -> None:
        """Record."""
        assert flow.hop is not None
        self.sought.append((branch, flow.hop))

    def avoid(self, flow: Flow, until: float) -> None:
        """Record."""
        self.avoided.append((flow, until))
