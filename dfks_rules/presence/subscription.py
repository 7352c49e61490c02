"""One subscription: its life. What its phone is still to be told is in `telling`.

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
| both       | an error response to a NOTIFY, or none     | terminated, without NOTIFY |
| both       | another node has adopted it                | terminated, without NOTIFY |
| both       | 2,047 NOTIFYs in one term of its CSeq, and | terminated, `deactivated`  |
|            | the next one is not reserved (`kept`)      |                            |

Where the store lasts, a subscription outlives the process:

| it is       | input                                     | next                       |
|-------------|-------------------------------------------|----------------------------|
| living      | the server is killed, or stops            | a row                      |
| a row       | SUBSCRIBE in its dialog, a change, an     | active                     |
|             | operator's listing                        |                            |
| a row       | deadline; after a crash 60 s later in the | active, then terminated,   |
|             | first minute                              | `timeout`                  |
| a row       | its deadline passed while nothing ran, or | (none)                     |
|             | it cannot be restored                     |                            |
| any, untold | its turn, or a SUBSCRIBE for all states   | told all states            |

A row is untold where the life before owed it a NOTIFY; after a crash also where its presentity or
itself has changed since the last heartbeat, or shortly before it (`restoring`).

Reference: RFC 6665 §4.2.2, §4.4.1; docs/decisions/0015-proved-contacts.md
"""

from enum import Enum
from math import inf
from typing import Final

from dfks_rules.model.identity import Aor, AuthMethod
from dfks_rules.model.requests import Requester
from dfks_rules.presence.display import Display
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.telling import Telling
from dfks_rules.sip.dialog import Dialog

# CPython 3.11 calls a Python function for each `Proof.UNPROVED`.
_UNPROVED: Final = Proof.UNPROVED
_ANSWERS: Final = Proof.ANSWERS
_TRUSTED: Final = AuthMethod.TRUSTED


class State(Enum):
    """Where a subscription is in its life."""

    ADMITTED = "admitted"
    """The SUBSCRIBE that makes it waits for its outcome."""
    ACTIVE = "active"
    REFRESHING = "refreshing"
    """A SUBSCRIBE in its dialog waits for its outcome."""
    TERMINATED = "terminated"


_ADMITTED: Final = State.ADMITTED
_ACTIVE: Final = State.ACTIVE


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
    MOVED = "moved"
    """Another node has it: its phone notices nothing."""


Facts = tuple[str | None, str, int, int, bytes, bytes]
"""Of one that is resting, see `Subscription.facts`."""

_COUNTED: Final = 1
_REFUSED: Final = 2
_PROVED: Final = 4
_ANSWERING: Final = 8
_TOLD: Final = 16
"""Flags of `Facts`."""


