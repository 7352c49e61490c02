"""Snapshots in memory: what is settled, and beside it what is written but not durable yet."""

from collections import OrderedDict

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change


class Cache:
    """The newest snapshots; the oldest are dropped first."""

    def __init__(self, at_most: int) -> None:
        """Holds so many settled snapshots at most."""
        self._at_most = at_most
        self._settled: OrderedDict[Aor, Snapshot] = OrderedDict()
        self._under_way: dict[Aor, tuple[Snapshot, Snapshot]] = {}
        """What is settled, and what is written since and may still come to nothing."""

    def __len__(self) -> int:
        """How many settled snapshots there are."""
        return len(self._settled)

    def settled(self, presentity: Aor) -> Snapshot | None:
        """What is durable; None when it must be read from the file."""
        snapshot = self._settled.get(presentity)
        return self.under_way(presentity) if snapshot is None else snapshot

    def under_way(self, presentity: Aor) -> Snapshot | None:
        """What is durable while something else is in the file; None when nothing else is."""
        under_way = self._under_way.get(presentity)
        return None if under_way is None else under_way[0]

    def written(self, presentity: Aor) -> Snapshot | None:
        """What is in the file; None when that must be read from it."""
        under_way = self._under_way.get(presentity)
        return self._settled.get(presentity) if under_way is None else under_way[1]

    def put(self, presentity: Aor, snapshot: Snapshot) -> None:
        """This is what was read, and nothing is written since."""
        self._settled[presentity] = snapshot
        if len(self._settled) > self._at_most:
            self._settled.popitem(last=False)

    def write(self, change: Change) -> None:
        """This was written."""
        presentity, before, after, _, _ = change
        under_way = self._under_way.get(presentity)
        self._under_way[presentity] = (before if under_way is None else under_way[0], after)

    def settle(self, change: Change) -> None:
        """This is durable."""
        presentity, _, after, _, _ = change
        self.put(presentity, after)
        newest = self._under_way[presentity][1]
        if newest is after:
            del self._under_way[presentity]
        else:
            self._under_way[presentity] = (after, newest)

    def doubt(self, change: Change) -> None:
        """Whether this is in the file is unknown, as for all that is under way."""
        self.forget(change)
        self._under_way.pop(change.presentity, None)

    def forget(self, change: Change) -> None:
        """This came to nothing: what holds is read anew, unless something is under way."""
        self._settled.pop(change.presentity, None)

    def clear(self) -> None:
        """The file may have been changed by others."""
        self._settled.clear()
