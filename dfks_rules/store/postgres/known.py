"""What a node knows of presentities, and what its watchers were told last.

The two differ: what is read, after a conflict say, is known at once, but watchers are told of it
when the feed comes to it. So no read swallows a change that nobody was told of.

| input                               | known                           | told                    |
|-------------------------------------|---------------------------------|-------------------------|
| read from the engine                | that, if newer                  | that, if there was none |
| own commit stored                   | its `after`, if newer           | the same, if it was its |
|                                     |                                 | `before`                |
| own commit in conflict, or in doubt | must be read                    | stays                   |
| feed                                | that, if newer; must be read if | that, if newer          |
|                                     | an own commit is under way      |                         |
| a part of the feed is missing       | all must be read                | not known               |
| more than `at_most` presentities    | the oldest must be read         | not known of these      |
"""

from collections import OrderedDict
from typing import final

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change


@final
class _Entry:
    __slots__ = ("snapshot", "told")

    def __init__(self, snapshot: Snapshot, told: Snapshot | None) -> None:
        self.snapshot: Snapshot | None = snapshot
        """What is stored, as far as is known; None where that must be read."""
        self.told = told
        """What watchers know; None where that is not known."""


@final
class Known:
    """The newest snapshots; the oldest are forgotten first."""

    def __init__(self, at_most: int) -> None:
        """Holds so many presentities at most."""
        self._at_most = at_most
        self._entries: OrderedDict[Aor, _Entry] = OrderedDict()
        self._has_dropped = False
        """Whether somebody may watch a presentity of which nothing is left here."""

    def __len__(self) -> int:
        """How many presentities there are."""
        return len(self._entries)

    def __call__(self, presentity: Aor) -> Snapshot | None:
        """What is stored; None when it must be read."""
        entry = self._entries.get(presentity)
        return None if entry is None else entry.snapshot

    def read(self, presentity: Aor, snapshot: Snapshot) -> None:
        """This is what the engine has."""
        entry = self._entries.get(presentity)
        if entry is None:
            told = None if self._has_dropped else snapshot
            self._put(presentity, _Entry(snapshot, told))
        elif entry.snapshot is None or entry.snapshot.revision < snapshot.revision:
            entry.snapshot = snapshot
            self._entries.move_to_end(presentity)

    def store(self, change: Change) -> None:
        """This was stored, and whoever asked for it has it told."""
        presentity, before, after, _, _ = change
        entry = self._entries.get(presentity)
        if entry is None:
            told = None if self._has_dropped else after
            self._put(presentity, _Entry(after, told))
            return
        told = entry.told
        if entry.snapshot is None:
            # Something newer may have been heard of meanwhile.
            is_newest = told is None or told.revision < after.revision
        else:
            is_newest = entry.snapshot.revision < after.revision
        if is_newest:
            entry.snapshot = after
        if told is not None and told.revision == before.revision:
            entry.told = after
        self._entries.move_to_end(presentity)

    def hear(self, presentity: Aor, snapshot: Snapshot, *, is_certain: bool) -> Snapshot | None:
        """The feed says that this is stored; gives what watchers knew until now.

        Args:
            presentity: whose.
            snapshot: this, or something newer.
            is_certain: whether no commit of this node's is on its way.
        """
        entry = self._entries.get(presentity)
        if entry is None:
            return None
        told, known = entry.told, entry.snapshot
        if told is not None and told.revision >= snapshot.revision:
            # Nothing is new: nothing differs.
            return snapshot
        entry.told = snapshot
        if known is not None and known.revision < snapshot.revision:
            entry.snapshot = snapshot if is_certain else None
        return told

    def forget(self, presentity: Aor) -> None:
        """What is stored must be read before it is known again."""
        entry = self._entries.get(presentity)
        if entry is not None:
            entry.snapshot = None

    def clear(self) -> None:
        """A part of the feed was missed: nothing is known, nor what watchers know."""
        self._entries.clear()
        self._has_dropped = True

    def _put(self, presentity: Aor, entry: _Entry) -> None:
        self._entries[presentity] = entry
        if len(self._entries) > self._at_most:
            self._entries.popitem(last=False)
            self._has_dropped = True
