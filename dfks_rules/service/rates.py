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


class Tally:
    """The sets of one request, counted once however often it is decided."""

    def __init__(self, rates: Rates, now: float) -> None:
        """Nothing is counted yet.

        Args:
            rates: where they are counted.
            now: when the request was made, monotonic seconds.
        """
        self._rates = rates
        self._now = now
        self._counted: list[tuple[int, int | None]] = []
        """What came of each set, in order."""
        self._position = 0
        """How many of them have been asked for again."""

    def begin(self) -> None:
        """The request is decided, or decided again."""
        self._position = 0

    def add(self, user: Hashable, device: Hashable | None) -> tuple[int, int | None]:
        """The next set of the request: how many there are of its user, and of its device.

        Args:
            user: whose feature is set.
            device: what sets it; None where that does not count.
        """
        position = self._position
        self._position = position + 1
        if position == len(self._counted):
            rates, now = self._rates, self._now
            of_user = rates.add(user, now)
            of_device = None if device is None else rates.add(device, now)
            self._counted.append((of_user, of_device))
        return self._counted[position]

    def count(self, user: Hashable) -> int:
        """How many there are of a user, for a set that follows."""
        return self._rates.count(user, self._now)
