"""Where in the ring something was denied: what people look for most, and what is rarest.

It is noted when somebody asks, so that no request pays for it.
"""

from bisect import bisect_left, bisect_right

from dfks_rules.app.records.ring import Ring
from dfks_rules.model.gets import Came, Got, outcomes_of
from dfks_rules.operations.turns import Turns

PORTION = 64
"""Requests that are looked through before others get their turn."""


class Denials:
    """Places of the requests of which something was denied."""

    def __init__(self, ring: Ring) -> None:
        """None is known yet."""
        self._ring = ring
        self._places: list[int] = []
        self._until = 0
        """Those before this place are noted."""

    async def note(self, turns: Turns) -> None:
        """Look through what was kept since somebody asked last."""
        ring, places = self._ring, self._places
        del places[: bisect_left(places, ring.begin)]
        # The ring turns while others work, and they may note some of it.
        while (first := max(self._until, ring.begin)) < ring.end:
            last = min(first + PORTION, ring.end) - 1
            for place, (_, came) in enumerate(ring.between(first, last), first):
                if _has_denial(came):
                    places.append(place)
            self._until = last + 1
            await turns.rest()

    def up_to(self, place: int) -> int:
        """The last of them that is noted, up to a place; -1 where there is none."""
        number = bisect_right(self._places, place)
        return self._places[number - 1] if number else -1


def _has_denial(came: Came) -> bool:
    if isinstance(came, Got) and came.gets.is_plain:
        return False
    return any(one.decision.denial is not None for one in outcomes_of(came))
