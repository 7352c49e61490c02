"""One subscription: its life, and what its phone is still to be told. Nobody else changes either.

| state      | input                                      | next                       |
|------------|--------------------------------------------|----------------------------|
| (none)     | SUBSCRIBE without To tag, admitted         | admitted                   |
| admitted   | granted                                    | active                     |
| admitted   | granted with Expires = 0 (fetch)           | terminated, `timeout`      |
| admitted   | refused, or the store failed               | (none)                     |
| active     | SUBSCRIBE in its dialog, admitted          | refreshing, no deadline    |
| refreshing | another one                                | refreshing                 |
| refreshing | the last one granted                       | active, new deadline       |
| refreshing | the last one refused, or the store failed  | active, old deadline       |
| refreshing | granted with Expires = 0                   | terminated, `timeout`      |
| active     | deadline                                   | terminated, `timeout`      |
| both       | the policies do not admit a SUBSCRIBE      | terminated, `rejected`     |
| both       | the server stops                           | terminated, `deactivated`  |
| both       | an error response to a NOTIFY              | terminated, without NOTIFY |
| both       | no response to a NOTIFY, and a setting     | terminated, without NOTIFY |

While it lives, one NOTIFY at most is outstanding:

| told so far   | input                    | NOTIFY                     | next                |
|---------------|--------------------------|----------------------------|---------------------|
| all confirmed | change                   | the change                 | outstanding         |
| outstanding   | change                   | none: it is queued         | outstanding         |
| any           | SUBSCRIBE for all states | all features               | outstanding         |
| any           | SUBSCRIBE with sets      | what was set, and all that | outstanding         |
|               |                          | is unconfirmed or queued   |                     |
| outstanding   | 2xx, nothing queued      | none                       | all confirmed       |
| outstanding   | 2xx, changes queued      | what is queued             | outstanding         |
| outstanding   | none, or one that passes | none                       | unconfirmed         |
| unconfirmed   | change                   | what is unconfirmed, and   | outstanding         |
|               |                          | the change                 |                     |
| unconfirmed   | 64 s passed, later 600 s | what is unconfirmed        | outstanding         |

The answer to a SUBSCRIBE gives up the NOTIFY that is outstanding.

Reference: RFC 6665 §4.2.2, §4.4.1
"""

from enum import Enum
from math import inf

from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Requester
from dfks_rules.presence.documents import Documents, merge
from dfks_rules.sip.client_transaction import ClientTransaction
from dfks_rules.sip.dialog import Dialog

FIRST_REPEAT = 64.0
"""What a phone did not confirm is sent again after so long, s: twice the time of a transaction."""
LAST_REPEAT = 600.0
"""The wait doubles with each failure up to this, s: a phone that is gone costs little."""


class State(Enum):
    """Where a subscription is in its life."""

    ADMITTED = "admitted"
    """The SUBSCRIBE that makes it waits for its outcome."""
    ACTIVE = "active"
    REFRESHING = "refreshing"
    """A SUBSCRIBE in its dialog waits for its outcome."""
    TERMINATED = "terminated"


class Termination(Enum):
    """Why a subscription ended. The first three are told: `reason` of RFC 6665 §4.1.3."""

    TIMEOUT = "timeout"
    """It expired, or its phone ended it."""
    REJECTED = "rejected"
    """A policy no longer admits it: the phone must not try again."""
    DEACTIVATED = "deactivated"
    """The server stops: the phone may subscribe again at once."""
    REFUSED = "refused"
    """Its phone answered a NOTIFY with an error."""
    UNANSWERED = "unanswered"
    """Its phone did not answer a NOTIFY, and the setting says that this is the end."""


