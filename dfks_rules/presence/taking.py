"""Which dialogs are this node's: rows that it takes over, and those that others have now.

| a dialog is     | input                                     | it is then                       |
|-----------------|-------------------------------------------|----------------------------------|
| not here        | its row, claimed or adopted               | here                             |
| not here        | a row whose number another node has moved | not here: the row is older       |
| here            | its row with the same number              | here, as it was                  |
| here            | its row with another number, claimed      | here; that row is removed        |
| here            | its row with another number, adopted      | here, with that number, untold;  |
|                 |                                           | as the row says, where its phone |
|                 |                                           | was elsewhere last               |
| here            | another node has moved its number         | not here, silently               |
| here, and may   | the same; a row written behind is another | asked for again (`adopting`):    |
| know more than  | node's; a NOTIFY is answered 500          | back unless its phone has spoken |
| its row         |                                           | to another node since            |
| here            | another node has moved another number     | here: that is older              |
| not here        | this node has adopted it, says the feed   | here, unless it has moved again  |
| here, asked for | nobody has it, it stays elsewhere, or     | not here, silently, if its       |
|                 | that cannot be found out                  | number was moved                 |
| here            | the node is fenced                        | not here, silently               |

"Silently": no NOTIFY is sent, the outstanding one is given up, and nothing is written. A dialog
gets a number of whoever adopts it, so a number says which of its moves is meant.
"""

from collections.abc import Sequence
from typing import Final, Protocol, final

from dfks_rules.presence import rows
from dfks_rules.presence.claim import Before, Claim
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.kept import Kept
from dfks_rules.presence.live import Live
from dfks_rules.presence.restoring import PAUSE, Restoring
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.presence.visit import Visit
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.endpoint import Endpoint

REMEMBERED = 60.0
"""How long it is known that a number was moved, s: a page of rows may be older than that."""
MOVED_AT_MOST = 65_536
"""Numbers, at most, that are known, and dialogs whose CSeqs are."""

_MOVED: Final = Termination.MOVED


class Asks(Protocol):
    """Who asks for dialogs that other nodes have; `adopting.Adoptions` does."""

    def has(self, tag: bytes) -> bool:
        """Whether the dialog with this tag of ours is asked for already."""
        ...

    def again(self, tag: bytes, cseq: int) -> bool:
        """Ask for one that was here, where that SUBSCRIBE was answered last; whether it could be
        asked for.
        """
        ...


