"""SUBSCRIBEs that were admitted: their outcome is worked out, then they are answered and told."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, final

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome, Repeated
from dfks_rules.model.gets import Got, Result
from dfks_rules.model.requests import Asked
from dfks_rules.presence.admission import Wish
from dfks_rules.presence.conditional import known_if
from dfks_rules.presence.delivery import Delivery
from dfks_rules.presence.documents import (
    Documents,
    documents_of_get,
    documents_of_got,
    documents_of_set,
    parted,
    rejection_among,
)
from dfks_rules.presence.kept import ONE_SHOT_KEPT
from dfks_rules.presence.live import Live
from dfks_rules.presence.package import ALLOW_EVENTS
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.publish import Refuse
from dfks_rules.presence.responses import RefusedError, refusal, refusal_for
from dfks_rules.presence.subscription import State, Subscription, Termination
from dfks_rules.presence.visit import Visit
from dfks_rules.service.features import Features
from dfks_rules.service.ports import MovedError, Visiting
from dfks_rules.sip import header
from dfks_rules.sip.endpoint import Endpoint

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_TERMINATED: Final = State.TERMINATED
_MOVED: Final = Termination.MOVED


@final
class Answering:
    """Answers SUBSCRIBEs, and has their phones told."""

    def __init__(
        self,
        endpoint: Endpoint[Subscription],
        features: Features,
        profiles: Profiles,
        live: Live,
        delivery: Delivery,
        refuse: Refuse,
    ) -> None:
        """Make it.

        Args:
            endpoint: what answers go through.
            features: what decides and keeps.
            profiles: how phones are treated.
            live: the subscriptions that live.
            delivery: what NOTIFYs go through.
            refuse: what answers with errors.
        """
        self._endpoint = endpoint
        self._features = features
        self._profiles = profiles
        self._subscriptions = live.subscriptions
        self._guard = live.guard
        self._counts = live.counts
        self._kept = live.kept
        self._delivery = delivery
        self._untold = {} if live.restoring is None else live.restoring.untold
        """Tags of those who are to be told all states."""
        self.serve_anew: Callable[[Visit, float], None] | None = None
        """Serves a SUBSCRIBE once its dialog is here; None where there are no other nodes."""
        self.refuse = refuse
        """What answers with errors."""

    def work_out(self, visit: Visit, wish: Wish, at: datetime, now: float) -> None:
        """Have the outcome of a SUBSCRIBE worked out, and answer it once it is known.

        Args:
            visit: the SUBSCRIBE.
            wish: what it asks for.
            at: local time, for the policies.
            now: monotonic seconds.
        """
        transaction = visit.transaction
        try:
            self._ask(visit, wish, at, now)
            self._endpoint.expect_delay(visit.incoming, transaction, now)
        except Exception:
            # It is a bug of ours; a subscription that waited for its outcome would never expire.
            if transaction.response is None:
                self._turn_down(visit, refusal(500), now)
            raise

    def _ask(self, visit: Visit, wish: Wish, at: datetime, now: float) -> None:
        presentity, requester = wish.presentity, wish.requester
        done = partial(self._conclude, visit)
        asked = wish.asked
        profile = self._profiles.of(requester.user_agent)
        if profile.doubts_sets or visit.subscription.display is not None:
            meant = visit.meant(asked, profile, self._counts, now)
            asked = meant.asked
            if meant.echoes and not asked and not visit.condition:
                # Its phone knows what it says, so that there is nothing to decide or to tell.
                self._grant(visit, now)
                if visit.expires == 0:
                    self._end(visit, (), now)
                else:
                    self._delivery.answer(visit.subscription, (), now)
                return
        row = self._row_of(visit, asked, now)
        if not asked:
            self._features.get(presentity, requester, at, now, done, row)
        elif not (
            visit.is_new
            or visit.condition
            or visit.subscription.wants_none
            or (self._untold and visit.subscription.dialog.local_tag in self._untold)
        ):
            self._features.set(presentity, asked, requester, at, now, done, row)
        else:
            # A phone that lost its dialog, or wanted to hear of nothing until now, needs to learn
            # its other features, too; so does one that is to be told them all the same. And a
            # condition is about all of them.
            self._features.set_and_get(presentity, asked, requester, at, now, done, row)

    def _row_of(self, visit: Visit, asked: list[Asked], now: float) -> Visiting | None:
        """What gives the row to be stored before a SUBSCRIBE is answered; None where none is."""
        if self._kept is None or not (asked or (visit.is_new and visit.expires)):
            return None
        visit.is_stored = True
        return partial(self._kept.row_of, visit, now)

    def _conclude(self, visit: Visit, result: Result, now: float) -> None:
        """The outcome of a SUBSCRIBE is known: answer it and tell its phone."""
        subscription = visit.subscription
        if subscription.state is _TERMINATED:
            if subscription.termination is _MOVED:
                self._move(visit, result, now)
                return
            # Meanwhile a policy rejected it, or its phone refused a NOTIFY: it has to begin anew.
            if self._kept is not None and visit.row:
                # It may have been stored after its end; or it is left there, to know a repeat by.
                self._kept.remove_later(visit.row, now + ONE_SHOT_KEPT)
            self.refuse(visit.incoming, refusal(481), visit.transaction)
            return
        if isinstance(result, Got):
            self._answer_got(visit, documents_of_got(result), now)
            return
        if isinstance(result, tuple):
            self._answer(visit, result, now)
            return
        visit.is_stored = False
        if isinstance(result, Repeated):
            self._counts["requests_repeated"] += 1
            self._answer(visit, result.outcomes, now)
        elif isinstance(result, MovedError):
            self._move(visit, result, now)
        else:
            self._turn_down(visit, refusal_for(result), now)

    def _move(self, visit: Visit, result: Result, now: float) -> None:
        """Its dialog is another node's: it is served anew, unless nothing can be stored."""
        subscription = visit.subscription
        if visit.is_new:
            self._guard.forget(subscription)
            if self._kept is not None:
                self._kept.moved(subscription)
        is_served = not isinstance(result, StoreError) or isinstance(result, MovedError)
        if is_served and self.serve_anew is not None:
            visit.is_kept = visit.is_stored and _is_granted(result)
            self.serve_anew(visit, now)
        else:
            error = result if isinstance(result, StoreError) else None
            refused = refusal(500) if error is None else refusal_for(error)
            self.refuse(visit.incoming, refused, visit.transaction)

    def accept(self, visit: Visit) -> None:
        """Accept a SUBSCRIBE whose sets are stored, and after which another node has had a later
        one: that one's NOTIFY tells what this one would tell.
        """
        self._accept(visit, 200)

    def _answer(self, visit: Visit, outcomes: tuple[Outcome, ...], now: float) -> None:
        subscription = visit.subscription
        sets, gets = parted(outcomes)
        rejection = rejection_among(sets)
        documents = documents_of_get(gets, sets) if gets else documents_of_set(sets)
        if rejection is None:
            if gets:
                self._answer_got(visit, documents, now)
                return
            if visit.condition and self._suppressed(visit, documents, now):
                return
            self._grant(visit, now)
        else:
            self._turn_down(visit, refusal(403, rejection.text), now)
            if visit.is_new:
                return
        if rejection is None and visit.expires == 0:
            self._end(visit, documents or (), now)
        elif documents is None:
            return
        elif gets:
            self._delivery.tell_all(subscription, documents, now)
        else:
            self._delivery.answer(subscription, documents, now)

    def _answer_got(self, visit: Visit, documents: Documents | None, now: float) -> None:
        """Grant a SUBSCRIBE, and tell its phone all states; None for no NOTIFY."""
        if visit.condition and self._suppressed(visit, documents, now):
            return
        self._grant(visit, now)
        if visit.expires == 0:
            self._end(visit, documents or (), now)
        elif documents is not None:
            self._delivery.tell_all(visit.subscription, documents, now)

    def _end(self, visit: Visit, documents: Documents, now: float) -> None:
        """End a subscription, as its phone has asked."""
        if visit.is_stored and self._kept is not None:
            self._kept.lingers(visit.subscription, now)
        self._delivery.terminate(visit.subscription, Termination.TIMEOUT, documents, now)

    def _suppressed(self, visit: Visit, documents: Documents | None, now: float) -> bool:
        """Grant a SUBSCRIBE whose condition holds, without the states; whether it does."""
        subscription = visit.subscription
        device = self._delivery.device_of(subscription, visit.requester.device)
        knowledge = known_if(visit.condition, documents, device, subscription.event_id)
        if not knowledge:
            return False
        self._counts["notify_suppressed"] += 1
        self._grant(visit, now, 200 if visit.is_new else 204)
        self._delivery.suppress(visit, documents or (), knowledge, now)
        return True

    def _turn_down(self, visit: Visit, refused: RefusedError, now: float) -> None:
        """Refuse a SUBSCRIBE; its subscription lives as long as it did before."""
        self.refuse(visit.incoming, refused, visit.transaction)
        subscription = visit.subscription
        if visit.is_new:
            self._guard.forget(subscription)
            if self._kept is not None:
                self._kept.never_made(subscription, now)
            return
        subscription.answered(visit.incoming.request.cseq)
        subscription.refused(visit.requester)
        self._subscriptions.schedule(subscription)
        if self._kept is not None and not visit.is_stored:
            self._kept.visited(visit, now)

    def _grant(self, visit: Visit, now: float, status: int = 200) -> None:
        """Accept a SUBSCRIBE; its subscription lives as long as granted."""
        self._accept(visit, status)
        subscription = visit.subscription
        subscription.answered(visit.incoming.request.cseq)
        subscription.refreshed(visit.requester, now + visit.expires, visit.condition)
        if not visit.is_new:
            self._counts["subscriptions_refreshed"] += 1
            self._subscriptions.schedule(subscription)
            if self._kept is not None and not visit.is_stored:
                self._kept.visited(visit, now)
        elif visit.expires:
            self._counts["subscriptions_made"] += 1
            old = self._subscriptions.at(subscription.dialog.local_tag)
            if old is not None:
                self._replace(old, subscription, now)
            self._subscriptions.add(subscription)
        else:
            self._counts["subscriptions_fetched"] += 1

    def _replace(self, old: Subscription, by: Subscription, now: float) -> None:
        """A SUBSCRIBE makes a dialog anew, whose row was found while that waited for its commit.

        Its phone may take both for one dialog, in which CSeqs rise.
        """
        if old.outstanding is not None:
            self._endpoint.give_up(old.outstanding)
        self._delivery.drop(old, now)
        self._guard.replaced(by)
        dialog = by.dialog
        dialog.resumed(dialog.remote_cseq, max(dialog.local_cseq, old.dialog.local_cseq))
        if self._kept is not None:
            self._kept.mark(by, now)

    def _accept(self, visit: Visit, status: int) -> None:
        incoming = visit.incoming
        if incoming.recipient.tag:
            headers = b"Expires: %d\r\n%b" % (visit.expires, incoming.contact())
        else:
            headers = b"Expires: %d\r\n%b%b" % (visit.expires, incoming.contact(), ALLOW_EVENTS)
            record_route = incoming.request.get(header.RECORD_ROUTE)
            if record_route is not None:
                headers += b"Record-Route: %b\r\n" % record_route
        self._endpoint.respond(
            incoming,
            status,
            tag=visit.subscription.dialog.local_tag,
            headers=headers,
            transaction=visit.transaction,
        )


def _is_granted(result: Result) -> bool:
    """Whether something came of a SUBSCRIBE, and no set of it is rejected."""
    if not isinstance(result, tuple):
        return isinstance(result, Got)
    sets, _ = parted(result)
    return rejection_among(sets) is None
