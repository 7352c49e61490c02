"""Where subscriptions are found: by their dialog, by their presentity, and by the time."""

import heapq
from collections.abc import Iterator
from math import ceil, inf

from dfks_rules.model.identity import Aor
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.dialog import Dialog

PORTION = 64
"""Most entries of the calendar that are looked at in one go: what is due takes about 1 ms."""
SPARE = 1_000
"""Entries of the calendar for subscriptions that are gone, beyond as many as live, that are put up
with."""


class Subscriptions:
    """The live subscriptions, and a calendar of when to look at each.

    INVARIANT: each has one entry in the calendar that counts, at or before its next deadline. An
    entry is not moved when a deadline is: where that came nearer, another one is made, and where it
    moved away, the entry is moved when it comes up. So a refresh costs nothing.

    The calendar has a page for each second: thousands of deadlines share one, where a heap of them
    would take 80 bytes each.
    """

    def __init__(self) -> None:
        self._by_tag: dict[bytes, Subscription] = {}
        # Mostly there is one phone for each user: it needs no table.
        self._by_presentity: dict[Aor, Subscription | dict[Subscription, None]] = {}
        self._pages: dict[int, list[bytes]] = {}
        """Second → tags of the subscriptions to look at when it begins."""
        self._seconds: list[int] = []
        """Heap of the pages."""
        self._entries = 0
        """On all pages."""
        self._portions: list[bytes] = []
        """Tags that `some` has still to give, the next one last."""

    def __len__(self) -> int:
        return len(self._by_tag)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._by_tag.values()))

    def find(self, call_id: bytes, local_tag: bytes, remote_tag: bytes) -> Subscription | None:
        """The subscription of a dialog (RFC 3261 §12)."""
        subscription = self._by_tag.get(local_tag)
        if subscription is None:
            return None
        dialog: Dialog = subscription.dialog
        same = dialog.call_id == call_id and dialog.remote_tag == remote_tag
        return subscription if same else None

    def of(self, presentity: Aor) -> tuple[Subscription, ...]:
        """Every subscription to a presentity."""
        watching = self._by_presentity.get(presentity)
        if watching is None:
            return ()
        return (watching,) if isinstance(watching, Subscription) else tuple(watching)

    def some(self, count: int) -> list[Subscription]:
        """At most so many of those that live; each again only after all the others.

        Whoever ends them in portions has all in one pass: to begin anew at the front of the table
        would mean to step over what was removed before, each time.
        """
        if not self._portions:
            self._portions = list(self._by_tag)[::-1]
        tags = self._portions[-count:]
        del self._portions[-count:]
        return [self._by_tag[tag] for tag in reversed(tags) if tag in self._by_tag]

    def add(self, subscription: Subscription) -> None:
        """Keep a subscription that has its first deadline."""
        self._by_tag[subscription.dialog.local_tag] = subscription
        presentity = subscription.presentity
        watching = self._by_presentity.get(presentity)
        if watching is None:
            self._by_presentity[presentity] = subscription
        elif isinstance(watching, Subscription):
            self._by_presentity[presentity] = {watching: None, subscription: None}
        else:
            watching[subscription] = None
        self.schedule(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription; nothing happens when it is not there."""
        if self._by_tag.pop(subscription.dialog.local_tag, None) is None:
            return
        presentity = subscription.presentity
        watching = self._by_presentity[presentity]
        if isinstance(watching, Subscription):
            del self._by_presentity[presentity]
            return
        del watching[subscription]
        if len(watching) == 1:
            self._by_presentity[presentity] = next(iter(watching))

    def schedule(self, subscription: Subscription) -> None:
        """Have a subscription looked at in time. To be called when its deadline came nearer."""
        deadline = subscription.next_deadline()
        if deadline >= subscription.scheduled_for:
            return
        second = ceil(deadline)
        subscription.scheduled(float(second))
        page = self._pages.get(second)
        if page is None:
            page = self._pages[second] = []
            heapq.heappush(self._seconds, second)
        page.append(subscription.dialog.local_tag)
        self._entries += 1
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
                subscription = self._by_tag.get(tag)
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

    def _write_anew(self) -> None:
        """Leave out of the calendar what no longer counts."""
        self._pages, self._seconds, self._entries = {}, [], 0
        for subscription in self._by_tag.values():
            subscription.scheduled(inf)
            self.schedule(subscription)