@final
class Taking:
    """Takes dialogs over, and lets go of them."""

    def __init__(
        self,
        endpoint: Endpoint[Subscription],
        live: Live,
        kept: Kept,
        restoring: Restoring,
        delivery: Delivery,
    ) -> None:
        """Nothing was moved.

        Args:
            endpoint: what NOTIFYs go through.
            live: the subscriptions that live.
            kept: has their rows written.
            restoring: makes them of rows.
            delivery: what tells their phones.
        """
        self._endpoint: Final = endpoint
        self._subscriptions: Final = live.subscriptions
        self._guard: Final = live.guard
        self._counts: Final = live.counts
        self._kept: Final = kept
        self._restoring: Final = restoring
        self._delivery: Final = delivery
        self._moved: dict[int, float] = {}
        """Numbers that others have moved, and until when that is known, monotonic seconds."""
        self._left: dict[bytes, int] = {}
        """CSeqs of the last NOTIFYs of dialogs that are not here any more, by tag: one may come
        back in the term that it had."""
        self.asks: Asks | None = None
        """Asks other nodes; None where there are none."""

    # --- Here ---

    def take(self, claim: Claim, taken: Sequence[DialogRow], now: float) -> None:
        """Take over claimed rows."""
        for row in taken:
            if self.is_moved(row.row, now) or self._kept.has_ended(row.row):
                continue
            held = self._subscriptions.held(row.tag)
            if held is None:
                self._enter(claim, row, now)
            elif held.row == row.row:
                continue
            elif self.asks is None:
                # Its phone subscribed again meanwhile.
                self._kept.remove(row.row, now)
            elif row.base + self._kept.term > self._term_of(held):
                # Another node has had it since, and ended; the feed has not said so yet.
                self.adopted(row, now)

    def adopted(self, row: DialogRow, now: float) -> None:
        """A dialog is this node's, which may have had it all the time.

        Its phone is to be told all states: with the answer to its SUBSCRIBE, or in its turn.
        """
        held = self._subscriptions.held(row.tag)
        if held is not None and held.row == row.row:
            return
        if isinstance(held, Subscription) and _is_ahead(held, row):
            self._renumber(held, row, now)
            return
        self.drop(row.tag, now)
        self._counts["adopted"] += 1
        before = Before(self._kept.wall(now), is_clean=False)
        self._enter(Claim(before, now), row, now)
        subscription = self._subscriptions.at(row.tag)
        if subscription is not None:
            dialog = subscription.dialog
            last = self._left.pop(row.tag, 0)
            dialog.resumed(dialog.remote_cseq, max(dialog.local_cseq, last))
            self._restoring.owe(subscription, now + PAUSE)

    def _term_of(self, held: Subscription | DialogRow) -> int:
        """The term of the NOTIFYs of a dialog, as it is known here."""
        if isinstance(held, Subscription):
            return held.dialog.local_cseq >> rows.TERM
        return held.base + self._kept.term

    def found(self, row: DialogRow, now: float) -> None:
        """A dialog was adopted, and nobody has waited for it."""
        if not self.is_moved(row.row, now) and not self.is_over(row):
            self.adopted(row, now)

    def _enter(self, claim: Claim, row: DialogRow, now: float) -> None:
        restoring, subscriptions = self._restoring, self._subscriptions
        accepted = restoring.accept(claim, row, now)
        if accepted is None:
            return
        restoring.entered(accepted)
        subscriptions.add_row(accepted)
        if restoring.is_wanted_now(claim, row):
            subscription = subscriptions.at(row.tag)
            if subscription is not None:
                restoring.looked_at(claim, row, subscription, now)

    def _renumber(self, subscription: Subscription, row: DialogRow, now: float) -> None:
        """Its phone was here last: what is known here holds, but for the CSeqs of NOTIFYs."""
        dialog = subscription.dialog
        try:
            local_cseq = rows.local_cseq_of(row.base, self._kept.term)
        except rows.UnreadableError:
            self.drop(row.tag, now)
            self._kept.remove(row.row, now)
            return
        self._counts["adopted_again"] += 1
        if subscription.outstanding is not None:
            self._endpoint.give_up(subscription.outstanding)
            subscription.failed(now)
            self._subscriptions.schedule(subscription)
        dialog.resumed(dialog.remote_cseq, max(dialog.local_cseq, local_cseq))
        self._kept.renumbered(subscription, row.row, now)
        self._restoring.owe(subscription, now + PAUSE)

    # --- Not here ---

    def has(self, tag: bytes) -> bool:
        """Whether a dialog is here."""
        return self._subscriptions.has(tag)

    def is_over(self, row: DialogRow) -> bool:
        """Whether a dialog has ended here, though its row is not removed yet."""
        return self._kept.has_ended(row.row) and not row.flags & rows.ONE_SHOT

    def leaves(self, visit: Visit, now: float) -> bool:
        """A SUBSCRIBE in a dialog is served anew, since another node has moved it.

        Returns:
            Whether its dialog is here: it may have been adopted again meanwhile, or soon will be.
        """
        subscription = visit.subscription
        tag = subscription.dialog.local_tag
        if self._subscriptions.held(tag) is not subscription:
            return self._subscriptions.has(tag)
        is_asked = self.asks is not None and self.asks.has(tag)
        if subscription.row == visit.row and not is_asked:
            self.drop(tag, now)
            return False
        subscription.withdrawn()
        dialog = subscription.dialog
        # Else it would be late when it is served anew.
        before = max(subscription.cseq, visit.incoming.request.cseq - 1)
        dialog.resumed(min(dialog.remote_cseq, before), dialog.local_cseq)
        self._subscriptions.schedule(subscription)
        return True

    def is_moved(self, number: int, now: float) -> bool:
        """Whether it is known that another node has moved the dialog with this number."""
        return bool(self._moved) and self._moved.get(number, now) > now

    def lose(self, tag: bytes, number: int, now: float) -> None:
        """Another node has moved the dialog that had this number."""
        self._remember(number, now)
        held = self._subscriptions.held(tag)
        if held is None or held.row != number:
            return
        if not (isinstance(held, Subscription) and self._takes_back(held)):
            self.drop(tag, now)

    def lost(self, numbers: Sequence[int], now: float) -> None:
        """Rows that were written last turn out to be other nodes'."""
        for number in numbers:
            found = self._kept.lost(number)
            if found is None:
                continue
            subscription, message = found
            self._remember(number, now)
            if subscription.row == number:
                self._kept.mark_again(subscription, message, now)
                if not self._takes_back(subscription):
                    self.drop(subscription.dialog.local_tag, now)

    def disputed(self, subscription: Subscription, now: float) -> None:
        """A phone refuses a NOTIFY, perhaps since it has had higher CSeqs from another node."""
        self._takes_back(subscription)

    def answered(self, tag: bytes) -> int:
        """CSeq of the last SUBSCRIBE in a dialog that was answered here; 0 for none."""
        held = self._subscriptions.held(tag)
        return held.cseq if isinstance(held, Subscription) else 0

    def is_gone(self, tag: bytes, now: float) -> None:
        """A dialog that was asked for again is not this node's, or it cannot be found out."""
        held = self._subscriptions.held(tag)
        if held is not None and self.is_moved(held.row, now):
            self.drop(tag, now)

    def taken_away(self, tag: bytes, now: float) -> None:
        """Another node has moved a dialog while it was adopted again."""
        held = self._subscriptions.held(tag)
        if held is not None and self.is_moved(held.row, now):
            self.lose(tag, held.row, now)

    def drop(self, tag: bytes, now: float) -> None:
        """A dialog is not here any more; nothing happens when it was not."""
        held = self._subscriptions.held(tag)
        if isinstance(held, Subscription):
            if held.outstanding is not None:
                self._endpoint.give_up(held.outstanding)
            self._left.pop(tag, None)
            while len(self._left) >= MOVED_AT_MOST:
                del self._left[next(iter(self._left))]
                self._counts["left_forgotten"] += 1
            self._left[tag] = held.dialog.local_cseq
            self._kept.moved(held)
            self._delivery.drop(held, now, _MOVED)
        elif held is not None:
            if self._restoring.is_just_counted(held):
                self._guard.dropped()
            self._subscriptions.remove_row(held)
            self._counts["ended_moved"] += 1

    def drop_all(self, now: float) -> None:
        """Nothing is this node's any more."""
        for tag in self._subscriptions.tags(None):
            self.drop(tag, now)

    def fall_silent(self, now: float) -> None:
        """Nothing is sent again until the node may speak: all states are told then."""
        for subscription in self._subscriptions.made():
            if subscription.outstanding is not None:
                self._endpoint.give_up(subscription.outstanding)
                subscription.failed(now)
                self._restoring.owe(subscription, now)

    def _takes_back(self, subscription: Subscription) -> bool:
        """Ask for a dialog that another node has, if its phone may have come back here since;
        whether it is asked for.
        """
        asks, tag = self.asks, subscription.dialog.local_tag
        if asks is None:
            return False
        if asks.has(tag):
            return True
        return self._kept.may_be_later(subscription) and asks.again(tag, subscription.cseq)

    def _remember(self, number: int, now: float) -> None:
        moved = self._moved
        while moved:
            oldest = next(iter(moved))
            if moved[oldest] > now and len(moved) < MOVED_AT_MOST:
                break
            del moved[oldest]
        moved.pop(number, None)
        moved[number] = now + REMEMBERED


def taking_of(endpoint: Endpoint[Subscription], live: Live, delivery: Delivery) -> Taking | None:
    """What takes dialogs over; None where nothing outlives the process."""
    if live.kept is None or live.restoring is None:
        return None
    taking = Taking(endpoint, live, live.kept, live.restoring, delivery)
    if live.restoring.is_shared:
        delivery.disputed = taking.disputed
    return taking


def _is_ahead(held: Subscription, row: DialogRow) -> bool:
    """Whether the last SUBSCRIBE that is known here is not older than that in a row."""
    return held.cseq >= row.cseq and not row.flags & rows.ONE_SHOT
