"""Reads the journal for those who are told of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import changed, whole
from dfks_rules.service.ports import Journal, JournalEntry
from dfks_rules.webhooks.cloudevents import id_of
from dfks_rules.webhooks.lanes import Item
from dfks_rules.webhooks.outbox import Portion

PORTION = 12
"""Changes that are read at once: well under a millisecond."""


class Source(NamedTuple):
    """Where changes are read."""

    journal: Journal
    durable: Callable[[], int]
    """Number of the newest change that a power cut leaves in the journal."""
    current: Callable[[Mapping[Aor, int]], Awaitable[Mapping[Aor, Snapshot]]]
    """Gives what is stored for presentities, each with the revision that it has at least, but for
    what is spoilt: of that nothing is told; raises StoreError where it cannot be read."""


class Changes:
    """What a request has changed for one presentity; the event of it is made when it is wanted."""

    def __init__(self, entries: Sequence[JournalEntry], now: Snapshot, node: str) -> None:
        self.seq = entries[-1].seq
        self.presentity = entries[-1].presentity
        self._entries = entries
        self._now = now
        self._node = node
        self._item: Item | None = None

    def item(self) -> Item:
        """The event, which all endpoints share."""
        if self._item is None:
            event = changed(self._entries, self._now)
            self._item = Item(event, id_of(event, self._node), self._entries[-1].at)
        return self._item


async def read(source: Source, after: int, node: str, at: float) -> Portion | None:
    """What follows a change; None where nothing does yet.

    Args:
        source: where it is read.
        after: number of the change.
        node: what names the server.
        at: now, in seconds since 1970.

    Raises:
        StoreError: it cannot be read.
    """
    durable = source.durable()
    if after >= durable:
        return None
    follow = await source.journal.read(after, PORTION + 1)
    entries = [one for one in follow if one.seq <= durable]
    if not entries:
        return None
    complete = whole(entries, PORTION)
    first = complete[0].seq
    if first > after + 1:
        [oldest] = await source.journal.read(0, 1)
        if oldest.seq < first:
            # Nothing is purged: the numbers between are those of something else.
            first = after + 1
    now = await source.current({one.presentity: one.revision for one in complete})
    groups = groupby(complete, lambda one: (one.presentity, one.revision))
    found = [
        Changes(tuple(group), now[presentity], node)
        for (presentity, _), group in groups
        if presentity in now
    ]
    return Portion(after, first, complete[-1].seq, at, found)
