"""So many lines a second, and no more: a flood of requests must not become a flood of the log."""

import math
import time
from collections.abc import Callable


class Limit:
    """Admits so many lines each second, and counts those that are left out."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._per_second = per_second
        self._clock = clock
        self._began = -math.inf
        self._admitted = 0
        self._left_out = 0

    def admit(self) -> int | None:
        """How many lines were left out since the last one; None when this one is left out, too."""
        now = self._clock()
        if now - self._began >= 1:
            self._began, self._admitted = now, 0
        if self._admitted >= self._per_second:
            self._left_out += 1
            return None
        self._admitted += 1
        left_out, self._left_out = self._left_out, 0
        return left_out
