"""What carries the messages of `dfks phone`: datagrams, or one connection with TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from dfks_rules.sip.stream import StreamReader
from dfks_rules.transport.icmp import keep_errors, take_errors

Receive = Callable[[bytes | None], None]
"""Takes one message; None when there is nobody at the other end."""
_Address = tuple[str, int] | tuple[str, int, int, int]
"""As the socket has it; of IPv6 with its scope."""

OPEN_WITHIN = 10.0
"""Seconds to connect, and for the handshake."""


class Wire(Protocol):
    """A way to the server."""

    transport: str
    """As in Via."""
    is_stream: bool
    """Whether nothing gets lost on it, and its end is noticed."""
    server: tuple[str, int]
    """Where it goes."""
    address: str
    """`host:port` of this end, once it is open."""

    async def open(self, receive: Receive) -> None:
        """Reach the server.

        Raises:
            OSError: it cannot be reached, or its certificate is not believed.
            TimeoutError: it does not answer.
        """

    def send(self, message: bytes) -> None:
        """Send one message."""

    def reply(self, message: bytes) -> None:
        """Send one message to where the last one came from."""


class Datagrams:
    """A UDP socket that asks one server, and hears also other nodes of it."""

    transport = "UDP"
    is_stream = False

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.address = ""
        self._server: _Address = server
        self._source: _Address = server
        """Where the last datagram came from."""

    async def open(self, receive: Receive) -> None:
        """Bind a socket that reaches the server."""
        family = socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(self.server)
            own, peer = probe.getsockname()[0], probe.getpeername()
        self._server = self._source = peer
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((own, 0))
        keep_errors(self._socket)
        self._socket.settimeout(0)
        self.address = host_port(self._socket.getsockname())
        asyncio.get_running_loop().add_reader(self._socket, self._read, receive)

    def _read(self, receive: Receive) -> None:
        try:
            data, self._source = self._socket.recvfrom(65_535)
        except BlockingIOError:
            return
        except OSError:
            for beginning in take_errors(self._socket):
                # An answer that nobody takes is not missed: its node may have died.
                if not beginning.startswith(b"SIP/"):
                    receive(None)
            return
        receive(data)

    def send(self, message: bytes) -> None:
        """Send one datagram."""
        self._send_to(self._server, message)

    def reply(self, message: bytes) -> None:
        """Send one to where the last one came from: the node of a cluster that has the dialog."""
        self._send_to(self._source, message)

    def _send_to(self, where: _Address, message: bytes) -> None:
        try:
            self._socket.sendto(message, where)
        except ConnectionRefusedError:
            # That was about an earlier one, and is read next.
            self._socket.sendto(message, where)


class SecureConnection:
    """A connection with TLS."""

    transport = "TLS"
    is_stream = True

    def __init__(self, server: tuple[str, int], name: str, cafile: str | None) -> None:
        """Make a connection that is not open.

        Args:
            server: where it goes.
            name: what the server's certificate must be for: the host of the URI (RFC 5922 §7.2).
            cafile: PEM file of who signed it; None for what this machine believes.
        """
        self.server, self._name = server, name
        self._context = ssl.create_default_context(cafile=cafile)
        self._reader = StreamReader()
        self.address = ""

    async def open(self, receive: Receive) -> None:
        """Connect, and check the server's certificate.

        Raises:
            OSError: it cannot be reached, or its certificate is not believed.
            TimeoutError: it accepts, and says nothing.
        """
        async with asyncio.timeout(OPEN_WITHIN):
            reader, self._writer = await asyncio.open_connection(
                *self.server, ssl=self._context, server_hostname=self._name
            )
        self.address = host_port(self._writer.get_extra_info("sockname"))
        self._task = asyncio.create_task(self._read(reader, receive))

    async def _read(self, reader: asyncio.StreamReader, receive: Receive) -> None:
        while data := await self._next(reader):
            for message in self._reader.feed(data):
                receive(message)
        receive(None)

    async def _next(self, reader: asyncio.StreamReader) -> bytes:
        """What comes next; nothing at the end, however it ends."""
        try:
            return await reader.read(65_535)
        except OSError:
            return b""

    def send(self, message: bytes) -> None:
        """Send one message."""
        self._writer.write(message)

    def reply(self, message: bytes) -> None:
        """The same: there is one peer."""
        self.send(message)


def host_port(address: tuple[str, int]) -> str:
    """`host:port`, IPv6 in brackets."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
