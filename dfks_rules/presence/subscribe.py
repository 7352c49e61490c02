"""SUBSCRIBE: subscriptions are made, refreshed and ended (RFC 6665 §4.2.1).

A SUBSCRIBE is answered when its outcome is known, which may be after the call that brought it has
returned: a set, and what makes a dialog, when it is stored.

| it is                                          | then                                           |
|------------------------------------------------|------------------------------------------------|
| without To tag                                 | a new dialog                                   |
| in a dialog                                    | a refresh                                      |
| the last one that a dialog has granted, again, | a refresh without sets: they were applied      |
| its transaction forgotten                      |                                                |
| the one that has made a dialog which has gone  | a new dialog, but its sets were applied        |
| on since                                       |                                                |
| a fetch with sets that an earlier life of the  | a fetch without sets                           |
| server has granted                             |                                                |
| in a dialog that is not known, while rows are  | nothing: by the time that it comes again, they |
| still read                                     | are there                                      |
| in a dialog that is not known, of several      | asked for (`adopting`), then the same again    |
| nodes; or another node has it by now           |                                                |
| about somebody of whom the store knows nothing | the same, once that is known; repeats          |
| yet                                            | meanwhile are ignored                          |
| one that has waited, and a copy of it that     | 482, as if it came now                         |
| came another way was served meanwhile          |                                                |
"""

from datetime import datetime
from functools import partial
from typing import final

from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.model.identity import AuthMethod, Identity
from dfks_rules.presence.admission import EventHeader, Wish, event_of, is_repeat, known_of, wish_of
from dfks_rules.presence.adopting import Adoptions, Arrival
from dfks_rules.presence.answering import Answering
from dfks_rules.presence.conditional import condition_of
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.guard import too_many_unproved
from dfks_rules.presence.live import Live
from dfks_rules.presence.proof import host_of
from dfks_rules.presence.responses import RefusedError, refusal, refusal_for
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.presence.taking import Taking
from dfks_rules.presence.visit import Visit
from dfks_rules.presence.waiting import Waiting, WaitingRequests
from dfks_rules.service.features import Features
from dfks_rules.service.ports import NotKnownError
from dfks_rules.sip import header
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.incoming import Incoming

FETCHING = 1_024
"""SUBSCRIBEs, at most, that wait until the store knows what they are about."""


