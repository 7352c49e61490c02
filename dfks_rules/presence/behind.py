"""Rows that are written behind: together, and at most a second late.

| input                                 | then                                                    |
|---------------------------------------|---------------------------------------------------------|
| something is to be kept               | its row is marked                                       |
| the next term is to be reserved       | marked, and reserving until it is written               |
| the subscription has ended            | its row is not marked any more                          |
| a row is no longer needed             | it is to be removed                                     |
| a second since the first mark, or     | what is marked is written, `PORTION` at most; not of    |
| `AT_ONCE` marks                       | one whose SUBSCRIBE is under way                        |
| that has failed                       | all of it is marked again, and tried later              |
| a row turns out to be another node's  | what was written is given back: `taking` decides        |
"""

from functools import partial
from math import inf
from typing import Final, final

from dfks_rules.presence.recording import Recording
from dfks_rules.presence.subscription import State, Subscription
from dfks_rules.service.ports import Dialogs

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

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_TERMINATED: Final = State.TERMINATED
_REFRESHING: Final = State.REFRESHING


@final
class Behind:
    """Has rows written and removed that nobody waits for."""

    def __init__(self, dialogs: Dialogs, recording: Recording, counts: dict[str, int]) -> None:
        """Nothing is marked.

        Args:
            dialogs: what keeps rows.
            recording: makes them.
            counts: what is counted, see `counts.NAMES`.
        """
        self._dialogs: Final = dialogs
        self._recording: Final = recording
        self._counts: Final = counts
        self._marked: dict[Subscription, bytes | None] = {}
        """What is to be written, with the message that is new in it."""
        self._messages = 0
        """How many of them have one."""
        self._gone: list[int] = []
        self._reserving: set[int] = set()
        """Rows that are to reserve the next term, and have not yet."""
        self._is_shared: Final = dialogs.are_shared
        self._asked: dict[int, tuple[Subscription, bytes | None]] = {}
        """What the last writes say, by rows, which may turn out to be those of other nodes."""
        self._writes = 0
        """Under way."""
        self._write_at = inf
        self._failed_at = -inf
        self._tried_at = -inf

    # --- What is to be written ---

    def mark(self, subscription: Subscription, message: bytes | None, now: float) -> None:
        """Something about a subscription is to be kept.

        Args:
            subscription: one that has a row.
            message: the last SUBSCRIBE, as it is kept, where it is new.
            now: monotonic seconds.
        """
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

    def reserve(self, subscription: Subscription, now: float) -> None:
        """The row of a subscription is to reserve the next term."""
        self._reserving.add(subscription.row)
        self.mark(subscription, None, now)

    def reserves(self, row: int) -> bool:
        """Whether a row is to reserve the next term, and has not yet."""
        return row in self._reserving

    def drop(self, subscription: Subscription) -> None:
        """Nothing is to be kept of a subscription that has a row."""
        self._unmark(subscription)
        self._reserving.discard(subscription.row)

    def renumbered(self, row: int) -> None:
        """A subscription has another row than this one now, and begins a new term."""
        self._reserving.discard(row)

    def may_hold(self, subscription: Subscription) -> bool:
        """Whether there may be something about a subscription that is not in its row yet."""
        if subscription in self._marked:
            return True
        asked = self._asked.get(subscription.row)
        return asked is not None and asked[0] is subscription

    def lost(self, row: int) -> tuple[Subscription, bytes | None] | None:
        """A row that was written last is another node's: its subscription, and its message."""
        return self._asked.pop(row, None)

    def remove(self, row: int, now: float) -> None:
        """A row is no longer needed."""
        if len(self._gone) < GONE:
            self._gone.append(row)
            self._write_by(now + DELAY)
        else:
            self._counts["rows_dropped"] += 1

    def _unmark(self, subscription: Subscription) -> None:
        if self._marked.pop(subscription, None) is not None:
            self._messages -= 1

    # --- Writing ---

    def expire(self, now: float) -> None:
        """Write what is due."""
        if self._write_at > now:
            return
        if self._writes:
            # One at a time; a slow disk is not asked for more.
            self._write_at = now + DELAY
        else:
            self._write_portion(now)

    def next_deadline(self) -> float:
        """When `expire` has something to do (monotonic seconds); `inf` for never."""
        return self._write_at

    def rest(self, now: float) -> None:
        """Write everything, whatever is under way: the server stops."""
        for _ in range(1 + max(len(self._marked), len(self._gone)) // PORTION):
            self._write_portion(now)

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
        recording = self._recording
        written = [recording.as_it_is(one, said, now) for one, said in portion.items()]
        if self._is_shared:
            if not self._writes:
                self._asked.clear()
            self._asked.update({one.row: (one, said) for one, said in portion.items()})
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
                self.mark(subscription, older, now)
