"""Deadlines for transactions: many of them, and only a handful of different waiting times."""

from collections import deque
from typing import Generic, TypeVar

T1 = 0.5
"""Estimate of the round trip, s (RFC 3261 §17.1.1.1)."""
T2 = 4.0
"""Longest wait between retransmissions of a non-INVITE request, s."""
TIMEOUT = 64 * T1
"""Timers F and J, s: how long a request is repeated, and how long a response is kept."""
PORTION = 128
"""Most timers of one waiting time that are given in one go: sending so many messages takes 1 ms."""

T = TypeVar("T")


class TimerQueues(Generic[T]):
    """One first-in-first-out queue for each waiting time, so that adding and removing cost O(1).

    Nothing is ever cancelled: whoever is called at its deadline knows whether it still matters.
    Queues stay when they are empty: a waiting time must never be whatever a clock or a peer says.
    """

    def __init__(self) -> None:
        self._queues: dict[float, deque[tuple[float, T]]] = {}

    def add(self, start: float, wait: float, item: T) -> None:
        """Have `item` given back by `due` at `start + wait` (monotonic seconds, seconds).

        The starts of one waiting time must not go back in time by more than the caller can bear.
        """
        queue = self._queues.get(wait)
        if queue is None:
            queue = self._queues[wait] = deque()
        queue.append((start + wait, item))

    def due(self, now: float) -> list[tuple[float, T]]:
        """Take out and return what is due, with its deadline.

        At most `PORTION` of each waiting time; `next_deadline` tells of the others.
        """
        items = []
        for queue in self._queues.values():
            for _ in range(min(PORTION, len(queue))):
                if queue[0][0] > now:
                    break
                items.append(queue.popleft())
        return items

    def next_deadline(self) -> float | None:
        """When `due` will have something (monotonic seconds); None when nothing waits."""
        return min((queue[0][0] for queue in self._queues.values() if queue), default=None)
