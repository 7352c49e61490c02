"""From a subscription to its row, as it is or as it will be; `rows` says what each part means.

`restoring` goes the other way.
"""

from typing import Final, final

from dfks_rules.model.requests import Requester
from dfks_rules.presence import rows
from dfks_rules.presence.conditional import ANY
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.subscription import Subscription
from dfks_rules.presence.visit import Visit
from dfks_rules.service.ports import DialogRow

# CPython 3.11 calls a Python function for each `Proof.UNPROVED`.
_UNPROVED: Final = Proof.UNPROVED


@final
class Recording:
    """Makes rows, in one life of the server."""

    def __init__(self, term: int, epoch: float) -> None:
        """Make it.

        Args:
            term: which life of the server it is.
            epoch: the moment 0 of monotonic time, seconds since 1970.
        """
        self.term: Final = term
        self.epoch: Final = epoch

    def row_of(
        self,
        subscription: Subscription,
        deadline: float,
        flags: int,
        now: float,
        cseq: int,
        messages: tuple[bytes | None, bytes | None],
    ) -> DialogRow:
        """A row as it will be.

        Args:
            subscription: whose.
            deadline: when it expires, monotonic seconds.
            flags: what `flags_of` gave.
            now: monotonic seconds.
            cseq: of the last SUBSCRIBE that was taken.
            messages: what is new of `DialogRow.first` and `last`.
        """
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

    def as_it_is(self, subscription: Subscription, said: bytes | None, now: float) -> DialogRow:
        """A row as it is now.

        Args:
            subscription: whose.
            said: the last SUBSCRIBE, where it is new.
            now: monotonic seconds.
        """
        flags = flags_of(subscription, subscription.requester, subscription.condition)
        deadline, cseq = subscription.deadline, subscription.cseq
        return self.row_of(subscription, deadline, flags, now, cseq, (None, said))

    def one_shot_of(
        self, number: int, subscription: Subscription, cseq: int, ends: float, now: float
    ) -> DialogRow:
        """A row to know a SUBSCRIBE without To tag by.

        Args:
            number: of the row.
            subscription: what the SUBSCRIBE made.
            cseq: of the SUBSCRIBE.
            ends: until when, monotonic seconds.
            now: monotonic seconds.
        """
        dialog = subscription.dialog
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


def message_of(visit: Visit) -> bytes:
    """A SUBSCRIBE, as it is kept."""
    requester = visit.requester
    device = requester.device or visit.subscription.said_device
    return rows.message_of(visit.incoming, requester.identity, device)


def flags_of(subscription: Subscription, requester: Requester, condition: bytes) -> int:
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
