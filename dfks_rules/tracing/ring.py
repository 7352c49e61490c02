"""The last entries of one trace: bounded in number, in bytes and in age."""

from collections import deque
from itertools import islice
from typing import Final

from dfks_rules.tracing.entries import Entry

MAX_ENTRIES = 2_000
"""Most entries of a trace."""
MAX_BYTES = 1 << 20
"""Most bytes of a trace, about."""
MAX_AGE = 600.0
"""Seconds after which an entry is forgotten."""


class Ring:
    """Keeps the newest entries. Each has a number; the first is 1."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.last: int = 0
        """Number of the newest entry; 0 before there is one."""
        self.lost: int = 0
        """Entries that made room for others."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Keep an entry, the newest one."""
        entries = self._entries
        entries.append(entry)
        self._bytes += entry.size
        self.last += 1
        while len(entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._drop()
            self.lost += 1
        self.forget_before(entry.at - MAX_AGE)

    def forget_before(self, at: float) -> None:
        """Forget what is older (seconds since 1970)."""
        entries = self._entries
        while entries and entries[0].at < at:
            self._drop()

    def _drop(self) -> None:
        self._bytes -= self._entries.popleft().size

    def after(self, number: int, at_most: int) -> tuple[int, list[Entry]]:
        """The entries that follow a number.

        Args:
            number: of the last entry that is known; 0 for none.
            at_most: how many to give.

        Returns:
            Number of the first of them, and the entries, the oldest first. The number is higher
            than the one that follows `number` where entries are gone.
        """
        oldest: Final = self.last - len(self._entries) + 1
        first = max(number + 1, oldest)
        start = first - oldest
        return first, list(islice(self._entries, start, start + at_most))
