"""Edges: when time changes what gets show, those who watch are told what differs.

| state         | input                           | output                      | next          |
|---------------|---------------------------------|-----------------------------|---------------|
| resting       | policies whose gets read a time | nothing                     | waiting       |
| waiting       | an edge                         | nothing                     | going through |
| waiting       | the clock was set over an edge  | nothing                     | going through |
| waiting       | other policies                  | nothing                     | waiting       |
| going through | a turn                          | a portion is told           | going through |
| going through | a turn, and some are not known  | the others are told         | fetching      |
| fetching      | the answer of the store         | they are told, if it is one | going through |
| going through | nobody is left                  | nothing                     | waiting       |

What a get showed at the last look before the edge is compared with what it shows now, by the same
policies. So nothing has to be remembered of what phones were told. Clocks are also set back, and
machines sleep: no edge is waited for longer than until the next look at the clock.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from typing import Final

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.live import Live
from dfks_rules.presence.pacing import Change
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.service.ports import NotKnownError, Policies
from dfks_rules.service.shown import Shown

PORTION = 32
"""Most presentities looked at in one go; it takes about 1 ms."""
LONGEST = 5.0
"""Seconds until the clock is looked at again: it may be set, and goes on while machines sleep."""
SLIGHT = 60.0
"""How far back a clock is set without being believed, s: phones would be told back and forth."""
FAR = timedelta(days=30)
"""After what time edges are looked for again where there is none within a month."""
LOADING = 1.0
"""Seconds until it is looked again whether all subscriptions are there."""
FETCHING = 0.1
"""Seconds until it is looked again whether the store has answered."""

_TO_EACH_ITS_OWN: Final = Shown.TO_EACH_ITS_OWN
_WATCHER: Final = Origin.WATCHER

Spread = Callable[[Change, float], None]
"""Tells a change, at once or in portions, at that time (monotonic seconds)."""


class Edges:
    """Waits for the next edge, and goes through all who are watched."""

    def __init__(self, live: Live, features: Features, spread: Spread) -> None:
        """It rests.

        Args:
            live: the subscriptions that live.
            features: what a watcher may see, and the policies.
            spread: tells watchers.
        """
        self._subscriptions = live.subscriptions
        self._restoring = live.restoring
        self._counts = live.counts
        self._features = features
        self._spread = spread
        self._policies: Policies | None = None
        """By which the next edge is known."""
        self._seen: datetime | None = None
        """A moment that shows what watchers were told; None: none yet."""
        self._edge: datetime | None = None
        """The next one after that; None: time changes nothing."""
        self._wake_at = inf
        """When to look at the time, monotonic seconds."""
        self._before: datetime | None = None
        """What showed what watchers were told, while what is new is told; None: nothing is."""
        self._at: datetime | None = None
        """When going through has begun."""
        self._todo: list[bytes | Aor] = []
        """Who is still to be looked at."""
        self._is_fetching = False

    def go_on_from(self, since: datetime) -> None:
        """All edges up to this moment are told, or have nobody who is to be told; now may be later.

        To be called before `expire`.
        """
        # Since then, there may have been one.
        self._seen = self._edge = since

    def next_deadline(self) -> float | None:
        """When `expire` may have something to do (monotonic seconds)."""
        return None if self._wake_at == inf else self._wake_at

    def expire(self, at: datetime, now: float) -> None:
        """Do what is due.

        Args:
            at: local time, for the policies.
            now: monotonic seconds.
        """
        policies = self._features.policies
        if policies is not self._policies:
            self._policies = policies
            if self._before is None:
                self._wait(at if self._seen is None else self._seen_by(at, self._seen), at, now)
        if now < self._wake_at:
            return
        if self._is_fetching:
            self._wake_at = now + FETCHING
        elif self._before is not None:
            self._go_on(at, now)
        else:
            self._wake(at, now)

    def _seen_by(self, at: datetime, seen: datetime) -> datetime:
        """The latest moment that shows the same as `seen`, as far as the next edge says."""
        edge = self._edge
        is_over = edge is None or seen.timestamp() <= at.timestamp() < edge.timestamp()
        return at if is_over else seen

    def _wait(self, seen: datetime, at: datetime, now: float) -> None:
        """Find the next edge."""
        self._before, self._seen = None, seen
        timing = self._features.policies.timing
        self._edge, self._wake_at = None, inf
        if timing.features:
            self._edge = timing.next_edge(seen) or seen + FAR
            self._rest(self._edge, at, now)

    def _rest(self, edge: datetime, at: datetime, now: float) -> None:
        self._wake_at = now + min(max(0.0, edge.timestamp() - at.timestamp()), LONGEST)

    def _wake(self, at: datetime, now: float) -> None:
        """It may be time."""
        seen, edge, restoring = self._seen, self._edge, self._restoring
        assert seen is not None  # noqa: S101 - it waits
        assert edge is not None  # noqa: S101 - the same
        back = seen.timestamp() - at.timestamp()
        if back > SLIGHT:
            passed = self._features.policies.timing.next_edge(at)
            if passed is None or seen.timestamp() < passed.timestamp():
                self._wait(at, at, now)
                return
        elif at.timestamp() < edge.timestamp():
            self._seen = max(seen, at, key=datetime.timestamp)
            self._rest(edge, at, now)
            return
        if restoring is not None and restoring.is_loading:
            self._wake_at = now + LOADING
            return
        self._counts["edges_passed"] += 1
        self._before = seen
        self._at = at
        self._todo = self._subscriptions.watched()
        self._go_on(at, now)

    def _go_on(self, at: datetime, now: float) -> None:
        """Look at the next portion."""
        self._wake_at = now
        whose = [self._subscriptions.whose(one) for one in self._todo[-PORTION:]]
        del self._todo[-PORTION:]
        portion = [one for one in whose if one is not None]
        self._look_at(portion, now, may_fetch=True)
        if not self._todo and not self._is_fetching:
            self._wait(self._at or at, at, now)

    def _look_at(self, portion: list[Aor], now: float, *, may_fetch: bool) -> None:
        """Tell those of a portion who see something else now."""
        unknown: list[Aor] = []
        needed: dict[Aor, None] = {}
        for presentity in portion:
            try:
                changes = self._changes_of(presentity)
            except NotKnownError as error:
                unknown.append(presentity)
                needed.update(dict.fromkeys(error.presentities))
                continue
            if changes:
                self._counts["edges_told"] += 1
            for change in changes:
                self._spread(change, now)
        if not unknown:
            return
        if not may_fetch:
            self._counts["edges_untold"] += len(unknown)
            return

        def fetched(error: StoreError | None, now: float) -> None:
            self._is_fetching = False
            if error is None:
                self._look_at(unknown, now, may_fetch=False)
            else:
                self._counts["edges_untold"] += len(unknown)

        self._is_fetching = True
        self._features.fetch(tuple(needed), fetched)

    def _changes_of(self, presentity: Aor) -> list[Change]:
        """What the watchers of a presentity see now that they did not see before.

        Raises:
            NotKnownError: something that decides about it is not known.
        """
        at, features = self._at, self._features
        assert at is not None  # noqa: S101 - it goes through
        if features.shown is not _TO_EACH_ITS_OWN:
            documents = self._new_to(presentity, Requester(_WATCHER, presentity))
            if not documents:
                return []
            return [Change(presentity, documents, at, self._subscriptions.of(presentity))]
        groups: dict[Documents, list[Subscription]] = {}
        for subscription in self._subscriptions.of(presentity):
            documents = self._new_to(presentity, subscription.requester)
            if documents:
                groups.setdefault(documents, []).append(subscription)
        return [Change(presentity, told, at, watchers) for told, watchers in groups.items()]

    def _new_to(self, presentity: Aor, requester: Requester) -> Documents:
        """What a watcher sees now that it did not see before."""
        before, at = self._before, self._at
        assert before is not None  # noqa: S101 - it goes through
        assert at is not None  # noqa: S101 - the same
        timed = self._features.policies.timing.features
        was = self._features.look(presentity, timed, requester, before)
        seen = self._features.look(presentity, timed, requester, at)
        return tuple([one for one in seen if one not in was])
