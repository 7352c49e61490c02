"""Virtual time: calls that are due, in order, and one source of chance for everything."""

import heapq
from collections.abc import Callable
from itertools import count
from random import Random

from tests.helpers.history import Event

WALL = 1_790_000_000.0
"""Seconds since 1970 when the virtual time was 0."""


class Call:
    """A call that is due; as `asyncio.TimerHandle`."""

    __slots__ = ("arguments", "callback", "is_cancelled")

    def __init__(self, callback: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self.callback = callback
        self.arguments = arguments
        self.is_cancelled = False

    def cancel(self) -> None:
        """Do not call."""
        self.is_cancelled = True


class World:
    """The time, what is to happen, and what has happened. `app.driver.Loop` is part of it."""

    def __init__(self, seed: int) -> None:
        """Nothing has happened.

        Args:
            seed: the same one gives the same history.
        """
        self.random = Random(seed)
        self.now = 1_000.0
        """Monotonic seconds."""
        self.history: list[Event] = []
        self.counts: dict[str, int] = {}
        """How often which fault struck, and what else is worth counting."""
        self.notes: list[tuple[float, str]] | None = None
        """When what happened inside, for people; None where nobody reads it."""
        self._due: list[tuple[float, int, Call]] = []
        self._numbers = count()

    def time(self) -> float:
        """Monotonic seconds."""
        return self.now

    def wall(self) -> float:
        """Seconds since 1970."""
        return WALL + self.now

    def count(self, name: str) -> None:
        """Something happened once more."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def note(self, what: str, *details: object) -> None:
        """Something happened inside."""
        if self.notes is not None:
            self.notes.append((self.now, f"{what}: {' '.join(map(str, details))}"))

    def token(self) -> bytes:
        """64 random bits, in hexadecimal."""
        return b"%016x" % self.random.getrandbits(64)

    def call_at(self, when: float, callback: Callable[..., object], /, *arguments: object) -> Call:
        """Call once, at that time; what is due at the same time in the order of these calls."""
        call = Call(callback, arguments)
        heapq.heappush(self._due, (max(when, self.now), next(self._numbers), call))
        return call

    def later(self, delay: float, callback: Callable[..., object], *arguments: object) -> Call:
        """Call once, after so many seconds."""
        return self.call_at(self.now + delay, callback, *arguments)

    def run(self, until: float) -> None:
        """Have happen what is due before that time."""
        due = self._due
        while due and due[0][0] < until:
            when, _, call = heapq.heappop(due)
            if not call.is_cancelled:
                self.now = when
                call.callback(*call.arguments)
        self.now = until
