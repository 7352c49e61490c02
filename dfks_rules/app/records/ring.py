"""The last requests that were decided, in the order in which they were kept."""

from dfks_rules.model.features import FEATURES
from dfks_rules.model.gets import Came, count_of

Kept = tuple[int, Came]
"""The number of a request's first outcome, and all that came of it."""


class Ring:
    """Keeps a number of requests; the oldest makes way for the newest.

    Each has a place: 0 for the first one that was ever kept, then 1, and so on. Any can be looked
    at, or found by the number of a decision, without going through the others.
    """

    def __init__(self, most: int) -> None:
        """Start empty; `most`: how many are kept."""
        self._most = most
        self._slots: list[Kept] = []
        self._places: dict[int, int] = {}
        self._longest = len(FEATURES)
        self.end = 0
        """The place of the next one."""

    @property
    def begin(self) -> int:
        """The place of the oldest one."""
        return self.end - len(self._slots)

    def add(self, first: int, came: Came) -> None:
        """Keep one more."""
        if not self._most:
            return
        if self.end < self._most:
            self._slots.append((first, came))
        else:
            slot = self.end % self._most
            del self._places[self._slots[slot][0]]
            self._slots[slot] = (first, came)
        self._places[first] = self.end
        self.end += 1
        if isinstance(came, tuple) and len(came) > self._longest:
            self._longest = len(came)

    def at(self, place: int) -> Kept:
        """What was kept at a place from `begin` on."""
        return self._slots[place % self._most]

    def between(self, first: int, last: int) -> list[Kept]:
        """What was kept from one place from `begin` on to another before `end`, in order."""
        slots, first, last = self._slots, first % self._most, last % self._most
        return slots[first : last + 1] if first <= last else slots[first:] + slots[: last + 1]

    def place_of(self, number: int) -> int | None:
        """The place of the request to which a decision belongs; None when it is not kept.

        A set is numbered when it is decided and kept when it is stored: others overtake it.
        """
        # The outcomes of a request have consecutive numbers: no other begins in between.
        for first in range(number, max(0, number - self._longest), -1):
            place = self._places.get(first)
            if place is not None:
                return place if number < first + count_of(self.at(place)[1]) else None
        return None
