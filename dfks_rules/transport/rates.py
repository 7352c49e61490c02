"""How much a source may send (token buckets), and how often it is told when it sent more."""

from typing import Final, final

from dfks_rules.sip.glance import RESPONSE, wants_answer
from dfks_rules.transport.sources import Source

REFUSALS = 5
"""Refusals a second that a source is sent: an answer costs as much as a request."""
REFUSALS_IN_ALL = 100
"""The same for all sources together."""
MOST_ANSWERS = 10_000
"""Most responses that a source may send on top of its rate."""
HANDSHAKE = 5
"""What a TLS handshake counts: it takes as much CPU as so many requests."""
_ROUNDING = 1e-9
"""Seconds that sums of intervals may be off."""


@final
class Bucket:
    """So many a second, and as many at once.

    A bucket is the one moment when it will be full again, which its owner keeps.
    """

    __slots__ = ("_ahead", "_every")

    def __init__(self, per_second: int) -> None:
        self._every: Final = 1 / per_second
        self._ahead: Final = 1.0

    def after(self, full_at: float, now: float, points: int = 1) -> float | None:
        """When it is full again after so many points were taken; None when there are too few.

        More points than there ever are can be taken from a full one.
        """
        # No `min` and `max`: this is asked for every datagram of a flood.
        taken = points * self._every
        if taken > self._ahead:
            taken = self._ahead
        moved = (max(now, full_at)) + taken
        return moved if moved <= now + self._ahead + _ROUNDING else None


class Rates:
    """What sources may send, and be told."""

    def __init__(self, per_source: int | None) -> None:
        """`per_source` messages a second; None for as many as there are."""
        self.is_limited: Final = per_source is not None
        self._bucket = Bucket(per_source or 1)
        self._refusals, self._refusals_in_all = Bucket(REFUSALS), Bucket(REFUSALS_IN_ALL)
        self._refusable_at = 0.0

    def admits(self, source: Source, data: bytes, now: float) -> bool:
        """Whether a source may send a message.

        A response to a request of ours is expected: a site with many phones behind one address
        answers as many NOTIFYs at once.
        """
        if source.answers and data.startswith(RESPONSE):
            source.answers -= 1
            return True
        return self.takes(source, now)

    def takes(self, source: Source, now: float, points: int = 1) -> bool:
        """Whether a source has so many points left, which are taken then."""
        if not self.is_limited or source.is_trusted:
            return True
        after = self._bucket.after(source.full_at, now, points)
        if after is None:
            return False
        source.full_at = after
        return True

    def asked(self, source: Source) -> None:
        """A request of ours went there: its response may come on top of the rate."""
        if source.answers < MOST_ANSWERS:
            source.answers += 1

    def refuses(self, source: Source, data: bytes, now: float) -> bool:
        """Whether a message that was too much gets an answer: few of them do."""
        after = self._refusals.after(source.refusable_at, now)
        if after is None or not wants_answer(data):
            return False
        after_in_all = self._refusals_in_all.after(self._refusable_at, now)
        if after_in_all is None:
            return False
        source.refusable_at, self._refusable_at = after, after_in_all
        return True
