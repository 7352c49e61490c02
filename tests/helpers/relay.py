"""A bad network: `python -m tests.helpers.relay SERVER_PORT PHONES SEED` passes on, mostly.

Each phone has a way of its own: an address that the server sees, as behind a NAT that keeps its
mappings, and one that the phone sends to. Datagrams are lost, doubled, and come out of order, in
both directions. It prints a line of JSON: for each phone the host and port that the server sees,
and the port on 127.0.0.1 for the phone. It goes on until its input ends.
"""

import asyncio
import json
import random
import sys
from typing import Any

LOST, DOUBLED, DELAYED = 0.2, 0.1, 0.3
DELAY = 0.08
"""Longest delay of those that are delayed, s: what was sent after them arrives before."""


class Way(asyncio.DatagramProtocol):
    """One end of a phone's way; the other end sends what comes in here."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.other: Way | None = None
        self.peer: Any = None
        """Where this end sends to: the server, or whoever sent to it last."""
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """The socket is open."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Pass it on, perhaps."""
        assert self.other is not None
        self.peer = addr
        for _ in range(1 + (self._dice.random() < DOUBLED)):
            if self._dice.random() < LOST:
                continue
            if self._dice.random() < DELAYED:
                wait = self._dice.random() * DELAY
                asyncio.get_running_loop().call_later(wait, self.other.send, data)
            else:
                self.other.send(data)

    def send(self, data: bytes) -> None:
        """Send to this end's peer."""
        if self.transport is not None and self.peer is not None:
            self.transport.sendto(data, self.peer)


def host_of(number: int) -> str:
    """The address of a phone, as the server sees it: each has its own."""
    return f"127.1.{number // 250}.{1 + number % 250}"


async def relay(server_port: int, phones: int, seed: int) -> None:
    """Open the ways, say where they are, and wait for the end of the input."""
    loop, dice = asyncio.get_running_loop(), random.Random(seed)
    opened = []
    for number in range(phones):
        outer, inner = Way(dice), Way(dice)
        outer.other, inner.other = inner, outer
        outer.peer = ("127.0.0.1", server_port)
        for way, host in ((outer, host_of(number)), (inner, "127.0.0.1")):
            await loop.create_datagram_endpoint(lambda way=way: way, local_addr=(host, 0))  # type: ignore[misc]
        assert outer.transport is not None
        assert inner.transport is not None
        seen = outer.transport.get_extra_info("sockname")
        opened.append([*seen, inner.transport.get_extra_info("sockname")[1]])
    print(json.dumps(opened), flush=True)  # noqa: T201
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(relay(*map(int, sys.argv[1:4])))
