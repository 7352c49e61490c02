"""Subscriptions of an earlier life of a server: from their rows to where they were.

Rows come with a claim: a start claims those of the life before; where there are several nodes, one
claims those of another that has ended, at any time, and adopts single ones (`adopting`).

| state    | input                                | output                          | next     |
|----------|--------------------------------------|---------------------------------|----------|
| (none)   | a claim: how the life before ended   | nothing                         | loading  |
| loading  | rows, the newest first               | they are found from now on      | loading  |
| loading  | SUBSCRIBE in a dialog that is not    | nothing: its phone repeats it;  | loading  |
|          | found                                | of several nodes: adopted       |          |
| loading  | a change                             | its presentity's rows that come | loading  |
|          |                                      | later are untold, too           |          |
| loading  | no more rows of any claim            | nothing                         | loaded   |
| loaded   | SUBSCRIBE in a dialog that is not    | 481; of several nodes: adopted  | loaded   |
|          | found                                |                                 |          |
| loaded   | another claim                        | nothing                         | loading  |
| both     | `PAUSE` s, and somebody is untold    | `PORTION` of them are told all  | the same |
| both     | SUBSCRIBE that made a dialog which   | a dialog, and all states: its   | the same |
|          | has ended since                      | sets were applied               |          |

The SUBSCRIBEs that are in a row are read again by what has read them the first time. Streams are
gone: NOTIFYs go where they would go if they had just broken.
"""

from itertools import islice
from math import inf
from typing import Final, final

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor, AuthMethod
from dfks_rules.presence import rows
from dfks_rules.presence.admission import event_of, requester_of, watcher_of
from dfks_rules.presence.claim import Before, Claim
from dfks_rules.presence.conditional import ANY, condition_of
from dfks_rules.presence.guard import Guard
from dfks_rules.presence.kept import Kept
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.responses import RefusedError
from dfks_rules.presence.setup import Keeping, Setup
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.flow import BROKEN, Flow
from dfks_rules.sip.incoming import Incoming, read_again
from dfks_rules.sip.ports import Ways
from dfks_rules.sip.timers import TIMEOUT

GRACE = 60.0
"""How much longer those live that would expire as long after a crash, s: a refresh may be lost."""
BULKY = 4_096
"""Bytes of messages, beyond which a row is made into a subscription at once: that keeps what it
needs of them."""
PORTION = 64
"""Most untold ones that are told in one go."""
PAUSE = 0.25
"""Seconds between two portions."""
LOOK = 10.0
"""Seconds after the last portion until it is looked whether somebody could not be told, and is
untold again: what finds that out is no message, after which timers are looked at."""
STEPPED = 60.0
"""Seconds after its deadline from which a row of a living node is no more: where it is, the clock
of all nodes was set forward, and the deadline is by the one before."""

_UNPROVED: Final = Proof.UNPROVED
_ANSWERS: Final = Proof.ANSWERS
_PROVED: Final = Proof.PROVED


