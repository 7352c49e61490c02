"""Where subscriptions are found: by their dialog, by their presentity, and by the time."""

import heapq
from collections.abc import Callable, Iterator
from math import ceil, inf
from typing import Protocol

from dfks_rules.model.identity import Aor
from dfks_rules.presence import rows
from dfks_rules.presence.naps import Naps, is_known_elsewhere
from dfks_rules.presence.sleeping import FEW, MANY, NAP, Sleeping
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.presence.watched import Watched
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.flow import TRANSPORTS, Flow

PORTION = 64
"""Most entries of the calendar that are looked at in one go: what is due takes about 1 ms."""
SPARE = 1_000
"""Entries of the calendar for subscriptions that are gone, beyond as many as live, that are put up
with."""

Told = Callable[[Subscription, Termination | None], None]
Listed = tuple[list[tuple[int, int, bytes, Aor]], tuple[int, int] | None]
"""Entries: the place after each, its tag, its presentity; and the place to go on from, None at the
end."""


class Restores(Protocol):
    """What makes subscriptions of rows; `restoring.Restoring` does."""

    def deadline_of(self, row: DialogRow) -> float:
        """When it expires, monotonic seconds."""
        ...

    def make(self, row: DialogRow) -> Subscription | None:
        """The subscription, which ends then; None when it cannot be made, and is given up."""
        ...


