"""Who sends: an IPv4 address, or an IPv6 /64, whatever its ports and its connections.

What is counted by port is counted by nobody: a source has 65,535 of them. A trusted peer stands for
all its phones, and is a source of its own.
"""

import socket
from collections import deque
from collections.abc import Callable
from typing import final

from dfks_rules.sip.flow import Flow
from dfks_rules.sip.host import network_of

KEPT = 8_192
"""Sources that are looked up before those that were not in the meantime are forgotten."""
TRUSTED_SHARE = 16
"""The share of a trusted peer in each round, as a multiple of that of others."""
TRUSTED_ROOM = 4
"""What may wait of a trusted peer, as a multiple of what may wait of others."""
_V6_SOURCE = 8
"""Bytes of a /64."""

Work = Callable[[], bool]
"""Works on one message of a stream; whether there are more."""


@final
class StreamTurn:
    """A connection that waits for its turn."""

    __slots__ = ("source", "work")

    def __init__(self, source: "Source", work: Work) -> None:
        self.source = source
        self.work = work


Job = tuple[bytes, Flow] | StreamTurn
"""What waits: a datagram, or a connection."""


@final
class Source:
    """One sender: what waits of it, and what it has used up."""

    __slots__ = (
        "answers",
        "credit",
        "first",
        "full_at",
        "host",
        "is_flooding",
        "is_trusted",
        "is_waiting",
        "refusable_at",
        "rest",
        "room",
        "share",
        "size",
    )

    def __init__(self, host: str, *, is_trusted: bool = False) -> None:
        self.host = host
        """One of its addresses."""
        self.is_trusted = is_trusted
        self.share = TRUSTED_SHARE if is_trusted else 1
        """Its weight in a round."""
        self.room = TRUSTED_ROOM if is_trusted else 1
        """Its weight in what may wait."""
        self.first: deque[Job] | None = None
        """What is worked on before the rest. Queues are made when something waits."""
        self.rest: deque[Job] | None = None
        self.size = 0
        """Of what waits, as `round_robin` measures it."""
        self.credit = 0
        """What may be worked on before it is the turn of others."""
        self.is_waiting = False
        """Whether it is in the circle."""
        self.is_flooding = False
        """Whether some of it was dropped since it last had nothing waiting."""
        self.full_at = 0.0
        """When it may send a whole burst again (monotonic seconds)."""
        self.refusable_at = 0.0
        """The same for refusals that it is sent."""
        self.answers = 0
        """Requests sent to it whose responses it may send on top of its rate."""

    @property
    def name(self) -> str:
        """An address, or a /64."""
        return self.host if self.is_trusted else network_of(self.host)


@final
class Sources:
    """Those that sent something lately.

    They are kept in two generations: where the younger is full, the elder is forgotten. So the
    table is bounded, nobody is forgotten who sends, and there is nothing to sweep.
    """

    def __init__(self, is_trusted: Callable[[str], bool] | None = None) -> None:
        """`is_trusted` says of an address whether a trusted peer has it."""
        self._is_trusted = is_trusted
        self._younger: dict[str | bytes, Source] = {}
        self._elder: dict[str | bytes, Source] = {}

    def __len__(self) -> int:
        return len(self._younger) + len(self._elder)

    def of(self, host: str) -> Source:
        """The source that an address belongs to."""
        key = host if ":" not in host else self._key_of_v6(host)
        return self._younger.get(key) or self._remember(key, host)

    def _key_of_v6(self, host: str) -> str | bytes:
        """The same as `network_of` in a tenth of the time: a flood asks for each datagram."""
        if self._trusts(host):
            return host  # Its neighbours may not be trusted.
        try:
            return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:_V6_SOURCE]
        except OSError:
            return host

    def _trusts(self, host: str) -> bool:
        try:
            return self._is_trusted is not None and self._is_trusted(host)
        except ValueError:
            return False  # It is a name, to which we open a connection.

    def _remember(self, key: str | bytes, host: str) -> Source:
        source = self._elder.get(key)
        if source is None:
            source = Source(host, is_trusted=self._trusts(host))
        if len(self._younger) >= KEPT:
            self._elder, self._younger = self._younger, {}
        self._younger[key] = source
        return source
