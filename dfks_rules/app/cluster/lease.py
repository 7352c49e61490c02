"""The lease of a node: until when it may believe that nobody has taken its dialogs over.

| state    | input                                  | output               | next     |
|----------|----------------------------------------|----------------------|----------|
| serving  | renewed, asked for at t                | holds to t + lease - | serving  |
|          |                                        | `MARGIN`             |          |
| serving  | its time is over                       | nothing is told      | blind    |
| blind    | renewed                                |                      | serving  |
| blind    | `grace` since its time was over        | nothing is answered  | cut off  |
| cut off  | renewed                                |                      | serving  |
| any      | the engine says that it was buried     | a new life begins    | buried   |
| serving  | an operator, or a stop                 | no new dialogs       | draining |

The time is counted from before the engine was asked, by the monotonic clock: it is never over there
before it is over here. Nobody else has to be asked: a node that was paused knows when it wakes up.
"""

from math import inf
from typing import Final, final

from dfks_rules.presence.standing import Standing

MARGIN = 0.3
"""How much earlier a lease ends here than in the engine, s: for clocks that run differently."""


@final
class Lease:
    """How far the node may serve, at each moment (monotonic seconds)."""

    def __init__(self, length: float, grace: float, asked: float) -> None:
        """It was just granted.

        Args:
            length: how long it holds, s.
            grace: how long refreshes are answered after it, s.
            asked: when it was asked for, monotonic seconds.
        """
        self._length: Final = length
        self._grace: Final = grace
        self._until = asked + length - MARGIN
        self._held_since = asked
        self.is_draining = False
        """Whether it takes no new dialogs, since it is about to leave."""
        self.is_buried = False
        """Whether somebody else has what was ours."""

    def renewed(self, asked: float) -> None:
        """The engine has renewed it; `asked` is when it was asked."""
        if self.is_buried:
            # The answer was on its way when this life was given up.
            return
        if asked > self._until:
            self._held_since = asked
        self._until = max(self._until, asked + self._length - MARGIN)

    def buried(self) -> None:
        """The engine knows this life no more."""
        self.is_buried = True
        self._until = -inf

    def drain(self) -> None:
        """It is about to leave: no new dialogs."""
        self.is_draining = True

    def standing(self, now: float) -> Standing:
        """How far the node may serve."""
        if now <= self._until:
            return Standing.DRAINING if self.is_draining else Standing.SERVING
        # What would be answered from memory is whose it was when the lease ended.
        return Standing.BLIND if now <= self._until + self._grace else Standing.CUT_OFF

    def left(self, now: float) -> float:
        """Seconds until it is over; 0 from then on."""
        return max(0.0, self._until - now)

    def may_bury(self, now: float) -> bool:
        """Whether it has held for its length without a gap: after an outage of the engine all get
        a turn to renew first.
        """
        return now <= self._until and now - self._held_since >= self._length
