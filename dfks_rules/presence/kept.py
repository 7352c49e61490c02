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
| NOTIFY that came to nothing; then one answered  | marked as owed; marked                        |
| its address is proved, or moved                 | marked                                        |
| the 1,024th NOTIFY of a term                    | marked: it reserves the next term             |
| it ends                                         | removed behind; where a SUBSCRIBE with sets   |
|                                                 | has just made it, after `ONE_SHOT_KEPT`       |
| a second since the first mark, or `AT_ONCE`     | what is marked is written, `PORTION` at most; |
|                                                 | not of one whose SUBSCRIBE is under way       |
| that has failed                                 | all of it is marked again, and tried later    |
"""

from collections import deque
from functools import partial
from math import inf
from typing import Final, final

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.requests import Requester
from dfks_rules.presence import rows
from dfks_rules.presence.conditional import ANY
from dfks_rules.presence.documents import parted, rejection_among
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.subscription import State, Subscription
from dfks_rules.presence.visit import Visit
from dfks_rules.service.ports import DialogRow, Dialogs
from dfks_rules.sip.timers import TIMEOUT

DELAY = 1.0
"""How late a row is written behind, s."""
AGAIN = 5.0
"""After how many seconds a write that failed is tried again."""
AT_ONCE = 256
"""Marks that do not wait for `DELAY`."""
PAUSE = 0.05
"""Least seconds between two writes."""
PORTION = 1_024
"""Most rows that are written in one go."""
MESSAGES = 16_384
"""Messages that wait to be written, at most; of further ones only the rest of the row is written,
so that after a restart their NOTIFYs go where they went before."""
GONE = 1_000_000
"""Rows that wait to be removed, at most; of further ones a restart learns when they expire."""
ONE_SHOT_KEPT = TIMEOUT
"""How long a fetch with sets is known, s: as long as its phone may repeat it."""

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_TERMINATED: Final = State.TERMINATED
_REFRESHING: Final = State.REFRESHING
_UNPROVED: Final = Proof.UNPROVED


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
        self.epoch: Final = epoch
        self._counts: Final = counts
        self._marked: dict[Subscription, bytes | None] = {}
        """What is to be written, with the message that is new in it."""
        self._messages = 0
        """How many of them have one."""
        self._gone: list[int] = []
        self._one_shots: deque[tuple[float, int]] = deque()
        """When the row of each is no longer needed, monotonic seconds, and its number."""
        self._made_with_sets: dict[int, tuple[float, int]] = {}
        """Rows made not long ago by a SUBSCRIBE with sets → until when its phone may repeat it,
        monotonic seconds, and its CSeq."""
        self._reserving: set[int] = set()
        """Rows that are to reserve the next term, and have not yet."""
        self._writes = 0
        """Under way."""
        self._write_at = inf
        self._failed_at = -inf
        self._tried_at = -inf

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
        flags = _flags(subscription, visit.requester, condition)
        flags = flags & ~rows.REFUSED if is_granted else flags | rows.REFUSED
        message = self._message(visit) if visit.says_more else None
        if subscription.row == 0:
            if not visit.is_new:
                # It has ended meanwhile.
                return None
            subscription.row = self._dialogs.number()
        visit.row = subscription.row
        # Others in the dialog may have been taken meanwhile, whose outcomes are not known.
        cseq = visit.incoming.request.cseq
        if not visit.is_new:
            return self._row(subscription, deadline, flags, now, cseq, (None, message))
        if sets:
            self._made_with_sets[subscription.row] = now + ONE_SHOT_KEPT, cseq
        return self._row(subscription, deadline, flags, now, cseq, (message, None))

    def _one_shot(self, visit: Visit, now: float) -> DialogRow:
        number = self._dialogs.number()
        cseq = visit.incoming.request.cseq
        return self._one_shot_of(number, visit.subscription, cseq, now + ONE_SHOT_KEPT, now)

    def _one_shot_of(
        self, number: int, subscription: Subscription, cseq: int, ends: float, now: float
    ) -> DialogRow:
        """A row to know a SUBSCRIBE without To tag by, until then."""
        dialog = subscription.dialog
        self.remove_later(number, ends)
        return DialogRow(
            number,
            dialog.local_tag,
            subscription.presentity,
            self.epoch + ends,
            cseq,
            rows.base_of(dialog.local_cseq, self.term),
            rows.with_time(rows.ONE_SHOT, self.epoch + now),
            b"",
            None,
        )

    def _message(self, visit: Visit) -> bytes:
        requester = visit.requester
        device = requester.device or visit.subscription.said_device
        return rows.message_of(visit.incoming, requester.identity, device)

    def _row(
        self,
        subscription: Subscription,
        deadline: float,
        flags: int,
        now: float,
        cseq: int,
        messages: tuple[bytes | None, bytes | None],
    ) -> DialogRow:
        dialog = subscription.dialog
        return DialogRow(
            subscription.row,
            dialog.local_tag,
            subscription.presentity,
            self.epoch + deadline,
            cseq,
            rows.base_of(dialog.local_cseq, self.term),
            rows.with_time(flags, self.epoch + now),
            messages[0],
            messages[1],
        )

    def lingers(self, subscription: Subscription, now: float) -> None:
        """A SUBSCRIBE with sets ends it: for a while its row is here to know a repeat by."""
        if subscription.row:
            self.remove_later(subscription.row, now + ONE_SHOT_KEPT)
            self._unmark(subscription)
            self._reserving.discard(subscription.row)
            subscription.row = 0

    # --- Behind ---

    def visited(self, visit: Visit, now: float) -> None:
        """A SUBSCRIBE in a dialog was answered, and what it said is to be kept."""
        if visit.subscription.row:
            self._mark(visit.subscription, self._message(visit) if visit.says_more else None, now)

    def mark(self, subscription: Subscription, now: float) -> None:
        """Something else about a subscription is to be kept."""
        if subscription.row:
            self._mark(subscription, None, now)

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
            self._reserving.add(subscription.row)
            self._mark(subscription, None, now)

    def may_go_on(self, subscription: Subscription) -> bool:
        """Whether the next NOTIFY need not be the last one."""
        is_last = rows.is_last_of_term(subscription.dialog.local_cseq)
        return not is_last or subscription.row not in self._reserving

    def ended(self, subscription: Subscription, now: float) -> None:
        """A subscription has ended."""
        row = subscription.row
        if row:
            self._unmark(subscription)
            self._reserving.discard(row)
            ends, cseq = self._made_with_sets.pop(row, (now, 0))
            if ends > now:
                left = self._one_shot_of(row, subscription, cseq, ends, now)
                self._dialogs.write([left._replace(first=None)], (), self._noted)
            else:
                self.remove(row, now)
            subscription.row = 0

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
        if len(self._gone) < GONE:
            self._gone.append(row)
            self._write_by(now + DELAY)
        else:
            self._counts["rows_dropped"] += 1

    def remove_later(self, row: int, moment: float) -> None:
        """A row is no longer needed from then on (monotonic seconds)."""
        self._one_shots.append((moment, row))

    def _mark(self, subscription: Subscription, message: bytes | None, now: float) -> None:
        marked = self._marked
        if message is None:
            marked.setdefault(subscription, None)
        elif self._messages >= MESSAGES and marked.get(subscription) is None:
            marked.setdefault(subscription, None)
            self._counts["rows_dropped"] += 1
        else:
            self._messages += marked.get(subscription) is None
            marked[subscription] = message
        self._write_by(now + DELAY)
        is_free = not self._writes and self._failed_at == -inf
        if len(marked) >= AT_ONCE and is_free and now >= self._tried_at + PAUSE:
            self._write_portion(now)

    def _unmark(self, subscription: Subscription) -> None:
        if self._marked.pop(subscription, None) is not None:
            self._messages -= 1

    # --- Writing ---

    def expire(self, now: float) -> None:
        """Write what is due."""
        while self._made_with_sets and next(iter(self._made_with_sets.values()))[0] <= now:
            del self._made_with_sets[next(iter(self._made_with_sets))]
        while self._one_shots and self._one_shots[0][0] <= now:
            self.remove(self._one_shots.popleft()[1], now)
        if self._write_at > now:
            return
        if self._writes:
            # One at a time; a slow disk is not asked for more.
            self._write_at = now + DELAY
        else:
            self._write_portion(now)

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        one_shot = self._one_shots[0][0] if self._one_shots else inf
        moment = min(self._write_at, one_shot)
        return None if moment == inf else moment

    def rest(self, now: float) -> None:
        """Write everything, whatever is under way: the server stops."""
        for _ in range(1 + max(len(self._marked), len(self._gone)) // PORTION):
            self._write_portion(now)

    def _noted(self, is_stored: bool) -> None:  # noqa: FBT001 - so `Dialogs` calls it
        """A row that stays for a while was written anew."""
        self._counts["rows_written" if is_stored else "rows_failed"] += 1

    def _write_by(self, moment: float) -> None:
        if self._failed_at != -inf:
            moment = max(moment, self._failed_at + AGAIN)
        self._write_at = min(self._write_at, moment)

    def _write_portion(self, now: float) -> None:
        """Write some of what is marked; the rest is due at once."""
        portion: dict[Subscription, bytes | None] = {}
        # Compiled, a generator would go through all that is marked each time.
        for one, message in self._marked.items():
            # The row of one that is being refreshed may be on its way with sets: what is known here
            # is older, and must not come after it.
            if one.state is not _REFRESHING:
                portion[one] = message
                if len(portion) == PORTION:
                    break
        for subscription in portion:
            self._unmark(subscription)
        gone, self._gone = self._gone[:PORTION], self._gone[PORTION:]
        self._tried_at = now
        self._write_at = inf
        if self._marked or self._gone:
            self._write_at = now if len(portion) == PORTION or self._gone else now + DELAY
        if not portion and not gone:
            return
        written = [
            self._row(
                one,
                one.deadline,
                _flags(one, one.requester, one.condition),
                now,
                one.cseq,
                (None, said),
            )
            for one, said in portion.items()
        ]
        self._writes += 1
        # Its end is no message, after which timers are looked at.
        self._write_by(now + DELAY)
        self._dialogs.write(written, gone, partial(self._written, portion, gone, now))

    def _written(
        self,
        portion: dict[Subscription, bytes | None],
        gone: list[int],
        now: float,
        is_stored: bool,  # noqa: FBT001 - so `Dialogs` calls it
    ) -> None:
        """A write came to an end; `now` is when it began."""
        self._writes -= 1
        if is_stored:
            self._failed_at = -inf
            self._counts["rows_written"] += len(portion)
            self._counts["rows_removed"] += len(gone)
            if self._reserving:
                settled = [one.row for one in portion if one not in self._marked]
                self._reserving.difference_update(settled)
            return
        self._failed_at = now
        self._counts["rows_failed"] += len(portion) + len(gone)
        self._write_at = inf
        for row in gone:
            self.remove(row, now)
        for subscription, message in portion.items():
            if subscription.state is not _TERMINATED:
                older = message if self._marked.get(subscription) is None else None
                self._mark(subscription, older, now)


def _flags(subscription: Subscription, requester: Requester, condition: bytes) -> int:
    """What a row says in bits, but for when it is written."""
    flags = rows.OWED if subscription.is_owed else 0
    if subscription.is_counted:
        flags |= rows.COUNTED
    if not subscription.is_proved:
        flags |= rows.UNPROVED if subscription.proof is _UNPROVED else rows.ANSWERS
    if condition == ANY:
        flags |= rows.WANTS_NONE
    if requester.device is not None:
        flags |= rows.NAMED
    return flags | rows.REFUSED if subscription.is_refused else flags
