"""Telling those who watch a presentity what others changed.

Nearly always they are few, and are told at once; many are told in portions, see `pacing`.
"""

from datetime import datetime
from functools import partial
from typing import Final

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.gets import Got, Result
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from dfks_rules.presence.conditional import known_if
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.documents import (
    Documents,
    changes_between,
    changes_to_tell,
    documents_of_got,
    states_of,
)
from dfks_rules.presence.live import Live
from dfks_rules.presence.pacing import Change, Pacing
from dfks_rules.presence.standing import Stands, is_silent
from dfks_rules.presence.subscription import State, Subscription
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Event, Failed, Settled
from dfks_rules.service.ports import NotKnownError
from dfks_rules.service.shown import Shown

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_SET: Final = Operation.SET
_TO_EACH_ITS_OWN: Final = Shown.TO_EACH_ITS_OWN
_ALIKE: Final = Shown.ALIKE
_TERMINATED: Final = State.TERMINATED

AGAIN = 10.0
"""Seconds until somebody is told for whom the store has failed, and who is owed a NOTIFY."""
AT_ONCE = 64
"""Most watchers that are told at once."""


class Watchers:
    """Tells watchers of what they did not ask for themselves."""

    def __init__(
        self, live: Live, features: Features, delivery: Delivery, stands: Stands | None
    ) -> None:
        """Make it.

        Args:
            live: the subscriptions that live.
            features: what a watcher may see.
            delivery: what NOTIFYs go through.
            stands: how far the node may serve; None for a server by itself.
        """
        self._subscriptions = live.subscriptions
        self._kept, self._restoring = live.kept, live.restoring
        self._features = features
        self._delivery = delivery
        self._stands = stands
        self._counts = live.counts
        self.pacing = Pacing(self._tell, None if live.kept is None else live.kept.owe)
        """What is told in portions."""
        delivery.paced_by(self.pacing)

    def hear(self, event: Event) -> None:
        """Something was settled: tell who watches, except the phone that asked for it."""
        if not isinstance(event, Settled):
            self._doubt(event)
            return
        if event.outcomes[0].request.operation is not _SET:
            return
        requester, presentity = event.requester, event.presentity
        restoring = self._restoring
        if restoring is not None and restoring.is_loading:
            restoring.changed(presentity)
        others = [
            one for one in self._subscriptions.of(presentity) if one.requester is not requester
        ]
        # Nearly always the phone that asked is the only one.
        if not others:
            return
        under_way = None if self.pacing.is_idle else self.pacing.of(presentity)
        if under_way is not None:
            under_way.overtaken(states_of(event.outcomes))
        changes = changes_to_tell(event.outcomes)
        if changes:
            self.spread(Change(presentity, changes, event.at, others), event.now)

    def learned(
        self,
        presentity: Aor,
        before: Snapshot | None,
        after: Snapshot,
        *,
        tells: bool,
        at: datetime,
        now: float,
    ) -> None:
        """Another node has changed something: tell who watches here what differs.

        Args:
            presentity: whose features they are.
            before: what was known here; None where nothing was: all states are told.
            after: what is stored.
            tells: whether the rules of the set let watchers be told; if not, only what they are
                still to be told is no longer what was before.
            at: local time, for the policies.
            now: monotonic seconds.
        """
        restoring = self._restoring
        if restoring is not None and restoring.is_loading:
            restoring.changed(presentity)
        watching = self._subscriptions.of(presentity)
        if not watching:
            return
        if before is None:
            if tells:
                self.spread(Change(presentity, None, at, watching), now)
            return
        changes = changes_between(before, after)
        if not changes:
            return
        under_way = None if self.pacing.is_idle else self.pacing.of(presentity)
        if under_way is not None:
            under_way.overtaken(dict(changes))
        change = Change(presentity, changes, at, watching)
        if tells:
            self.spread(change, now)
        else:
            self._overtake(change, now)

    def _overtake(self, change: Change, now: float) -> None:
        """What waits for watchers must not say what was before."""
        is_stored = self._features.shown is Shown.AS_STORED
        changed = dict(change.documents or ())
        for subscription in change.waiting:
            late = tuple([one for one in subscription.to_answer(()) if one[0] in changed])
            is_shown = subscription.display is not None and subscription.outstanding is not None
            if not late or is_shown:
                # What was sent last must be remembered where a phone may echo it.
                continue
            try:
                newest = changed if is_stored else dict(self._seen_by(subscription, late, change))
            except StoreError:
                self._untold([subscription], now)
                continue
            subscription.overtaken(newest)

    def _doubt(self, event: Failed) -> None:
        """A commit has failed: where it may be stored all the same, all are told what is."""
        restoring, presentity = self._restoring, event.presentity
        if restoring is None or self._features.knows(presentity):
            return
        if restoring.is_loading:
            restoring.changed(presentity)
        for subscription in self._subscriptions.of(presentity):
            restoring.owe(subscription, event.now)

    def refresh(self, presentity: Aor, at: datetime, now: float) -> int:
        """Tell each watcher the states of all features; how many there are.

        Args:
            presentity: whom they watch.
            at: local time, for the policies.
            now: monotonic seconds.
        """
        watching = self._subscriptions.of(presentity)
        if watching:
            self.spread(Change(presentity, None, at, watching), now)
        return len(watching)

    def spread(self, change: Change, now: float) -> None:
        """Tell a change at once, or in portions."""
        pacing = self.pacing
        is_paced = not pacing.is_idle and pacing.of(change.presentity) is not None
        if not is_paced and len(change.waiting) <= AT_ONCE:
            self._tell(list(change.waiting), change, now)
            return
        self._counts["changes_merged" if is_paced else "changes_paced"] += 1
        pacing.begin(change, now)

    def _tell(self, watchers: list[Subscription], change: Change, now: float) -> None:
        stands, restoring = self._stands, self._restoring
        if stands is not None and restoring is not None and is_silent(stands(now)):
            for subscription in watchers:
                restoring.owe(subscription, now)
        elif change.documents is None:
            for subscription in watchers:
                self.tell_all(subscription, change.at, now)
        else:
            self._show(watchers, change, now, may_fetch=True)

    def _show(
        self, watchers: list[Subscription], change: Change, now: float, *, may_fetch: bool
    ) -> None:
        """Tell watchers what they may see of what changed."""
        shown = self._features.shown
        documents = changes = change.documents or ()
        for position, subscription in enumerate(watchers):
            if shown is _TO_EACH_ITS_OWN or (position == 0 and shown is _ALIKE):
                try:
                    documents = self._seen_by(subscription, changes, change)
                except NotKnownError as error:
                    late = watchers if shown is _ALIKE else [subscription]
                    if may_fetch:
                        self._show_once_known(late, change, error.presentities, now)
                    else:
                        self._untold(late, now)
                    if shown is _ALIKE:
                        return
                    continue
            if documents:
                self._delivery.change(subscription, documents, now)
            elif subscription.is_owed:
                self._delivery.settle(subscription, now)

    def _seen_by(self, subscription: Subscription, changes: Documents, change: Change) -> Documents:
        """What a watcher would see of what changed, if it asked now.

        Whether it is told was said by the rules of the set; `notify` of a get is for who asks.
        """
        features = [feature for feature, _ in changes]
        return self._features.look(change.presentity, features, subscription.requester, change.at)

    def _show_once_known(
        self,
        watchers: list[Subscription],
        change: Change,
        presentities: tuple[Aor, ...],
        now: float,
    ) -> None:
        """The same, after what decides about it is fetched; if the server ends before, the next
        life tells all of them.
        """
        if self._kept is not None:
            for subscription in watchers:
                self._kept.owe(subscription, now)

        def fetched(error: StoreError | None, now: float) -> None:
            living = [one for one in watchers if one.state is not _TERMINATED]
            if error is None:
                self._show(living, change, now, may_fetch=False)
            else:
                self._untold(living, now)

        self._features.fetch(presentities, fetched)

    def _untold(self, watchers: list[Subscription], now: float) -> None:
        """What watchers may see cannot be read: they are told all states later."""
        self._counts["changes_untold"] += len(watchers)
        if self._restoring is not None:
            for subscription in watchers:
                self._restoring.owe(subscription, now + AGAIN)

    def tell_all(self, subscription: Subscription, at: datetime, now: float) -> None:
        """Tell a watcher the states of all features, as if it had asked.

        Args:
            subscription: the watcher's.
            at: local time, for the policies.
            now: monotonic seconds.
        """
        done = partial(self._refreshed, subscription)
        self._features.get(subscription.presentity, subscription.requester, at, now, done)

    def _refreshed(self, subscription: Subscription, result: Result, now: float) -> None:
        if subscription.state is _TERMINATED:
            return
        if not isinstance(result, Got):
            if subscription.is_owed and self._restoring is not None:
                self._restoring.owe(subscription, now + AGAIN)
            return
        documents = documents_of_got(result)
        if documents is None:
            self._delivery.settle(subscription, now)
            return
        condition, event_id = subscription.condition, subscription.event_id
        device = self._delivery.device_of(subscription)
        known = condition and known_if(condition, documents, device, event_id)
        if known and (subscription.wants_none or known == subscription.knowledge):
            self._delivery.settle(subscription, now)
            return
        self._delivery.tell_all(subscription, documents, now)
