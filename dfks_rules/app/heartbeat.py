"""The heartbeat: what the next process learns of when this one lived, and by which clock."""

import time
from collections import deque
from math import inf
from pathlib import Path
from typing import Protocol

from dfks_rules.app.clock import Reading, Scale
from dfks_rules.app.driver import Loop, Timer
from dfks_rules.presence.claim import UNSURE
from dfks_rules.store.life import Beat

EVERY = 5.0
"""Seconds between two heartbeats."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Beats(Protocol):
    """What keeps heartbeats; `store.sqlite.SqliteStore` does."""

    @property
    def told(self) -> int:
        """Number of the newest change of which it is told what came of it, as of all before."""
        ...

    def beat(self, beat: Beat) -> None:
        """Note that the server lives."""
        ...


def read_clocks(monotonic: float) -> Reading:
    """All clocks now; `monotonic` is that of the event loop."""
    try:
        boot_id = _BOOT_ID.read_text("ascii").strip()
    except OSError:
        boot_id = ""
    return Reading(time.time(), monotonic, time.clock_gettime(time.CLOCK_BOOTTIME), boot_id)


class Heartbeat:
    """Beats until the end."""

    def __init__(self, loop: Loop, store: Beats, scale: Scale, boot_id: str, told: int) -> None:
        """The first heartbeat comes with `begin`.

        Args:
            loop: calls again.
            store: keeps the last one.
            scale: what it says the time is.
            boot_id: which start of the machine this is.
            told: what the last heartbeat of the life before said, see `Beat`.
        """
        self._loop = loop
        self._store = store
        self._scale = scale
        self._boot_id = boot_id
        self._timer: Timer | None = None
        self._told = deque([(-inf, told)])
        """When which change was the newest that was told of; at most `UNSURE` seconds of it."""

    def begin(self) -> None:
        """Beat now, and again and again."""
        self._beat()
        self._timer = self._loop.call_at(self._loop.time() + EVERY, self.begin)

    def begin_later(self) -> None:
        """The same, in a while."""
        self._timer = self._loop.call_at(self._loop.time() + EVERY, self.begin)

    def end(self, *, is_clean: bool) -> None:
        """Beat for the last time, if ever.

        Args:
            is_clean: whether everything is written, or waits for the disk.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._beat(is_clean=is_clean)

    def _beat(self, *, is_clean: bool = False) -> None:
        boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        reading = Reading(0.0, self._loop.time(), boot, self._boot_id)
        told = self._told_until(reading.monotonic - UNSURE)
        self._told.append((reading.monotonic, self._store.told))
        self._store.beat(self._scale.beat(reading, is_clean=is_clean, told=told))

    def _told_until(self, then: float) -> int:
        """The newest change of which phones were told by then (monotonic seconds)."""
        while len(self._told) > 1 and self._told[1][0] <= then:
            self._told.popleft()
        return self._told[0][1]
