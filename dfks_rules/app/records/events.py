"""Tells listeners what happens: changes as the journal has them, and the rest as it comes.

Nothing is read or made while nobody listens. All listeners share one ring of the last events, and
each has a place in it; who falls behind is told of a gap.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby, islice

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from dfks_rules.operations.events import GAP, Event, changed, refused, subscribed, whole
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.service.feed import Event as Happened
from dfks_rules.service.feed import Settled
from dfks_rules.service.ports import Journal

KEPT = 4_096
"""Events in the ring."""
PORTION = 50
"""Changes read from the journal in one turn of the event loop: about a millisecond."""

RETRY = 1.0
"""Seconds until a journal that cannot be read is read again."""

_log = structlog.get_logger("dfks.events")


class EventRing:
    """The last events, and who waits for the next.

    Reference: `operations.events.Events`.
    """

    def __init__(
        self,
        journal: Journal,
        durable: Callable[[], int],
        current: Callable[[Mapping[Aor, int]], Awaitable[Mapping[Aor, Snapshot]]],
        start: str,
    ) -> None:
        """Nobody listens.

        Args:
            journal: of changes.
            durable: number of the newest one that a power cut leaves there.
            current: gives what is stored for presentities, each with the revision that it has at
                least; raises StoreError where it cannot be read.
            start: what ids of decisions begin with.
        """
        self._journal = journal
        self._durable = durable
        self._current = current
        self._start = start
        self._subscriptions: Subscriptions | None = None
        self._at: Callable[[], datetime] | None = None
        self._loop = asyncio.get_running_loop()
        self._ring: deque[Event] = deque(maxlen=KEPT)
        self._count = 0
        """How many events there ever were."""
        self.seq = 0
        """Number of the newest change in the ring."""
        self._is_due = False
        """Whether there may be changes that are not in the ring."""
        self._reading: asyncio.Task[None] | None = None
        self._listeners: set[RingListener] = set()
        self._tapped: Callable[[Event], None] | None = None
        self._gaps = 0
        self.missed = 0
        """Events that listeners who fell behind were not told."""

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many listen, and how often one had fallen behind."""
        return {"listeners": len(self._listeners), "gaps": self._gaps}

    def watch(self, subscriptions: Subscriptions, at: Callable[[], datetime]) -> None:
        """Tell also of subscriptions, while somebody listens; `at` gives the time."""
        self._subscriptions, self._at = subscriptions, at

    def tap(self, tell: Callable[[Event], None] | None) -> None:
        """Have somebody told of what is in no journal from now on, and of nothing else; None:
        nobody.
        """
        self._tapped = tell
        self._listen_to_subscriptions()

    def _listen_to_subscriptions(self) -> None:
        if self._subscriptions is not None:
            is_wanted = bool(self._listeners) or self._tapped is not None
            self._subscriptions.told = self._subscribed if is_wanted else None

    def _subscribed(self, subscription: Subscription, why: Termination | None) -> None:
        assert self._at is not None  # noqa: S101 - `watch` gave it
        self.publish(subscribed(subscription, why, self._at()))

    def hear(self, event: Happened) -> None:
        """Take what the feed tells."""
        if not (self._listeners or self._tapped) or not isinstance(event, Settled):
            return
        for number, outcome in enumerate(event.outcomes, event.first):
            if outcome.request.operation is not Operation.SET:
                continue
            if outcome.decision.denial is not None:
                self.publish(refused(outcome, f"{self._start}-{number}", event.at))
            elif outcome.changed and self._listeners:
                self._read_soon()

    def publish(self, event: Event) -> None:
        """Tell of something that is not in the journal."""
        if self._tapped is not None:
            self._tapped(event)
        if self._listeners:
            self._add(event)

    def heard(self) -> None:
        """Another node may have changed something."""
        if self._listeners and self._durable() > self.seq:
            self._read_soon()

    async def listen(self, after: int | None) -> "RingListener":
        """Listen from now on, or from the change that follows the one with this number.

        Raises:
            StoreError: the journal cannot be read.
        """
        oldest = await self._journal.read(0, 1)
        there_is = 0
        if after is not None and after > self._durable():
            # Another node has told of it, and this one has not heard of it yet.
            there_is = await self._journal.newest()
        newest = self._durable()
        if not self._listeners:
            self.seq = newest
        is_gone = after is not None and (
            after > max(newest, there_is) or bool(oldest and after + 1 < oldest[0].seq)
        )
        listener = RingListener(self, None if is_gone else after, is_behind=is_gone)
        self._listeners.add(listener)
        self._listen_to_subscriptions()
        return listener

    def forget(self, listener: "RingListener") -> None:
        """Somebody listens no longer."""
        if listener not in self._listeners:
            return
        self._listeners.discard(listener)
        if not self._listeners:
            self._ring.clear()
            self._listen_to_subscriptions()

    def gap(self, seq: int) -> list[Event]:
        """What a listener is told who has lost events up to a change; it is counted."""
        self._gaps += 1
        return [Event(GAP, seq, None, {})]

    @property
    def end(self) -> int:
        """The place after the newest event."""
        return self._count

    def since(self, place: int, at_most: int) -> tuple[int, list[Event]]:
        """The events from a place on, and the place after them; a gap where they are gone."""
        first = self._count - len(self._ring)
        if place < first:
            self.missed += first - place
            return self._count, self.gap(self.seq)
        found = list(islice(self._ring, place - first, place - first + at_most))
        return place + len(found), found

    async def read(self, after: int, at_most: int) -> list[Event]:
        """Events of the changes after a number, in order, of as many changes.

        Raises:
            StoreError: the journal cannot be read.
        """
        most = self._durable()
        follow = await self._journal.read(after, at_most + 1)
        entries = [one for one in follow if one.seq <= most]
        complete = whole(entries, at_most)
        now = await self._current({one.presentity: one.revision for one in complete})
        groups = groupby(complete, lambda one: (one.presentity, one.revision))
        events: list[Event] = []
        for (presentity, _), group in groups:
            told = tuple(group)
            if presentity in now:
                events.append(changed(told, now[presentity]))
            else:
                # What is stored cannot be read, and will not be soon.
                events += self.gap(told[-1].seq)
        return events

    def _read_soon(self) -> None:
        self._is_due = True
        if self._reading is None or self._reading.done():
            self._reading = self._loop.create_task(self._read_on())

    async def _read_on(self) -> None:
        """Read what is due, a portion in each turn of the loop."""
        while self._is_due:
            self._is_due = False
            try:
                events = await self.read(self.seq, PORTION)
            except StoreError as error:
                # Operators are told of the store elsewhere.
                _log.debug("events_wait", reason=error.message)
                self._loop.call_later(RETRY, self._read_soon)
                return
            for event in events:
                # Meanwhile all may have gone, and others have come, for whom this is past.
                if event.seq > self.seq:
                    self.seq = event.seq
                    self._add(event)
            if events and self._durable() > self.seq:
                self._is_due = True
            if self._is_due:
                await asyncio.sleep(0)

    def _add(self, event: Event) -> None:
        self._ring.append(event)
        self._count += 1
        for listener in self._listeners:
            listener.wake()


