"""How a phone reaches its server: a UDP socket, or one TCP connection after the other."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tests.helpers.ua import Message, parse

AGAIN = 0.2
"""Seconds after which a phone tries to connect again."""

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
        """Send a message; it may be lost."""

    def close(self) -> None:
        """Close."""


def line_to(server: tuple[str, int], transport: str, received: Received) -> Line:
    """A line to a server; nothing is connected yet."""
    return _Datagrams(server, received) if transport == "udp" else _Stream(server, received)


class _Datagrams(asyncio.DatagramProtocol):
    """A UDP socket, which outlives the server."""

    transport = "udp"

    def __init__(self, server: tuple[str, int], received: Received) -> None:
        self._server, self._received = server, received
        self._socket: asyncio.DatagramTransport | None = None
        self.host = ""
        self.lost = asyncio.Event()
        self.is_new = False

    async def open(self) -> None:
        if self._socket is None:
            loop = asyncio.get_running_loop()
            self._socket, _ = await loop.create_datagram_endpoint(
                lambda: self, remote_addr=self._server
            )
            self._socket.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000
            )
            host, port = self._socket.get_extra_info("sockname")
            self.host = f"{host}:{port}"

    def send(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendto(data)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self._received(parse(data))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class _Stream:
    """TCP connections to the server, each until it breaks."""

    transport = "tcp"

    def __init__(self, server: tuple[str, int], received: Received) -> None:
        self._server, self._received = server, received
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.host = ""
        self.lost = asyncio.Event()
        self.lost.set()
        self.is_new = False

    async def open(self) -> None:
        while self.lost.is_set():
            try:
                # At a host of its own: a stream from the port of another phone would be taken for
                # one to that phone (RFC 3261 §18.1.1).
                here = ("127.0.0.3", 0)
                reader, writer = await asyncio.open_connection(*self._server, local_addr=here)
            except OSError:
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

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._hang_up()
