"""The change feed: what came of requests, published once where it is settled.

Whoever wants to know listens: the notifier, the decision log, metrics. What follows for another
user is an event of its own, since others watch that user.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, final

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.gets import Came, Got, outcomes_of
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Requester


@final
class Settled:
    """A request was decided, and what it changes for one presentity is committed."""

    __slots__ = ("_asked_at", "came", "first", "now", "presentity", "requester", "waited")

    def __init__(  # noqa: PLR0913 - what there is to tell
        self,
        presentity: Aor,
        came: Came,
        first: int,
        requester: Requester,
        asked_at: datetime,
        now: float,
        waited: float = 0.0,
    ) -> None:
        self.presentity: Final = presentity
        """Whose features they are."""
        self.came: Final = came
        """What came of it."""
        self.first: Final = first
        """Number of the first of them; each of the others has the next one. Numbers rise with each
        decision, but are settled in any order, and not all of them are."""
        self.requester: Final = requester
        """Who asked, the very object that was given; its origin is INTERNAL for what followed."""
        self._asked_at: Final = asked_at
        self.waited: Final = waited
        """How long it took to settle it, s; 0 where it was settled in the call that asked."""
        self.now: Final = now
        """When it was settled, monotonic seconds."""

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What came of it, in order; at least one."""
        return outcomes_of(self.came)

    @property
    def at(self) -> datetime:
        """Local time when it was settled: worked out for the few who ask."""
        return self._asked_at + timedelta(seconds=max(0.0, self.waited))


@final
class Failed:
    """A request about a presentity came to nothing: the store failed. All that followed from it
    for others came to nothing, too, in an event each.
    """

    __slots__ = ("error", "now", "presentity", "requester")

    def __init__(
        self, presentity: Aor, error: StoreError, requester: Requester, now: float
    ) -> None:
        self.presentity: Final = presentity
        """Whose features they are."""
        self.error: Final = error
        """What is wrong with the store."""
        self.requester: Final = requester
        """Who asked; its origin is INTERNAL for what followed from another request."""
        self.now: Final = now
        """Monotonic seconds."""


Event = Settled | Failed
Listener = Callable[[Event], None]
"""Told of every event, in the order in which they are settled. Must not raise."""


class Feed:
    """Passes events on to its listeners, in the order in which they began to listen."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._of_gets: tuple[Listener, ...] = ()
        """Those among them who hear of gets, too."""
        self._guest: Listener | None = None
        self.on_deadline: Callable[[int], None] = _nobody
        """Told the deadlines that requests have stored, seconds since 1970."""

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of every event from now on."""
        self._listeners = (*self._listeners, listener)
        self._of_gets = (*self._of_gets, listener)

    def listen_to_sets(self, listener: Listener) -> None:
        """The same, but for requests that only got states: they change nothing."""
        self._listeners = (*self._listeners, listener)

    def be_watched_by(self, guest: Listener | None) -> None:
        """Tell somebody, too, who is there for a while; None when he has gone."""
        self._guest = guest

    def publish(self, event: Event) -> None:
        """Tell all listeners of an event."""
        is_got = isinstance(event, Settled) and isinstance(event.came, Got)
        for listener in self._of_gets if is_got else self._listeners:
            listener(event)
        if self._guest is not None:
            self._guest(event)


def _nobody(_deadline: int) -> None:
    """Nothing is switched off by itself."""
