"""How a phone reaches its server: a UDP socket, or one TCP connection after the other."""

import asyncio
import random
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from tests.helpers.ua import Message, parse

AGAIN = 0.2
"""Seconds after which a phone tries to connect again."""

ELSEWHERE = 0.1
"""How many requests over UDP come to another server than the last one, where there are several."""
CONNECTS_WITHIN = 4.0
"""Seconds after which a phone tries to connect to another server."""
ALIVE = {socket.TCP_KEEPIDLE: 3, socket.TCP_KEEPINTVL: 1, socket.TCP_USER_TIMEOUT: 6_000}
"""A connection has broken when nothing has come for so long that it must have: what a node that is
killed says of it may be lost.
"""


class Place(NamedTuple):
    """Where phones are."""

    datagrams: str = "127.0.0.1"
    """Their address for UDP."""
    streams: str = "127.0.0.3"
    """For TCP. It is another one: a stream from the port of another phone would be taken for one to
    that phone (RFC 3261 §18.1.1).
    """
    lost: float = 0.02
    """How many datagrams they lose in each direction, where there are several servers; none where
    the network does that.
    """


Received = Callable[[Message], None]


class Line(Protocol):
    """What a phone sends by."""

    transport: str
    host: str
    """Own address and port."""
    asks: tuple[str, int]
    """The server that is asked."""
    source: tuple[str, int]
    """The one that sent the last message."""
    lost: asyncio.Event
    """Set while there is no connection."""
    is_new: bool
    """Whether there was another connection before this one; the phone clears it."""

    async def open(self) -> None:
        """Connect, if that is needed; tries until it succeeds."""

    def send(self, data: bytes) -> None:
        """Send a request; it may be lost."""

    def reply(self, data: bytes) -> None:
        """Answer the last request."""

    def turn(self) -> None:
        """Whoever is asked does not serve: ask another one, where there are several."""

    def close(self) -> None:
        """Close."""


def line_to(
    servers: Sequence[tuple[str, int]],
    transport: str,
    received: Received,
    dice: random.Random,
    place: Place,
) -> Line:
    """A line to a server, or several that are one; nothing is connected yet.

    Args:
        servers: their addresses.
        transport: `udp` or `tcp`.
        received: is given each message.
        dice: chooses the server.
        place: where the phone is.
    """
    kind = _Datagrams if transport == "udp" else _Stream
    return kind(servers, received, dice, place)


class _Servers:
    """Addresses, and the one that is asked."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        received: Received,
        dice: random.Random,
        place: Place,
    ) -> None:
        self._servers, self._received, self._dice = servers, received, dice
        self._place = place
        self.asks = dice.choice(servers)
        self.host = ""
        self.lost = asyncio.Event()
        self.is_new = False

    def turn(self) -> None:
        # One after the other, as by SRV records (RFC 3263 §4.3): chance would ask those that are
        # down again and again, some phone for as long as its transaction lasts.
        self.asks = self._servers[(self._servers.index(self.asks) + 1) % len(self._servers)]


class _Datagrams(_Servers, asyncio.DatagramProtocol):
    """A UDP socket, which outlives the server."""

    transport = "udp"
    _socket: asyncio.DatagramTransport | None = None
    source = ("", 0)

    async def open(self) -> None:
        if self._socket is None:
            loop = asyncio.get_running_loop()
            self._socket, _ = await loop.create_datagram_endpoint(
                lambda: self, local_addr=(self._place.datagrams, 0)
            )
            self._socket.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000
            )
            host, port = self._socket.get_extra_info("sockname")
            self.host = f"{host}:{port}"

    def send(self, data: bytes) -> None:
        assert self._socket is not None
        is_lost = False
        if len(self._servers) > 1:
            # A balancer, or an address that several have.
            if self._dice.random() < ELSEWHERE:
                self.turn()
            is_lost = self._dice.random() < self._place.lost
        if not is_lost:
            self._socket.sendto(data, self.asks)

    def reply(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendto(data, self.source)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(self._servers) > 1 and self._dice.random() < self._place.lost:
            return
        self.source = addr
        self._received(parse(data))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class _Stream(_Servers):
    """TCP connections to the server, each until it breaks."""

    transport = "tcp"

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        received: Received,
        dice: random.Random,
        place: Place,
    ) -> None:
        super().__init__(servers, received, dice, place)
        self._writer: asyncio.StreamWriter | None = None
        self.source = self.asks
        self._reading: asyncio.Task[None] | None = None
        self.lost.set()

    async def open(self) -> None:
        while self.lost.is_set():
            try:
                here = (self._place.streams, 0)
                async with asyncio.timeout(CONNECTS_WITHIN):
                    reader, writer = await asyncio.open_connection(*self.asks, local_addr=here)
            except OSError:
                self.turn()
                await asyncio.sleep(AGAIN)
                continue
            stream = writer.get_extra_info("socket")
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in ALIVE.items():
                stream.setsockopt(socket.IPPROTO_TCP, option, value)
            self.is_new = bool(self.host)
            host, port = writer.get_extra_info("sockname")
            self.host = f"{host}:{port}"
            self._writer, self.source = writer, self.asks
            self.lost.clear()
            self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Take messages until the connection breaks."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [
                    n for n in head.split(b"\r\n") if n.lower().startswith(b"content-length")
                ]
                body = await reader.readexactly(int(lengths[0].partition(b":")[2]))
                self._received(parse(head + body))
        self._hang_up()

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self.lost.set()

    def send(self, data: bytes) -> None:
        if self._writer is not None and not self.lost.is_set():
            self._writer.write(data)

    def reply(self, data: bytes) -> None:
        self.send(data)

    def turn(self) -> None:
        if len(self._servers) > 1:
            super().turn()
            self._hang_up()

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._hang_up()
