"""The notifier: SUBSCRIBE in, responses and NOTIFY out (RFC 6665 §4.2).

Everything it is told comes with the time; it is called on one thread and never waits. A SUBSCRIBE
is answered when its outcome is known (a set: committed), which may be after the call that
brought it has returned.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from dfks_rules.csta.names import ACCEPT
from dfks_rules.csta.parse import parse as parse_body
from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.model.decisions import Denial, DenialAnswer, Outcome
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.presence.documents import (
    Documents,
    documents_for_others,
    documents_of_get,
    documents_of_set,
)
from dfks_rules.presence.notify import Notify
from dfks_rules.presence.package import ALLOW, ALLOW_EVENTS, EVENT, Limits
from dfks_rules.presence.ports import FeatureService
from dfks_rules.presence.responses import RefusedError, refusal, refusal_for
from dfks_rules.presence.subscription import Subscription, Subscriptions, Termination
from dfks_rules.sip.address import Address
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint, Finished, Incoming
from dfks_rules.sip.grammar import TOKEN, split_list
from dfks_rules.sip.message import Request
from dfks_rules.sip.transaction import ServerTransaction
from dfks_rules.sip.uri import aor_of, parse_uri

_KNOWN_METHODS = frozenset(
    b"INVITE CANCEL BYE REGISTER MESSAGE PUBLISH NOTIFY REFER INFO UPDATE PRACK".split()
)
_IN_DIALOG_ONLY = frozenset(b"BYE NOTIFY INFO UPDATE PRACK".split())


# A named tuple's own constructor is a Python function: this is the same without the call.
_new = tuple.__new__


class _Visit(NamedTuple):
    """A SUBSCRIBE that was admitted and waits for its outcome."""

    incoming: Incoming
    transaction: ServerTransaction
    subscription: Subscription
    new: bool
    """Whether it creates the dialog."""
    expires: int
    """Granted duration, s."""


class Notifier:
    """Serves one event package on one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint[Subscription],
        features: FeatureService,
        limits: Limits,
        token: Callable[[], bytes],
    ) -> None:
        """Make a notifier.

        Args:
            endpoint: what its messages go through.
            features: what decides and keeps.
            limits: how long subscriptions may last.
            token: a new unguessable token each time, for tags and branches (RFC 3261 §19.3).
        """
        self._endpoint = endpoint
        self._features = features
        self._limits = limits
        self._token = token
        self.subscriptions = Subscriptions()
        self._notify = Notify(endpoint, self.subscriptions, limits.on_notify_timeout, token)

    def receive(self, incoming: Incoming, at: datetime, now: float) -> None:
        """Serve one request.

        Args:
            incoming: a well-formed request.
            at: local time, for the policies.
            now: monotonic seconds.
        """
        try:
            self._check_extensions(incoming.request)
            if incoming.request.method == b"SUBSCRIBE":
                self._subscribe(incoming, at, now)
            else:
                self._other_method(incoming)
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
        self._endpoint.respond(
            incoming,
            refused.status,
            reason=refused.reason,
            headers=refused.headers,
            transaction=transaction,
        )

    @staticmethod
    def _check_extensions(request: Request) -> None:
        """Nobody may require of us what we do not have (RFC 3261 §8.2.2.3, §16.3)."""
        if b"require" not in request.headers and b"proxy-require" not in request.headers:
            return
        required = [
            option
            for name in (b"require", b"proxy-require")
            for option in split_list(request.headers.get(name, b""))
        ]
        if required:
            raise refusal(420, headers=b"Unsupported: %b\r\n" % b", ".join(required))

    def _other_method(self, incoming: Incoming) -> None:
        method = incoming.request.method
        if method == b"OPTIONS":
            self._endpoint.respond(incoming, 200, headers=_CAPABILITIES)
        elif method in _IN_DIALOG_ONLY and incoming.recipient.tag:
            raise refusal(481)
        else:
            raise refusal(405 if method in _KNOWN_METHODS else 501)

    # --- SUBSCRIBE ---

    def _subscribe(self, incoming: Incoming, at: datetime, now: float) -> None:
        request = incoming.request
        if request.headers.get(b"max-forwards", b"70").strip(b"0") == b"":
            # §16.3: only OPTIONS may be answered by whoever it strands at.
            raise refusal(483)
        event = _check_event(request)
        subscription = self._in_dialog(incoming) if incoming.recipient.tag else None
        expires = self._granted(request)
        asked = _asked(request)
        if subscription is None:
            presentity = aor_of(incoming.uri)
            if not presentity.user:
                raise refusal(404)
            watcher = _watcher(incoming.sender, presentity)
        else:
            presentity, watcher = subscription.presentity, subscription.watcher
        requester = Requester(
            Origin.WATCHER,
            watcher,
            asked[-1].device if asked else None,
            request.text(b"user-agent"),
            incoming.flow.listener.transport,
            incoming.flow.remote[0],
        )
        admission = self._features.admit(presentity, requester, at)
        if admission.denial is not None:
            if subscription is not None:
                subscription.dialog.remote_cseq = request.cseq
                self._notify.terminate(subscription, Termination.REJECTED, (), now)
            raise refusal(403, admission.denial.text)
        new = subscription is None
        if subscription is None:
            fixed = incoming.flow.listener.contact + event
            subscription = Subscription(Dialog(incoming, self._token(), fixed), presentity, watcher)
        else:
            subscription.dialog.refresh_target(incoming)
            subscription.dialog.remote_cseq = request.cseq
        transaction = self._endpoint.begin(incoming, now)
        visit = _new(_Visit, (incoming, transaction, subscription, new, expires))
        if not asked:
            self._features.get(presentity, requester, at, now, partial(self._got, visit, ()))
            return
        subscription.device = requester.device or subscription.device
        if not new:
            self._features.set(presentity, asked, requester, at, now, partial(self._was_set, visit))
            return
        # A phone that lost its dialog needs to learn its other features, too. They are asked for
        # in this turn, so that one revision of the policies decides all of the request; the answer
        # to a get comes after that to the set before it.
        was_set: list[tuple[Outcome, ...] | StoreError] = []
        self._features.set(presentity, asked, requester, at, now, lambda o, _: was_set.append(o))
        done = partial(self._was_set_anew, visit, was_set)
        self._features.get(presentity, requester, at, now, done)

    def _in_dialog(self, incoming: Incoming) -> Subscription:
        """The subscription that a SUBSCRIBE with a To tag belongs to (RFC 3261 §12.2.2)."""
        call_id = incoming.request.headers[b"call-id"]
        local, remote = incoming.recipient.tag, incoming.sender.tag
        subscription = self.subscriptions.find(call_id, local, remote)
        if subscription is None:
            raise refusal(481)
        if incoming.request.cseq <= subscription.dialog.remote_cseq:
            raise refusal(500, "CSeq out of order")
        return subscription

    def _granted(self, request: Request) -> int:
        """The duration to grant, s (RFC 6665 §4.2.1.1)."""
        limits = self._limits
        wish = request.seconds(b"expires")
        if wish is None:
            return limits.default_expires
        if 0 < wish < limits.min_expires:
            raise refusal(423, headers=b"Min-Expires: %d\r\n" % limits.min_expires)
        return min(wish, limits.max_expires)

    def _was_set(
        self, visit: _Visit, outcomes: tuple[Outcome, ...] | StoreError, now: float
    ) -> None:
        """The sets of a SUBSCRIBE in its dialog are committed or refused."""
        if isinstance(outcomes, StoreError):
            self._refuse(visit.incoming, refusal_for(outcomes), visit.transaction)
            return
        self._conclude(visit, documents_of_set(outcomes), now, rejection=_rejection(outcomes))
        self.tell_watchers(outcomes, now, visit.subscription)

    def _was_set_anew(
        self,
        visit: _Visit,
        was_set: list[tuple[Outcome, ...] | StoreError],
        outcomes: tuple[Outcome, ...] | StoreError,
        now: float,
    ) -> None:
        """The sets of a SUBSCRIBE that makes a dialog are settled, and the states to tell known."""
        (sets,) = was_set
        if isinstance(sets, StoreError):
            self._refuse(visit.incoming, refusal_for(sets), visit.transaction)
            return
        rejection = _rejection(sets)
        if rejection is not None:
            self._refuse(visit.incoming, refusal(403, rejection.text), visit.transaction)
        else:
            self._got(visit, sets, outcomes, now)
        self.tell_watchers(sets, now, visit.subscription)

    def _got(
        self,
        visit: _Visit,
        was_set: tuple[Outcome, ...],
        outcomes: tuple[Outcome, ...] | StoreError,
        now: float,
    ) -> None:
        """The states to tell are known."""
        if isinstance(outcomes, StoreError):
            self._refuse(visit.incoming, refusal_for(outcomes), visit.transaction)
            return
        self._conclude(visit, documents_of_get(outcomes, was_set), now, complete=True)

    def _conclude(
        self,
        visit: _Visit,
        documents: Documents | None,
        now: float,
        *,
        complete: bool = False,
        rejection: Denial | None = None,
    ) -> None:
        """Answer a SUBSCRIBE and tell its phone; the subscription lives as long as granted.

        Args:
            visit: the SUBSCRIBE.
            documents: what to tell; None when the policies want no NOTIFY.
            now: monotonic seconds.
            complete: whether `documents` are the states of all features.
            rejection: the refusal that is to be answered with 403.
        """
        subscription = visit.subscription
        if rejection is not None:
            self._refuse(visit.incoming, refusal(403, rejection.text), visit.transaction)
        else:
            self._accept(visit)
            subscription.deadline = now + visit.expires
            if visit.new and visit.expires:
                self.subscriptions.add(subscription)
        if visit.expires == 0 and rejection is None:
            self._notify.terminate(subscription, Termination.TIMEOUT, documents or (), now)
        elif documents is not None:
            self._notify.answer(subscription, documents, now, complete=complete)

    def _accept(self, visit: _Visit) -> None:
        incoming = visit.incoming
        headers = b"Expires: %d\r\n%b" % (visit.expires, incoming.flow.listener.contact)
        record_route = incoming.request.headers.get(b"record-route")
        if visit.new and record_route is not None:
            headers += b"Record-Route: %b\r\n" % record_route
        self._endpoint.respond(
            incoming,
            200,
            tag=visit.subscription.dialog.local_tag,
            headers=headers,
            transaction=visit.transaction,
        )

    # What happens besides.

    def tell_watchers(
        self, outcomes: tuple[Outcome, ...], now: float, requester: Subscription | None = None
    ) -> None:
        """Tell a presentity's watchers what was changed, except the one that asked for it."""
        watching = self.subscriptions.of(outcomes[0].request.presentity)
        others = [subscription for subscription in watching if subscription is not requester]
        # Nearly always the phone that asked is the only one.
        documents = documents_for_others(outcomes) if others else ()
        if documents:
            for subscription in others:
                self._notify.change(subscription, documents, now)

    def refresh_watchers(self, presentity: Aor, at: datetime, now: float) -> int:
        """Tell each watcher of a presentity the states of all features; how many there are."""
        subscriptions = self.subscriptions.of(presentity)
        for subscription in subscriptions:
            requester = Requester(Origin.OPERATOR, subscription.watcher)
            done = partial(self._refreshed, subscription)
            self._features.get(presentity, requester, at, now, done)
        return len(subscriptions)

    def _refreshed(
        self, subscription: Subscription, outcomes: tuple[Outcome, ...] | StoreError, now: float
    ) -> None:
        documents = None if isinstance(outcomes, StoreError) else documents_of_get(outcomes)
        if documents is not None and subscription.termination is None:
            self._notify.answer(subscription, documents, now, complete=True)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """A NOTIFY was answered, or timed out."""
        self._notify.finished(finished, now)

    def expire(self, now: float) -> None:
        """End the subscriptions whose time is over (RFC 6665 §4.2.2)."""
        for subscription in self.subscriptions.expired(now):
            self._notify.terminate(subscription, Termination.TIMEOUT, (), now)

    def deactivate(self, now: float) -> None:
        """End every subscription, because the server stops: phones subscribe again elsewhere."""
        for subscription in self.subscriptions:
            self._notify.terminate(subscription, Termination.DEACTIVATED, (), now)

    def next_deadline(self) -> float | None:
        """When `expire` may have something to do (monotonic seconds)."""
        return self.subscriptions.next_deadline()


