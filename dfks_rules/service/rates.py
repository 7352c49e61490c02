"""How often sets are asked for: what tells a phone in a loop from a person."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Final, NamedTuple


class Window(NamedTuple):
    """How far back sets are counted."""

    seconds: int
    """What is counted is at most this old."""
    step: int
    """Sets are counted in steps of so many seconds, so that a flood takes no more room than a
    few."""


MINUTE: Final = Window(60, 5)
WINDOWS: Final = {"": MINUTE, ".hour": Window(3600, 300), ".day": Window(86_400, 7200)}
"""End of the name of a rate → its window."""
WHOSE: Final = ("user", "device", "domain", "target")
"""What sets can be counted by."""
RATES: Final = {
    f"rate.{whose}{end}": (whose, window) for whose in WHOSE for end, window in WINDOWS.items()
}
"""Name of a rate → what it counts by, and how far back."""
MAX_KEYS = 100_000
"""Most users, devices, … that one rate counts; the one that was quiet longest is forgotten
first."""


class Counts:
    """Counts by key, over one window."""

    def __init__(self, window: Window, counts: dict[str, int]) -> None:
        """Nothing is counted yet; `counts` as for `Rates`."""
        self._window = window
        self._forgotten = counts
        self._counts: OrderedDict[Hashable, dict[int, int]] = OrderedDict()
        """Key → step → sets; the key that was counted last stands last."""

    def add(self, key: Hashable, now: float) -> int:
        """One more; how many there are in the window, this one included.

        Args:
            key: whose.
            now: monotonic seconds.
        """
        step = int(now // self._window.step)
        counts = self._recent(key, step)
        counts[step] = counts.get(step, 0) + 1
        self._counts[key] = counts
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_KEYS:
            _, oldest = self._counts.popitem(last=False)
            # Whoever has been quiet for the whole window counts for nothing anyway.
            last = step - self._window.seconds // self._window.step
            self._forgotten["rates_forgotten"] += max(oldest) > last
        return sum(counts.values())

    def count(self, key: Hashable, now: float) -> int:
        """How many there are in the window."""
        return sum(self._recent(key, int(now // self._window.step)).values())

    def _recent(self, key: Hashable, step: int) -> dict[int, int]:
        first = step - self._window.seconds // self._window.step
        return {at: count for at, count in self._counts.get(key, {}).items() if at > first}


Keys = Mapping[str, Hashable]
"""What a set counts by (see `WHOSE`) → whose it is; without those that do not count."""


class Rates:
    """All rates that rules read, each counted from when a rule first reads it."""

    def __init__(self, counts: dict[str, int]) -> None:
        """Nothing is counted yet.

        Args:
            counts: `rates_forgotten` of it: whoever was counted, and was forgotten for others.
        """
        counts.setdefault("rates_forgotten", 0)
        self._forgotten = counts
        self._counts: dict[str, tuple[str, Counts]] = {}
        """Name of a rate → what it counts by, and its counts."""

    def add(self, names: frozenset[str], keys: Keys, now: float) -> dict[str, int]:
        """One more set; how many there are by each of these rates.

        Args:
            names: of the rates.
            keys: whose set it is.
            now: monotonic seconds.
        """
        told: dict[str, int] = {}
        for name in names:
            whose, counts = self._counts.get(name) or self._begin(name)
            if whose in keys:
                told[name] = counts.add(keys[whose], now)
        return told

    def count(self, names: frozenset[str], keys: Keys, now: float) -> dict[str, int]:
        """How many sets there are by each of these rates."""
        told: dict[str, int] = {}
        for name in names:
            whose, counts = self._counts.get(name) or self._begin(name)
            if whose in keys:
                told[name] = counts.count(keys[whose], now)
        return told

    def _begin(self, name: str) -> tuple[str, Counts]:
        whose, window = RATES[name]
        begun = self._counts[name] = (whose, Counts(window, self._forgotten))
        return begun


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
        self._counted: list[dict[str, int]] = []
        """What came of each set, in order."""
        self._position = 0
        """How many of them have been asked for again."""

    def begin(self) -> None:
        """The request is decided, or decided again."""
        self._position = 0

    def add(self, names: frozenset[str], keys: Keys) -> dict[str, int]:
        """The next set of the request: how many there are by each of these rates."""
        position = self._position
        self._position = position + 1
        if position == len(self._counted):
            self._counted.append(self._rates.add(names, keys, self._now))
        return self._counted[position]

    def count(self, names: frozenset[str], keys: Keys) -> dict[str, int]:
        """How many there are by each of these rates, for a set that follows."""
        return self._rates.count(names, keys, self._now)
