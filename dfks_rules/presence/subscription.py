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
| both       | an error response to a NOTIFY, or none     | terminated, without NOTIFY |

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
| unconfirmed,  | change                   | none: it joins what is     | unconfirmed         |
| Retry-After   |                          | unconfirmed                |                     |
| unconfirmed   | 64 s passed, later 600 s | what is unconfirmed        | outstanding         |
| any           | SUBSCRIBE whose entity-  | none (RFC 5839); what the  | all confirmed, or   |
|               | tag is that of all       | outstanding got wrong: next| outstanding         |
| any, quenched | change                   | none                       | the same            |

The answer to a SUBSCRIBE gives up the NOTIFY that is outstanding. Of what a phone has to be told in
several NOTIFYs, all but the first is queued. `display` says how a phone that echoes is told, and
`proof.Proof` whether an address may be told at all.

Reference: RFC 6665 §4.2.2, §4.4.1; docs/decisions/0015-proved-contacts.md
"""

from enum import Enum
from math import inf
from typing import Final

from dfks_rules.model.identity import Aor, AuthMethod
from dfks_rules.model.requests import Requester
from dfks_rules.presence.conditional import ANY
from dfks_rules.presence.display import Display
from dfks_rules.presence.documents import Documents, merge
from dfks_rules.presence.proof import UNPROVED_SENDINGS, Proof
from dfks_rules.sip.client_transaction import ClientTransaction
from dfks_rules.sip.dialog import Dialog

FIRST_REPEAT = 64.0
"""What a phone did not confirm is sent again after so long, s: twice the time of a transaction."""
LAST_REPEAT = 600.0
"""The wait doubles with each failure up to this, s: a phone that is gone costs little."""

# CPython 3.11 calls a Python function for each `Proof.PROVED`.
_UNPROVED: Final = Proof.UNPROVED
_ANSWERS: Final = Proof.ANSWERS
_PROVED: Final = Proof.PROVED


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
        "_is_answering",
        "_is_told",
        "_not_before",
        "_repeat_at",
        "_under_way",
        "condition",
        "deadline",
        "dialog",
        "display",
        "event_id",
        "failures",
        "is_counted",
        "is_proved",
        "knowledge",
        "outstanding",
        "presentity",
        "queued",
        "requester",
        "scheduled_for",
        "source",
        "state",
        "termination",
        "unconfirmed",
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
        self.dialog = dialog
        self.presentity = presentity
        self.requester = requester
        """The facts of the last SUBSCRIBE whose outcome is known."""
        self._device, self.event_id = requester.device, event_id
        identity = requester.identity
        is_trusted = identity is not None and identity.method is AuthMethod.TRUSTED
        self.source = "" if is_trusted else requester.source_ip or ""
        """Address that made it, which learned our tag; empty for a trusted peer."""
        self.is_counted = False
        """Whether it counts for the limits of subscriptions; `Guard` keeps it."""
        self._is_told = False
        """Whether a NOTIFY was sent to the address where NOTIFYs go."""
        # Flags take a byte each where they stand together, a reference takes eight.
        self.is_proved = proof is _PROVED
        """Whether `proof` is that: nearly always, so that it is looked at first."""
        self._is_answering = proof is _ANSWERS
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
        self.knowledge = b""
        """What its phone knows after the last NOTIFY (`conditional.knowledge_of`), or empty."""
        self.condition = b""
        """The entity-tag in its last SUBSCRIBE, or `conditional.ANY`; empty for none."""
        self._repeat_at = inf
        self.failures = 0
        """How many NOTIFYs in a row came to nothing."""
        self._not_before = 0.0
        """Until when the phone does not want to hear of changes, monotonic seconds."""
        self.display: Display | None = None
        """What its phone shows; None for a phone all of whose sets are meant."""

    @property
    def watcher(self) -> Aor:
        """Who subscribed: the address of record in From."""
        assert self.requester.watcher is not None  # noqa: S101 - a phone has one
        return self.requester.watcher

    @property
    def wants_none(self) -> bool:
        """Whether its phone wants no states until it says otherwise (RFC 5839 §5.2)."""
        return self.condition == ANY

    @property
    def device(self) -> str:
        """Text of `<device>` in what the phone is told: what it sent last, if anything."""
        return self._device or self.presentity.user

    # --- Its life ---

    def refreshing(self) -> None:
        """A SUBSCRIBE in its dialog was admitted, and is being worked out."""
        self._under_way += 1
        self.state = State.REFRESHING

    def refreshed(self, requester: Requester, deadline: float, condition: bytes = b"") -> None:
        """A SUBSCRIBE was granted, the first one or another.

        Args:
            requester: who sent it.
            deadline: when it expires now, monotonic seconds.
            condition: see `condition`.
        """
        self.deadline = deadline
        self.condition = condition
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

    # --- Whether it may be told ---

    @property
    def proof(self) -> Proof:
        """Whether the address that NOTIFYs go to has shown that it wants them."""
        if self.is_proved:
            return _PROVED
        return _ANSWERS if self._is_answering else _UNPROVED

    @property
    def is_held(self) -> bool:
        """Whether all that is to be told waits: it is unproved, and has had its NOTIFY."""
        return self.proof is _UNPROVED and self._is_told

    @property
    def sendings(self) -> int:
        """How often a NOTIFY is sent; 0 for as often as the transaction likes."""
        return 0 if self.is_proved else UNPROVED_SENDINGS

    @property
    def lives_by_answers(self) -> bool:
        """Whether a NOTIFY without a response ends it, as nothing else could prove it."""
        if self.proof is _UNPROVED:
            return not self.is_home(self.source)
        return self.proof is _ANSWERS

    def is_home(self, source: str) -> bool:
        """Whether only this host can know our tag: the SUBSCRIBE came from it, NOTIFYs go to it."""
        return self.source == source == self.dialog.flow.remote[0]

    def moved(self) -> None:
        """NOTIFYs are to go to another address, which has shown nothing."""
        self.is_proved = self._is_answering = self._is_told = False

    def proved(self, proof: Proof, now: float) -> None:
        """The address has shown that it wants NOTIFYs.

        Args:
            proof: how far.
            now: monotonic seconds, when what has waited is due unless something is told before; to
                be scheduled.
        """
        self.is_proved = proof is _PROVED
        self._is_answering = proof is _ANSWERS
        if self.outstanding is None:
            self.hold(())
            if self.unconfirmed:
                self._repeat_at = max(now, self._not_before)

    # --- What its phone is told ---

    def to_answer(self, documents: Documents) -> Documents:
        """What to say where a SUBSCRIBE is answered with some features: all unconfirmed as well."""
        return merge(merge(self.unconfirmed, self.queued), documents)

    def to_tell(self, change: Documents, now: float) -> Documents:
        """What to say of a change now; nothing while it has to wait.

        It waits for an outstanding NOTIFY, until it is proved, and as long as the phone does not
        want to be bothered.
        """
        if self.wants_none:
            return ()
        if self.outstanding is not None or self.is_held:
            self.hold(change)
            return ()
        if now >= self._not_before:
            return self.to_answer(change)
        self.unconfirmed = merge(self.unconfirmed, change)
        self._repeat_at = min(self._repeat_at, self._not_before)
        return ()

    def hold(self, documents: Documents) -> None:
        """What was to be said waits: for the outstanding NOTIFY, or until it is proved."""
        if self.outstanding is not None:
            self.queued = merge(self.queued, documents)
            return
        self.unconfirmed, self.queued = self.to_answer(documents), ()
        # No moment makes it due: an answer, a proof or the next change does.
        self._repeat_at = inf

    def postpone(self, documents: Documents, until: float) -> None:
        """What was to be said waits until a moment (monotonic seconds)."""
        if self.wants_none:
            return
        self.queued = merge(self.queued, documents)
        if self.outstanding is None:
            self._repeat_at = min(self._repeat_at, until)

    def sent(
        self,
        documents: Documents,
        transaction: "ClientTransaction[Subscription]",
        knowledge: bytes = b"",
        rest: Documents = (),
    ) -> None:
        """A NOTIFY is on its way; it says all that was to be said, but for the rest."""
        self.unconfirmed = documents
        self.queued = rest
        self.outstanding = transaction
        self._is_told = True
        self.knowledge = b"" if self.wants_none else knowledge
        self._repeat_at = inf
        self._not_before = 0.0

    def knows_all(self, documents: Documents, knowledge: bytes) -> None:
        """Its phone knows all states (`documents`), or wants none: there is nothing to say.

        But it may yet read the NOTIFY under way, which says what was before.
        """
        self.knowledge = b"" if self.wants_none else knowledge
        if self.outstanding is None or self.wants_none:
            self.unconfirmed, self.queued, self._repeat_at = (), (), inf
        else:
            old = dict(self.unconfirmed)
            self.queued = tuple([one for one in documents if old.get(*one) != one[1]])

    def confirmed(self) -> Documents:
        """The outstanding NOTIFY was answered 2xx; what to say next."""
        self.outstanding = None
        self.unconfirmed = ()
        self.failures = 0
        queued, self.queued = self.queued, ()
        return queued

    def failed(self, now: float, not_before: float = 0.0) -> None:
        """The outstanding NOTIFY failed in a way that may pass: what it said is kept.

        Args:
            now: monotonic seconds.
            not_before: earliest moment that the phone wants to hear it again, monotonic seconds.
        """
        self.outstanding = None
        self.hold(())
        if self.unconfirmed and self.proof is not _UNPROVED:
            wait = FIRST_REPEAT * 2.0 ** min(self.failures, 4)
            self._repeat_at = max(now + min(wait, LAST_REPEAT), not_before)
        self.failures += 1
        self._not_before = not_before

    # --- Time ---

    def scheduled(self, moment: float) -> None:
        """`Subscriptions` looks at it at this moment, monotonic seconds; `inf` for never."""
        self.scheduled_for = moment

    def has_expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.state is State.ACTIVE and self.deadline <= now

    def next_deadline(self) -> float:
        """When there is something to do, monotonic seconds; `inf` for never."""
        if self.state is State.ACTIVE:
            return min(self.deadline, self._repeat_at)
        return self._repeat_at
