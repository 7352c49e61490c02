"""How late the event loop is: so long a message waits, whatever is done with it then."""

from collections.abc import Callable
from typing import Final

from dfks_rules.app.driver import Loop, Timer
from dfks_rules.model.histogram import Histogram

EVERY: Final = 0.1
"""Seconds between two looks; each takes some µs."""
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Of the histogram, s."""
MOST_MISSED = 600
"""Looks that are made up for at most: a machine that slept for a night was not late."""


class Lateness:
    """Looks again and again how late it is called, while phones have something to wait for.

    A look every 0.1 s was more than all else that an idle server did: 0.15 % of a core.
    """

    def __init__(self, loop: Loop, is_idle: Callable[[], bool]) -> None:
        """Nothing is looked at before `wake`.

        Args:
            loop: calls again.
            is_idle: whether no phone has been served just now, or will be.
        """
        self._loop = loop
        self._is_idle = is_idle
        self._due = 0.0
        self._timer: Timer | None = None
        self._has_ended = False
        self.late = Histogram(BOUNDS)
        """How late, s."""

    def wake(self) -> None:
        """Look from now on, until the loop is idle."""
        if self._timer is None and not self._has_ended:
            self._next(self._loop.time())

    def end(self) -> None:
        """Look no more, whoever wakes it."""
        self._has_ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self, now: float) -> None:
        self._due = now + EVERY
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        late = max(0.0, now - self._due)
        self.late.observe(late)
        # A loop that hangs for 5 s misses 49 looks, each of which would have been late: counted as
        # one it would not be seen among a minute of good ones.
        for missed in range(1, min(int(late / EVERY), MOST_MISSED) + 1):
            self.late.observe(late - missed * EVERY)
        if self._is_idle():
            self._timer = None
        else:
            self._next(now)
