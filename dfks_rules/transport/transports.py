"""All transports of a server: opened by their settings, found by the listener of a flow."""

import asyncio
import ipaddress
import socket
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from dfks_rules.model.afterwards import Afterwards
from dfks_rules.sip.flow import Flow, Listener, TransportName
from dfks_rules.sip.glance import RESPONSE
from dfks_rules.sip.ports import OutboundProxy
from dfks_rules.sip.target import Offered, RecordType
from dfks_rules.transport.addresses import bound_socket, family_of, source_to
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.connections import Connections
from dfks_rules.transport.dns import Dns
from dfks_rules.transport.hosts_file import HostsFile
from dfks_rules.transport.inherited import Inherited
from dfks_rules.transport.limits import ConnectionLimits, SourceLimits
from dfks_rules.transport.locator import Locator
from dfks_rules.transport.ports import Context, Receiver, Transport
from dfks_rules.transport.resolver import Resolver
from dfks_rules.transport.tcp import TcpTransport
from dfks_rules.transport.tls import TlsTransport
from dfks_rules.transport.turns import Turns
from dfks_rules.transport.udp import UdpTransport
from dfks_rules.transport.udp_socket import UdpSocket

_log = structlog.get_logger()

_PREFERRED = (TransportName.UDP, TransportName.TCP, TransportName.TLS)
"""What is tried first where neither the phone nor DNS prefers anything."""


class _Bound(NamedTuple):
    """A socket that nobody serves yet."""

    name: TransportName
    bound: UdpSocket | socket.socket

    def served(self, context: Context) -> Transport:
        """What serves it."""
        if isinstance(self.bound, UdpSocket):
            return UdpTransport(self.bound, context)
        make = TlsTransport if self.name is TransportName.TLS else TcpTransport
        try:
            return make(self.bound, context)
        except OSError as error:
            self.bound.close()
            raise OSError(error.errno, error.strerror, self._where()) from error

    def _where(self) -> str:
        host, port = self._plain().getsockname()[:2]
        return f"{self.name}:[{host}]:{port}" if ":" in host else f"{self.name}:{host}:{port}"

    def _plain(self) -> socket.socket:
        return self.bound.socket if isinstance(self.bound, UdpSocket) else self.bound

    def close(self) -> None:
        """Close it."""
        if isinstance(self.bound, UdpSocket):
            self.bound.stop_gathering()
        self._plain().close()


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
        self._bound: list[_Bound] = []
        """Not served yet."""
        self._opened: list[Transport] = []
        self._by_listener: dict[Listener, Transport] = {}
        self._is_closed = False

    async def open(
        self, addresses: Sequence[tuple[str, str, int]], inherited: Inherited | None = None
    ) -> None:
        """Bind to these addresses; nobody is served yet. Call `close` also when this fails.

        Args:
            addresses: of each the transport, the host (an address or a name), and the port.
            inherited: sockets to take where there is one for an address.

        Raises:
            OSError: an address cannot be listened on; `filename` is that address.
        """
        inherited = inherited or Inherited()
        for name, host, port in addresses:
            try:
                at = await _first_address(host), port
                self._bound.append(_bind(TransportName(name), at, inherited))
            except OSError as error:
                where = f"{name}:[{host}]:{port}" if ":" in host else f"{name}:{host}:{port}"
                raise OSError(error.errno, error.strerror or str(error), where) from error

    def gather(self) -> None:
        """Have datagrams that come from now on wait until they are served."""
        for one in self._bound:
            if isinstance(one.bound, UdpSocket):
                one.bound.gather()

    def serve(self, receiver: Receiver, afterwards: Afterwards | None = None) -> None:
        """Serve on what was opened.

        Args:
            receiver: takes messages, and learns what becomes of those that are sent.
            afterwards: calls what is to be done once what was read is worked on; None for one of
                its own.

        Raises:
            OSError: an address cannot be listened on; `filename` is that address.
        """
        self._locator = Locator(self._dns, self._offered, self.listener_for, receiver.located)
        loop = asyncio.get_running_loop()
        self._turns = Turns(loop, receiver.receive, receiver.refuse, self._source_limits)
        context = Context(
            receiver,
            self._turns,
            self.connections,
            self._advertise,
            self._certificates,
            afterwards or Afterwards(loop.call_soon),
        )
        while self._bound:
            self._opened.append(self._bound[0].served(context))
            del self._bound[0]

    @property
    def are_open(self) -> bool:
        """Whether `open` has bound something."""
        return bool(self._bound or self._opened)

    def hang_up(self) -> None:
        """Begin to close all streams."""
        self.connections.hang_up()

    def pause(self) -> None:
        """Take no more datagrams and connections; those that there are go on."""
        for one in self._opened:
            one.pause()

    @property
    def is_calm(self) -> bool:
        """Whether nothing waits to be worked on or sent."""
        is_calm = self._turns is None or self._turns.is_calm
        return is_calm and all(one.is_calm for one in self._opened)

    def sockets(self) -> list[tuple[str, socket.socket]]:
        """What whoever serves next has to be given, with the transport of each."""
        return [(one.listener.transport, each) for one in self._opened for each in one.sockets()]

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

    def way_of(self, flow: Flow) -> Flow:
        """The flow with the address of its peer, where it names the stream to it."""
        stream = self.connections[flow.connection] if flow.connection else None
        return flow if stream is None else flow._replace(remote=stream.flow.remote)

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

    def first_of(self, transport: str) -> Listener | None:
        """The first listener of a transport; None when there is none."""
        return next(
            (one.listener for one in self._opened if one.listener.transport == transport), None
        )

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
        for one in self._bound:
            one.close()
        await asyncio.gather(*(transport.close() for transport in self._opened))
        await self.connections.close()


def _bind(name: TransportName, at: tuple[str, int], inherited: Inherited) -> _Bound:
    """A socket for an address, inherited or new."""
    kind = socket.SOCK_DGRAM if name is TransportName.UDP else socket.SOCK_STREAM
    found = inherited.take(name, at, kind)
    if found is None:
        if not inherited.is_empty:
            _log.warning("no_socket_passed", listen=f"{name}:{at[0]}:{at[1]}")
        found = bound_socket(*at, kind)
    if name is not TransportName.UDP:
        return _Bound(name, found)
    return _Bound(name, UdpSocket(found, is_wildcard=ipaddress.ip_address(at[0]).is_unspecified))


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
