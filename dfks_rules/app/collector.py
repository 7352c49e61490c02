"""When the collector of reference cycles looks, and at what: it holds the loop meanwhile."""

import gc
from typing import Final

from dfks_rules.app.driver import Loop, Timer

EVERY: Final = 5.0
"""Seconds between two looks."""
AT_ONCE: Final = 10_000
"""Most objects that are looked at together, 0.2 to 0.5 µs each."""


class Collector:
    """Looks at what is new, if that is little, and never at what it has seen or passed over.

    No request makes a cycle, and connections that end break theirs. What lives for a while is
    subscriptions and transactions: to look at those of 100,000 phones takes a second, at 500,000
    new objects 0.3 s, and to look at each new object once or twice costs 7 % of a new subscription
    and 15 % of a refresh. So what comes in such numbers is passed over. A cycle in it, or one that
    has lived for longer than `EVERY`, is not found: whoever makes one must break it.
    """

    def __init__(self, loop: Loop) -> None:
        """It does what Python has it do, before `begin`."""
        self._loop = loop
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Look by itself no more, at nothing that is there now, and again and again."""
        gc.disable()
        gc.collect()
        gc.freeze()
        self._next()

    def end(self) -> None:
        """Do again what Python has it do."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            gc.enable()

    def _look(self) -> None:
        if gc.get_count()[0] <= AT_ONCE:
            gc.collect(0)
        gc.freeze()
        self._next()

    def _next(self) -> None:
        self._timer = self._loop.call_at(self._loop.time() + EVERY, self._look)
