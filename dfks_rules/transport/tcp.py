"""TCP: one listening socket, and connections to peers that have none to us."""

import asyncio
import socket
from collections.abc import Coroutine, Mapping
from typing import Any

from dfks_rules.sip.flow import Flow, Listener, TransportName
from dfks_rules.transport.addresses import Listeners
from dfks_rules.transport.connection import Connection
from dfks_rules.transport.connections import CLOSE_WITHIN, Refusal, Stream
from dfks_rules.transport.ports import Context

BACKLOG = 1024
"""Connections that the kernel keeps for us: phones come all at once after a power cut."""
PORTION = 64
"""Most connections accepted before others get their turn."""
CONNECT_WITHIN = 5.0
"""Seconds to connect to a peer."""
OPENING = 4
"""The part of all connections that may be in the making by us: a quarter. A Contact may name a host
that never answers, and a datagram is enough to write one."""
PAUSE = 1.0
"""Seconds to wait when the kernel has no file descriptor or no memory for a connection."""


class TcpTransport:
    """One address, and the connections that were accepted there or opened from there."""

    name = TransportName.TCP

    def __init__(self, bound: socket.socket, context: Context) -> None:
        """Listen, and accept from the next turn of the event loop on.

        Args:
            bound: non-blocking.
            context: what all transports share.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._context = context
        self._connections = context.connections
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = 0
        """Connections that are being opened."""
        self._is_closed = self._is_paused = False
        self._socket = bound
        self._socket.listen(BACKLOG)
        host, port = bound.getsockname()[:2]
        self._listeners = Listeners(self.name, (host, int(port)), context.advertise)
        self._resume()

    @property
    def listener(self) -> Listener:
        """The address that was configured."""
        return self._listeners.primary

    @property
    def counts(self) -> Mapping[str, int]:
        """Nothing of its own: connections are counted in their table."""
        return {}

    def at(self, host: str) -> Listener:
        """The listener of one local address."""
        return self._listeners.at(host)

    def has(self, listener: Listener) -> bool:
        """Whether `listener` is an address of this transport."""
        return listener in self._listeners

    def _accept(self) -> None:
        for _ in range(PORTION):
            if len(self._connections) >= self._connections.most:
                # Peers wait in the kernel, where they cost no descriptor of ours.
                self._loop.remove_reader(self._socket)
                self._connections.when_there_is_place(self._resume)
                self._connections.paused(Refusal.IN_ALL)
                return
            try:
                accepted, remote = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._socket)
                self._loop.call_later(PAUSE, self._resume)
                self._connections.paused(Refusal.FILES)
                return
            self._admit(accepted, remote[:2])

    def _resume(self) -> None:
        if not (self._is_closed or self._is_paused):
            self._loop.add_reader(self._socket, self._accept)

    @property
    def is_calm(self) -> bool:
        """Whether nothing waits here: what does is in the turns."""
        return True

    def pause(self) -> None:
        """Accept no more: peers wait in the kernel for whoever serves next."""
        self._is_paused = True
        self._loop.remove_reader(self._socket)

    def sockets(self) -> list[socket.socket]:
        """What whoever serves next has to be given."""
        return [self._socket]

    def _admit(self, accepted: socket.socket, remote: tuple[str, int]) -> None:
        refusal = self._connections.refusal(remote[0])
        if refusal is not None:
            self._connections.refused(remote[0], refusal)
            accepted.close()
            return
        accepted.settimeout(0)
        listener = self._listeners.at(accepted.getsockname()[0])
        flow = Flow(listener, remote, self._connections.next_number())
        connection = Connection(flow, self._context, is_ours=False)
        self._connections.counts["connections_accepted"] += 1
        self._run(self._adopt(accepted, connection))

    def _accepted(self, connection: Connection) -> asyncio.BufferedProtocol:
        """What the socket of an accepted connection talks to."""
        return connection

    def _opened(self, connection: Connection) -> asyncio.BufferedProtocol:
        """The same for a connection that we opened."""
        return connection

    async def _adopt(self, accepted: socket.socket, connection: Connection) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._accepted(connection), accepted)
        except OSError:
            accepted.close()
            connection.fail()

    def send(self, flow: Flow, data: bytes) -> None:
        """Send on the connection of the flow, on another one to its remote, or on a new one.

        There is no new one where a hop has to be looked up: what DNS says of it comes first.

        Reference: RFC 3261 §18.1.1, §18.2.2
        """
        connection = self._connections[flow.connection]
        if connection is None or not connection.takes(data):
            connection = self._connections.to(flow.listener.transport, flow.remote)
        if connection is None and flow.hop is None:
            connection = self._open(flow)
        if connection is None:
            self._loop.call_soon(self._context.receiver.undelivered, data)
        else:
            connection.write(data)

    def _open(self, flow: Flow) -> Stream | None:
        refusal = self._connections.refusal(flow.remote[0])
        if self._opening >= max(1, self._connections.most // OPENING):
            refusal = refusal or Refusal.OPENING
        if refusal is not None or self._is_closed:
            if refusal is not None:
                self._connections.refused(flow.remote[0], refusal)
            self._connections.counts["undelivered"] += 1
            return None
        self._opening += 1
        wanted = flow._replace(connection=self._connections.next_number())
        connection = Connection(wanted, self._context, is_ours=True)
        self._run(self._connect(wanted, connection))
        return connection

    async def _connect(self, flow: Flow, connection: Connection) -> None:
        local = flow.listener.host
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                await self._loop.create_connection(
                    lambda: self._opened(connection), *flow.remote, local_addr=(local, 0)
                )
        except (OSError, OverflowError, TimeoutError):
            connection.fail()
        else:
            self._connections.counts["connections_opened"] += 1
        finally:
            self._opening -= 1

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """The flow of a live connection that we opened to exactly this address.

        A connection that we accepted comes from any port: another phone of that host, or behind the
        same NAT, may have its socket for datagrams at a port of that number.
        """
        connection = self._connections.to(self.name, remote)
        if connection is None or not (connection.is_ours and connection.is_open):
            return None
        return connection.flow

    async def close(self) -> None:
        """Stop listening; connections that are being opened have their time to open."""
        self._is_closed = True
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_WITHIN)
        for task in self._tasks:
            task.cancel()