class Subscription:
    """One phone's subscription to one presentity."""

    __slots__ = (
        "_device",
        "_repeat_after",
        "_repeat_at",
        "_under_way",
        "deadline",
        "dialog",
        "event_id",
        "outstanding",
        "presentity",
        "queued",
        "requester",
        "scheduled_for",
        "state",
        "termination",
        "unconfirmed",
    )

    def __init__(
        self, dialog: Dialog, presentity: Aor, requester: Requester, event_id: bytes = b""
    ) -> None:
        """A SUBSCRIBE that makes a dialog was admitted.

        Args:
            dialog: what it made.
            presentity: whose features are watched.
            requester: who watches.
            event_id: the `id` of its Event; empty for none.
        """
        self.dialog = dialog
        self.presentity = presentity
        self.requester = requester
        """The facts of the last SUBSCRIBE whose outcome is known."""
        self._device = requester.device
        self.event_id = event_id
        self.state = State.ADMITTED
        self.termination: Termination | None = None
        """None while it lives."""
        self._under_way = 1
        """How many SUBSCRIBEs wait for their outcome."""
        self.deadline = 0.0
        """When it expires, monotonic seconds; does not hold while it is refreshing."""
        self.scheduled_for = inf
        """When `Subscriptions` looks at it next, monotonic seconds."""
        self.outstanding: ClientTransaction[Subscription] | None = None
        """The NOTIFY that waits for its response: never more than one."""
        self.unconfirmed: Documents = ()
        """What the phone was sent, but did not confirm yet."""
        self.queued: Documents = ()
        """What is to be sent when the outstanding NOTIFY is confirmed."""
        self._repeat_at = inf
        self._repeat_after = FIRST_REPEAT

    @property
    def watcher(self) -> Aor:
        """Who subscribed: the address of record in From."""
        watcher = self.requester.watcher
        assert watcher is not None  # noqa: S101 - for the type checker: a phone has one
        return watcher

    @property
    def device(self) -> str:
        """Text of `<device>` in what the phone is told: what it sent last, if anything."""
        return self._device or self.presentity.user

    # --- Its life ---

    def refreshing(self) -> None:
        """A SUBSCRIBE in its dialog was admitted, and is being worked out."""
        self._under_way += 1
        self.state = State.REFRESHING

    def refreshed(self, requester: Requester, deadline: float) -> None:
        """A SUBSCRIBE was granted, the first one or another.

        Args:
            requester: who sent it.
            deadline: when it expires now, monotonic seconds.
        """
        self.deadline = deadline
        self.kept(requester)

    def kept(self, requester: Requester) -> None:
        """A SUBSCRIBE in its dialog came to nothing: it lives as long as it did before."""
        self.requester = requester
        self._device = requester.device or self._device
        self._under_way -= 1
        if self._under_way == 0:
            self.state = State.ACTIVE

    def ended(self, why: Termination) -> None:
        """It lives no longer; nothing waits to be told."""
        self.state = State.TERMINATED
        self.termination = why
        self.unconfirmed = self.queued = ()
        self._repeat_at = inf

    def forgotten(self) -> None:
        """Its last NOTIFY was answered, or never will be.

        A subscription and its transaction that know each other would wait for the collector, which
        seldom comes.
        """
        self.outstanding = None

    # --- What its phone is told ---

    def to_answer(self, documents: Documents) -> Documents:
        """What to say where a SUBSCRIBE is answered with some features: all unconfirmed as well."""
        return merge(merge(self.unconfirmed, self.queued), documents)

    def to_tell(self, change: Documents) -> Documents:
        """What to say of a change now; nothing while it has to wait for an outstanding NOTIFY."""
        if self.outstanding is None:
            return merge(self.unconfirmed, change)
        self.queued = merge(self.queued, change)
        return ()

    def sent(self, documents: Documents, transaction: "ClientTransaction[Subscription]") -> None:
        """A NOTIFY is on its way; it says all that was to be said."""
        self.unconfirmed = documents
        self.queued = ()
        self.outstanding = transaction
        self._repeat_at = inf

    def confirmed(self) -> Documents:
        """The outstanding NOTIFY was answered 2xx; what to say next."""
        self.outstanding = None
        self.unconfirmed = ()
        self._repeat_after = FIRST_REPEAT
        queued, self.queued = self.queued, ()
        return queued

    def failed(self, now: float, not_before: float = 0.0) -> None:
        """The outstanding NOTIFY failed in a way that may pass: what it said is kept.

        Args:
            now: monotonic seconds.
            not_before: earliest moment that the phone wants to hear it again, monotonic seconds.
        """
        self.outstanding = None
        self.unconfirmed = merge(self.unconfirmed, self.queued)
        self.queued = ()
        if self.unconfirmed:
            self._repeat_at = max(now + self._repeat_after, not_before)
            self._repeat_after = min(2 * self._repeat_after, LAST_REPEAT)

    # --- Time ---

    def scheduled(self, moment: float) -> None:
        """`Subscriptions` looks at it at this moment, monotonic seconds; `inf` for never."""
        self.scheduled_for = moment

    def has_expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.state is State.ACTIVE and self.deadline <= now

    def has_to_repeat(self, now: float) -> bool:
        """Whether what is unconfirmed is to be sent again."""
        return self._repeat_at <= now

    def next_deadline(self) -> float:
        """When there is something to do, monotonic seconds; `inf` for never."""
        if self.state is State.ACTIVE:
            return min(self.deadline, self._repeat_at)
        return self._repeat_at
