"""How often sets are asked for: what tells a phone in a loop from a person."""

from collections import OrderedDict
from collections.abc import Hashable

WINDOW = 60
"""What is counted is at most this old, s."""
_STEP = 5
"""Sets are counted in steps of so many seconds, so that a flood takes no more room than a few."""
MAX_KEYS = 100_000
"""Most users and devices that are counted; the one that was quiet longest is forgotten first."""


class Rates:
    """Counts by key, over the last minute."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Hashable, dict[int, int]] = OrderedDict()
        """Key → step → sets; the key that was counted last stands last."""

    def add(self, key: Hashable, now: float) -> int:
        """One more; how many there are in the last minute, this one included.

        Args:
            key: whose.
            now: monotonic seconds.
        """
        step = int(now // _STEP)
        counts = self._recent(key, step)
        counts[step] = counts.get(step, 0) + 1
        self._counts[key] = counts
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_KEYS:
            self._counts.popitem(last=False)
        return sum(counts.values())

    def count(self, key: Hashable, now: float) -> int:
        """How many there are in the last minute."""
        return sum(self._recent(key, int(now // _STEP)).values())

    def _recent(self, key: Hashable, step: int) -> dict[int, int]:
        first = step - WINDOW // _STEP
        return {at: count for at, count in self._counts.get(key, {}).items() if at > first}
