"""Who is watched by which subscriptions: mostly by one, of which little is kept.

Of 100,000 presentities with a phone each, their names took 136 bytes each. So of such a one only a
mark is kept, a number of 60 bits: that two have the same does not happen, but nothing depends on
it. Whoever asks compares what was found with what he asked for.
"""

from collections.abc import Callable
from typing import Final, final

from dfks_rules.model.identity import Aor

_MARK: Final = (1 << 60) - 1
"""Of a hash: as much as fits into a small number."""


@final
class Watched:
    """Our tags in the dialogs of the subscriptions of each presentity."""

    def __init__(self, whose: Callable[[bytes], Aor | None]) -> None:
        """Nobody is watched.

        Args:
            whose: the presentity of the subscription with this tag.
        """
        self._whose: Final = whose
        self._alone: dict[int, bytes] = {}
        """Mark of a presentity → the tag of the only one who watches."""
        self._several: dict[Aor, dict[bytes, None]] = {}
        """All others."""

    def __len__(self) -> int:
        return len(self._alone) + len(self._several)

    def keys(self) -> list[bytes | Aor]:
        """All who are watched: by the tag of the only one who does, or by name."""
        return [*self._alone.values(), *self._several]

    def tags(self, presentity: Aor) -> list[bytes]:
        """Who watches a presentity; or, alone, may watch another one."""
        several = self._several.get(presentity)
        if several is not None:
            return list(several)
        alone = self._alone.get(hash(presentity) & _MARK)
        return [] if alone is None else [alone]

    def add(self, presentity: Aor, tag: bytes) -> None:
        """Somebody watches a presentity; whoever did before can be asked for."""
        several = self._several.get(presentity)
        if several is not None:
            several[tag] = None
            return
        mark = hash(presentity) & _MARK
        alone = self._alone.get(mark)
        if alone is None:
            self._alone[mark] = tag
        elif self._whose(alone) == presentity:
            del self._alone[mark]
            self._several[presentity] = {alone: None, tag: None}
        else:
            self._several[presentity] = {tag: None}

    def remove(self, presentity: Aor, tag: bytes) -> None:
        """Somebody who is there watches no more."""
        mark = hash(presentity) & _MARK
        several = self._several.get(presentity)
        if several is None:
            del self._alone[mark]
            return
        del several[tag]
        if not several:
            del self._several[presentity]
        elif len(several) == 1 and mark not in self._alone:
            del self._several[presentity]
            self._alone[mark] = next(iter(several))
