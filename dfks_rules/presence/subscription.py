"""Subscriptions, and where they are found.

| state      | input                                    | next                          |
|------------|------------------------------------------|-------------------------------|
| (none)     | SUBSCRIBE, admitted, Expires > 0         | active                        |
| (none)     | SUBSCRIBE, admitted, Expires = 0 (fetch) | terminated, reason=timeout    |
| active     | SUBSCRIBE in its dialog                  | active, later deadline        |
| active     | SUBSCRIBE in its dialog, Expires = 0     | terminated, reason=timeout    |
| active     | deadline                                 | terminated, reason=timeout    |
| active     | a policy refuses its refresh             | terminated, reason=rejected   |
| active     | the server stops                         | terminated, reason=deactivated |
| active     | an error response to a NOTIFY            | (none), without NOTIFY        |
| active     | no response to a NOTIFY for 32 s         | active, or (none): a setting  |
| terminated | its last NOTIFY ended                    | (none)                        |

Reference: RFC 6665 §4.2.2, §4.4.1
"""

import heapq
from collections.abc import Iterator
from enum import Enum

from dfks_rules.csta.render import Document
from dfks_rules.model.identity import Aor
from dfks_rules.sip.client_transaction import ClientTransaction
from dfks_rules.sip.dialog import Dialog


class Termination(Enum):
    """Why a subscription ended; the value is `reason` in Subscription-State (RFC 6665 §4.1.3)."""

    TIMEOUT = b"timeout"
    """It expired, or its phone ended it."""
    REJECTED = b"rejected"
    """A policy no longer admits it: the phone must not try again."""
    DEACTIVATED = b"deactivated"
    """The server stops: the phone may subscribe again at once."""


class Subscription:
    """One phone's subscription to one presentity."""

    __slots__ = (
        "deadline",
        "device",
        "dialog",
        "outstanding",
        "presentity",
        "queued",
        "termination",
        "unconfirmed",
        "watcher",
    )

    def __init__(self, dialog: Dialog, presentity: Aor, watcher: Aor) -> None:
        self.dialog = dialog
        self.presentity = presentity
        self.watcher = watcher
        self.deadline = 0.0
        """When it expires, monotonic seconds."""
        self.device: str | None = None
        """Text of the `<device>` that the phone last sent; echoed to it."""
        self.termination: Termination | None = None
        """None while it is active."""
        self.outstanding: ClientTransaction[Subscription] | None = None
        """The NOTIFY that waits for its response: never more than one."""
        self.unconfirmed: tuple[Document, ...] = ()
        """What the phone was sent, but did not confirm yet."""
        self.queued: tuple[Document, ...] = ()
        """What is to be sent when the outstanding NOTIFY is confirmed."""


SPARE = 1_000
"""Deadlines of subscriptions that are gone, beyond as many as live, that are put up with."""


class Subscriptions:
    """The live subscriptions, by their dialog and by their presentity."""

    def __init__(self) -> None:
        self._by_tag: dict[bytes, Subscription] = {}
        # A tuple takes half the memory of a list, and mostly there is one phone for each user.
        self._by_presentity: dict[Aor, tuple[Subscription, ...]] = {}
        self._deadlines: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._by_tag)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._by_tag.values()))

    def find(self, call_id: bytes, local_tag: bytes, remote_tag: bytes) -> Subscription | None:
        """The subscription of a dialog (RFC 3261 §12)."""
        subscription = self._by_tag.get(local_tag)
        if subscription is None:
            return None
        dialog = subscription.dialog
        same = dialog.call_id == call_id and dialog.remote_tag == remote_tag
        return subscription if same else None

    def of(self, presentity: Aor) -> tuple[Subscription, ...]:
        """Every subscription to a presentity."""
        return self._by_presentity.get(presentity, ())

    def add(self, subscription: Subscription) -> None:
        """Keep a subscription until its deadline."""
        tag = subscription.dialog.local_tag
        self._by_tag[tag] = subscription
        watching = self.of(subscription.presentity)
        self._by_presentity[subscription.presentity] = (*watching, subscription)
        heapq.heappush(self._deadlines, (subscription.deadline, tag))

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription; nothing happens when it is not there."""
        if self._by_tag.pop(subscription.dialog.local_tag, None) is None:
            return
        presentity = subscription.presentity
        watching = self.of(presentity)
        position = watching.index(subscription)
        left = watching[:position] + watching[position + 1 :]
        if left:
            self._by_presentity[presentity] = left
        else:
            del self._by_presentity[presentity]
        # What is gone must not be remembered until its deadline, an hour or more.
        if len(self._deadlines) > 2 * len(self._by_tag) + SPARE:
            self._deadlines = [(one.deadline, tag) for tag, one in self._by_tag.items()]
            heapq.heapify(self._deadlines)

    def expired(self, now: float) -> list[Subscription]:
        """The subscriptions whose deadline has passed."""
        expired = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, tag = heapq.heappop(self._deadlines)
            subscription = self._by_tag.get(tag)
            if subscription is None:
                continue
            if subscription.deadline <= now:
                expired.append(subscription)
            else:
                # Refreshed since: one entry for each subscription, moved when it comes up.
                heapq.heappush(self._deadlines, (subscription.deadline, tag))
        return expired

    def next_deadline(self) -> float | None:
        """When `expired` may have something (monotonic seconds)."""
        return self._deadlines[0][0] if self._deadlines else None
