"""A DNS server on loopback, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It listens."""
        self._transport: Any = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A question."""
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append((name.removesuffix("."), kind))
        if name.endswith(self.silent):
            return
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
        self._transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def name_server(zone: str) -> AsyncIterator[NameServer]:
    """Serve a zone.

    Args:
        zone: lines `NAME TTL TYPE DATA`.
    """
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(zone), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
