"""What was read of files, for who reads the same ones again and again: an editor at each look."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from dfks_rules.policy.reading.source import Source

_T = TypeVar("_T")


class Afresh:
    """Reads each file whenever it is asked to."""

    def of(self, read: Callable[[Source], _T], source: Source) -> _T:
        """What `read` makes of a file, and of nothing else; nobody may change it."""
        return read(source)


AFRESH = Afresh()
"""For who reads files once."""


class Memory(Afresh):
    """Reads no file again whose content is the same as in the turn before."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._before: dict[Hashable, Any] = {}
        self._now: dict[Hashable, Any] = {}

    def of(self, read: Callable[[Source], _T], source: Source) -> _T:
        """What `read` makes of a file, now or in the turn before."""
        key = (read, source)
        if key not in self._now:
            known = self._before.get(key)
            self._now[key] = read(source) if known is None else known
        result: _T = self._now[key]
        return result

    def turn(self) -> None:
        """A turn ends: forget what was not read in it."""
        self._before, self._now = self._now, {}
