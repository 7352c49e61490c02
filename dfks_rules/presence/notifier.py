"""The notifier: SUBSCRIBE in, responses and NOTIFY out (RFC 6665 §4.2).

Everything it is told comes with the time; it is called on one thread and never waits. Here requests
and moments are passed on to whoever serves them.
"""

from collections.abc import Sequence
from datetime import datetime

from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.presence.admission import CAPABILITIES, check_request, refuse_method
from dfks_rules.presence.answering import Answering
from dfks_rules.presence.counts import REFUSED
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.live import live_of
from dfks_rules.presence.package import ALLOW, ALLOW_PUBLISH
from dfks_rules.presence.publish import Publications
from dfks_rules.presence.responses import RefusedError, refusal_for
from dfks_rules.presence.restoring import Before
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.subscribe import Establishment
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.presence.watchers import Watchers
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.endpoint import Endpoint, Finished
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.server_transaction import ServerTransaction


class Notifier:
    """Serves one event package on one endpoint."""

    def __init__(
        self, endpoint: Endpoint[Subscription], features: Features, feed: Feed, setup: Setup
    ) -> None:
        """Make a notifier.

        Args:
            endpoint: what its messages go through.
            features: what decides and keeps.
            feed: where `features` publishes what was changed.
            setup: what is the same for all subscriptions.
        """
        self._endpoint = endpoint
        self._gate = gate = setup.gate
        live = live_of(setup, endpoint.ways)
        self.counts = live.counts
        """What happened how often since the start; see `counts.NAMES`."""
        self.answered = live.answered
        """How soon NOTIFYs are answered."""
        self.subscriptions = live.subscriptions
        """Those that live."""
        self.guard = live.guard
        """Knows which of them are proved."""
        endpoint.vet_targets(self.guard.may_reach)
        self._kept, self._restoring = live.kept, live.restoring
        self._delivery = delivery = Delivery(endpoint, setup, live)
        answering = Answering(endpoint, features, setup.profiles, live, delivery, self._refuse)
        self._establishment = Establishment(endpoint, features, setup, live, answering, delivery)
        self.publications = Publications(
            endpoint, features, setup.limits, setup.token, self._refuse
        )
        """Those that have not ended."""
        self._has_publishers = gate is None or gate.has_trusted
        self._allow = ALLOW_PUBLISH if self._has_publishers else ALLOW
        self._watchers = Watchers(live, features, delivery)
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
                self._establishment.subscribe(incoming, at, now)
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

    def refresh_watchers(self, presentity: Aor, at: datetime, now: float) -> int:
        """Tell each watcher of a presentity the states of all features; how many there are."""
        return self._watchers.refresh(presentity, at, now)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """A NOTIFY was answered, or was not."""
        self._delivery.finished(finished, now)
        pacing = self._watchers.pacing
        if not pacing.is_idle:
            pacing.answered(now)
        self._establishment.serve_waiting(finished.transaction.owner.dialog.flow, now)

    # --- Time ---

    def expire(self, at: datetime, now: float) -> None:
        """Do what is due: end subscriptions (RFC 6665 §4.2.2), repeat what is unconfirmed.

        Args:
            at: local time, for the policies.
            now: monotonic seconds.
        """
        self._establishment.expire(now)
        for subscription in self.subscriptions.due(now):
            if subscription.has_expired(now):
                self._delivery.terminate(subscription, Termination.TIMEOUT, (), now)
            else:
                self._delivery.repeat(subscription, now)
        self._watchers.pacing.expire(now)
        if self._restoring is not None:
            self._tell_untold(at, now)
        if self._kept is not None:
            self._kept.expire(now)

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
            self._establishment.next_deadline(),
            None if self._restoring is None else self._restoring.next_deadline(),
            None if self._kept is None else self._kept.next_deadline(),
        )
        return min((one for one in deadlines if one is not None), default=None)

    # --- One life of the server, and the next ---

    def restore(self, before: Before, now: float) -> None:
        """There was a life before, whose rows are going to be taken.

        Until all are, a SUBSCRIBE in a dialog that is not found gets no answer. Nothing happens
        where nothing outlives the process.

        Args:
            before: how it ended.
            now: monotonic seconds.
        """
        if self._restoring is not None:
            self._restoring.begin(before, now)

    def take(self, rows: Sequence[DialogRow], now: float) -> None:
        """Take over subscriptions of earlier lives, the newest first; 1,000 take 2 ms.

        Args:
            rows: what `Dialogs.read` gave.
            now: monotonic seconds.
        """
        restoring = self._restoring
        if restoring is None:
            return
        for row in restoring.sort(rows, now):
            if self.subscriptions.has(row.tag):
                # Its phone subscribed again meanwhile.
                restoring.give_up(row)
                continue
            restoring.entered(row)
            self.subscriptions.add_row(row)
            if restoring.is_wanted_now(row):
                self.subscriptions.at(row.tag)

    def loaded(self) -> None:
        """There are no more rows to take."""
        if self._restoring is not None:
            self._restoring.loaded()

    def _tell_untold(self, at: datetime, now: float) -> None:
        assert self._restoring is not None  # noqa: S101 - or nobody is
        for tag in self._restoring.due(now):
            subscription = self.subscriptions.at(tag)
            if subscription is not None:
                self._watchers.tell_all(subscription, at, now)

    def rest(self, now: float) -> None:
        """Have everything about subscriptions written, as the server stops; nothing is sent.

        The next life tells again what is not confirmed.

        Args:
            now: monotonic seconds.
        """
        if self._kept is None:
            return
        for subscription in self.subscriptions.made():
            self._kept.failed(subscription, now)
        for subscription in self._watchers.pacing.waiting():
            self._kept.owe(subscription, now)
        self._kept.rest(now)
