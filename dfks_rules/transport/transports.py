"""All transports of a server: opened by their settings, found by the listener of a flow."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from dfks_rules.sip.flow import Flow, Listener, TransportName
from dfks_rules.sip.glance import RESPONSE
from dfks_rules.transport.addresses import family_of
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.connections import Connections
from dfks_rules.transport.limits import ConnectionLimits, SourceLimits
from dfks_rules.transport.ports import Context, Receive, Refuse, Transport, Undelivered
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


class Transports:
    """The sockets of a server; made inside a running event loop."""

    def __init__(
        self,
        limits: ConnectionLimits,
        advertise: str | None = None,
        certificates: Certificates | None = None,
        sources: SourceLimits | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            limits: of connections.
            advertise: see `Listener`.
            certificates: what TLS shows; None where it is not served.
            sources: limits of who sends; None for none.
        """
        self.connections = Connections(limits)
        """All streams."""
        self._source_limits = sources or SourceLimits()
        self._turns: Turns | None = None
        self._is_limited = self._source_limits.per_source is not None
        self._resolver = Resolver()
        self._advertise = advertise
        self._certificates = certificates
        self._opened: list[Transport] = []
        self._by_listener: dict[Listener, Transport] = {}
        self._is_closed = False

    async def start(
        self,
        addresses: Sequence[tuple[str, str, int]],
        receive: Receive,
        undelivered: Undelivered,
        refuse: Refuse,
    ) -> None:
        """Listen on these addresses. Call `close` also when this fails.

        Args:
            addresses: of each the transport, the host (an address or a name), and the port.
            receive: takes each message that comes.
            undelivered: takes each message that cannot be sent; never from within `send`.
            refuse: takes each message that is too much, and is to be answered.

        Raises:
            OSError: an address cannot be listened on; `filename` is that address.
        """
        loop = asyncio.get_running_loop()
        self._turns = Turns(loop, receive, refuse, self._source_limits)
        context = Context(
            receive,
            self._turns,
            undelivered,
            self._resolver,
            self.connections,
            self._advertise,
            self._certificates,
        )
        for name, host, port in addresses:
            try:
                bound, _ = await self._resolver.resolve(host, port, family_of(host))
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
        for counted in (*self._opened, *([self._turns] if self._turns else ())):
            total.update(counted.counts)
        return {**total, "connections_open": len(self.connections)}

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message, from the address that the flow's listener names."""
        transport = self._by_listener.get(flow.listener)
        if transport is None:
            transport = next(one for one in self._opened if one.has(flow.listener))
            self._by_listener[flow.listener] = transport
        if self._is_limited and not flow.resolve and not data.startswith(RESPONSE):
            assert self._turns is not None  # noqa: S101 - there is no flow before `start`
            self._turns.asked(flow.remote[0])
        transport.send(flow, data)

    def listener_for(self, transport: str, listener: Listener) -> Listener | None:
        """The listener of another transport that can take the place of `listener`.

        Args:
            transport: as in a URI, in lower case: whatever a peer wrote there.
            listener: a local address; the other one has the same IP version, and the same address
                where that is served.
        """
        family = family_of(listener.host)
        found = [
            one.at(listener.host)
            for one in self._opened
            if one.listener.transport == transport and family_of(one.listener.host) == family
        ]
        return min(found, key=lambda one: one.host != listener.host, default=None)

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
        await asyncio.gather(*(transport.close() for transport in self._opened))
        await self.connections.close()
        self._resolver.close()