_CAPABILITIES = ALLOW + ALLOW_EVENTS + b"Accept: " + ACCEPT.encode() + b"\r\n"
_EVENT = re.compile(TOKEN)


def _check_event(request: Request) -> bytes:
    """The Event line to echo, with its `id` (RFC 6665 §8.2.1)."""
    event = request.headers.get(b"event", b"")
    package = _EVENT.match(event)
    if package is None or package[0] != EVENT:
        raise refusal(489)
    return b"Event: %b\r\n" % event


def _asked(request: Request) -> list[Asked]:
    """The sets in the body; empty when there is no body, which asks for every state."""
    if not request.body:
        return []
    encoding = request.headers.get(b"content-encoding", b"identity")
    if encoding.lower() != b"identity":
        raise refusal(415, headers=b"Accept-Encoding: identity\r\n")
    content_type = request.headers.get(b"content-type", b"").decode(errors="replace")
    return parse_body(content_type, request.body)


def _watcher(sender: Address, presentity: Aor) -> Aor:
    """The address of record in From; one that is no SIP URI is nobody's presentity."""
    try:
        watcher = aor_of(parse_uri(sender.uri))
    except MalformedMessageError:
        return Aor(sender.uri[:MAX_TEXT].decode(errors="replace"), "")
    # One object for both where they are equal: there are as many as subscriptions.
    return presentity if watcher == presentity else watcher


def _rejection(outcomes: tuple[Outcome, ...]) -> Denial | None:
    """The first refusal that is to be answered with 403; what only followed does not count."""
    for outcome in outcomes:
        denial = outcome.decision.denial
        if denial is None or denial.answer is not DenialAnswer.REJECT:
            continue
        if outcome.request.requester.origin is not Origin.INTERNAL:
            return denial
    return None
