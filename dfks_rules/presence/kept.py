"""The rows of subscriptions, which outlive the process: written at once, or behind.

A new subscription is answered when its row is durable, and a SUBSCRIBE with sets when its row is,
together with the sets. Everything else is written behind (`rows` says what is in a row):

| input                                           | the row is                                    |
|-------------------------------------------------|-----------------------------------------------|
| SUBSCRIBE that makes it                         | in the `Wanted` of the SUBSCRIBE              |
| fetch with sets                                 | the same, for `ONE_SHOT_KEPT`                 |
| SUBSCRIBE in its dialog, with sets              | in their `Wanted`                             |
| the same, and it ends the subscription          | the same, for `ONE_SHOT_KEPT`                 |
| any other SUBSCRIBE in its dialog               | marked                                        |
| NOTIFY that came to nothing, or waits long for  | marked as owed; marked                        |
| a turn, a proof or Retry-After; one answered    |                                               |
| NOTIFY answered late, for which others waited   | marked                                        |
| its address is proved, or moved                 | marked                                        |
| the 1,024th NOTIFY of a term                    | marked: it reserves the next term             |
| it ends                                         | removed behind; where a SUBSCRIBE with sets   |
|                                                 | has just made it, after `ONE_SHOT_KEPT`       |

What is marked, `behind` writes.
"""

from collections import deque
from math import inf
from typing import Final, final

from dfks_rules.model.decisions import Outcome
from dfks_rules.presence import rows
from dfks_rules.presence.behind import Behind
from dfks_rules.presence.documents import parted, rejection_among
from dfks_rules.presence.recording import Recording, flags_of, message_of
from dfks_rules.presence.subscription import Subscription
from dfks_rules.presence.visit import Visit
from dfks_rules.service.ports import DialogRow, Dialogs
from dfks_rules.sip.timers import TIMEOUT

ENDED_KEPT = 600.0
"""How long it is known that a dialog has ended here, s: its row is removed long before."""
ENDED_AT_MOST = 65_536
"""How many of them are known at most."""
ONE_SHOT_KEPT = TIMEOUT
"""How long a fetch with sets is known, s: as long as its phone may repeat it."""


