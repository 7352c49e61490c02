"""The heartbeat: what the next process learns of when this one lived, and by which clock."""

import time
from pathlib import Path
from typing import Protocol

from dfks_rules.app.clock import Reading, Scale
from dfks_rules.app.driver import Loop, Timer
from dfks_rules.store.life import Beat

EVERY = 5.0
"""Seconds between two heartbeats."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Beats(Protocol):
    """What keeps heartbeats; `store.sqlite.SqliteStore` does."""

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

    def __init__(self, loop: Loop, store: Beats, scale: Scale, boot_id: str) -> None:
        """The first heartbeat comes with `begin`.

        Args:
            loop: calls again.
            store: keeps the last one.
            scale: what it says the time is.
            boot_id: which start of the machine this is.
        """
        self._loop = loop
        self._store = store
        self._scale = scale
        self._boot_id = boot_id
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Beat now, and again and again."""
        self._beat()
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
        self._store.beat(self._scale.beat(reading, is_clean=is_clean))
