"""A DNS server on loopback, in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers from its zone; of `silent` names it says nothing."""

    def __init__(self, zone: str) -> None:
        self.asked: list[tuple[str, str]] = []
        """Name and type of each question."""
        self.silent = ".dead.example."
        """The end of names that get no answer."""
        self.zone: dict[tuple[str, str], list[str]] = {}
        for line in zone.strip().splitlines():
            name, ttl, kind, data = line.split(None, 3)
            self.zone.setdefault((name, kind), []).append(f"{ttl} IN {kind} {data}")
        self.port = 0
        self.stream_bytes: int | None = None
        """How much of an answer is sent over TCP, bytes; None for all."""
        self.streams: set[asyncio.Task[Any]] = set()
        """What serves each TCP connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It listens."""
        self._transport: Any = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A question; what is too long for a datagram is left out, and fetched over TCP."""
        response = self._answer(data)
        if response is None:
            return
        try:
            wire = response.to_wire(max_size=512)
        except dns.exception.TooBig:
            del response.answer[:]
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        self._transport.sendto(wire, addr)

    async def by_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question over TCP."""
        task = asyncio.current_task()
        assert task is not None
        self.streams.add(task)
        size = int.from_bytes(await reader.readexactly(2))
        response = self._answer(await reader.readexactly(size))
        if response is not None:
            wire = response.to_wire()
            writer.write((len(wire).to_bytes(2) + wire)[: self.stream_bytes])
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    def _answer(self, data: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append((name.removesuffix("."), kind))
        if name.endswith(self.silent):
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records = self.zone.get((name.removesuffix("."), kind))
        if records is not None:
            lines = [record.split(None, 3) for record in records]
            texts = [data for *_, data in lines]
            rrset = dns.rrset.from_text(name, int(lines[0][0]), "IN", kind, *texts)
            response.answer.append(rrset)
        elif not any(known == name.removesuffix(".") for known, _ in self.zone):
            response.set_rcode(
                dns.rcode.SERVFAIL if name.startswith("broken") else dns.rcode.NXDOMAIN
            )
        return response


@contextlib.asynccontextmanager
async def name_server(zone: str) -> AsyncIterator[NameServer]:
    """Serve a zone.

    Args:
        zone: lines `NAME TTL TYPE DATA`.
    """
    server = NameServer(zone)
    transport, streams = await _bind(server)
    try:
        yield server
    finally:
        streams.close()
        transport.close()
        await asyncio.gather(*server.streams)  # Whoever asked has left by now.


async def _bind(server: NameServer) -> tuple[asyncio.DatagramTransport, asyncio.Server]:
    """Listen on one port by both transports: the next one if UDP has it no more."""
    loop = asyncio.get_running_loop()
    while True:
        streams = await asyncio.start_server(server.by_stream, "127.0.0.1", 0)
        address = streams.sockets[0].getsockname()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=address)
        except OSError:
            streams.close()
        else:
            return transport, streams
