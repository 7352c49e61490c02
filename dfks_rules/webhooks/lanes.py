"""One lane: events of some presentities, strictly in order, with its place in the journal.

Rules: the first event is tried until it is done, and only then the next. `seq` is a number up to
which everything is done, whatever happens: it is what is stored.
"""

from collections import deque
from zlib import crc32

from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_CHANGED, Event
from dfks_rules.operations.webhooks import LANES, Cursor
from dfks_rules.webhooks.retries import delay

ROOM = 64
"""Events that wait in memory; further ones are read from the journal when there is room."""


def lane_of(presentity: Aor | None) -> int:
    """The number of the lane for a presentity: the same in all lives of the server."""
    return 0 if presentity is None else crc32(presentity.uri.encode()) % LANES


class Item:
    """An event that waits."""

    __slots__ = ("at", "body", "event", "id")

    def __init__(self, event: Event, id_: str, at: float) -> None:
        self.event = event
        self.id = id_
        self.at = at
        """When it happened, seconds since 1970."""
        self.body: bytes | None = None
        """What is sent, from the first try on."""


class Lane:
    """What an endpoint is told of some presentities."""

    __slots__ = ("due", "is_busy", "queue", "read_to", "seq", "tries", "waited")

    def __init__(self, cursor: Cursor) -> None:
        """Go on from there."""
        self.seq = cursor.seq
        """Up to which everything is done."""
        self.read_to = cursor.seq
        """Up to which the journal was read."""
        self.queue: deque[Item] = deque()
        self.tries = cursor.tries
        """How often the first has failed."""
        self.waited = cursor.waited
        """How long it has waited in between, s."""
        self.due = 0.0
        """When the first may be tried, monotonic seconds."""
        self.is_busy = False
        """Whether it is being tried."""

    @property
    def has_room(self) -> bool:
        """Whether another event may wait."""
        return len(self.queue) < ROOM

    @property
    def is_low(self) -> bool:
        """Whether the journal is read on for it: not for each event that it could take."""
        return len(self.queue) <= ROOM // 2

    @property
    def done_to(self) -> int:
        """Up to which everything is done."""
        return self.seq if self.queue else max(self.seq, self.read_to)

    def push(self, item: Item) -> None:
        """Let an event wait."""
        if not self.queue:
            self.seq = max(self.seq, self.read_to)
        self.queue.append(item)
        self.read_to = max(self.read_to, item.event.seq)

    def supersede(self, presentity: Aor | None) -> int:
        """Drop changes of a presentity that has a newer one; gives how many.

        One that was tried stays; so does what says something else than states, such as a refusal.
        """
        is_pinned = self.is_busy or self.tries > 0
        kept = [
            item
            for number, item in enumerate(self.queue)
            if item.event.type != FEATURE_CHANGED
            or item.event.presentity != presentity
            or (number == 0 and is_pinned)
        ]
        dropped = len(self.queue) - len(kept)
        if dropped:
            self.queue = deque(kept)
        return dropped

    def finish(self) -> Item:
        """The first is done, one way or the other."""
        item = self.queue.popleft()
        self.seq = max(self.seq, item.event.seq)
        self.begin_anew()
        self.is_busy = False
        return item

    def begin_anew(self) -> None:
        """The first may be tried at once, as if it had never failed."""
        self.tries, self.waited, self.due = 0, 0.0, 0.0

    def fail(self, now: float, luck: float, retry_after: float | None) -> bool:
        """The first was not taken; whether it is tried again."""
        self.is_busy = False
        wait = delay(self.tries, self.waited, luck, retry_after)
        if wait is None:
            return False
        self.tries += 1
        self.waited += wait
        self.due = now + wait
        return True