class RingListener:
    """One listener: first what he has missed, from the journal; then the ring."""

    def __init__(self, ring: EventRing, after: int | None, *, is_behind: bool) -> None:
        """Listen to a ring; see `EventRing.listen`.

        Args:
            ring: all events.
            after: number of the last change that is known; None: what happens from now on.
            is_behind: whether changes are gone that he does not know.
        """
        self._ring = ring
        self._is_behind = is_behind
        self._after = after
        self._known = 0
        """Number of the last change that he was told of from the journal."""
        self.seq = ring.seq if after is None else after
        """Number of the newest change up to which he was given all."""
        self._place = ring.end
        self._is_awake = asyncio.Event()
        if after is not None or is_behind:
            self._is_awake.set()

    async def wait(self) -> None:
        """Wait until there is something to take."""
        if self._after is None and not self._is_behind and self._place == self._ring.end:
            self._is_awake.clear()
        await self._is_awake.wait()

    async def take(self, at_most: int) -> Sequence[Event]:
        """The next events."""
        if self._is_behind:
            self._is_behind = False
            return self._ring.gap(self.seq)
        if self._after is not None:
            events = await self._missed(min(at_most, PORTION))
            if events:
                self.seq = events[-1].seq
                await asyncio.sleep(0)
                return events
        self._place, found = self._ring.since(self._place, at_most)
        self.seq = max(self.seq, *(one.seq for one in found), 0)
        # The ring has also had changes since he came that he was told of from the journal.
        return [one for one in found if not 0 < one.seq <= self._known]

    def wake(self) -> None:
        """There is something to take."""
        self._is_awake.set()

    def close(self) -> None:
        """Listen no longer."""
        self._ring.forget(self)

    async def _missed(self, at_most: int) -> list[Event]:
        """Changes that are not in the ring for him; none once he has caught up."""
        assert self._after is not None  # noqa: S101 - the caller looked
        follow = await self._ring.read(self._after, at_most)
        events = [one for one in follow if one.seq <= self._ring.seq]
        if events:
            self._after = events[-1].seq
        else:
            self._known, self._after = self._after, None
        return events
