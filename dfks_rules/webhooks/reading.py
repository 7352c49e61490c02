"""Reads the journal for those who are told of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_CHANGED, changed, whole
from dfks_rules.operations.webhooks import KeptEvent
from dfks_rules.service.ports import Journal, JournalEntry
from dfks_rules.webhooks.cloudevents import id_of
from dfks_rules.webhooks.lanes import Item
from dfks_rules.webhooks.outbox import Found, Portion

PORTION = 12
"""Changes, and as many other events, that are read at once: well under a millisecond."""


class Others(Protocol):
    """What is kept beside the journal, and numbered with it. Raises StoreError, as it."""

    async def read(self, after: int, at_most: int) -> Sequence[KeptEvent]:
        """Events that are in no journal, after a number, at most so many."""
        ...

    async def purged(self) -> int:
        """Number of the newest change that may have been removed from the journal."""
        ...


class Source(NamedTuple):
    """Where changes are read."""

    journal: Journal
    durable: Callable[[], int]
    """Number of the newest change that a power cut leaves in the journal."""
    current: Callable[[Mapping[Aor, int]], Awaitable[Mapping[Aor, Snapshot]]]
    """Gives what is stored for presentities, each with the revision that it has at least, but for
    what is spoilt: of that nothing is told; raises StoreError where it cannot be read."""
    others: Others | None = None
    """None: what is in no journal is not kept, and comes from whoever tells what happens."""


class Changes:
    """What a request has changed for one presentity; the event of it is made when it is wanted."""

    def __init__(self, entries: Sequence[JournalEntry], now: Snapshot, node: str) -> None:
        self.type = FEATURE_CHANGED
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


class Other:
    """Something else that has happened."""

    def __init__(self, kept: KeptEvent) -> None:
        self.type = kept.event.type
        self.seq = kept.event.seq
        self.presentity = kept.event.presentity
        self._kept = kept

    def item(self) -> Item:
        """The event."""
        return Item(*self._kept)


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
    others = await _others(source, after, durable)
    complete = whole(entries, PORTION)
    # What is behind the end of either is read again.
    end = complete[-1].seq if len(entries) > PORTION else durable
    if len(others) == PORTION:
        end = min(end, others[-1].seq)
    complete = [one for one in complete if one.seq <= end]
    others = [one for one in others if one.seq <= end]
    if not (complete or others):
        return None
    first = complete[0].seq if complete else after + 1
    if first > after + 1 and not await _is_purged(source, after, first):
        # The numbers between are those of something else.
        first = after + 1
    now = await source.current({one.presentity: one.revision for one in complete})
    groups = groupby(complete, lambda one: (one.presentity, one.revision))
    found: list[Found] = [
        Changes(tuple(group), now[presentity], node)
        for (presentity, _), group in groups
        if presentity in now
    ]
    found = sorted([*found, *others], key=lambda one: one.seq)
    return Portion(after, first, end, at, found)


async def _is_purged(source: Source, after: int, first: int) -> bool:
    """Whether changes between two numbers were removed, of which `first` is there."""
    [oldest] = await source.journal.read(0, 1)
    if oldest.seq < first:
        return False
    return source.others is None or await source.others.purged() > after


async def _others(source: Source, after: int, durable: int) -> list[Other]:
    if source.others is None:
        return []
    follow = await source.others.read(after, PORTION)
    return [Other(one) for one in follow if one.event.seq <= durable]
