"""SUBSCRIBEs of hosts that have too many unproved dialogs just now, for half a second.

After a power cut all phones behind one NAT subscribe at once. Each proves its address within a
round trip, and then the next one is served; only what was not served by then is refused.
"""

from datetime import datetime
from typing import Final, final

from dfks_rules.model.identity import Identity
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.timers import T1

AT_MOST = 1_024
"""Requests that wait, of all hosts; further ones are refused at once."""


@final
class Waiting:
    """A SUBSCRIBE that waits."""

    __slots__ = ("at", "host", "identity", "incoming", "until")

    def __init__(
        self, incoming: Incoming, identity: Identity | None, host: str, at: datetime, now: float
    ) -> None:
        self.incoming: Final = incoming
        self.identity: Final = identity
        """Who sent it, where phones authenticate."""
        self.host: Final = host
        """Where its NOTIFYs would go, see `proof.host_of`."""
        self.at: Final = at
        """Local time when it came."""
        self.until: Final = now + T1
        """When it is refused, monotonic seconds: by then its phone sends it again."""


@final
class WaitingRequests:
    """The SUBSCRIBEs that wait, in the order in which they came."""

    def __init__(self, at_most: int = AT_MOST) -> None:
        self._at_most: Final = at_most
        self._by_key: dict[bytes, Waiting] = {}
        self._by_host: dict[str, dict[bytes, Waiting]] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def add(self, waiting: Waiting) -> bool:
        """Have a SUBSCRIBE wait, or go on waiting where it came again; False if it is full."""
        key = waiting.incoming.key
        if key in self._by_key:
            return True
        if len(self._by_key) >= self._at_most:
            return False
        self._by_key[key] = waiting
        self._by_host.setdefault(waiting.host, {})[key] = waiting
        return True

    def next_of(self, host: str) -> Waiting | None:
        """Take out the one of a host that has waited longest."""
        of_host = self._by_host.get(host)
        return None if of_host is None else self._take(next(iter(of_host.values())))

    def overdue(self, now: float) -> list[Waiting]:
        """Take out those that have waited for too long."""
        overdue = []
        for waiting in self._by_key.values():
            if waiting.until > now:
                break
            overdue.append(waiting)
        return [self._take(waiting) for waiting in overdue]

    def next_deadline(self) -> float | None:
        """When `overdue` has something, monotonic seconds."""
        return next((waiting.until for waiting in self._by_key.values()), None)

    def _take(self, waiting: Waiting) -> Waiting:
        key = waiting.incoming.key
        del self._by_key[key]
        of_host = self._by_host[waiting.host]
        del of_host[key]
        if not of_host:
            del self._by_host[waiting.host]
        return waiting