@final
class Kept:
    """Has the rows of subscriptions written."""

    def __init__(self, dialogs: Dialogs, epoch: float, counts: dict[str, int]) -> None:
        """Nothing is to be written.

        Args:
            dialogs: what keeps rows.
            epoch: the moment 0 of monotonic time, seconds since 1970.
            counts: what is counted, see `counts.NAMES`.
        """
        self._dialogs: Final = dialogs
        self.term: Final = dialogs.term
        self._recording: Final = Recording(dialogs.term, epoch)
        self._behind: Final = Behind(dialogs, self._recording, counts)
        self._counts: Final = counts
        self.is_shared: Final = dialogs.are_shared
        """Whether other nodes may have rows, too."""
        self._ended: dict[int, float] = {}
        """Where they may: rows of dialogs that have ended here, the oldest first, and when that is
        forgotten, monotonic seconds. Until rows are removed, other nodes could adopt them."""
        self._one_shots: deque[tuple[float, int]] = deque()
        """When the row of each is no longer needed, monotonic seconds, and its number."""
        self._made_with_sets: dict[int, tuple[float, int]] = {}
        """Rows made not long ago by a SUBSCRIBE with sets → until when its phone may repeat it,
        monotonic seconds, and its CSeq; in the beginning of a life, also those of the one before.
        """

    # --- With the `Wanted` of a SUBSCRIBE ---

    def row_of(self, visit: Visit, now: float, outcomes: tuple[Outcome, ...]) -> DialogRow | None:
        """The row to be stored with what a SUBSCRIBE changes; None for none.

        Args:
            visit: a SUBSCRIBE that makes a dialog, or has sets.
            now: monotonic seconds when it was admitted.
            outcomes: what is decided on it.
        """
        sets, _ = parted(outcomes)
        is_granted = rejection_among(sets) is None
        if visit.is_new and not is_granted:
            return None
        if visit.is_new and visit.expires == 0:
            return self._one_shot(visit, now) if sets else None
        subscription = visit.subscription
        lasts = visit.expires or ONE_SHOT_KEPT
        deadline = now + lasts if is_granted else subscription.deadline
        condition = visit.condition if is_granted else subscription.condition
        flags = flags_of(subscription, visit.requester, condition)
        flags = flags & ~rows.REFUSED if is_granted else flags | rows.REFUSED
        message = message_of(visit) if visit.says_more else None
        if subscription.row == 0:
            if not visit.is_new:
                # It has ended meanwhile; what it asked for may have been asked for elsewhere, too.
                return self._row_elsewhere(visit, now) if self.is_shared else None
            subscription.row = self._dialogs.number()
        visit.row = subscription.row
        # Others in the dialog may have been taken meanwhile, whose outcomes are not known.
        cseq = visit.incoming.request.cseq
        if not visit.is_new:
            return self._recording.row_of(subscription, deadline, flags, now, cseq, (None, message))
        if sets:
            self._made_with_sets[subscription.row] = now + ONE_SHOT_KEPT, cseq
        return self._recording.row_of(subscription, deadline, flags, now, cseq, (message, None))

    def _row_elsewhere(self, visit: Visit, now: float) -> DialogRow:
        """A row that cannot be stored: so it is found out whether another node has its dialog."""
        subscription = visit.subscription
        cseq = visit.incoming.request.cseq
        deadline = subscription.deadline
        row = self._recording.row_of(subscription, deadline, 0, now, cseq, (None, None))
        return row._replace(row=self._dialogs.number())

    def _one_shot(self, visit: Visit, now: float) -> DialogRow:
        number = self._dialogs.number()
        cseq = visit.incoming.request.cseq
        return self._one_shot_of(number, visit.subscription, cseq, now + ONE_SHOT_KEPT, now)

    def _one_shot_of(
        self, number: int, subscription: Subscription, cseq: int, ends: float, now: float
    ) -> DialogRow:
        """A row to know a SUBSCRIBE without To tag by, which is removed then."""
        self.remove_later(number, ends)
        return self._recording.one_shot_of(number, subscription, cseq, ends, now)

    def lingers(self, subscription: Subscription, now: float) -> None:
        """A SUBSCRIBE with sets ends it: for a while its row is here to know a repeat by."""
        if subscription.row:
            self.remove_later(subscription.row, now + ONE_SHOT_KEPT)
            self._has_ended(subscription.row, now)
            self._behind.drop(subscription)
            subscription.row = 0

    # --- Behind ---

    def visited(self, visit: Visit, now: float) -> None:
        """A SUBSCRIBE in a dialog was answered, and what it said is to be kept."""
        if visit.subscription.row:
            said = message_of(visit) if visit.says_more else None
            self._behind.mark(visit.subscription, said, now)

    def mark(self, subscription: Subscription, now: float) -> None:
        """Something else about a subscription is to be kept."""
        if subscription.row:
            self._behind.mark(subscription, None, now)

    def failed(self, subscription: Subscription, now: float) -> None:
        """A NOTIFY came to nothing, and its subscription lives."""
        if subscription.is_behind:
            self.owe(subscription, now)

    def owe(self, subscription: Subscription, now: float) -> None:
        """Its phone has to be told all states after a restart."""
        if not subscription.is_owed:
            subscription.is_owed = True
            self.mark(subscription, now)

    def confirmed(self, subscription: Subscription, now: float) -> None:
        """A NOTIFY was accepted."""
        if subscription.is_owed and not subscription.is_behind:
            subscription.is_owed = False
            self.mark(subscription, now)

    def sent(self, subscription: Subscription, now: float) -> None:
        """A NOTIFY is on its way; to be called at least for those that begin to reserve."""
        if rows.begins_to_reserve(subscription.dialog.local_cseq) and subscription.row:
            self._behind.reserve(subscription, now)

    def may_go_on(self, subscription: Subscription) -> bool:
        """Whether the next NOTIFY need not be the last one."""
        is_last = rows.is_last_of_term(subscription.dialog.local_cseq)
        return not is_last or not self._behind.reserves(subscription.row)

    def may_come_again(self, row: int, cseq: int, until: float) -> None:
        """An earlier life has made a row by a SUBSCRIBE that may come again until then."""
        self._made_with_sets[row] = until, cseq

    def ended(self, subscription: Subscription, now: float) -> DialogRow | None:
        """A subscription has ended.

        Returns:
            What is left for as long as the SUBSCRIBE with sets that made it may come again. It
            would have CSeqs that neither its dialog nor a later life uses.
        """
        row, left = subscription.row, None
        if row:
            self._behind.drop(subscription)
            self._has_ended(row, now)
            ends, cseq = self._made_with_sets.pop(row, (now, 0))
            if ends > now:
                left = self._one_shot_of(row, subscription, cseq, ends, now)
                left = left._replace(base=left.base + 1, first=None)
                self._dialogs.write([left], (), self._noted)
            else:
                self.remove(row, now)
            subscription.row = 0
        return left

    def never_made(self, subscription: Subscription, now: float) -> None:
        """The SUBSCRIBE that was to make it was refused.

        Its row is there only if its commit was stored though it failed. Then that stays for as long
        as the SUBSCRIBE may come again: nothing may say that it is known where it is not stored.
        """
        row = subscription.row
        if row:
            self._made_with_sets.pop(row, None)
            self.remove_later(row, now + ONE_SHOT_KEPT)
            subscription.row = 0

    def remove(self, row: int, now: float) -> None:
        """A row is no longer needed."""
        self._behind.remove(row, now)

    def remove_later(self, row: int, moment: float) -> None:
        """A row is no longer needed from then on (monotonic seconds)."""
        self._one_shots.append((moment, row))

    # --- Other nodes ---

    def may_be_later(self, subscription: Subscription) -> bool:
        """Whether a phone may have spoken to this node after another one has taken its dialog: what
        it said is not known to be in its row, where that one would have seen it.
        """
        return self._behind.may_hold(subscription)

    def lost(self, row: int) -> tuple[Subscription, bytes | None] | None:
        """A row that was written last is another node's: its subscription, and its message."""
        return self._behind.lost(row)

    def mark_again(self, subscription: Subscription, message: bytes | None, now: float) -> None:
        """What was written came to nothing, and is to be kept all the same."""
        self._behind.mark(subscription, message, now)

    def has_ended(self, row: int) -> bool:
        """Whether a row is that of a dialog that has ended here, not long ago."""
        return row in self._ended

    def _has_ended(self, row: int, now: float) -> None:
        if not self.is_shared:
            return
        ended = self._ended
        while ended:
            oldest = next(iter(ended))
            if ended[oldest] > now and len(ended) < ENDED_AT_MOST:
                break
            del ended[oldest]
        ended[row] = now + ENDED_KEPT

    def moved(self, subscription: Subscription) -> None:
        """Another node has it: nothing of it is written any more."""
        row = subscription.row
        if row:
            self._behind.drop(subscription)
            self._made_with_sets.pop(row, None)
            subscription.row = 0

    def renumbered(self, subscription: Subscription, row: int, now: float) -> None:
        """It was another node's meanwhile, and has another row."""
        self._behind.renumbered(subscription.row)
        made = self._made_with_sets.pop(subscription.row, None)
        if made is not None:
            self._made_with_sets[row] = made
        subscription.row = row
        self._behind.mark(subscription, None, now)

    # --- Time ---

    def wall(self, now: float) -> float:
        """A moment in seconds since 1970, on the scale of the rows."""
        return self._recording.epoch + now

    def expire(self, now: float) -> None:
        """Write what is due."""
        while self._made_with_sets and next(iter(self._made_with_sets.values()))[0] <= now:
            del self._made_with_sets[next(iter(self._made_with_sets))]
        while self._one_shots and self._one_shots[0][0] <= now:
            self.remove(self._one_shots.popleft()[1], now)
        self._behind.expire(now)

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        one_shot = self._one_shots[0][0] if self._one_shots else inf
        moment = min(self._behind.next_deadline(), one_shot)
        return None if moment == inf else moment

    def rest(self, now: float) -> None:
        """Write everything, whatever is under way: the server stops."""
        self._behind.rest(now)

    def _noted(self, is_stored: bool) -> None:  # noqa: FBT001 - so `Dialogs` calls it
        """A row that stays for a while was written anew."""
        self._counts["rows_written" if is_stored else "rows_failed"] += 1
