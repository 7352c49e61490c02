"""The streams of a server: by number, by who is at the other end, and how many there may be."""

import asyncio
import contextlib
import enum
import math
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import structlog

from dfks_rules.sip.flow import Flow, TransportName
from dfks_rules.sip.host import network_of
from dfks_rules.transport.limits import ConnectionLimits, most_connections

_log = structlog.get_logger()

SWEEP = 1.0
"""How late a silent connection may be closed, s."""
CLOSE_WITHIN = 1.0
"""Seconds that peers have at the end to read the last that they are told."""
LOG_EVERY = 60.0
"""Seconds between two log lines about connections that were refused."""


class Refusal(enum.Enum):
    """Why there may be no further connection."""

    IN_ALL = "in_all"
    PER_SOURCE = "per_source"
    OPENING = "opening"
    """Too many peers that we call do not answer; they must not take the places of those that do."""
    FILES = "files"
    """The kernel has no descriptor or no memory for it, whatever was computed."""


class Stream(Protocol):
    """What the table holds; `connection.Connection` is one."""

    flow: Flow
    """Its number and its peer."""
    asked_for: tuple[str, int]
    """Where it was to go: perhaps a name."""
    is_ours: bool
    """Whether we opened it."""
    source: str
    """What `network_of` gives for its peer."""
    deadline: float
    """When it is closed unless something happens (monotonic seconds)."""

    @property
    def is_open(self) -> bool:
        """Whether it is open in both directions."""

    def takes(self, data: bytes) -> bool:
        """Whether a message can go this way."""

    def write(self, data: bytes) -> None:
        """Send a message that `takes` has allowed."""

    def expire(self) -> None:
        """The deadline has passed."""

    def close(self) -> None:
        """Close once what was written is sent."""


class Connections:
    """All streams of a server, those that are being opened among them."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._loop = asyncio.get_running_loop()
        self.most = most_connections(limits.in_all)
        """Most connections at once, by the setting and by the limit of open files."""
        self.most_per_source = max(1, min(limits.per_source, self.most // 2))
        self._last = 0
        self._by_number: dict[int, Stream] = {}
        self._by_remote: dict[tuple[TransportName, str, int], Stream] = {}
        self.by_transport: Counter[TransportName] = Counter()
        """How many there are."""
        self._sources: Counter[str] = Counter()
        self._sweeping: asyncio.TimerHandle | None = None
        self._waiting_for_place: list[Callable[[], None]] = []
        self._emptied = asyncio.Event()
        self._logged_at = -math.inf
        self.counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
        """What happened so far."""

    def __len__(self) -> int:
        return len(self._by_number)

    def __getitem__(self, number: int) -> Stream | None:
        return self._by_number.get(number)

    def to(self, transport: TransportName, remote: tuple[str, int]) -> Stream | None:
        """The connection to a peer, open or being opened."""
        return self._by_remote.get((transport, *remote))

    def next_number(self) -> int:
        """A number that no connection has had."""
        self._last += 1
        return self._last

    def refusal(self, host: str) -> Refusal | None:
        """Why there may be no connection with `host` now; None when there may."""
        if len(self._by_number) >= self.most:
            return Refusal.IN_ALL
        if self._sources[network_of(host)] >= self.most_per_source:
            return Refusal.PER_SOURCE
        return None

    def refused(self, host: str, refusal: Refusal) -> None:
        """Count a connection with `host` that there may not be."""
        self.counts["connections_refused"] += 1
        self._log_refusal(refusal, source=host)

    def paused(self, refusal: Refusal) -> None:
        """Count that no connection is accepted for a while."""
        self.counts["accept_paused"] += 1
        self._log_refusal(refusal, source=None)

    def _log_refusal(self, refusal: Refusal, source: str | None) -> None:
        now = self._loop.time()
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at = now
            _log.warning(
                "connections_refused",
                limit=refusal.value,
                source=source,
                open=len(self),
                refused=self.counts["connections_refused"],
            )

    def add(self, connection: Stream) -> None:
        """Count a connection from now on."""
        self._by_number[connection.flow.connection] = connection
        self.by_transport[connection.flow.listener.transport] += 1
        self._sources[connection.source] += 1
        self.name(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP, self._sweep)

    def name(self, connection: Stream) -> None:
        """Have a connection found by the remote of its flow."""
        flow = connection.flow
        self._by_remote[flow.listener.transport, *flow.remote] = connection

    def forget(self, connection: Stream) -> None:
        """A connection no longer takes requests: another one goes to its peer now."""
        for remote in {connection.flow.remote, connection.asked_for}:
            key = (connection.flow.listener.transport, *remote)
            if self._by_remote.get(key) is connection:
                del self._by_remote[key]

    def remove(self, connection: Stream) -> None:
        """A connection is gone."""
        if self._by_number.pop(connection.flow.connection, None) is None:
            return
        self.forget(connection)
        self.by_transport[connection.flow.listener.transport] -= 1
        self._sources[connection.source] -= 1
        if not self._sources[connection.source]:
            del self._sources[connection.source]
        if not self._by_number:
            self._emptied.set()
        waiting, self._waiting_for_place = self._waiting_for_place, []
        for resume in waiting:
            self._loop.call_soon(resume)

    def when_there_is_place(self, resume: Callable[[], None]) -> None:
        """Call `resume` once a connection has gone."""
        self._waiting_for_place.append(resume)

    def expire(self, now: float) -> None:
        """Close the connections that were silent for too long (`now`: monotonic seconds)."""
        for connection in list(self._by_number.values()):
            if connection.deadline <= now:
                connection.expire()

    def _sweep(self) -> None:
        self._sweeping = None
        try:
            self.expire(self._loop.time())
        finally:
            if self._by_number:
                self._sweeping = self._loop.call_later(SWEEP, self._sweep)

    def hang_up(self) -> None:
        """Begin to close every connection: nothing more is read, what was written is sent."""
        for connection in list(self._by_number.values()):
            connection.close()

    async def close(self) -> None:
        """Close every connection once what was written is sent, or a second has passed."""
        self.hang_up()
        if self._by_number:
            self._emptied.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await self._emptied.wait()
        if self._sweeping is not None:
            self._sweeping.cancel()


_COUNTS = (
    "connections_accepted",
    "connections_opened",
    "connections_refused",
    "accept_paused",
    "connections_timed_out",
    "handshakes_done",
    "handshakes_failed",
    "messages_received",
    "messages_sent",
    "undelivered",
)
