"""How a phone reaches its server: a UDP socket, or one TCP connection after the other."""

import asyncio
import random
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from tests.helpers.ua import Message, parse

AGAIN = 0.2
"""Seconds after which a phone tries to connect again."""

ELSEWHERE = 0.1
"""How many requests over UDP come to another server than the last one, where there are several."""
LOST = 0.02
"""How many datagrams are lost then, in each direction."""

Received = Callable[[Message], None]


class Line(Protocol):
    """What a phone sends by."""

    transport: str
    host: str
    """Own address and port."""
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
) -> Line:
    """A line to a server, or several that are one; nothing is connected yet.

    Args:
        servers: their addresses.
        transport: `udp` or `tcp`.
        received: is given each message.
        dice: chooses the server.
    """
    kind = _Datagrams if transport == "udp" else _Stream
    return kind(servers, received, dice)


class _Servers:
    """Addresses, and the one that is asked."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        received: Received,
        dice: random.Random,
    ) -> None:
        self._servers, self._received, self._dice = servers, received, dice
        self._server = dice.choice(servers)
        self.host = ""
        self.lost = asyncio.Event()
        self.is_new = False

    def turn(self) -> None:
        if len(self._servers) > 1:
            self._server = self._dice.choice([one for one in self._servers if one != self._server])


class _Datagrams(_Servers, asyncio.DatagramProtocol):
    """A UDP socket, which outlives the server."""

    transport = "udp"
    _socket: asyncio.DatagramTransport | None = None
    _source: tuple[str, int] | None = None

    async def open(self) -> None:
        if self._socket is None:
            loop = asyncio.get_running_loop()
            self._socket, _ = await loop.create_datagram_endpoint(
                lambda: self, local_addr=("127.0.0.1", 0)
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
            is_lost = self._dice.random() < LOST
        if not is_lost:
            self._socket.sendto(data, self._server)

    def reply(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendto(data, self._source)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(self._servers) > 1 and self._dice.random() < LOST:
            return
        self._source = addr
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
    ) -> None:
        super().__init__(servers, received, dice)
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.lost.set()

    async def open(self) -> None:
        while self.lost.is_set():
            try:
                # At a host of its own: a stream from the port of another phone would be taken for
                # one to that phone (RFC 3261 §18.1.1).
                here = ("127.0.0.3", 0)
                reader, writer = await asyncio.open_connection(*self._server, local_addr=here)
            except OSError:
                self.turn()
                await asyncio.sleep(AGAIN)
                continue
            self.is_new = bool(self.host)
            host, port = writer.get_extra_info("sockname")
            self.host = f"{host}:{port}"
            self._writer = writer
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
