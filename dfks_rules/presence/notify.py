"""Sending NOTIFY: one outstanding per dialog, and nothing that a phone was to learn gets lost.

What a phone was sent but did not confirm goes into the next NOTIFY again, so that a later one never
overtakes a lost one. A change from elsewhere waits for the outstanding NOTIFY, and several of them
become one. The answer to a SUBSCRIBE does not wait: the phone is there, and RFC 6665 §4.2.1.2 wants
its NOTIFY at once; the outstanding one is given up, its content sent along.
"""

from collections.abc import Callable
from functools import lru_cache

from dfks_rules.csta.render import render
from dfks_rules.presence.documents import Documents, merge
from dfks_rules.presence.package import OnNotifyTimeout
from dfks_rules.presence.subscription import Subscription, Subscriptions, Termination
from dfks_rules.sip.endpoint import Endpoint, Finished
from dfks_rules.sip.message import Response
from dfks_rules.sip.via import MAGIC_COOKIE


class Notify:
    """What subscriptions are told, and what becomes of it."""

    def __init__(
        self,
        endpoint: Endpoint[Subscription],
        subscriptions: Subscriptions,
        on_timeout: OnNotifyTimeout,
        token: Callable[[], bytes],
    ) -> None:
        self._endpoint = endpoint
        self._subscriptions = subscriptions
        self._on_timeout = on_timeout
        self._token = token

    def answer(
        self, subscription: Subscription, documents: Documents, now: float, *, complete: bool
    ) -> None:
        """Tell the phone that sent a SUBSCRIBE, at once.

        Args:
            subscription: whose phone.
            documents: what it is told.
            now: monotonic seconds.
            complete: whether `documents` are the states of all features, after which nothing that
                was told before matters.
        """
        if not complete:
            before = merge(subscription.unconfirmed, subscription.queued)
            documents = merge(before, documents)
        self._send(subscription, documents, now)

    def change(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Tell a phone what somebody else changed, as soon as it is ready to hear it."""
        if subscription.outstanding is None:
            self._send(subscription, merge(subscription.unconfirmed, documents), now)
        else:
            subscription.queued = merge(subscription.queued, documents)

    def terminate(
        self, subscription: Subscription, why: Termination, documents: Documents, now: float
    ) -> None:
        """End a subscription, with a last NOTIFY."""
        self._subscriptions.remove(subscription)
        subscription.termination = why
        self._send(subscription, documents, now)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """The outstanding NOTIFY of a subscription was answered, or timed out."""
        subscription = finished.transaction.owner
        response = finished.response
        subscription.outstanding = None
        if subscription.termination is not None:
            return
        if response is not None and response.status < 300:
            subscription.unconfirmed = ()
            if subscription.queued:
                self._send(subscription, subscription.queued, now)
        elif self._ends(response):
            self._subscriptions.remove(subscription)
        else:
            # Not sent again by itself: the next change or SUBSCRIBE takes it along.
            subscription.unconfirmed = merge(subscription.unconfirmed, subscription.queued)
            subscription.queued = ()

    def _ends(self, response: Response | None) -> bool:
        """Whether an unsuccessful NOTIFY ends the subscription (RFC 6665 §4.2.2)."""
        if response is None or response.status == 408:
            return self._on_timeout is OnNotifyTimeout.DROP
        return response.status not in (401, 407) and b"retry-after" not in response.headers

    def _send(self, subscription: Subscription, documents: Documents, now: float) -> None:
        if subscription.outstanding is not None:
            self._endpoint.clients.abandon(subscription.outstanding)
        dialog = subscription.dialog
        branch = MAGIC_COOKIE + self._token()
        device = subscription.device or subscription.presentity.user
        request = dialog.next_request(
            branch, _state(subscription, now), _content(documents, device)
        )
        subscription.unconfirmed = documents
        subscription.queued = ()
        subscription.outstanding = self._endpoint.request(request, subscription, now)


def _state(subscription: Subscription, now: float) -> bytes:
    """The Subscription-State line (RFC 6665 §8.2.3)."""
    if subscription.termination is not None:
        return b"Subscription-State: terminated;reason=%b\r\n" % subscription.termination.value
    left = max(0, round(subscription.deadline - now))
    return b"Subscription-State: active;expires=%d\r\n" % left


@lru_cache(maxsize=4096)
def _content(documents: Documents, device: str) -> bytes:
    """The end of a NOTIFY: what its body is, and the body."""
    if not documents:
        return b"Content-Length: 0\r\n\r\n"
    content_type, body = render(documents, device)
    return b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (content_type, len(body), body)
