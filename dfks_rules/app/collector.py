"""When the collector of reference cycles looks, and at what: it holds the loop meanwhile."""

import gc
from collections.abc import Callable
from typing import Final

from dfks_rules.app.driver import Loop, Timer

EVERY: Final = 2.0
"""Seconds between two looks."""
SOON: Final = 0.02
"""The same after one that passed over what it found, and after one that found a cycle."""
REST: Final = 0.1
"""The same after one that passed over even what had come in `SOON`, which it had to count."""
AT_ONCE: Final = 5_000
"""Most objects that are looked at together, 0.2 to 0.6 µs each."""


class Collector:
    """Looks at what is new, if that is little; else at a sample of it. Never at what was there.

    No request makes a cycle, and connections that end break theirs. What lives for a while is
    subscriptions and transactions: to look at those of 100,000 phones takes a second, at 500,000
    new objects 0.3 s, and to look at each new object once or twice costs 7 % of a new subscription
    and 15 % of a refresh. So where more comes meanwhile, only what comes in the next 20 ms is
    looked at; where that is too much as well, what comes in 20 ms of the next 120, and so on. As
    soon as there is a cycle in that, all is looked at, until there are none.

    A cycle that has lived for longer than `EVERY` is not found: whoever makes one must break it.
    """

    def __init__(self, loop: Loop) -> None:
        """It does what Python has it do, before `begin`."""
        self._loop = loop
        self._timer: Timer | None = None
        self._is_sample = False

    def begin(self) -> None:
        """Look by itself no more, at nothing that is there now, and again and again."""
        gc.disable()
        gc.collect()
        gc.freeze()
        self._next(EVERY, self._look)

    def end(self) -> None:
        """Do again what Python has it do."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            gc.enable()

    def _look(self) -> None:
        # The count is less than what is there: it also falls with what was there before. But to
        # see what is there takes 20 ns for each, so that it is asked first.
        has_more = gc.get_count()[0] > AT_ONCE or len(gc.get_objects(0)) > AT_ONCE
        found = 0 if has_more else gc.collect(0)
        gc.freeze()
        if has_more and self._is_sample:
            self._is_sample = False
            self._next(REST, self._sample)
            return
        self._is_sample = has_more
        self._next(SOON if has_more or found else EVERY, self._look)

    def _sample(self) -> None:
        # To count what has come meanwhile would cost 0.4 µs for each new subscription.
        gc.freeze()
        self._is_sample = True
        self._next(SOON, self._look)

    def _next(self, after: float, what: Callable[[], None]) -> None:
        self._timer = self._loop.call_at(self._loop.time() + after, what)
