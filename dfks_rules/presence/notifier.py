"""The notifier: SUBSCRIBE in, responses and NOTIFY out (RFC 6665 §4.2).

Everything it is told comes with the time; it is called on one thread and never waits. A SUBSCRIBE
is answered when its outcome is known (a set: committed), which may be after the call that
brought it has returned.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.presence.admission import (
    CAPABILITIES,
    Wish,
    check_request,
    event_of,
    known_of,
    refuse_method,
    wish_of,
)
from dfks_rules.presence.conditional import condition_of, known_if
from dfks_rules.presence.counts import REFUSED, new_counts
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.documents import (
    Documents,
    documents_of_get,
    documents_of_set,
    parted,
    rejection_among,
)
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.guard import Guard, too_many_unproved
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.package import ALLOW, ALLOW_EVENTS, ALLOW_PUBLISH, Limits
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.proof import host_of
from dfks_rules.presence.publish import Publications
from dfks_rules.presence.responses import RefusedError, refusal, refusal_for
from dfks_rules.presence.subscription import State, Subscription, Termination
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.presence.visit import Visit
from dfks_rules.presence.waiting import Waiting, WaitingRequests
from dfks_rules.presence.watchers import Watchers
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint, Finished, Incoming
from dfks_rules.sip.server_transaction import ServerTransaction

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_TERMINATED: Final = State.TERMINATED


class Notifier:
    """Serves one event package on one endpoint."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        endpoint: Endpoint[Subscription],
        features: Features,
        feed: Feed,
        limits: Limits,
        token: Callable[[], bytes],
        gate: Gate | None = None,
        logins: Logins | None = None,
        profiles: Profiles | None = None,
    ) -> None:
        """Make a notifier.

        Args:
            endpoint: what its messages go through.
            features: what decides and keeps.
            feed: where `features` publishes what was changed.
            limits: how long subscriptions may last, and how many there may be.
            token: a new unguessable token each time, for tags and branches (RFC 3261 §19.3).
            gate: what finds out who sends a SUBSCRIBE; None where From is believed.
            logins: how NOTIFYs authenticate; None where they do not.
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
        self.guard = Guard(limits, self.counts)
        """Knows which of them are proved."""
        endpoint.vet_targets(self.guard.may_reach)
        self._waiting = WaitingRequests()
        self._delivery = Delivery(
            endpoint,
            self.subscriptions,
            self.guard,
            limits.on_notify_timeout,
            token,
            self.counts,
            logins,
            self._profiles,
        )
        self.publications = Publications(endpoint, features, limits, token, self._refuse)
        """Those that have not ended."""
        self._has_publishers = gate is None or gate.has_trusted
        self._allow = ALLOW_PUBLISH if self._has_publishers else ALLOW
        self._watchers = Watchers(self.subscriptions, features, self._delivery, self.counts)
        feed.listen(self._watchers.hear)

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
                self._endpoint.respond(incoming, 200, headers=self._allow + CAPABILITIES)
            elif incoming.request.method == b"PUBLISH" and self._has_publishers:
                if self._gate is not None:
                    self._gate.check_trusted(incoming)
                self.publications.publish(incoming, at, now)
            else:
                refuse_method(incoming, self._allow)
        except (RefusedError, MalformedMessageError, StoreError) as error:
            self._refuse(incoming, refusal_for(error))

    def _refuse(
        self,
        incoming: Incoming,
        refused: RefusedError,
        transaction: ServerTransaction | None = None,
    ) -> None:
        self.counts[REFUSED[refused.status]] += 1
        if refused.count is not None:
            self.counts[refused.count] += 1
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
        self.guard.spend(incoming, identity, now)
        self._serve(incoming, identity, at, now)

    def _serve(
        self, incoming: Incoming, identity: Identity | None, at: datetime, now: float
    ) -> None:
        """Serve a SUBSCRIBE of somebody who is known, as far as it has to be."""
        event = event_of(incoming.request)
        known = known_of(incoming, event, self.subscriptions)
        wish = wish_of(incoming, self._limits, known, identity)
        condition = condition_of(incoming.request)
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
            proof = self.guard.proof_of(incoming, dialog, identity)
            subscription = Subscription(dialog, presentity, requester, event.id, proof)
            if not self.guard.has_room(subscription, now):
                waiting = Waiting(incoming, identity, host_of(dialog.flow), at, now)
                if self._waiting.add(waiting):
                    return
                raise too_many_unproved()
            oldest = self.guard.admit(subscription, wish.expires, now)
            if oldest is not None:
                self._delivery.drop(oldest)
        else:
            subscription = known
            self._take(subscription, incoming, identity, now)
            subscription.refreshing()
        transaction = self._endpoint.begin(incoming, now)
        visit = Visit(incoming, transaction, subscription, wish, condition, is_new=known is None)
        try:
            self._work_out(visit, wish, at, now)
            self._endpoint.expect_delay(incoming, transaction, now)
        except Exception:
            # It is a bug of ours; a subscription that waited for its outcome would never expire.
            if transaction.response is None:
                self._turn_down(visit, refusal(500))
            raise

    def _take(
        self, subscription: Subscription, incoming: Incoming, identity: Identity | None, now: float
    ) -> None:
        """Take a SUBSCRIBE into its dialog, unless it leads NOTIFYs on from one unproved address
        to the next; 481 has the phone make a new dialog.
        """
        dialog = subscription.dialog
        before = dialog.flow
        dialog.take(incoming)
        if dialog.flow is before and subscription.is_proved:
            return
        outstanding = subscription.outstanding
        if outstanding is not None and dialog.flow.remote != before.remote:
            # Whoever answers it now proves nothing of the new address.
            self._endpoint.give_up(outstanding)
            subscription.failed(now)
        if not self.guard.moved(subscription, incoming, identity, before, now):
            self._delivery.drop(subscription)
            raise refusal(481)

    def _serve_waiting(self, host: str, now: float) -> None:
        """Serve those that waited until the host has as many unproved dialogs again."""
        while self.guard.has_room_at(host, now):
            waiting = self._waiting.next_of(host)
            if waiting is None:
                return
            try:
                self._serve(waiting.incoming, waiting.identity, waiting.at, now)
            except (RefusedError, MalformedMessageError, StoreError) as error:
                self._refuse(waiting.incoming, refusal_for(error))

    def _work_out(self, visit: Visit, wish: Wish, at: datetime, now: float) -> None:
        """Have the outcome of a SUBSCRIBE worked out, and concluded once it is known."""
        presentity, requester = wish.presentity, wish.requester
        done = partial(self._conclude, visit)
        asked = wish.asked
        profile = self._profiles.of(requester.user_agent)
        if profile.doubts_sets or visit.subscription.display is not None:
            meant = visit.meant(asked, profile, self.counts, now)
            asked = meant.asked
            if meant.echoes and not asked and not visit.condition:
                # Its phone knows what it says, so that there is nothing to decide or to tell.
                self._grant(visit, now)
                if visit.expires == 0:
                    self._delivery.terminate(visit.subscription, Termination.TIMEOUT, (), now)
                else:
                    self._delivery.answer(visit.subscription, (), now)
                return
        if not asked:
            self._features.get(presentity, requester, at, now, done)
        elif not (visit.is_new or visit.condition or visit.subscription.wants_none):
            self._features.set(presentity, asked, requester, at, now, done)
        else:
            # A phone that lost its dialog, or wanted to hear of nothing until now, needs to learn
            # its other features, too; and a condition is about all of them.
            self._features.set_and_get(presentity, asked, requester, at, now, done)

    def _conclude(
        self, visit: Visit, outcomes: tuple[Outcome, ...] | StoreError, now: float
    ) -> None:
        """The outcome of a SUBSCRIBE is known: answer it and tell its phone."""
        subscription = visit.subscription
        if subscription.state is _TERMINATED:
            # Meanwhile a policy rejected it, or its phone refused a NOTIFY: it has to begin anew.
            self._refuse(visit.incoming, refusal(481), visit.transaction)
            return
        if isinstance(outcomes, StoreError):
            self._turn_down(visit, refusal_for(outcomes))
            return
        sets, gets = parted(outcomes)
        rejection = rejection_among(sets)
        documents = documents_of_get(gets, sets) if gets else documents_of_set(sets)
        if rejection is None:
            if visit.condition and self._suppressed(visit, documents, now):
                return
            self._grant(visit, now)
        else:
            self._turn_down(visit, refusal(403, rejection.text))
            if visit.is_new:
                return
        if rejection is None and visit.expires == 0:
            self._delivery.terminate(subscription, Termination.TIMEOUT, documents or (), now)
        elif documents is None:
            return
        elif gets:
            self._delivery.tell_all(subscription, documents, now)
        else:
            self._delivery.answer(subscription, documents, now)

    def _suppressed(self, visit: Visit, documents: Documents | None, now: float) -> bool:
        """Grant a SUBSCRIBE whose condition holds, without the states; whether it does."""
        subscription = visit.subscription
        device = self._delivery.device_of(subscription, visit.requester.device)
        knowledge = known_if(visit.condition, documents, device, subscription.event_id)
        if not knowledge:
            return False
        self.counts["notify_suppressed"] += 1
        self._grant(visit, now, 200 if visit.is_new else 204)
        self._delivery.suppress(visit, documents or (), knowledge, now)
        return True

    def _turn_down(self, visit: Visit, refused: RefusedError) -> None:
        """Refuse a SUBSCRIBE; its subscription lives as long as it did before."""
        self._refuse(visit.incoming, refused, visit.transaction)
        if visit.is_new:
            self.guard.forget(visit.subscription)
        else:
            visit.subscription.kept(visit.requester)
            self.subscriptions.schedule(visit.subscription)

    def _grant(self, visit: Visit, now: float, status: int = 200) -> None:
        """Accept a SUBSCRIBE; its subscription lives as long as granted."""
        self._accept(visit, status)
        subscription = visit.subscription
        subscription.refreshed(visit.requester, now + visit.expires, visit.condition)
        if not visit.is_new:
            self.counts["subscriptions_refreshed"] += 1
            self.subscriptions.schedule(subscription)
        elif visit.expires:
            self.counts["subscriptions_made"] += 1
            self.subscriptions.add(subscription)
        else:
            self.counts["subscriptions_fetched"] += 1

    def _accept(self, visit: Visit, status: int) -> None:
        incoming = visit.incoming
        headers = b"Expires: %d\r\n%b" % (visit.expires, incoming.contact())
        if visit.is_new:
            headers += ALLOW_EVENTS
            record_route = incoming.request.headers.get(b"record-route")
            if record_route is not None:
                headers += b"Record-Route: %b\r\n" % record_route
        self._endpoint.respond(
            incoming,
            status,
            tag=visit.subscription.dialog.local_tag,
            headers=headers,
            transaction=visit.transaction,
        )

    # --- What happens besides ---

    def refresh_watchers(self, presentity: Aor, at: datetime, now: float) -> int:
        """Tell each watcher of a presentity the states of all features; how many there are."""
        return self._watchers.refresh(presentity, at, now)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """A NOTIFY was answered, or was not."""
        self._delivery.finished(finished, now)
        pacing = self._watchers.pacing
        if not pacing.is_idle:
            pacing.answered(now)
        if len(self._waiting):
            self._serve_waiting(host_of(finished.transaction.owner.dialog.flow), now)

    def expire(self, now: float) -> None:
        """Do what is due: end subscriptions (RFC 6665 §4.2.2), repeat what is unconfirmed."""
        for waiting in self._waiting.overdue(now):
            self._refuse(waiting.incoming, too_many_unproved())
        for subscription in self.subscriptions.due(now):
            if subscription.has_expired(now):
                self._delivery.terminate(subscription, Termination.TIMEOUT, (), now)
            else:
                self._delivery.repeat(subscription, now)
        self._watchers.pacing.expire(now)

    def deactivate(self, now: float, at_most: int) -> int:
        """End subscriptions because the server stops: phones subscribe again elsewhere.

        Args:
            now: monotonic seconds.
            at_most: how many to end in this call.

        Returns:
            How many are left.
        """
        for subscription in self.subscriptions.some(at_most):
            self._delivery.terminate(subscription, Termination.DEACTIVATED, (), now)
        return len(self.subscriptions)

    def next_deadline(self) -> float | None:
        """When `expire` may have something to do (monotonic seconds)."""
        deadlines = (
            self.subscriptions.next_deadline(),
            self._watchers.pacing.next_deadline(),
            self._waiting.next_deadline(),
        )
        return min((one for one in deadlines if one is not None), default=None)
