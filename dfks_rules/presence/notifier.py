"""The notifier: SUBSCRIBE in, responses and NOTIFY out (RFC 6665 §4.2).

Everything it is told comes with the time; it is called on one thread and never waits. Here requests
and moments are passed on to whoever serves them.
"""

from collections.abc import Sequence
from datetime import datetime

from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.presence.admission import CAPABILITIES, check_request, refuse_method
from dfks_rules.presence.answering import Answering
from dfks_rules.presence.claim import Before, Claim
from dfks_rules.presence.counts import REFUSED
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.edges import Edges
from dfks_rules.presence.live import live_of
from dfks_rules.presence.package import ALLOW, ALLOW_PUBLISH
from dfks_rules.presence.publish import Publications
from dfks_rules.presence.responses import RefusedError, refusal_for
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.standing import Standing, check_standing, is_silent
from dfks_rules.presence.subscribe import Establishment
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.presence.taking import taking_of
from dfks_rules.presence.watchers import Watchers
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.endpoint import Endpoint, Finished
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.server_transaction import ServerTransaction

LOOK = 0.25
"""Seconds until it is looked whether a node that may tell nobody anything may do so again."""


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
        self._taking = taking_of(endpoint, live, delivery)
        answering = Answering(endpoint, features, setup.profiles, live, delivery, self._refuse)
        self._establishment = Establishment(
            endpoint, features, setup, live, answering, delivery, self._taking
        )
        self.publications = Publications(
            endpoint, features, setup.limits, setup.token, self._refuse
        )
        """Those that have not ended."""
        self._stands = setup.standing
        self._is_silent = False
        """Whether nobody could be told anything when it was looked at last."""
        self._look_at = 0.0
        """When it is looked at again, monotonic seconds, while that is so."""
        self._has_publishers = gate is None or gate.has_trusted
        self._allow = ALLOW_PUBLISH if self._has_publishers else ALLOW
        self._watchers = Watchers(live, features, delivery, setup.standing)
        feed.listen_to_sets(self._watchers.hear)
        self.edges = Edges(live, features, self._watchers.spread)
        """Tells watchers what they see otherwise as time passes."""

    def receive(self, incoming: Incoming, at: datetime, now: float) -> None:
        """Serve one request.

        Args:
            incoming: a well-formed request.
            at: local time, for the policies.
            now: monotonic seconds.
        """
        try:
            if self._stands is not None:
                check_standing(self._stands(now), incoming, self.subscriptions.has)
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
        if not pacing.is_idle and not self._is_silent:
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
        if self._stands is not None and self._may_not_speak(self._stands(now), now):
            return
        for subscription in self.subscriptions.due(now):
            if subscription.has_expired(now):
                self._delivery.terminate(subscription, Termination.TIMEOUT, (), now)
            else:
                self._delivery.repeat(subscription, now)
        self._watchers.pacing.expire(now)
        self.edges.expire(at, now)
        if self._restoring is not None:
            self._tell_untold(at, now)
        if self._kept is not None:
            self._kept.expire(now)
        self.subscriptions.nap(now)

    def _may_not_speak(self, standing: Standing, now: float) -> bool:
        """Whether nothing may begin now; NOTIFYs that are outstanding are given up then."""
        was_silent, self._is_silent = self._is_silent, is_silent(standing)
        if self._is_silent:
            self._look_at = now + LOOK
            if not was_silent and self._taking is not None:
                self._taking.fall_silent(now)
        return self._is_silent

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
        if self._is_silent:
            refused_at = self._establishment.next_deadline()
            return self._look_at if refused_at is None else min(refused_at, self._look_at)
        deadlines = (
            self.subscriptions.next_deadline(),
            self.subscriptions.next_nap(),
            self._watchers.pacing.next_deadline(),
            self._establishment.next_deadline(),
            self.edges.next_deadline(),
            None if self._restoring is None else self._restoring.next_deadline(),
            None if self._kept is None else self._kept.next_deadline(),
        )
        return min((one for one in deadlines if one is not None), default=None)

    # --- One life of the server, and the next; several nodes ---

    def restore(self, before: Before, now: float) -> Claim | None:
        """Rows of a life that has ended are going to be taken: the one before, or another node's.

        Until all are, a SUBSCRIBE in a dialog that is not found gets no answer, or its dialog is
        asked for. Nothing happens where nothing outlives the process.

        Args:
            before: how it ended.
            now: monotonic seconds.

        Returns:
            What `take` wants to know of the rows, and `loaded`.
        """
        if self._restoring is None:
            return None
        return self._restoring.begin(before, now)

    def take(self, claim: Claim | None, rows: Sequence[DialogRow], now: float) -> None:
        """Take over subscriptions of another life, the newest first; 400 take 3 ms.

        Args:
            claim: what `restore` gave.
            rows: what `Dialogs.read` gave, or the engine.
            now: monotonic seconds.
        """
        if self._taking is not None and claim is not None:
            self._taking.take(claim, rows, now)

    def loaded(self, claim: Claim | None) -> None:
        """There are no more rows of a claim to take."""
        if self._restoring is not None and claim is not None:
            self._restoring.loaded(claim)

    def has(self, tag: bytes) -> bool:
        """Whether the dialog with this tag of ours is here."""
        return self.subscriptions.has(tag)

    def adopted(self, row: DialogRow, now: float) -> None:
        """This node has adopted a dialog, and nobody has waited for it: its phone is told all
        states.

        Args:
            row: as it is stored.
            now: monotonic seconds.
        """
        if self._taking is not None:
            self._taking.found(row, now)

    def lose(self, tag: bytes, row: int, now: float) -> None:
        """Another node has moved a dialog: it ends here silently, if it has this number.

        Args:
            tag: our tag in it.
            row: the number that it had before.
            now: monotonic seconds.
        """
        if self._taking is not None:
            self._taking.lose(tag, row, now)

    def lost(self, rows: Sequence[int], now: float) -> None:
        """What was written behind met rows that are other nodes'; to be called just before the
        `done` of `Dialogs.write`, or just after it.

        Args:
            rows: their numbers.
            now: monotonic seconds.
        """
        if self._taking is not None:
            self._taking.lost(rows, now)

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
        """Another node has changed something: tell who watches here; see `Watchers.learned`."""
        self._watchers.learned(presentity, before, after, tells=tells, at=at, now=now)

    def forget_all(self, now: float) -> None:
        """Every dialog is another node's from now on: all end here, silently."""
        if self._taking is not None:
            self._taking.drop_all(now)

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
