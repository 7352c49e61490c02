"""All transports of a server: opened by their settings, found by the listener of a flow."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from dfks_rules.sip.flow import Flow, Listener, TransportName
from dfks_rules.sip.glance import RESPONSE
from dfks_rules.sip.ports import OutboundProxy
from dfks_rules.sip.target import Offered, RecordType
from dfks_rules.transport.addresses import family_of, source_to
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.connections import Connections
from dfks_rules.transport.dns import Dns
from dfks_rules.transport.hosts_file import HostsFile
from dfks_rules.transport.limits import ConnectionLimits, SourceLimits
from dfks_rules.transport.locator import Locator
from dfks_rules.transport.ports import Context, Receiver, Transport
from dfks_rules.transport.resolver import Resolver
from dfks_rules.transport.tcp import TcpTransport
from dfks_rules.transport.tls import TlsTransport
from dfks_rules.transport.turns import Turns
from dfks_rules.transport.udp import UdpTransport

TRANSPORTS: Mapping[TransportName, Callable[[str, int, Context], Transport]] = {
    TransportName.UDP: UdpTransport,
    TransportName.TCP: TcpTransport,
    TransportName.TLS: TlsTransport,
}
"""What listens on an address, by its transport."""

_PREFERRED = (TransportName.UDP, TransportName.TCP, TransportName.TLS)
"""What is tried first where neither the phone nor DNS prefers anything."""


class Transports:
    """The sockets of a server; made inside a running event loop."""

    def __init__(
        self,
        limits: ConnectionLimits,
        advertise: str | None = None,
        certificates: Certificates | None = None,
        outbound_proxy: OutboundProxy | None = None,
        resolver: Resolver | None = None,
        sources: SourceLimits | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            limits: of connections.
            advertise: see `Listener`.
            certificates: what TLS shows; None where it is not served.
            outbound_proxy: what requests pass where no peer has named a proxy; None for nothing.
            resolver: what asks DNS; None for what asks the servers of the machine.
            sources: limits of who sends; None for none.
        """
        self.connections = Connections(limits)
        """All streams."""
        self.outbound_proxy = outbound_proxy
        """See `Ways`."""
        self._dns = Dns((resolver or Resolver()).ask, HostsFile())
        self._locator: Locator | None = None
        self._source_limits = sources or SourceLimits()
        self._turns: Turns | None = None
        self._is_limited = self._source_limits.per_source is not None
        self._advertise = advertise
        self._certificates = certificates
        self._opened: list[Transport] = []
        self._by_listener: dict[Listener, Transport] = {}
        self._is_closed = False

    async def start(self, addresses: Sequence[tuple[str, str, int]], receiver: Receiver) -> None:
        """Listen on these addresses. Call `close` also when this fails.

        Args:
            addresses: of each the transport, the host (an address or a name), and the port.
            receiver: takes messages, and learns what becomes of those that are sent.

        Raises:
            OSError: an address cannot be listened on; `filename` is that address.
        """
        self._locator = Locator(self._dns, self._offered, self.listener_for, receiver.located)
        loop = asyncio.get_running_loop()
        self._turns = Turns(loop, receiver.receive, receiver.refuse, self._source_limits)
        context = Context(
            receiver, self._turns, self.connections, self._advertise, self._certificates
        )
        for name, host, port in addresses:
            try:
                bound = await _first_address(host)
                transport = TRANSPORTS[TransportName(name)](bound, port, context)
            except OSError as error:
                where = f"{name}:[{host}]:{port}" if ":" in host else f"{name}:{host}:{port}"
                raise OSError(error.errno, error.strerror or str(error), where) from error
            self._opened.append(transport)

    @property
    def listeners(self) -> list[Listener]:
        """Where phones reach the server, in the order of the settings."""
        return [transport.listener for transport in self._opened]

    @property
    def counts(self) -> dict[str, int]:
        """What was received, sent, dropped and refused so far; and the connections open now."""
        total = Counter(self.connections.counts)
        for counted in (*self._opened, self._turns, self._locator):
            if counted is not None:
                total.update(counted.counts)
        return {**total, "connections_open": len(self.connections)}

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message, from the address that the flow's listener names."""
        transport = self._by_listener.get(flow.listener)
        if transport is None:
            transport = next(one for one in self._opened if one.has(flow.listener))
            self._by_listener[flow.listener] = transport
        if self._is_limited and flow.hop is None and not data.startswith(RESPONSE):
            assert self._turns is not None  # noqa: S101 - there is no flow before `start`
            self._turns.asked(flow.remote[0])
        transport.send(flow, data)

    def listener_for(self, transport: str, host: str, near: Listener) -> Listener | None:
        """The listener of a transport from which an address can be reached.

        Args:
            transport: as in a URI, in lower case: whatever a peer wrote there.
            host: an address.
            near: a local address; that of the listener is the same where there is such a one, and
                otherwise the one that the kernel would take.
        """
        family = family_of(host)
        local = near.host if family_of(near.host) == family else source_to(host) or ""
        found = [
            one.at(local)
            for one in self._opened
            if one.listener.transport == transport and family_of(one.listener.host) == family
        ]
        return min(found, key=lambda one: one.host != local, default=None)

    def listener_at(self, transport: str, host: str, port: int) -> Listener | None:
        """The listener of a local address; None when there is none now."""
        for one in self._opened:
            listener = one.listener
            if listener.transport == transport and listener.port == port:
                listener = one.at(host)
                if listener.host == host:
                    return listener
        return None

    def _offered(self, near: Listener) -> Offered:
        """What can be sent over, what `near` has before the rest."""
        listeners = sorted(
            (one.listener for one in self._opened),
            key=lambda one: (
                one.transport != near.transport,
                _PREFERRED.index(one.transport),
                family_of(one.host) != family_of(near.host),
            ),
        )
        offered: dict[TransportName, list[RecordType]] = {}
        for one in listeners:
            kinds = offered.setdefault(one.transport, [])
            kind = RecordType.AAAA if ":" in one.host else RecordType.A
            if kind not in kinds:
                kinds.append(kind)
        return offered

    def locate(self, branch: bytes, flow: Flow) -> None:
        """Look up where the hop of a flow leads; see `Ways`."""
        assert self._locator is not None  # noqa: S101 - nothing is sent before `start`
        assert flow.hop is not None  # noqa: S101 - else there is nothing to look up
        self._locator.locate(branch, flow.hop, flow.listener)

    def avoid(self, flow: Flow, until: float) -> None:
        """Try others first, until then (monotonic seconds): nobody answered there."""
        if self._locator is not None:
            self._locator.avoid(flow, until)

    def is_open(self, connection: int) -> bool:
        """Whether the stream of this number takes requests."""
        stream = self.connections[connection]
        return stream is not None and stream.is_open

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """A live stream to exactly this address."""
        for transport in self._opened:
            flow = transport.stream_to(remote)
            if flow is not None:
                return flow
        return None

    async def close(self) -> None:
        """Send what waits, then close every socket; a second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._locator is not None:
            await self._locator.close()
        await asyncio.gather(*(transport.close() for transport in self._opened))
        await self.connections.close()


async def _first_address(host: str) -> str:
    """The address of a name to listen on: of IPv4, unless it is one of IPv6.

    Raises:
        OSError: there is none, or the name is malformed.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 0, family=family_of(host))
    except UnicodeError as error:
        # An empty or over-long label (`a..b`) does not get as far as DNS.
        raise OSError(f"malformed host name: {error}") from None
    return str(found[0][4][0])
