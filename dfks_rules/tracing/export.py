"""Sends packets to a HEP collector by UDP, and never waits for it: what cannot go at once is lost.

The collector's name is looked up in the background, again from time to time: until it is found,
and after packets could not be sent, since the collector may have moved.
"""

import asyncio
import socket
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import structlog

from dfks_rules.operations.daemons import on_daemon
from dfks_rules.tracing.asks import Ask
from dfks_rules.tracing.entries import Decided, Message
from dfks_rules.tracing.hep import (
    MAX_PACKET,
    NOWHERE,
    Agent,
    Way,
    packet_of_decided,
    packet_of_message,
)

LOOK_UP_EVERY = 30.0
"""Seconds between two looks at the collector's name."""
_log = structlog.get_logger()


class HepTarget(NamedTuple):
    """Where packets go, and what is sent."""

    host: str
    """Name or address, IPv6 without brackets."""
    port: int
    agent: Agent
    """Who we are for the collector."""
    domains: frozenset[str] = frozenset()
    """Only what is about users of these, in lower case; empty for everything."""


class HepExport:
    """One collector."""

    def __init__(
        self, target: HepTarget, loop: asyncio.AbstractEventLoop, every: float = LOOK_UP_EVERY
    ) -> None:
        """Nothing is sent yet.

        Args:
            target: where packets go.
            loop: what looks names up.
            every: least seconds between two looks at the collector's name.
        """
        self._target = target
        self._loop = loop
        self._every = every
        self._socket: socket.socket | None = None
        self._looking: asyncio.Task[None] | None = None
        self._failed = asyncio.Event()
        self.domains = target.domains
        """See `HepTarget`."""
        self.looked_up = 0
        """How often the name was."""
        self._sent = self._dropped = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """Packets that were sent, and that could not be; whether they can be now."""
        return {
            "hep_sent": self._sent,
            "hep_dropped": self._dropped,
            "hep_connected": int(self.is_connected),
        }

    @property
    def is_connected(self) -> bool:
        """Whether packets are sent now."""
        return self._socket is not None

    def open(self) -> None:
        """Look for the collector from now on."""
        self._looking = self._loop.create_task(self._keep_looking())

    def message(self, message: Message) -> None:
        """Send a message; its body may have been cut."""
        self._send(packet_of_message(message, self._target.agent))

    def decided(self, decided: Decided, ask: Ask | None) -> None:
        """Send a decision."""
        way = NOWHERE
        if ask is not None:
            listener = ask.flow.listener
            local = (listener.host, listener.port)
            way = Way(listener.transport.value, ask.flow.remote, local)
        self._send(packet_of_decided(decided, way, self._target.agent))

    def _send(self, packet: bytes) -> None:
        if self._socket is not None and len(packet) <= MAX_PACKET:
            try:
                self._socket.send(packet)
            except (BlockingIOError, InterruptedError):
                pass  # Its buffer is full.
            except OSError:
                # Nobody listens there, or the way there is gone; also of an earlier packet.
                self._failed.set()
            else:
                self._sent += 1
                return
        self._dropped += 1

    async def _keep_looking(self) -> None:
        is_told = False
        while True:
            self._failed.clear()
            reason = await self._connect()
            if reason is not None and not is_told:
                where = f"{self._target.host}:{self._target.port}"
                _log.warning("hep_unreachable", collector=where, reason=reason)
            is_told = reason is not None
            await asyncio.sleep(self._every)
            if reason is None:
                await self._failed.wait()

    async def _connect(self) -> str | None:
        """Find the collector; why not."""
        self.looked_up += 1
        try:
            host, port = self._target.host, self._target.port
            ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_DGRAM)
            found = await on_daemon(ask, "hep-name")
            family, kind, protocol, _, where = found[0]
            new = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
            try:
                new.connect(where)
            except OSError:
                new.close()
                raise
        except (OSError, UnicodeError) as error:
            return str(error)
        self.use(new)
        return None

    def use(self, new: socket.socket | None) -> None:
        """Send by another socket, which is connected and does not block; None sends nothing."""
        old, self._socket = self._socket, new
        if old is not None:
            old.close()

    async def close(self) -> None:
        """Send no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        self.use(None)
