"""Transports on loopback, and a table of connections without sockets."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.limits import ConnectionLimits, SourceLimits
from dfks_rules.transport.round_robin import Excess
from dfks_rules.transport.transports import Transports

WITHIN = 30.0
"""Seconds a test waits for something that must arrive."""
REQUEST = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"
RESPONSE = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


class Served:
    """Transports that record what they received and what they could not send."""

    def __init__(
        self,
        limits: ConnectionLimits,
        advertise: str | None = None,
        certificates: Certificates | None = None,
        sources: SourceLimits | None = None,
    ) -> None:
        self.received: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.undelivered: asyncio.Queue[bytes] = asyncio.Queue()
        self.located: asyncio.Queue[tuple[bytes, tuple[Flow, ...]]] = asyncio.Queue()
        self.bounced: asyncio.Queue[bytes] = asyncio.Queue()
        self.refused: asyncio.Queue[tuple[bytes, Flow, Excess]] = asyncio.Queue()
        self.peers: list[Peer] = []
        self.answer: Callable[[bytes], bytes | None] = lambda data: None
        """What is answered at once to a message."""
        self.transports = Transports(limits, advertise, certificates, sources=sources)

    async def start(self, addresses: list[tuple[str, str, int]]) -> None:
        """Listen."""
        await self.transports.open(addresses)
        self.serve()

    def serve(self) -> None:
        """Take what comes where it was opened."""
        self.transports.serve(_Recorder(self))

    @property
    def listener(self) -> Listener:
        """The first address it listens on."""
        return self.transports.listeners[0]

    @property
    def port(self) -> int:
        """Its port."""
        return self.listener.port

    def send(self, flow: Flow, data: bytes) -> None:
        """Send."""
        self.transports.send(flow, data)

    def count(self, name: str) -> int:
        """A counter."""
        return self.transports.counts[name]

    async def next(self) -> tuple[bytes, Flow]:
        """The next message received."""
        async with asyncio.timeout(WITHIN):
            return await self.received.get()

    async def lost(self) -> bytes:
        """The next message that could not be sent."""
        async with asyncio.timeout(WITHIN):
            return await self.undelivered.get()

    async def connect(
        self, source: str = "127.0.0.1", tls: ssl.SSLContext | None = None, name: str = "localhost"
    ) -> "Peer":
        """Be a phone on a TCP connection, with TLS if there is a context; `name` is its SNI."""
        opened = asyncio.open_connection(
            "127.0.0.1",
            self.port,
            local_addr=(source, 0),
            ssl=tls,
            server_hostname=None if tls is None else name,
        )
        peer = Peer(*await opened)
        self.peers.append(peer)
        return peer


class _Recorder:
    """What transports give everything to."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def receive(self, data: bytes, flow: Flow) -> None:
        """Record a message, and answer it."""
        self._served.received.put_nowait((data, flow))
        answer = self._served.answer(data)
        if answer is not None:
            self._served.send(flow, answer)

    def refuse(self, data: bytes, flow: Flow, excess: Excess) -> None:
        """Record what is too much."""
        self._served.refused.put_nowait((data, flow, excess))

    def undelivered(self, data: bytes) -> None:
        """Record what could not be sent."""
        self._served.undelivered.put_nowait(data)

    def bounced(self, beginning: bytes) -> None:
        """Record what nobody took."""
        self._served.bounced.put_nowait(beginning)

    def located(self, branch: bytes, targets: Sequence[Flow]) -> None:
        """Record where a hop leads."""
        self._served.located.put_nowait((branch, tuple(targets)))


class Peer:
    """The other end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.address: tuple[str, int] = writer.get_extra_info("sockname")

    def write(self, data: bytes) -> None:
        """Send."""
        self.writer.write(data)

    async def read(self, size: int) -> bytes:
        """Exactly this many bytes."""
        async with asyncio.timeout(WITHIN):
            return await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        """Everything until the server closes the connection."""
        async with asyncio.timeout(WITHIN):
            return await self.reader.read()

    def reset(self) -> None:
        """Break the connection (RST)."""
        own = self.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close."""
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


@asynccontextmanager
async def served(
    *addresses: str,
    limits: ConnectionLimits | None = None,
    advertise: str | None = None,
    certificates: Certificates | None = None,
    sources: SourceLimits | None = None,
) -> AsyncIterator[Served]:
    """Listen on addresses such as `tcp:127.0.0.1`, each on a free port."""
    one = Served(limits or ConnectionLimits(), advertise, certificates, sources)
    try:
        await one.start([(*_parted(address), 0) for address in addresses])
        yield one
    finally:
        await one.transports.close()
        for peer in one.peers:
            await peer.close()


def _parted(address: str) -> tuple[str, str]:
    name, _, host = address.partition(":")
    return name, host


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until a condition holds."""
    async with asyncio.timeout(WITHIN):
        while not holds():  # noqa: ASYNC110 - it is a number of another part, not an event
            await asyncio.sleep(0.001)


async def read(peer: socket.socket) -> tuple[bytes, tuple[str, int]]:
    """The next datagram, and where it came from."""
    async with asyncio.timeout(WITHIN):
        return await asyncio.get_running_loop().sock_recvfrom(peer, 65_535)
