"""A limit on log lines per second, so that a flood of requests does not flood the log."""

import math
import time
from collections.abc import Callable


class Limit:
    """Admits a fixed number of lines each second, and counts those it drops."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._per_second = per_second
        self._clock = clock
        self._began = -math.inf
        self._admitted = 0
        self._left_out = 0

    def admit(self) -> int | None:
        """The number of lines dropped since the last one; None when this one is dropped, too."""
        now = self._clock()
        if now - self._began >= 1:
            self._began, self._admitted = now, 0
        if self._admitted >= self._per_second:
            self._left_out += 1
            return None
        self._admitted += 1
        left_out, self._left_out = self._left_out, 0
        return left_out
