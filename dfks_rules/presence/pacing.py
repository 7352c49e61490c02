"""Pacing: a change that many watch is told in portions, as fast as it is answered.

| state         | input                                       | output            | next          |
|---------------|---------------------------------------------|-------------------|---------------|
| idle          | a change                                    | its first portion | telling       |
| telling       | a change of a presentity that is being told | nothing: merged   | telling       |
| telling       | a change of another presentity              | nothing: it waits | telling       |
| telling       | answers, so that a portion has room         | the next portion  | telling       |
| telling       | `PAUSE` s without a portion                 | the next portion  | telling       |
| telling       | `MOMENT` s, and some still wait             | they are owed it  | telling       |
| telling       | nobody is left to be told                   | nothing           | idle          |

A burst of NOTIFYs is answered by a burst of 200s, which would overflow the socket's buffer: no more
than `WINDOW` answers are waited for at a time. Who does not answer in time is no longer waited for,
so phones that are gone hold up nobody. Whoever unsubscribes meanwhile is skipped.

Who waits long may wait for a server that is killed. A restart looks for changes of the last 40 s
(`restoring.UNSURE`), so those who wait for an older one are owed all states by their rows.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from math import inf
from typing import Final

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.presence.documents import Documents, merge
from dfks_rules.presence.subscription import State, Subscription

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_TERMINATED: Final = State.TERMINATED

PORTION = 64
"""Most watchers told in one go; it takes 1 ms, or 3 ms where each is told what it may see."""
WINDOW = 4 * PORTION
"""Most answers waited for: they fit into a socket buffer of the size that Linux grants unasked."""
PAUSE = 0.05
"""Longest wait for answers, s: even if nobody answers, 20,000 phones are told in 16 s."""
MOMENT = 10.0
"""How long somebody waits until the row says so, s: long before a restart would not look for it."""
OWED_AT_ONCE = 512
"""Most rows that are marked with one portion: those of 100,000 within 10 s."""


class Change:
    """What is to be told of a presentity, and to whom."""

    __slots__ = ("at", "documents", "is_timed", "presentity", "waiting")

    def __init__(
        self,
        presentity: Aor,
        documents: Documents | None,
        at: datetime,
        watchers: Iterable[Subscription] = (),
    ) -> None:
        self.presentity = presentity
        self.documents = documents
        """The states that changed; None for whatever each watcher may see of all features."""
        self.at = at
        """Local time of the change, for the policies."""
        self.waiting = dict.fromkeys(watchers)
        """Who is still to be told, in order."""
        self.is_timed = False
        """Whether those who wait are going to be owed it; `Pacing` keeps it."""

    def merge(self, later: "Change") -> None:
        """Take in a later change: who waits is told both at once, and goes before the others."""
        if self.documents is not None:
            documents = later.documents
            self.documents = None if documents is None else merge(self.documents, documents)
        self.at = later.at
        self.waiting.update(later.waiting)

    def overtaken(self, newest: dict[Feature, FeatureState]) -> None:
        """States were set that nobody is told of: what waits must not say what was before."""
        if self.documents is not None:
            self.documents = tuple(
                (feature, newest.get(feature, state)) for feature, state in self.documents
            )


Tell = Callable[[list[Subscription], Change, float], None]
"""Tells these watchers of a change, at that time (monotonic seconds)."""
Owe = Callable[[Subscription, float], None]
"""Has a restart tell somebody, whatever becomes of this life; called at that time."""


class Pacing:
    """The changes that are being told in portions; of a presentity there is one."""

    def __init__(self, tell: Tell, owe: Owe | None = None) -> None:
        """Make it.

        Args:
            tell: tells one portion.
            owe: marks the row of somebody who waits long; None where there are no rows.
        """
        self._tell = tell
        self._owe = owe
        self._timed: deque[tuple[float, Change]] = deque()
        """Changes, and when those who still wait are owed them, monotonic seconds."""
        self._to_owe: list[Subscription] = []
        """Those who waited at such a moment, whoever is told last at the end."""
        self._changes: dict[Aor, Change] = {}
        self._awaited = 0
        """About how many that were told did not answer yet: whoever answers a NOTIFY counts."""
        self._next_at = inf
        """When the next portion is told whoever answers, monotonic seconds."""

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits to be told."""
        return not self._changes

    def of(self, presentity: Aor) -> Change | None:
        """The change of a presentity that is being told."""
        return self._changes.get(presentity)

    def waiting(self) -> list[Subscription]:
        """Those who are still to be told, of whatever change."""
        return [one for change in self._changes.values() for one in change.waiting]

    def is_waiting(self, subscription: Subscription) -> bool:
        """Whether somebody is still to be told."""
        change = self._changes.get(subscription.presentity)
        return change is not None and subscription in change.waiting

    def begin(self, change: Change, now: float) -> None:
        """Have a change told, after what is being told already."""
        under_way = self._changes.get(change.presentity)
        if under_way is not None:
            under_way.merge(change)
            self._time(under_way, now)
            return
        self._changes[change.presentity] = change
        self._time(change, now)
        if len(self._changes) == 1:
            self._tell_portion(now)

    def answered(self, now: float) -> None:
        """A NOTIFY was answered, or will not be."""
        self._awaited -= 1
        if self._awaited <= WINDOW - PORTION:
            self._tell_portion(now)

    def expire(self, now: float) -> None:
        """Go on without the answers that did not come in time."""
        if self._next_at <= now:
            self._awaited = 0
            self._tell_portion(now)

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        return None if self._next_at == inf else self._next_at

    def _time(self, change: Change, now: float) -> None:
        """Have those who wait longer than a moment for a change be owed it."""
        if self._owe is not None and not change.is_timed:
            change.is_timed = True
            self._timed.append((now + MOMENT, change))

    def _owe_some(self, owe: Owe, now: float) -> None:
        """Mark some of those who wait long; the last ones first, for the others are told next."""
        if not self._changes:
            self._timed.clear()
            self._to_owe.clear()
            return
        to_owe = self._to_owe
        while len(to_owe) < OWED_AT_ONCE and self._timed and self._timed[0][0] <= now:
            change = self._timed.popleft()[1]
            change.is_timed = False
            to_owe.extend(change.waiting)
        portion = to_owe[-OWED_AT_ONCE:]
        del to_owe[-OWED_AT_ONCE:]
        for subscription in portion:
            if self.is_waiting(subscription):
                owe(subscription, now)

    def _tell_portion(self, now: float) -> None:
        """Tell one portion of the change whose turn it is."""
        presentity, change = next(iter(self._changes.items()))
        waiting = change.waiting
        portion = list(islice(waiting, PORTION))
        for subscription in portion:
            del waiting[subscription]
        del self._changes[presentity]
        if waiting:
            self._changes[presentity] = change  # After the others: each gets its turn.
        self._next_at = now + PAUSE if self._changes else inf
        living = [one for one in portion if one.state is not _TERMINATED]
        self._tell(living, change, now)
        told = len([one for one in living if one.outstanding is not None])
        self._awaited = max(0, self._awaited) + told if self._changes else 0
        if self._owe is not None:
            self._owe_some(self._owe, now)