@final
class Restoring:
    """Makes subscriptions of rows, and knows who is to be told all states."""

    def __init__(
        self,
        keeping: Keeping,
        kept: Kept,
        ways: Ways | None,
        guard: Guard,
        setup: Setup,
        counts: dict[str, int],
    ) -> None:
        """There was no life before.

        Args:
            keeping: where the listeners are found, and what time it is.
            kept: has rows written.
            ways: the ways to a peer, for dialogs.
            guard: knows which subscriptions are proved.
            setup: how phones are treated, and how long subscriptions may last.
            counts: what is counted, see `counts.NAMES`.
        """
        self._keeping: Final = keeping
        self._kept: Final = kept
        self._ways: Final = ways
        self._guard: Final = guard
        self._profiles: Final = setup.profiles
        limits = setup.limits
        self._longest: Final = max(limits.max_expires, limits.default_expires) + GRACE
        self._counts: Final = counts
        self.is_loading = False
        """Whether there may be rows that have not been read yet."""
        self.is_shared: Final = keeping.dialogs.are_shared
        """Whether rows that are not found here may be those of other nodes."""
        self._loading: list[Claim] = []
        self._began = -inf
        self._now = 0.0
        self._one_shots: dict[bytes, DialogRow] = {}
        """By our tag: SUBSCRIBEs that made it, may come again, and whose dialogs have ended."""
        self.untold: dict[bytes, None] = {}
        """Tags of those who are to be told all states, in order."""
        self._missed: dict[bytes, None] = {}
        """Those among them for whom something has changed: their turn comes first."""
        self._tell_at = inf
        self.first_cseq: Final = rows.local_cseq_of(0, kept.term)
        """A CSeq higher than any that a new dialog of an earlier life began with."""

    # --- Loading ---

    def begin(self, before: Before, now: float) -> Claim:
        """There are rows to come."""
        claim = Claim(before, now)
        self._loading.append(claim)
        self.is_loading = True
        self._began = self._now = now
        return claim

    def changed(self, presentity: Aor) -> None:
        """A state was set while rows are still to come."""
        for claim in self._loading:
            claim.changed.add(presentity)

    def accept(self, claim: Claim, row: DialogRow, now: float) -> DialogRow | None:
        """A row that is to be found from now on, with the deadline that holds; None where it is
        done with.
        """
        self._now = now
        if not row.tag:
            self._counts["rows_unreadable"] += 1
            self._kept.remove(row.row, now)
            return None
        self._counts["rows_shortened"] += self._is_shortened(claim, row)
        deadline = self._deadline_by(claim, row)
        if deadline <= now:
            self._counts["rows_expired"] += 1
            self._kept.remove(row.row, now)
            return None
        moment = self._keeping.epoch + deadline
        if moment != row.deadline:
            row = row._replace(deadline=moment)
        if row.flags & rows.ONE_SHOT:
            self._remember(row, now)
            self._kept.remove_later(row.row, deadline)
            return None
        return row

    def is_wanted_now(self, claim: Claim, row: DialogRow) -> bool:
        """Whether a subscription is to be made of a row at once.

        So it is where it is untold; where more than its number counts for a limit; where it takes
        much room; and where its deadline has to be written anew.
        """
        return (
            bool(row.flags & (rows.UNPROVED | rows.OWED))
            or self._guard.has_quotas
            or claim.owes(row)
            or self._is_by_another_clock(claim, row)
            or len(row.first or b"") + len(row.last or b"") > BULKY
            or self._is_shortened(claim, row)
        )

    def entered(self, row: DialogRow) -> None:
        """A row is found from now on, but nobody looks at it yet."""
        self._counts["rows_restored"] += 1
        if self.is_just_counted(row):
            self._guard.counted()

    def looked_at(
        self, claim: Claim, row: DialogRow, subscription: Subscription, now: float
    ) -> None:
        """A subscription was made of a row at once, which is here as it was stored."""
        is_odd = self._is_by_another_clock(claim, row)
        if is_odd or claim.owes(row):
            self.owe(subscription, now + PAUSE)
            if row.presentity in claim.changed:
                self._missed[row.tag] = None
        if is_odd or self._is_shortened(claim, row):
            self._kept.mark(subscription, now)

    def loaded(self, claim: Claim) -> None:
        """There are no more rows of a claim."""
        self._loading.remove(claim)
        self.is_loading = bool(self._loading)

    def is_just_counted(self, row: DialogRow) -> bool:
        """Whether it counts for the limit of all, and there is no other."""
        return bool(row.flags & rows.COUNTED) and not self._guard.has_quotas

    def _deadline_by(self, claim: Claim, row: DialogRow) -> float:
        """When it expires, monotonic seconds; after as long as one could be granted, at most."""
        if self._is_by_another_clock(claim, row):
            return self._latest(claim, row)
        deadline = row.deadline - self._keeping.epoch
        if not claim.before.is_clean and deadline < claim.began + GRACE:
            deadline += GRACE
        return min(deadline, self._latest(claim, row))

    def _latest(self, claim: Claim, row: DialogRow) -> float:
        longest = TIMEOUT + GRACE if row.flags & rows.ONE_SHOT else self._longest
        return claim.began + longest

    def _is_shortened(self, claim: Claim, row: DialogRow) -> bool:
        """Whether no server can have granted it for so long: a clock was wrong, or the row is."""
        return row.deadline - self._keeping.epoch > self._latest(claim, row)

    def _is_by_another_clock(self, claim: Claim, row: DialogRow) -> bool:
        """Whether its node would have removed it long ago, had it expired."""
        before = claim.before
        was_over = self.is_shared and row.deadline < before.beat_at - STEPPED
        return was_over and not before.is_clean and not row.flags & rows.ONE_SHOT

    # --- SUBSCRIBEs without To tag that come again ---

    def has_granted(self, tag: bytes, cseq: int, now: float) -> bool:
        """Whether a SUBSCRIBE without a To tag was granted, and its dialog has ended since: as a
        fetch, by an earlier life; or otherwise, where this life knows its transaction no more.
        """
        row = self._one_shots.get(tag)
        return row is not None and row.cseq == cseq and self.deadline_of(row) > now

    def has_ended(self, left: DialogRow, now: float) -> None:
        """A subscription has ended, and this is left to know the SUBSCRIBE by that made it."""
        if self.may_know_less(now):
            self._remember(left, now)

    def resume(self, dialog: Dialog) -> None:
        """Have a dialog that was begun before, and has ended, go on with higher CSeqs."""
        row = self._one_shots.get(dialog.local_tag)
        if row is not None:
            local_cseq = rows.local_cseq_of(row.base, self._kept.term)
            dialog.resumed(dialog.remote_cseq, local_cseq)

    def may_know_less(self, now: float) -> bool:
        """Whether a request may come again that an earlier life has answered, or another node."""
        return self.is_shared or now < self._began + TIMEOUT

    def _remember(self, row: DialogRow, now: float) -> None:
        self._forget_one_shots(now)
        self._one_shots.pop(row.tag, None)
        self._one_shots[row.tag] = row

    def _forget_one_shots(self, now: float) -> None:
        """Forget the oldest ones that do not come any more."""
        while self._one_shots:
            oldest = next(iter(self._one_shots.values()))
            if self.deadline_of(oldest) > now:
                return
            del self._one_shots[oldest.tag]

    # --- Making ---

    def deadline_of(self, row: DialogRow) -> float:
        """When it expires, monotonic seconds."""
        return row.deadline - self._keeping.epoch

    def make(self, row: DialogRow) -> Subscription | None:
        """The subscription; None when it cannot be made, and is given up."""
        try:
            subscription = self._made_of(row)
        except (rows.UnreadableError, MalformedMessageError, RefusedError):
            self._counts["rows_unreadable"] += 1
            self._kept.remove(row.row, self._now)
            if self.is_just_counted(row):
                self._guard.dropped()
            return None
        if self.is_just_counted(row):
            subscription.is_counted = True
        self._guard.restored(subscription, is_counted=bool(row.flags & rows.COUNTED))
        if row.flags & rows.OWED:
            self.owe(subscription, self._now + PAUSE)
        return subscription

    def _made_of(self, row: DialogRow) -> Subscription:
        source, head = rows.read_message(row.first or b"")
        incoming = self._read(source, head)
        # What made it came before it was written, to the second.
        until = rows.written_at(row.flags) + 1.0 - self._keeping.epoch + TIMEOUT
        if until > self._now:
            until = min(until, self._now + TIMEOUT)
            self._kept.may_come_again(row.row, incoming.request.cseq, until)
        event = event_of(incoming.request)
        watcher = watcher_of(incoming, row.presentity, source.identity)
        requester = requester_of(incoming, watcher, source.device, source.identity)
        identity = source.identity
        dialog = Dialog(
            incoming,
            row.tag,
            incoming.contact() + event.line,
            self._ways,
            trusted=identity is not None and identity.method is AuthMethod.TRUSTED,
            seen=self._profiles.of(requester.user_agent).seen,
        )
        subscription = Subscription(
            dialog, row.presentity, requester, event.id, _proof_of(row.flags)
        )
        if row.last is not None:
            source, head = rows.read_message(row.last)
            incoming = self._read(source, head)
            dialog.take(incoming, anew=True)
        device = source.device if row.flags & rows.NAMED else None
        requester = requester_of(incoming, watcher, device, source.identity)
        subscription.answered(row.cseq)
        dialog.resumed(row.cseq, rows.local_cseq_of(row.base, self._kept.term))
        condition = ANY if row.flags & rows.WANTS_NONE else condition_of(incoming.request)
        subscription.restored(row.row, requester, source.device, self.deadline_of(row), condition)
        subscription.is_refused = bool(row.flags & rows.REFUSED)
        subscription.is_owed = bool(row.flags & rows.OWED)
        return subscription

    def _read(self, source: rows.Source, head: bytes) -> Incoming:
        listener = self._keeping.listener_at(source.transport, source.host, source.port)
        if listener is None:
            raise rows.UnreadableError("it came by a listener that is no more")
        connection = BROKEN if listener.reliable else 0
        return read_again(head, Flow(listener, source.remote, connection))

    # --- Telling ---

    def owe(self, subscription: Subscription, moment: float) -> None:
        """A phone is to be told all states in its turn, the first one then (monotonic seconds)."""
        self.untold[subscription.dialog.local_tag] = None
        self._tell_at = min(self._tell_at, moment)
        self._kept.owe(subscription, self._now)

    def is_untold(self, subscription: Subscription) -> bool:
        """Whether the turn of a phone to be told all states comes yet."""
        return subscription.dialog.local_tag in self.untold

    def told(self, subscription: Subscription) -> None:
        """A phone is told all states, or never will be."""
        self.untold.pop(subscription.dialog.local_tag, None)
        self._missed.pop(subscription.dialog.local_tag, None)

    def due(self, now: float) -> list[bytes]:
        """Tags of those whose turn it is to be told all states."""
        if self._one_shots:
            self._forget_one_shots(now)
        if self._tell_at > now:
            return []
        turn = list(islice(self._missed or self.untold, PORTION))
        for tag in turn:
            self._missed.pop(tag, None)
            self.untold.pop(tag, None)
        self._tell_at = now + (PAUSE if self.untold else LOOK) if turn else inf
        self._counts["restored_told"] += len(turn)
        return turn

    def next_deadline(self) -> float | None:
        """When `due` has something (monotonic seconds)."""
        return None if self._tell_at == inf else self._tell_at


def _proof_of(flags: int) -> Proof:
    if flags & rows.UNPROVED:
        return _UNPROVED
    return _ANSWERS if flags & rows.ANSWERS else _PROVED
