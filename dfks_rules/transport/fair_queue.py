"""A bounded queue in which no key can keep the others waiting.

Stochastic fairness queueing (McKenney, 1990): keys share a few buckets by their hash, which nobody
outside can foresee; buckets are served by turns, and what is over the bound is taken from the
longest. So the work per item is the same however many keys there are.
"""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

BUCKETS = 64
"""More make it less likely that a key shares its bucket with one that floods."""

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items that wait for their turn, by key."""

    def __init__(self, most: int) -> None:
        """Make it.

        Args:
            most: most items that wait.
        """
        self._most = most
        self._buckets: OrderedDict[int, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, key: str, item: T) -> T | None:
        """Have an item wait; gives the one that has to leave for it, perhaps the same."""
        self._buckets.setdefault(hash(key) % BUCKETS, deque()).append(item)
        self._count += 1
        if self._count <= self._most:
            return None
        number = max(self._buckets, key=lambda one: len(self._buckets[one]))
        left = self._buckets[number].pop()
        self._count -= 1
        if not self._buckets[number]:
            del self._buckets[number]
        return left

    def next(self) -> T:
        """Take out the item whose turn it is; there is one."""
        number, bucket = self._buckets.popitem(last=False)
        item = bucket.popleft()
        self._count -= 1
        if bucket:
            self._buckets[number] = bucket
        return item