@final
class Establishment:
    """Serves SUBSCRIBE."""

    def __init__(  # noqa: PLR0913 - the parts that it works with
        self,
        endpoint: Endpoint[Subscription],
        features: Features,
        setup: Setup,
        live: Live,
        answering: Answering,
        delivery: Delivery,
        taking: Taking | None,
    ) -> None:
        """Nobody waits.

        Args:
            endpoint: what answers go through.
            features: what decides and keeps.
            setup: what is the same for all subscriptions.
            live: the subscriptions that live.
            answering: what answers them.
            delivery: what NOTIFYs go through.
            taking: what takes over dialogs; None where nothing outlives the process.
        """
        self._endpoint = endpoint
        self._features = features
        self._limits = setup.limits
        self._token = setup.token
        self._tag_of = setup.tag_of
        self._gate = setup.gate
        self._profiles = setup.profiles
        self._subscriptions = live.subscriptions
        self._guard = live.guard
        self._counts = live.counts
        self._restoring = live.restoring
        self._answering = answering
        self._delivery = delivery
        self._refuse = answering.refuse
        self._waiting = WaitingRequests()
        self._fetching: set[bytes] = set()
        """Keys of those that wait until the store knows what they are about."""
        self._adoptions: Adoptions | None = None
        """The dialogs of other nodes that are asked for; None where there are none."""
        keeping = setup.keeping
        if keeping is not None and keeping.dialogs.are_shared and taking is not None:
            self._adoptions = Adoptions(
                keeping.dialogs,
                features,
                taking,
                self._serve_arrival,
                answering.accept,
                self._refuse,
                live.counts,
            )
            answering.serve_anew = self._adoptions.moved

    def subscribe(self, incoming: Incoming, at: datetime, now: float) -> None:
        """Serve a SUBSCRIBE.

        Args:
            incoming: the SUBSCRIBE.
            at: local time, for the policies.
            now: monotonic seconds.

        Raises:
            RefusedError: it cannot be served.
            MalformedMessageError: it cannot be read.
            StoreError: what is stored cannot be read.
        """
        if self._fetching and incoming.key in self._fetching:
            return
        if self._adoptions is not None and self._adoptions.is_waiting(incoming):
            return
        identity = None if self._gate is None else self._gate.check(incoming, now)
        self._guard.spend(incoming, identity, now)
        self._serve_once_known(incoming, identity, at, now)

    def _serve_once_known(
        self,
        incoming: Incoming,
        identity: Identity | None,
        at: datetime,
        now: float,
        arrival: Arrival | None = None,
    ) -> None:
        try:
            self._serve(incoming, identity, at, now, arrival)
        except NotKnownError as error:
            if len(self._fetching) >= FETCHING:
                raise
            self._fetching.add(incoming.key)
            done = partial(self._fetched, incoming, identity, at, arrival)
            self._features.fetch(error.presentities, done)

    def _fetched(
        self,
        incoming: Incoming,
        identity: Identity | None,
        at: datetime,
        arrival: Arrival | None,
        error: StoreError | None,
        now: float,
    ) -> None:
        self._fetching.discard(incoming.key)
        try:
            if error is not None:
                raise error
            self._serve_after_wait(incoming, identity, at, now, arrival)
        except (RefusedError, MalformedMessageError, StoreError) as refused:
            transaction = None if arrival is None else arrival.transaction
            self._refuse(incoming, refusal_for(refused), transaction)

    def _serve_after_wait(
        self,
        incoming: Incoming,
        identity: Identity | None,
        at: datetime,
        now: float,
        arrival: Arrival | None = None,
    ) -> None:
        """Serve a SUBSCRIBE, unless a copy of it that came another way was served meanwhile."""
        has_begun = arrival is not None and arrival.transaction is not None
        if has_begun or not self._endpoint.is_served(incoming):
            self._serve_once_known(incoming, identity, at, now, arrival)

    def _serve_arrival(self, arrival: Arrival, now: float) -> None:
        """Serve a SUBSCRIBE that has waited for its dialog."""
        incoming, identity = arrival.incoming, arrival.identity
        self._serve_after_wait(incoming, identity, arrival.at, now, arrival)

    def _serve(
        self,
        incoming: Incoming,
        identity: Identity | None,
        at: datetime,
        now: float,
        arrival: Arrival | None,
    ) -> None:
        """Serve a SUBSCRIBE of somebody who is known, as far as it has to be."""
        event = event_of(incoming.request)
        tag = incoming.recipient.tag
        if tag:
            if self._may_be_elsewhere(tag):
                self._wait_for(tag, arrival or Arrival(incoming, identity, at))
                return
            known = known_of(incoming, event, self._subscriptions)
            is_again = known is not None and is_repeat(known, incoming.request)
        else:
            tag, known, is_again = self._begin(incoming, event, now, arrival)
        wish = wish_of(incoming, self._limits, known, identity)
        if is_again:
            self._counts["requests_repeated"] += 1
            wish = wish.without_sets()
        condition = condition_of(incoming.request)
        requester = wish.requester
        admission = self._features.admit(wish.presentity, requester, at, now)
        begun = None if arrival is None else arrival.transaction
        if admission.denial is not None:
            self._refuse(incoming, refusal(403, admission.denial.text), begun)
            if known is not None:
                self._delivery.terminate(known, Termination.REJECTED, (), now)
            return
        if known is None:
            subscription = self._made(incoming, tag, event, wish, identity)
            if not self._guard.has_room(subscription, now):
                if begun is not None:
                    raise too_many_unproved()
                self._wait_for_room(subscription, incoming, identity, at, now)
                return
            oldest = self._guard.admit(subscription, wish.expires, now)
            if oldest is not None:
                self._delivery.drop(oldest, now)
            says_more = True
        else:
            subscription = known
            says_more = subscription.says_more(requester, condition)
            says_more = says_more or (arrival is not None and arrival.says_more)
            says_more = self._take(subscription, incoming, identity, now, anew=says_more)
            subscription.refreshing()
        transaction = begun or self._endpoint.begin(incoming, now)
        visit = Visit(
            incoming,
            transaction,
            subscription,
            wish,
            condition,
            at,
            is_new=known is None,
            says_more=says_more,
        )
        visit.moves = 0 if arrival is None else arrival.moves
        self._answering.work_out(visit, wish, at, now)

    def _wait_for_room(
        self,
        subscription: Subscription,
        incoming: Incoming,
        identity: Identity | None,
        at: datetime,
        now: float,
    ) -> None:
        """Have a SUBSCRIBE wait until its host has fewer unproved dialogs."""
        host = host_of(subscription.dialog.flow)
        if not self._waiting.add(Waiting(incoming, identity, host, at, now)):
            raise too_many_unproved()

    def _may_be_elsewhere(self, tag: bytes) -> bool:
        """Whether there may be a dialog with this tag that is not known here, or not yet."""
        restoring = self._restoring
        if restoring is None or not (restoring.is_loading or restoring.is_shared):
            return False
        return self._subscriptions.at(tag) is None

    def _wait_for(self, tag: bytes, arrival: Arrival) -> None:
        """Have a SUBSCRIBE wait for its dialog, or come again."""
        if self._adoptions is None:
            self._counts["unanswered_while_loading"] += 1
        else:
            self._adoptions.wait(tag, arrival)

    def _begin(
        self, incoming: Incoming, event: EventHeader, now: float, arrival: Arrival | None
    ) -> tuple[bytes, Subscription | None, bool]:
        """What a SUBSCRIBE without To tag begins.

        Returns:
            Our tag for a new dialog; its subscription where it is there already; and whether the
            SUBSCRIBE was granted before.
        """
        request = incoming.request
        if arrival is not None and arrival.has_gone_on:
            # As below, but for another node.
            return self._token(), None, True
        call_id, remote = request.value(header.CALL_ID), incoming.sender.tag
        # No Call-ID begins like this: nobody can ask for a tag by another request.
        tag = self._tag_of(b"\r\r%b\n%b\n%b\n%d" % (call_id, remote, event.id, request.cseq))
        known = self._subscriptions.at(tag)
        if known is None:
            restoring = self._restoring
            is_again = restoring is not None and restoring.has_granted(tag, request.cseq, now)
            if is_again and self._adoptions is not None:
                # Its row has the tag, and there cannot be two.
                tag = self._token()
            return tag, None, is_again
        if is_repeat(known, request):
            return tag, known, True
        # Its dialog has gone on since: its phone lost it. Or this is a copy that comes late, which
        # only an earlier life could know: then its sets were applied.
        restoring = self._restoring
        return self._token(), None, restoring is not None and restoring.may_know_less(now)

    def _made(
        self,
        incoming: Incoming,
        tag: bytes,
        event: EventHeader,
        wish: Wish,
        identity: Identity | None,
    ) -> Subscription:
        """The subscription, in a dialog of its own, that a SUBSCRIBE would make."""
        dialog = Dialog(
            incoming,
            tag,
            incoming.contact() + event.line,
            self._endpoint.ways,
            trusted=identity is not None and identity.method is AuthMethod.TRUSTED,
            seen=self._profiles.of(wish.requester.user_agent).seen,
        )
        if self._restoring is not None:
            if wish.expires == 0:
                # There may be no row of it: a repeat that comes after a restart must not say
                # something else under the same CSeq.
                dialog.local_cseq = self._restoring.first_cseq
            self._restoring.resume(dialog)
        proof = self._guard.proof_of(incoming, dialog, identity)
        return Subscription(dialog, wish.presentity, wish.requester, event.id, proof)

    def _take(
        self,
        subscription: Subscription,
        incoming: Incoming,
        identity: Identity | None,
        now: float,
        *,
        anew: bool,
    ) -> bool:
        """Take a SUBSCRIBE into its dialog, unless it leads NOTIFYs on from one unproved address
        to the next; 481 has the phone make a new dialog.

        Returns:
            Whether it has to be kept to know where NOTIFYs go, or what else it says (`anew`).
        """
        dialog = subscription.dialog
        before = dialog.flow
        is_moved = dialog.take(incoming, anew=anew)
        says_more = (anew or is_moved) and incoming.request.get(header.CONTACT) is not None
        if dialog.flow is not before:
            self._subscriptions.moved(subscription, before)
        elif subscription.is_proved:
            return says_more
        outstanding = subscription.outstanding
        if outstanding is not None and dialog.flow.remote != before.remote:
            # Whoever answers it now proves nothing of the new address.
            self._endpoint.give_up(outstanding)
            subscription.failed(now)
        if not self._guard.moved(subscription, incoming, identity, before, now):
            self._delivery.drop(subscription, now)
            raise refusal(481)
        return says_more

    # --- Waiting ---

    def serve_waiting(self, flow: Flow, now: float) -> None:
        """Serve those that waited until the host of a flow has fewer unproved dialogs."""
        if not len(self._waiting):
            return
        host = host_of(flow)
        while self._guard.has_room_at(host, now):
            waiting = self._waiting.next_of(host)
            if waiting is None:
                return
            try:
                self._serve_after_wait(waiting.incoming, waiting.identity, waiting.at, now)
            except (RefusedError, MalformedMessageError, StoreError) as error:
                self._refuse(waiting.incoming, refusal_for(error), None)

    def expire(self, now: float) -> None:
        """Refuse those that have waited for too long."""
        for waiting in self._waiting.overdue(now):
            self._refuse(waiting.incoming, too_many_unproved(), None)

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        return self._waiting.next_deadline()
