"""TCP: one listener, and the connections that phones opened or we opened to them."""

import asyncio
import socket
from collections.abc import Callable

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.stream import StreamReader
from dfks_rules.transport.udp import Receive

IDLE = 30.0
"""How long a message may take to arrive whole, s."""
MAX_CONNECTIONS = 10_000
"""Most connections at once."""


class TcpTransport:
    """One listening socket and its connections."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._connections: dict[int, _Connection] = {}
        self._last = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.listener = Listener("tcp", "", 0)

    async def start(self, host: str, port: int, reachable: Callable[[str], str]) -> None:
        """Listen; `reachable` turns the bound host into the one to name in messages."""
        self._server = await self._loop.create_server(self._accept, host, port)
        bound = self._server.sockets[0].getsockname()[1]
        self.listener = Listener("tcp", reachable(host), bound)

    def _accept(self) -> "_Connection":
        self._last += 1
        return _Connection(self, self._last)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send on the connection of the flow; on a new one when that has ended."""
        connection = self._connections.get(flow.connection)
        if connection is not None:
            connection.write(data)
            return
        if len(self._connections) < MAX_CONNECTIONS:
            task = self._loop.create_task(self._open_and_send(flow, data))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open_and_send(self, flow: Flow, data: bytes) -> None:
        try:
            async with asyncio.timeout(5):
                _, connection = await self._loop.create_connection(self._accept, *flow.remote)
        except (OSError, TimeoutError):
            return
        connection.write(data)

    def opened(self, connection: "_Connection") -> bool:
        """A connection is there; whether it may stay."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return False
        self._connections[connection.number] = connection
        return True

    def lost(self, connection: "_Connection") -> None:
        """A connection is gone."""
        self._connections.pop(connection.number, None)

    def received(self, message: bytes, flow: Flow) -> None:
        """A connection read a message."""
        self._receive(message, flow)

    async def close(self) -> None:
        """Stop listening and close every connection once what was written is sent."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.close()
        await asyncio.sleep(0)


class _Connection(asyncio.Protocol):
    """One stream."""

    def __init__(self, owner: TcpTransport, number: int) -> None:
        self.number = number
        self._owner = owner
        self._reader = StreamReader()
        self._transport: asyncio.Transport | None = None
        self._flow: Flow | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes no other
        self._transport = transport
        remote = transport.get_extra_info("peername")[:2]
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flow = Flow(self._owner.listener, remote, self.number)
        if not self._owner.opened(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        messages = self._reader.feed(data)
        if self._reader.pings:
            self.write(b"\r\n" * self._reader.pings)
            self._reader.pings = 0
        for message in messages:
            if self._flow is not None:
                self._owner.received(message, self._flow)
        if self._reader.broken:
            self.close()
        elif self._reader.waiting and self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(IDLE, self.close)
        elif not self._reader.waiting and self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._owner.lost(self)

    def write(self, data: bytes) -> None:
        """Send; a peer that does not read is cut off."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > 1_000_000:
            self._transport.abort()

    def close(self) -> None:
        """Close once what was written is sent."""
        if self._transport is not None:
            self._transport.close()
