"""What one endpoint is still to be told: eight lanes, and what came of the tries."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_CHANGED, GAP, Event
from dfks_rules.operations.webhooks import LANES, Cursor, Endpoint, Result, Tried
from dfks_rules.webhooks.cloudevents import id_of
from dfks_rules.webhooks.lanes import Item, Lane, lane_of
from dfks_rules.webhooks.retries import LIMIT

_DOWN = frozenset({Result.TIMEOUT, Result.UNREACHABLE})
"""Results that say nothing of the event, but that nobody answers."""


class Found(Protocol):
    """What a request has changed for one presentity, or something else that has happened."""

    @property
    def seq(self) -> int:
        """Its number; of several changes that of the last."""
        ...

    @property
    def presentity(self) -> Aor | None:
        """Whom it is about; None: all."""
        ...

    @property
    def type(self) -> str:
        """Of the event."""
        ...

    def item(self) -> Item:
        """The event of it.

        Raises:
            StoreError: what is stored cannot be read now.
        """
        ...


class Portion(NamedTuple):
    """A part of the journal."""

    after: int
    """Read from behind this number."""
    first: int
    """The first number that was there."""
    end: int
    """The last one; everything up to it was read."""
    at: float
    """When it was read, seconds since 1970."""
    found: Sequence[Found]
    """What happened, in order."""


class Outbox:
    """The lanes of an endpoint."""

    def __init__(self, endpoint: Endpoint, node: str, cursors: Sequence[Cursor]) -> None:
        """Go on from where it was.

        Args:
            endpoint: who is told.
            node: what names the server.
            cursors: one for each lane.
        """
        self.endpoint = endpoint
        self._node = node
        self.lanes = [Lane(cursor) for cursor in sorted(cursors, key=lambda one: one.lane)]
        self.not_before = 0.0
        """When it may be asked again, monotonic seconds: it said so."""
        self.results = dict.fromkeys(Result, 0)
        """How often it came to what."""
        self.missed = 0
        """Changes that were purged before they were read."""
        self.superseded = 0
        """Events that were not sent, as there was a newer one."""
        self.lost = 0
        """Events that are not in the journal, and found no room."""
        self.dead = 0
        """Dead letters."""
        self._is_down = False
        """Whether nobody has answered the last time."""
        self._saved = {cursor.lane: cursor for cursor in cursors}

    @property
    def is_on(self) -> bool:
        """Whether it is told anything."""
        return self.endpoint.off is None

    @property
    def read_from(self) -> int | None:
        """After which number to read on; None: enough waits."""
        if not self.is_on:
            return None
        return min((lane.read_to for lane in self.lanes if lane.is_low), default=None)

    def lag(self, now: float) -> float:
        """Age of the oldest event that waits; 0 where there is none.

        Args:
            now: seconds since 1970.
        """
        waiting = [lane.queue[0].at for lane in self.lanes if lane.queue]
        return max(0.0, now - min(waiting)) if waiting and self.is_on else 0.0

    def take(self, portion: Portion) -> None:
        """Let what is wanted of the journal wait in its lane.

        Raises:
            StoreError: see `Found.item`; what was taken until then is not taken again.
        """
        if not self.is_on:
            return
        opened = [
            lane
            for lane in self.lanes
            if lane.has_room and portion.after <= lane.read_to < portion.end
        ]
        self._tell_gap([lane for lane in opened if lane.read_to < portion.first - 1], portion)
        for found in portion.found:
            lane = self.lanes[lane_of(found.presentity)]
            is_new = lane in opened and lane.has_room and lane.read_to < found.seq
            if is_new and self.endpoint.wants(found.type, found.presentity):
                item = found.item()
                if self.endpoint.is_coalescing and found.type == FEATURE_CHANGED:
                    self.superseded += lane.supersede(found.presentity)
                lane.push(item)
        for lane in opened:
            if lane.has_room:
                lane.read_to = portion.end

    def take_passing(self, item: Item) -> None:
        """Let an event wait that is not in the journal, if there is room."""
        if not (self.is_on and self.endpoint.wants(item.event.type, item.event.presentity)):
            return
        lane = self.lanes[lane_of(item.event.presentity)]
        if lane.has_room:
            lane.push(item)
        else:
            self.lost += 1

    def _tell_gap(self, behind: list[Lane], portion: Portion) -> None:
        """Changes are gone that lanes have not read; one of them says so."""
        if not behind:
            return
        last, after = portion.first - 1, min(lane.read_to for lane in behind)
        self.missed += last - after
        gap = Event(GAP, last, None, {"after": after, "missed": last - after})
        teller = min(behind, key=lambda lane: len(lane.queue))
        teller.push(Item(gap, id_of(gap, self._node), portion.at))
        for lane in behind:
            lane.read_to = last

    def due(self, now: float) -> Iterator[int]:
        """Numbers of the lanes whose first event may be sent now.

        Where nobody has answered, one at a time: each holds a place among all tries for long.
        """
        if not self.is_on or now < self.not_before:
            return
        if self._is_down and any(lane.is_busy for lane in self.lanes):
            return
        for number, lane in enumerate(self.lanes):
            if lane.queue and not lane.is_busy and lane.due <= now:
                yield number

    @property
    def next_at(self) -> float | None:
        """When something is due next, monotonic seconds; None: nothing waits for that."""
        if not self.is_on or (self._is_down and any(lane.is_busy for lane in self.lanes)):
            return None
        waiting = [lane.due for lane in self.lanes if lane.queue and not lane.is_busy]
        return max(min(waiting), self.not_before) if waiting else None

    def settle(self, number: int, tried: Tried, now: float, luck: float) -> Item | None:
        """Take what came of a try; gives the event if it is given up.

        Args:
            number: of the lane.
            tried: what came of it.
            now: monotonic seconds.
            luck: 0 to 1, for the time until the next try.
        """
        lane = self.lanes[number]
        self.results[tried.result] += 1
        if self._is_down and tried.result not in _DOWN:
            # Somebody answers again: the other lanes need not wait for an hour.
            for other in self.lanes:
                other.due = 0.0
        self._is_down = tried.result in _DOWN
        if tried.result is Result.DELIVERED:
            lane.finish()
            return None
        if tried.result is Result.GONE:
            lane.is_busy = False
            return None
        if tried.retry_after is not None:
            self.not_before = max(self.not_before, now + min(tried.retry_after, LIMIT))
        if lane.fail(now, luck, tried.retry_after):
            return None
        return lane.finish()

    def begin_anew(self) -> None:
        """Whatever waits is tried at once."""
        self.not_before = 0.0
        for lane in self.lanes:
            lane.begin_anew()

    def moved(self) -> list[Cursor]:
        """Cursors that are not where they were when they were `saved` last."""
        now = [
            Cursor(self.endpoint.id, number, lane.done_to, lane.tries, lane.waited)
            for number, lane in enumerate(self.lanes)
        ]
        return [cursor for cursor in now if self._saved.get(cursor.lane) != cursor]

    def saved(self, cursors: Sequence[Cursor]) -> None:
        """These are stored."""
        self._saved.update({cursor.lane: cursor for cursor in cursors})


def cursors_at(endpoint: str, seq: int) -> list[Cursor]:
    """Cursors of an endpoint that is told what follows a change."""
    return [Cursor(endpoint, lane, seq) for lane in range(LANES)]
