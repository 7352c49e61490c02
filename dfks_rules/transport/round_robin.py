"""Whose message is next: sources with waiting messages take turns (deficit round robin).

Each is worked on until it has used up its share of a round, and then waits for the others. What
is big uses up more: a message that costs more than is left is begun, and paid for in later rounds.
So whatever one source sends, another one waits for at most a share of it.

What waits is bounded for each source, and in all. Where a source is over its bound, its own is
dropped; where all together are, that of the sources which have the most.

| waits of a source | expected (in a dialog, response) | new |
|-------------------|----------------------------------|-----|
| little            | in order                         | in order               |
| much              | before what is new               | after what is expected |
| half of its bound | the same                         | dropped                |
| its bound         | dropped                          | dropped                |

Reference: M. Shreedhar, G. Varghese, "Efficient Fair Queuing Using Deficit Round-Robin", 1996
"""

import enum
from collections import deque
from typing import final

from dfks_rules.sip.flow import Flow
from dfks_rules.sip.glance import is_expected
from dfks_rules.transport.sources import Job, Source, StreamTurn

OVERHEAD = 512
"""What a message counts on top of its bytes: small ones are not free."""
QUANTUM = 1_024
"""What a share of a round is: one or two messages."""
STREAM_TURN = 512
"""What a connection that waits counts; its message counts when it is worked on."""
LITTLE = 16_384
"""What may wait of a source in the order in which it came: some ten milliseconds of work."""
PER_SOURCE = 2 * 1024 * 1024
"""Most that waits of one source, half of it new: of a site with 1,000 phones, a request and an
answer to a NOTIFY of each."""
LARGEST = 65_536 + 16_384
"""Most that a source can have used up in advance: one message."""
BUSY = 8 * 1024 * 1024
"""What waits in all, from which on nothing new is taken of sources that have their part of it
waiting: about half a second of work, after which phones send again."""
IN_ALL = 4 * BUSY
"""Most that waits in all."""


class Excess(enum.Enum):
    """Why a message is not taken."""

    RATE = "rate"
    """Its source sends more a second than `limits.per_source`."""
    QUEUE = "queue"
    """Too much of its source waits."""
    OVERLOAD = "overload"
    """Too much of all sources waits."""


@final
class RoundRobin:
    """What waits of all sources."""

    def __init__(self) -> None:
        self._circle: deque[Source] = deque()
        self._floods = 0
        self.size = 0
        """Of what waits in all."""

    @property
    def are_floods(self) -> bool:
        """Whether all that waits is of sources that send more than is worked on."""
        return len(self._circle) == self._floods > 0

    def put(self, source: Source, data: bytes, flow: Flow) -> Excess | None:
        """Have a datagram wait.

        Returns:
            Why it was dropped; None when it waits.
        """
        cost = len(data) + OVERHEAD
        if source.size > LITTLE or self.size > BUSY:
            return self._put_to_many(source, (data, flow), cost)
        self._append(source, (data, flow), cost)
        return None

    def _put_to_many(self, source: Source, job: tuple[bytes, Flow], cost: int) -> Excess | None:
        expected = is_expected(job[0])
        excess = self._excess(source, cost, is_expected=expected)
        if excess is None:
            self._append(source, job, cost, goes_first=expected and source.size > LITTLE)
        return excess

    def _excess(self, source: Source, cost: int, *, is_expected: bool) -> Excess | None:
        """Why a datagram cannot be taken; None when it can."""
        most = PER_SOURCE * source.room
        if source.size + cost > (most if is_expected else most // 2):
            self._floods += not source.is_flooding
            source.is_flooding = True
            return Excess.QUEUE
        if self.size <= BUSY:
            return None
        if self.size + cost > (IN_ALL if is_expected else IN_ALL // 2):
            return Excess.OVERLOAD
        part = BUSY * source.room // len(self._circle)
        return Excess.OVERLOAD if source.size > part and not is_expected else None

    def wait(self, turn: StreamTurn) -> None:
        """Have a connection wait; there are no more of these than connections."""
        self._append(turn.source, turn, STREAM_TURN)

    def _append(self, source: Source, job: Job, cost: int, *, goes_first: bool = False) -> None:
        if goes_first:
            if source.first is None:
                source.first = deque()
            source.first.append(job)
        elif source.rest is None:
            source.rest = deque((job,))
        else:
            source.rest.append(job)
        source.size += cost
        self.size += cost
        if not source.is_waiting:
            source.is_waiting = True
            source.credit = max(-LARGEST, min(0, source.credit)) + QUANTUM * source.share
            self._circle.append(source)

    def take(self) -> Job | None:
        """The next message; None when none waits."""
        circle = self._circle
        while circle:
            source = circle[0]
            if source.credit > 0:
                return self._take_of(source)
            source.credit += QUANTUM * source.share
            circle.rotate(-1)
        return None

    def _take_of(self, source: Source) -> Job:
        queue = source.first or source.rest
        assert queue  # noqa: S101 - it is in the circle
        job = queue.popleft()
        cost = len(job[0]) + OVERHEAD if isinstance(job, tuple) else STREAM_TURN
        source.credit -= cost
        source.size -= cost
        self.size -= cost
        if not source.size:
            self._floods -= source.is_flooding
            source.is_waiting = source.is_flooding = False
            self._circle.popleft()
        return job
