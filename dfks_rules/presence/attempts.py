"""Slows whoever guesses passwords, without locking out whose password is guessed.

A wrong password costs a point of the user and one of the address that sent it. Points come back
with time; while there are none, nothing is verified. A user who has authenticated from an address
has points of its own there: strangers who guess its password do not keep its phone out. Only the
right password shows that there are such points: who fails gets the answer of a stranger.

The tables are bounded: where one is full, the entry that was not changed for longest is forgotten.
"""

from typing import Final, final

from dfks_rules.sip.host import network_of

AT_MOST = 65_536
"""Entries in each table, about 200 bytes each."""
OF_USER = 10
"""Wrong passwords in a row for one user: from all addresses, and where it is at home from each."""
OF_SOURCE = 30
"""Wrong passwords in a row from one address: a new office may have one mistake in all phones."""
PER_USER = 30.0
"""Seconds until a user may be tried once more."""
PER_SOURCE = 3.0
"""Seconds until an address may try once more."""

_ROUNDING = 1e-6
"""Seconds that sums of intervals may be off."""
_MAX_NAME = 64
"""Characters of a name that tell it from others here."""


@final
class Points:
    """Points of many, each as the one moment when all of them will have come back."""

    def __init__(self, points: int, every: float) -> None:
        """Everybody has all `points`; one comes back `every` so many seconds."""
        self._ahead: Final = points * every
        self._every: Final = every
        self._full_at: dict[object, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def has(self, key: object, now: float) -> bool:
        """Whether there is a point left."""
        return self._full_at.get(key, now) + self._every <= now + self._ahead + _ROUNDING

    def take(self, key: object, now: float) -> None:
        """Take one point, if there is one."""
        before = self._full_at.pop(key, now)
        if len(self._full_at) >= AT_MOST:
            del self._full_at[next(iter(self._full_at))]
        self._full_at[key] = min(max(before, now) + self._every, now + self._ahead)


@final
class Attempts:
    """Who may try a password now."""

    def __init__(self) -> None:
        self._users = Points(OF_USER, PER_USER)
        self._sources = Points(OF_SOURCE, PER_SOURCE)
        self._at_home = Points(OF_USER, PER_USER)
        self._homes: dict[tuple[str, str], None] = {}
        """Who has authenticated from where; the latest last."""

    def may_try(self, name: str, source: str, now: float) -> bool:
        """Whether a password is looked at.

        Args:
            name: who somebody says to be; it may not exist. Users of this name in all domains
                count as one: else a domain that is made up would bring new points.
            source: address that the request came from.
            now: monotonic seconds.
        """
        key = (name[:_MAX_NAME], source)
        if key in self._homes:
            return self._at_home.has(key, now)
        return self.may_stranger_try(name, source, now)

    def may_stranger_try(self, name: str, source: str, now: float) -> bool:
        """As `may_try`, for a user who has never authenticated from this address."""
        has_points = self._users.has(name[:_MAX_NAME], now)
        return has_points and self._sources.has(network_of(source), now)

    def failed(self, name: str, source: str, now: float) -> None:
        """The password was wrong, or there is no such user."""
        name = name[:_MAX_NAME]
        key = (name, source)
        if key in self._homes:
            self._at_home.take(key, now)
        # In both cases: what a stranger may do must not tell who is at home beside him.
        self._users.take(name, now)
        self._sources.take(network_of(source), now)

    def succeeded(self, name: str, source: str) -> None:
        """The password was right."""
        name = name[:_MAX_NAME]
        key = (name, source)
        if key in self._homes:
            return
        if len(self._homes) >= AT_MOST:
            del self._homes[next(iter(self._homes))]
        self._homes[key] = None