class Subscription(Telling):
    """One phone's subscription to one presentity."""

    __slots__ = (
        "_device",
        "_under_way",
        "cseq",
        "deadline",
        "dialog",
        "display",
        "event_id",
        "is_counted",
        "is_owed",
        "is_refused",
        "presentity",
        "requester",
        "row",
        "scheduled_for",
        "source",
        "state",
        "termination",
    )

    def __init__(
        self,
        dialog: Dialog,
        presentity: Aor,
        requester: Requester,
        event_id: bytes = b"",
        proof: Proof = Proof.PROVED,
    ) -> None:
        """A SUBSCRIBE that makes a dialog was admitted.

        Args:
            dialog: what it made.
            presentity: whose features are watched.
            requester: who watches.
            event_id: the `id` of its Event; empty for none.
            proof: what the SUBSCRIBE showed of the address that its NOTIFYs go to.
        """
        super().__init__(proof)
        self.dialog = dialog
        self.presentity = presentity
        self.requester = requester
        """The facts of the last SUBSCRIBE whose outcome is known."""
        self._device, self.event_id = requester.device, event_id
        identity = requester.identity
        is_trusted = identity is not None and identity.method is _TRUSTED
        self.source = "" if is_trusted else requester.source_ip or ""
        """Address that made it, which learned our tag; empty for a trusted peer."""
        self.is_counted = False
        """Whether it counts for the limits of subscriptions; `Guard` keeps it."""
        self.cseq = 0
        """CSeq of the last SUBSCRIBE whose outcome is known; that of the dialog may be ahead."""
        self.is_refused = False
        """Whether its last SUBSCRIBE was: a repeat of it must not be granted."""
        self.is_owed = False
        """Whether its row says that its phone is to be told all states after a restart."""
        self.row = 0
        """Number of its row; 0 for one that is not kept. `Kept` gives it."""
        self.state = _ADMITTED
        self.termination: Termination | None = None
        """None while it lives."""
        self._under_way = 1
        """How many SUBSCRIBEs wait for their outcome."""
        self.deadline = 0.0
        """When it expires, monotonic seconds; does not hold while it is refreshing."""
        self.scheduled_for = inf
        """When `Subscriptions` looks at it next, monotonic seconds."""
        self.display: Display | None = None
        """What its phone shows; None for a phone all of whose sets are meant."""

    @property
    def watcher(self) -> Aor:
        """Who subscribed: the address of record in From."""
        assert self.requester.watcher is not None  # noqa: S101 - a phone has one
        return self.requester.watcher

    @property
    def said_device(self) -> str | None:
        """Text of the last `<device>` that the phone has sent; None for none."""
        return self._device

    @property
    def device(self) -> str:
        """Text of `<device>` in what the phone is told: what it sent last, if anything."""
        return self._device or self.presentity.user

    def says_more(self, requester: Requester, condition: bytes) -> bool:
        """Whether a SUBSCRIBE in its dialog says something of its phone that the last did not.

        Args:
            requester: who sent it.
            condition: see `condition`.
        """
        known = self.requester
        return (
            requester.user_agent != known.user_agent
            or requester.source_ip != known.source_ip
            or requester.transport != known.transport
            or (requester.device is not None and requester.device != self._device)
            or condition != self.condition
            or requester.identity != known.identity
        )

    # --- Its life ---

    def refreshing(self) -> None:
        """A SUBSCRIBE in its dialog was admitted, and is being worked out."""
        self._under_way += 1
        self.state = State.REFRESHING

    def answered(self, cseq: int) -> None:
        """The outcome of the SUBSCRIBE with this CSeq is known."""
        self.cseq = max(self.cseq, cseq)

    def refreshed(self, requester: Requester, deadline: float, condition: bytes = b"") -> None:
        """A SUBSCRIBE was granted, the first one or another.

        Args:
            requester: who sent it.
            deadline: when it expires now, monotonic seconds.
            condition: see `condition`.
        """
        self.deadline = deadline
        self.condition = condition
        self.is_refused = False
        self._concluded(requester)

    def refused(self, requester: Requester) -> None:
        """A SUBSCRIBE in its dialog came to nothing: it lives as long as it did before."""
        self.is_refused = True
        self._concluded(requester)

    def withdrawn(self) -> None:
        """A SUBSCRIBE in its dialog is going to be served anew, as if it had not come yet."""
        self._under_way -= 1
        if self._under_way == 0:
            self.state = _ACTIVE

    def _concluded(self, requester: Requester) -> None:
        self.requester = requester
        self._device = requester.device or self._device
        self._under_way -= 1
        if self._under_way == 0:
            self.state = _ACTIVE

    def restored(
        self,
        row: int,
        requester: Requester,
        said_device: str | None,
        deadline: float,
        condition: bytes,
    ) -> None:
        """It goes on where an earlier life of the server has left it.

        Args:
            row: number of its row.
            requester: who sent the last SUBSCRIBE.
            said_device: text of the last `<device>` that the phone has sent.
            deadline: when it expires, monotonic seconds.
            condition: see `condition`.
        """
        self.row = row
        self._device = said_device
        self.refreshed(requester, deadline, condition)

    # --- While nobody needs it ---

    @property
    def is_resting(self) -> bool:
        """Whether there is nothing to do for it before its deadline, or somebody asks.

        What is unproved is looked at all the time, and what is owed is soon told; they are few.
        """
        return (
            self.state is _ACTIVE
            and self.is_at_rest
            and not self.is_owed
            and (self.is_proved or self._is_answering)
        )

    def facts(self) -> Facts:
        """All else that there is to know of one that is resting.

        Besides its dialog, what is watched by whom, its row, its deadline, and what its phone
        shows: what `woken` needs.
        """
        flags = _COUNTED if self.is_counted else 0
        flags |= _REFUSED if self.is_refused else 0
        flags |= _PROVED if self.is_proved else _ANSWERING
        flags |= _TOLD if self._is_told else 0
        return self._device, self.source, flags, self.cseq, self.condition, self.knowledge

    def woken(self, facts: Facts, row: int, deadline: float, display: Display | None) -> None:
        """It goes on as it was.

        Args:
            facts: what `facts` gave.
            row: number of its row.
            deadline: when it expires, monotonic seconds.
            display: what its phone shows.
        """
        self._device, self.source, flags, self.cseq, self.condition, self.knowledge = facts
        self.is_counted = flags & _COUNTED != 0
        self.is_refused = flags & _REFUSED != 0
        self.is_proved = flags & _PROVED != 0
        self._is_answering = flags & _ANSWERING != 0
        self._is_told = flags & _TOLD != 0
        self.row, self.deadline, self.display = row, deadline, display
        self._under_way = 0
        self.state = _ACTIVE

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

    # --- Whether it may be told ---

    @property
    def lives_by_answers(self) -> bool:
        """Whether a NOTIFY without a response ends it, as nothing else could prove it."""
        if self.proof is _UNPROVED:
            return not self.is_home(self.source)
        return self.proof is _ANSWERS

    def is_home(self, source: str) -> bool:
        """Whether only this host can know our tag: the SUBSCRIBE came from it, NOTIFYs go to it."""
        return self.source == source == self.dialog.flow.remote[0]

    # --- Time ---

    def scheduled(self, moment: float) -> None:
        """`Subscriptions` looks at it at this moment, monotonic seconds; `inf` for never."""
        self.scheduled_for = moment

    def has_expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.state is _ACTIVE and self.deadline <= now

    def next_deadline(self) -> float:
        """When there is something to do, monotonic seconds; `inf` for never."""
        if self.state is _ACTIVE:
            return min(self.deadline, self._repeat_at)
        return self._repeat_at
