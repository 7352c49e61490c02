"""When to see whether somebody who is awake may sleep (`sleeping`)."""

import sys
from collections import deque
from collections.abc import Mapping
from math import inf
from typing import Final, final

GRAIN: Final = 1.0
"""Who wakes within so many seconds is looked at in one go."""


@final
class Naps:
    """Those who are awake, in the order in which they woke up."""

    def __init__(self, wait: float, few: int = 0, many: float = inf) -> None:
        """They all sleep.

        Args:
            wait: seconds after which to look at somebody.
            few: how many are left alone, however long they have been awake.
            many: how many there may be before the first is looked at sooner.
        """
        self._wait: Final = wait
        self._few: Final = few
        self._many: Final = many
        self._woken: list[bytes] = []
        """Who has woken since the time was known last."""
        self._pages: deque[tuple[float, list[bytes]]] = deque()
        """When to look at them, monotonic seconds."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, tag: bytes) -> None:
        """Somebody wakes up."""
        self._woken.append(tag)
        self._count += 1

    def take(self, now: float, at_most: int) -> list[bytes]:
        """Take out those whom to look at now.

        Args:
            now: monotonic seconds.
            at_most: how many.
        """
        pages = self._pages
        if self._woken and (not pages or pages[-1][0] <= now + self._wait - GRAIN):
            pages.append((now + self._wait, self._woken))
            self._woken = []
        at_most = min(at_most, self._count - self._few)
        if at_most <= 0 or not pages or (pages[0][0] > now and self._count <= self._many):
            return []
        page = pages[0][1]
        taken = page[-at_most:]
        del page[-at_most:]
        if not page:
            pages.popleft()
        self._count -= len(taken)
        return taken

    def next_deadline(self) -> float | None:
        """When `take` has something (monotonic seconds); who woke last is not counted."""
        if not self._pages or self._count <= self._few:
            return None
        moment = self._pages[0][0]
        return moment if self._count <= self._many else moment - self._wait


def _references(table: Mapping[bytes, object], tag: bytes) -> int:
    one = table[tag]
    return sys.getrefcount(one)


_LEAST: Final = _references({b"": Naps(0.0)}, b"")


def is_known_elsewhere(table: Mapping[bytes, object], tag: bytes) -> bool:
    """Whether anybody but a table has hold of an object in it, whose tag this is.

    Asked of CPython itself, so that nobody who is going to keep an object for a while has to say so
    anywhere.
    """
    return _references(table, tag) > _LEAST
