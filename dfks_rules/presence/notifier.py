"""The notifier: SUBSCRIBE in, responses and NOTIFY out (RFC 6665 §4.2).

Everything it is told comes with the time; it is called on one thread and never waits. A SUBSCRIBE
is answered when its outcome is known (a set: committed), which may be after the call that
brought it has returned.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import final

from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.model.decisions import Denial, DenialAnswer, Outcome
from dfks_rules.model.features import FEATURES
from dfks_rules.model.identity import Aor, AuthMethod
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.presence.admission import (
    CAPABILITIES,
    EventHeader,
    Wish,
    check_request,
    event_of,
    refuse_method,
    wish_of,
)
from dfks_rules.presence.counts import REFUSED, new_counts
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.documents import (
    Documents,
    changes_to_tell,
    documents_of_get,
    documents_of_set,
)
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.package import Limits
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.responses import RefusedError, refusal, refusal_for
from dfks_rules.presence.subscription import State, Subscription, Termination
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.service.features import Features, Shown
from dfks_rules.service.feed import Event, Feed, Settled
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint, Finished, Incoming
from dfks_rules.sip.server_transaction import ServerTransaction


@final
class _Visit:
    """A SUBSCRIBE that was admitted and waits for its outcome."""

    __slots__ = ("expires", "incoming", "is_new", "requester", "subscription", "transaction")

    def __init__(
        self,
        incoming: Incoming,
        transaction: ServerTransaction,
        subscription: Subscription,
        wish: Wish,
        *,
        is_new: bool,
    ) -> None:
        self.incoming = incoming
        self.transaction = transaction
        self.subscription = subscription
        self.requester = wish.requester
        self.expires = wish.expires
        """Granted duration, s."""
        self.is_new = is_new
        """Whether it creates the dialog."""


class Notifier:
    """Serves one event package on one endpoint."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        endpoint: Endpoint[Subscription],
        features: Features,
        feed: Feed,
        limits: Limits,
        token: Callable[[], bytes],
        gate: Gate | None = None,
        profiles: Profiles | None = None,
    ) -> None:
        """Make a notifier.

        Args:
            endpoint: what its messages go through.
            features: what decides and keeps.
            feed: where `features` publishes what was changed.
            limits: how long subscriptions may last.
            token: a new unguessable token each time, for tags and branches (RFC 3261 §19.3).
            gate: what finds out who sends a SUBSCRIBE; None where From is believed.
            profiles: how phones are treated by their User-Agent; None for all alike.
        """
        self._profiles = profiles or Profiles()
        self._endpoint = endpoint
        self._features = features
        self._limits = limits
        self._token = token
        self._gate = gate
        self.counts = new_counts()
        """What happened how often since the start; see `counts.NAMES`."""
        self.subscriptions = Subscriptions()
        """Those that live."""
        self._delivery = Delivery(
            endpoint,
            self.subscriptions,
            limits.on_notify_timeout,
            token,
            self.counts,
            self._profiles,
        )
        feed.listen(self._hear)

    def receive(self, incoming: Incoming, at: datetime, now: float) -> None:
        """Serve one request.

        Args:
            incoming: a well-formed request.
            at: local time, for the policies.
            now: monotonic seconds.
        """
        try:
            check_request(incoming.request)
            if incoming.request.method == b"SUBSCRIBE":
                self._subscribe(incoming, at, now)
            elif incoming.request.method == b"OPTIONS":
                self._endpoint.respond(incoming, 200, headers=CAPABILITIES)
            else:
                refuse_method(incoming)
        except RefusedError as refused:
            self._refuse(incoming, refused)
        except (MalformedMessageError, StoreError) as error:
            self._refuse(incoming, refusal_for(error))

    def _refuse(
        self,
        incoming: Incoming,
        refused: RefusedError,
        transaction: ServerTransaction | None = None,
    ) -> None:
        self.counts[REFUSED[refused.status]] += 1
        self._endpoint.respond(
            incoming,
            refused.status,
            reason=refused.reason,
            headers=refused.headers,
            transaction=transaction,
        )

    # --- SUBSCRIBE ---

    def _subscribe(self, incoming: Incoming, at: datetime, now: float) -> None:
        identity = None if self._gate is None else self._gate.check(incoming, now)
        event = event_of(incoming.request)
        known = self._in_dialog(incoming, event) if incoming.recipient.tag else None
        wish = wish_of(incoming, self._limits, known, identity)
        presentity, requester = wish.presentity, wish.requester
        admission = self._features.admit(presentity, requester, at, now)
        if admission.denial is not None:
            self._refuse(incoming, refusal(403, admission.denial.text))
            if known is not None:
                self._delivery.terminate(known, Termination.REJECTED, (), now)
            return
        if known is None:
            fixed = incoming.contact() + event.line
            trusted = identity is not None and identity.method is AuthMethod.TRUSTED
            seen = self._profiles.of(requester.user_agent).seen
            tag, ways = self._token(), self._endpoint.ways
            dialog = Dialog(incoming, tag, fixed, ways, trusted=trusted, seen=seen)
            subscription = Subscription(dialog, presentity, requester, event.id)
        else:
            subscription = known
            subscription.dialog.take(incoming)
            subscription.refreshing()
        transaction = self._endpoint.begin(incoming, now)
        visit = _Visit(incoming, transaction, subscription, wish, is_new=known is None)
        try:
            self._work_out(visit, wish, at, now)
        except Exception:
            # It is a bug of ours; a subscription that waited for its outcome would never expire.
            if transaction.response is None:
                self._turn_down(visit, refusal(500))
            raise

    def _work_out(self, visit: _Visit, wish: Wish, at: datetime, now: float) -> None:
        """Have the outcome of a SUBSCRIBE worked out, and concluded once it is known."""
        presentity, requester = wish.presentity, wish.requester
        done = partial(self._conclude, visit)
        asked = wish.asked
        profile = self._profiles.of(requester.user_agent)
        if profile.doubts_sets or visit.subscription.display is not None:
            meant = visit.subscription.meant(asked, profile, now)
            self.counts["sets_echoed"] += meant.echoes
            self.counts["sets_repeated"] += meant.repeats
            asked = meant.asked
            if meant.echoes and not asked:
                # Its phone knows what it says, so that there is nothing to decide or to tell.
                self._grant(visit, now)
                if visit.expires == 0:
                    self._delivery.terminate(visit.subscription, Termination.TIMEOUT, (), now)
                else:
                    self._delivery.answer(visit.subscription, (), now)
                return
        if not asked:
            self._features.get(presentity, requester, at, now, done)
        elif not visit.is_new:
            self._features.set(presentity, asked, requester, at, now, done)
        else:
            # A phone that lost its dialog needs to learn its other features, too.
            self._features.set_and_get(presentity, asked, requester, at, now, done)

    def _in_dialog(self, incoming: Incoming, event: EventHeader) -> Subscription:
        """The subscription that a SUBSCRIBE with a To tag belongs to (RFC 3261 §12.2.2).

        One with another event `id` belongs to another subscription (RFC 6665 §8.2.1), and there is
        none: dialogs are not shared.
        """
        request = incoming.request
        call_id, local, remote = (
            request.headers[b"call-id"],
            incoming.recipient.tag,
            incoming.sender.tag,
        )
        subscription = self.subscriptions.find(call_id, local, remote)
        if subscription is None or subscription.event_id != event.id:
            raise refusal(481)
        if subscription.dialog.is_late(request):
            raise refusal(500, "CSeq out of order")
        return subscription

    def _conclude(
        self, visit: _Visit, outcomes: tuple[Outcome, ...] | StoreError, now: float
    ) -> None:
        """The outcome of a SUBSCRIBE is known: answer it and tell its phone."""
        subscription = visit.subscription
        if subscription.state is State.TERMINATED:
            # Meanwhile a policy rejected it, or its phone refused a NOTIFY: it has to begin anew.
            self._refuse(visit.incoming, refusal(481), visit.transaction)
            return
        if isinstance(outcomes, StoreError):
            self._turn_down(visit, refusal_for(outcomes))
            return
        sets, gets = _parted(outcomes)
        rejection = _rejection(sets)
        if rejection is None:
            self._grant(visit, now)
        else:
            self._turn_down(visit, refusal(403, rejection.text))
            if visit.is_new:
                return
        documents = documents_of_get(gets, sets) if gets else documents_of_set(sets)
        if rejection is None and visit.expires == 0:
            self._delivery.terminate(subscription, Termination.TIMEOUT, documents or (), now)
        elif documents is None:
            return
        elif gets:
            self._delivery.tell_all(subscription, documents, now)
        else:
            self._delivery.answer(subscription, documents, now)

    def _turn_down(self, visit: _Visit, refused: RefusedError) -> None:
        """Refuse a SUBSCRIBE; its subscription lives as long as it did before."""
        self._refuse(visit.incoming, refused, visit.transaction)
        if not visit.is_new:
            visit.subscription.kept(visit.requester)
            self.subscriptions.schedule(visit.subscription)

    def _grant(self, visit: _Visit, now: float) -> None:
        """Accept a SUBSCRIBE; its subscription lives as long as granted."""
        self._accept(visit)
        subscription = visit.subscription
        subscription.refreshed(visit.requester, now + visit.expires)
        if not visit.is_new:
            self.counts["subscriptions_refreshed"] += 1
            self.subscriptions.schedule(subscription)
        elif visit.expires:
            self.counts["subscriptions_made"] += 1
            self.subscriptions.add(subscription)
        else:
            self.counts["subscriptions_fetched"] += 1

    def _accept(self, visit: _Visit) -> None:
        incoming = visit.incoming
        headers = b"Expires: %d\r\n%b" % (visit.expires, incoming.contact())
        record_route = incoming.request.headers.get(b"record-route")
        if visit.is_new and record_route is not None:
            headers += b"Record-Route: %b\r\n" % record_route
        self._endpoint.respond(
            incoming,
            200,
            tag=visit.subscription.dialog.local_tag,
            headers=headers,
            transaction=visit.transaction,
        )

    # --- What happens besides ---

    def _hear(self, event: Event) -> None:
        """Something was settled: tell who watches, except the phone that asked for it."""
        if not isinstance(event, Settled):
            return
        if event.outcomes[0].request.operation is not Operation.SET:
            return
        requester = event.requester
        others = [
            one for one in self.subscriptions.of(event.presentity) if one.requester is not requester
        ]
        # Nearly always the phone that asked is the only one.
        changes = changes_to_tell(event.outcomes) if others else ()
        if not changes:
            return
        shown = self._features.shown
        documents = changes
        for position, subscription in enumerate(others):
            if shown is Shown.TO_EACH_ITS_OWN or (position == 0 and shown is Shown.ALIKE):
                documents = self._seen_by(subscription, changes, event)
            if documents:
                self._delivery.change(subscription, documents, event.now)

    def _seen_by(self, subscription: Subscription, changes: Documents, event: Settled) -> Documents:
        """What a watcher would see of what changed, if it asked now.

        Whether it is told was said by the rules of the set; `notify` of a get is for who asks.
        """
        features = [feature for feature, _ in changes]
        try:
            return self._features.look(event.presentity, features, subscription.requester, event.at)
        except StoreError:
            self.counts["changes_untold"] += 1
            return ()

    def refresh_watchers(self, presentity: Aor, at: datetime, now: float) -> int:
        """Tell each watcher of a presentity the states of all features; how many there are."""
        subscriptions = self.subscriptions.of(presentity)
        for subscription in subscriptions:
            done = partial(self._refreshed, subscription)
            self._features.get(presentity, subscription.requester, at, now, done)
        return len(subscriptions)

    def _refreshed(
        self, subscription: Subscription, outcomes: tuple[Outcome, ...] | StoreError, now: float
    ) -> None:
        documents = None if isinstance(outcomes, StoreError) else documents_of_get(outcomes)
        if documents is not None and subscription.state is not State.TERMINATED:
            self._delivery.tell_all(subscription, documents, now)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """A NOTIFY was answered, or was not."""
        self._delivery.finished(finished, now)

    def expire(self, now: float) -> None:
        """Do what is due: end subscriptions (RFC 6665 §4.2.2), repeat what is unconfirmed."""
        for subscription in self.subscriptions.due(now):
            if subscription.has_expired(now):
                self._delivery.terminate(subscription, Termination.TIMEOUT, (), now)
            else:
                self._delivery.repeat(subscription, now)

    def deactivate(self, now: float, at_most: int) -> int:
        """End subscriptions because the server stops: phones subscribe again elsewhere.

        Args:
            now: monotonic seconds.
            at_most: how many to end in this call.

        Returns:
            How many are left.
        """
        for subscription in self.subscriptions.first(at_most):
            self._delivery.terminate(subscription, Termination.DEACTIVATED, (), now)
        return len(self.subscriptions)

    def next_deadline(self) -> float | None:
        """When `expire` may have something to do (monotonic seconds)."""
        return self.subscriptions.next_deadline()


def _parted(
    outcomes: tuple[Outcome, ...],
) -> tuple[tuple[Outcome, ...], tuple[Outcome, ...]]:
    """Outcomes of sets, and those of gets, which come last: of all features or none."""
    if outcomes[-1].request.operation is Operation.SET:
        return outcomes, ()
    position = len(outcomes) - len(FEATURES)
    return outcomes[:position], outcomes[position:]


def _rejection(sets: tuple[Outcome, ...]) -> Denial | None:
    """The first refusal that is to be answered with 403; what only followed does not count."""
    for outcome in sets:
        denial = outcome.decision.denial
        if denial is None or denial.answer is not DenialAnswer.REJECT:
            continue
        if outcome.request.requester.origin is not Origin.INTERNAL:
            return denial
    return None
