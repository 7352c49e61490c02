"""The scale on which deadlines are stored: seconds since 1970 that no step of a clock moves.

While a process lives the scale goes on as monotonic time does. The process that follows goes on
with it:

| start of a process                       | the scale is                                         |
|------------------------------------------|------------------------------------------------------|
| the first ever                           | wall clock                                           |
| since the last heartbeat the machine ran | that of the heartbeat + time since, by CLOCK_BOOTTIME |
| the machine was started since            | wall clock, but never below the last heartbeat       |

So whoever sets the clock by an hour neither ends a subscription nor lengthens it, nor removes a
change from the journal early. Only after a start of the machine there is nothing but the wall clock
to go by. People are shown the wall clock: `at` in the journal is not on this scale.
"""

from typing import NamedTuple

from dfks_rules.store.life import Beat


class Reading(NamedTuple):
    """All clocks of a machine at one moment."""

    wall: float
    """Seconds since 1970, as somebody has set it."""
    monotonic: float
    """Seconds that the event loop counts."""
    boot: float
    """Seconds since the machine was started, sleep included (CLOCK_BOOTTIME)."""
    boot_id: str
    """Which start of the machine that was; empty where that is unknown."""


class Scale(NamedTuple):
    """Seconds since 1970, for one process."""

    epoch: float
    """The moment 0 of monotonic time."""

    def at(self, monotonic: float) -> float:
        """Where a moment of monotonic time is."""
        return self.epoch + monotonic

    def beat(self, reading: Reading, *, is_clean: bool = False, told: int = 0) -> Beat:
        """What is stored of this moment.

        Args:
            reading: the clocks now.
            is_clean: whether it is the end of a planned stop.
            told: number of a change that no phone waits for, see `Beat`.
        """
        return Beat(self.at(reading.monotonic), reading.boot, reading.boot_id, is_clean, told)


def scale_of(reading: Reading, previous: Beat | None) -> Scale:
    """The scale of a process that starts now.

    Args:
        reading: the clocks now.
        previous: the last heartbeat of the process before; None when there was none.
    """
    return Scale(_now(reading, previous) - reading.monotonic)


def _now(reading: Reading, previous: Beat | None) -> float:
    if previous is None:
        return reading.wall
    is_same_boot = bool(reading.boot_id) and reading.boot_id == previous.boot_id
    if is_same_boot and reading.boot >= previous.boot:
        return previous.at + reading.boot - previous.boot
    return max(reading.wall, previous.at)
