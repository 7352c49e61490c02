"""What the phone of a subscription is still to be told, and whether it may be.

While a subscription lives, one NOTIFY at most is outstanding:

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

Reference: RFC 6665 §4.2.2; docs/decisions/0015-proved-contacts.md
"""

from math import inf
from typing import Any, Final

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.presence.conditional import ANY
from dfks_rules.presence.documents import Documents, merge
from dfks_rules.presence.proof import UNPROVED_SENDINGS, Proof
from dfks_rules.sip.client_transaction import ClientTransaction

FIRST_REPEAT = 64.0
"""What a phone did not confirm is sent again after so long, s: twice the time of a transaction."""
LAST_REPEAT = 600.0
"""The wait doubles with each failure up to this, s: a phone that is gone costs little."""

# CPython 3.11 calls a Python function for each `Proof.PROVED`.
_UNPROVED: Final = Proof.UNPROVED
_ANSWERS: Final = Proof.ANSWERS
_PROVED: Final = Proof.PROVED


class Telling:
    """What one phone is told, and whether it may be: `Subscription` adds its life."""

    __slots__ = (
        "_is_answering",
        "_is_told",
        "_not_before",
        "_repeat_at",
        "condition",
        "failures",
        "is_proved",
        "knowledge",
        "outstanding",
        "queued",
        "unconfirmed",
    )

    def __init__(self, proof: Proof) -> None:
        """Nothing was told.

        Args:
            proof: what is known of the address that NOTIFYs go to.
        """
        self._is_told = False
        """Whether a NOTIFY was sent to the address where NOTIFYs go."""
        # Flags take a byte each where they stand together, a reference takes eight.
        self.is_proved = proof is _PROVED
        """Whether `proof` is that: nearly always, so that it is looked at first."""
        self._is_answering = proof is _ANSWERS
        self.outstanding: ClientTransaction[Any] | None = None
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

    @property
    def is_behind(self) -> bool:
        """Whether its phone has not confirmed everything that it is to be told."""
        return bool(self.unconfirmed or self.queued)

    @property
    def wants_none(self) -> bool:
        """Whether its phone wants no states until it says otherwise (RFC 5839 §5.2)."""
        return self.condition == ANY

    @property
    def is_at_rest(self) -> bool:
        """Whether its phone has confirmed all that it is to be told, and nothing has failed."""
        return (
            self.outstanding is None
            and not self.unconfirmed
            and not self.queued
            and self._repeat_at == inf
            and not self.failures
            and self._not_before == 0.0
        )

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

    def overtaken(self, newest: dict[Feature, FeatureState]) -> None:
        """States were set that nobody is told of: what is told later must not be what was before.

        Args:
            newest: what the phone would be told of those that it is to be told.
        """
        self.unconfirmed = tuple([(one, newest.get(one, old)) for one, old in self.unconfirmed])
        self.queued = tuple([(one, newest.get(one, old)) for one, old in self.queued])

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
        transaction: ClientTransaction[Any],
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