class Subscriptions:
    """The live subscriptions, and a calendar of when to look at each.

    INVARIANT: each has one entry in the calendar that counts, at or before its next deadline. An
    entry is not moved when a deadline is: where that came nearer, another one is made, and where it
    moved away, the entry is moved when it comes up. So a refresh costs nothing.

    The calendar has a page for each second: thousands of deadlines share one, where a heap of them
    would take 80 bytes each.

    Those of an earlier life of the server are rows, asleep, until somebody wants to see them.
    """

    def __init__(self, restores: Restores | None = None, sleeping: Sleeping | None = None) -> None:
        """There are none.

        Args:
            restores: what makes subscriptions of rows; None where there are no rows.
            sleeping: packs those that nobody needs; None for one without ways to a peer.
        """
        self._restores = restores
        self._sleeping = Sleeping(None) if sleeping is None else sleeping
        self._by_tag: dict[bytes, Subscription | bytes] = {}
        self.awake = Naps(NAP, FEW, MANY)
        """Tags of those that woke not long ago."""
        self.busy = Naps(NAP)
        """Tags of those that could not sleep when their time had come."""
        self.asleep = 0
        """How many sleep that are no rows."""
        self._watched = Watched(self._whose)
        self._pages: dict[int, list[bytes]] = {}
        """Second → tags of the subscriptions to look at when it begins."""
        self._seconds: list[int] = []
        """Heap of the pages."""
        self._last = 0
        """The latest second that ever had a page."""
        self._entries = 0
        """On all pages."""
        self.told: Told | None = None
        """Told that one begins, or why it ends, unless it goes on elsewhere; None while nobody
        wants to know."""
        self.by_transport: list[int] = [0 for _ in TRANSPORTS]
        """How many there are by the transport of their NOTIFYs, in the order of `TRANSPORTS`."""
        self._portions: list[bytes] = []
        """Tags that `some` has still to give, the next one last."""

    def __len__(self) -> int:
        return len(self._by_tag)

    def __iter__(self) -> Iterator[Subscription]:
        for tag in list(self._by_tag):
            subscription = self.at(tag)
            if subscription is not None:
                yield subscription

    def made(self) -> list[Subscription]:
        """Those that are no rows any more, and do not sleep: there may be something to do."""
        return [one for one in self._by_tag.values() if isinstance(one, Subscription)]

    def has(self, tag: bytes) -> bool:
        """Whether there is one in whose dialog this is our tag."""
        return tag in self._by_tag

    def held(self, tag: bytes) -> Subscription | DialogRow | None:
        """What there is in whose dialog this is our tag; either has its `row`."""
        found = self._by_tag.get(tag)
        if isinstance(found, bytes) and self._sleeping.is_row(found):
            return self._sleeping.row(tag, found)
        return self.at(tag)

    def at(self, tag: bytes) -> Subscription | None:
        """The subscription in whose dialog this is our tag."""
        found = self._by_tag.get(tag)
        if found is None or isinstance(found, Subscription):
            return found
        if self._sleeping.is_row(found):
            return self._make(self._sleeping.row(tag, found))
        return self._wake(tag, found)

    def find(self, call_id: bytes, local_tag: bytes, remote_tag: bytes) -> Subscription | None:
        """The subscription of a dialog (RFC 3261 §12)."""
        subscription = self.at(local_tag)
        if subscription is None:
            return None
        dialog = subscription.dialog
        same = dialog.call_id == call_id and dialog.remote_tag == remote_tag
        return subscription if same else None

    def watched(self) -> list[bytes | Aor]:
        """All who are watched, as `whose` knows them."""
        return self._watched.keys()

    def whose(self, watched: bytes | Aor) -> Aor | None:
        """The presentity of one that `watched` gave; None where nobody watches it any more."""
        return self._whose(watched) if isinstance(watched, bytes) else watched

    def _whose(self, tag: bytes) -> Aor | None:
        """The presentity of a subscription, which is not woken."""
        one = self._by_tag.get(tag)
        if one is None or isinstance(one, Subscription):
            return None if one is None else one.presentity
        return self._sleeping.presentity_of(tag, one)

    def tags(self, presentity: Aor | None) -> list[bytes]:
        """Our tags in the dialogs of a presentity's subscriptions; None for everybody's."""
        if presentity is None:
            return list(self._by_tag)
        tags = self._watched.tags(presentity)
        return tags if len(tags) > 1 or (tags and self._whose(tags[0]) == presentity) else []

    def of(self, presentity: Aor) -> tuple[Subscription, ...]:
        """Every subscription to a presentity."""
        found = [self.at(tag) for tag in self._watched.tags(presentity)]
        return tuple([one for one in found if one is not None and one.presentity == presentity])

    def some(self, count: int) -> list[Subscription]:
        """At most so many of those that live; each again only after all the others.

        Whoever ends them in portions has all in one pass: to begin anew at the front of the table
        would mean to step over what was removed before, each time.
        """
        if not self._portions:
            self._portions = list(self._by_tag)[::-1]
        tags = self._portions[-count:]
        del self._portions[-count:]
        found = [self.at(tag) for tag in reversed(tags)]
        return [one for one in found if one is not None]

    def listed(self, second: int, index: int, at_most: int) -> Listed:
        """Tags and presentities as the calendar has them, from a place on.

        Whoever goes on from place to place is given each that keeps its deadline once; one that
        was refreshed meanwhile comes again, and one whose deadline came nearer may be passed over.

        Args:
            second: of the place; 0 begins.
            index: of the place on the page of this second.
            at_most: how many entries and seconds are looked at.
        """
        found: list[tuple[int, int, bytes, Aor]] = []
        if self._seconds and second < self._seconds[0]:
            second, index = self._seconds[0], 0
        while second <= self._last:
            page = self._pages.get(second)
            if page is not None:
                taken = page[index : index + at_most]
                for tag in taken:
                    index += 1
                    presentity = self._presentity_at(tag, second)
                    if presentity is not None:
                        found.append((second, index, tag, presentity))
                at_most -= len(taken)
            if at_most <= 0:
                return found, (second, index)
            second, index, at_most = second + 1, 0, at_most - 1
        return found, None

    def _presentity_at(self, tag: bytes, second: int) -> Aor | None:
        """Whom one watches that the calendar has in this second; None for what is there no more."""
        one = self._by_tag.get(tag)
        if isinstance(one, bytes):
            is_there = self._sleeping.glance(one).scheduled_for == second
            return self._sleeping.presentity_of(tag, one) if is_there else None
        return None if one is None or one.scheduled_for != second else one.presentity

    def add(self, subscription: Subscription) -> None:
        """Keep a subscription that has its first deadline."""
        tag = subscription.dialog.local_tag
        self._by_tag[tag] = subscription
        self.awake.add(tag)
        self.by_transport[_position(subscription)] += 1
        self._watched.add(subscription.presentity, tag)
        self.schedule(subscription)
        if self.told is not None:
            self.told(subscription, None)

    def add_row(self, row: DialogRow) -> None:
        """Keep a subscription of an earlier life; there is none with its tag."""
        assert self._restores is not None  # noqa: S101 - where there are rows, there is one
        deadline, transport = self._restores.deadline_of(row), _position(row)
        second = ceil(deadline)
        packed = self._sleeping.pack_row(row, deadline, float(second), transport)
        self._by_tag[row.tag] = packed
        self.by_transport[transport] += 1
        self._watched.add(row.presentity, row.tag)
        self._enter(row.tag, second)

    def remove_row(self, row: DialogRow) -> None:
        """Forget one of which nobody has made a subscription."""
        self._remove(row.tag, row.presentity, _position(row))

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription; nothing happens when it is not there."""
        tag = subscription.dialog.local_tag
        if self._by_tag.get(tag) is subscription:
            self._remove(tag, subscription.presentity, _position(subscription))

    def moved(self, subscription: Subscription, before: Flow) -> None:
        """NOTIFYs of a subscription, which is there, go another way than `before` from now on."""
        self.by_transport[before.listener.position] -= 1
        self.by_transport[_position(subscription)] += 1

    def schedule(self, subscription: Subscription) -> None:
        """Have a subscription looked at in time. To be called when its deadline came nearer."""
        deadline = subscription.next_deadline()
        if deadline >= subscription.scheduled_for:
            return
        second = ceil(deadline)
        subscription.scheduled(float(second))
        self._enter(subscription.dialog.local_tag, second)
        # What is gone, or came nearer, must not be remembered for an hour or more.
        if self._entries > 2 * len(self._by_tag) + SPARE:
            self._write_anew()

    def due(self, now: float) -> list[Subscription]:
        """The subscriptions for which there is something to do; to be scheduled again.

        At most `PORTION` of them: a second may have thousands. `next_deadline` tells of the others.
        """
        due: list[Subscription] = []
        later: list[Subscription] = []
        left = PORTION
        while left and self._seconds and self._seconds[0] <= now:
            second = self._seconds[0]
            page = self._pages[second]
            taken = page[-left:]
            del page[-left:]
            if not page:
                heapq.heappop(self._seconds)
                del self._pages[second]
            self._entries -= len(taken)
            left -= len(taken)
            for tag in taken:
                if self._sleeps_on(tag, second, now):
                    continue
                subscription = self.at(tag)
                if subscription is None or subscription.scheduled_for != second:
                    continue
                subscription.scheduled(inf)
                is_due = subscription.next_deadline() <= now
                (due if is_due else later).append(subscription)
        for subscription in later:
            self.schedule(subscription)
        return due

    def next_deadline(self) -> float | None:
        """When `due` may have something (monotonic seconds)."""
        return float(self._seconds[0]) if self._seconds else None

    # --- Sleeping ---

    def nap(self, now: float) -> None:
        """Have those sleep that nobody has needed for a while; some of them at a time."""
        for tag in self.awake.take(now, PORTION):
            self._fall_asleep(tag)
        for tag in self.busy.take(now, PORTION):
            self._fall_asleep(tag)

    def next_nap(self) -> float | None:
        """When `nap` has something to do (monotonic seconds)."""
        awake, busy = self.awake.next_deadline(), self.busy.next_deadline()
        if awake is None or busy is None:
            return busy if awake is None else awake
        return min(awake, busy)

    def _fall_asleep(self, tag: bytes) -> None:
        one = self._by_tag.get(tag)
        if not isinstance(one, Subscription):
            return
        is_resting = one.is_resting
        del one
        if not is_resting or is_known_elsewhere(self._by_tag, tag):
            self.busy.add(tag)
            return
        subscription = self._by_tag[tag]
        assert isinstance(subscription, Subscription)  # noqa: S101 - it is the same
        self._by_tag[tag] = self._sleeping.pack(subscription)
        self.asleep += 1

    def _wake(self, tag: bytes, packed: bytes) -> Subscription:
        subscription = self._sleeping.wake(tag, packed)
        self._by_tag[tag] = subscription
        self.asleep -= 1
        self.awake.add(tag)
        return subscription

    def _sleeps_on(self, tag: bytes, second: int, now: float) -> bool:
        """Whether one sleeps that the calendar has in this second, and is not to be woken."""
        packed, sleeping = self._by_tag.get(tag), self._sleeping
        if not isinstance(packed, bytes):
            return False
        glance = sleeping.glance(packed)
        if glance.scheduled_for != second:
            return True
        if glance.deadline <= now:
            return False
        later = ceil(glance.deadline)
        self._by_tag[tag] = sleeping.scheduled(packed, float(later))
        self._enter(tag, later)
        return True

    def _make(self, row: DialogRow) -> Subscription | None:
        """Make a subscription of a row, in its place."""
        assert self._restores is not None  # noqa: S101 - where there are rows, there is one
        subscription = self._restores.make(row)
        if subscription is None:
            self._remove(row.tag, row.presentity, _position(row))
            return None
        self._by_tag[row.tag] = subscription
        self.awake.add(row.tag)
        self.by_transport[_position(row)] -= 1
        self.by_transport[_position(subscription)] += 1
        subscription.scheduled(float(ceil(subscription.deadline)))
        return subscription

    def _remove(self, tag: bytes, presentity: Aor, transport: int) -> None:
        del self._by_tag[tag]
        self.by_transport[transport] -= 1
        self._watched.remove(presentity, tag)

    def _enter(self, tag: bytes, second: int) -> None:
        """Make an entry in the calendar."""
        page = self._pages.get(second)
        if page is None:
            page = self._pages[second] = []
            self._last = max(self._last, second)
            heapq.heappush(self._seconds, second)
        page.append(tag)
        self._entries += 1

    def _write_anew(self) -> None:
        """Leave out of the calendar what no longer counts."""
        self._pages, self._seconds, self._entries = {}, [], 0
        for tag, one in self._by_tag.items():
            if isinstance(one, Subscription):
                one.scheduled(inf)
                self.schedule(one)
            else:
                second = ceil(self._sleeping.glance(one).deadline)
                self._by_tag[tag] = self._sleeping.scheduled(one, float(second))
                self._enter(tag, second)


def _position(one: Subscription | DialogRow) -> int:
    """Position of the transport of its NOTIFYs in `TRANSPORTS`."""
    if isinstance(one, Subscription):
        return one.dialog.flow.listener.position
    return rows.position_of(one.last or one.first or b"")
