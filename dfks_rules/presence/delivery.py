"""Sending NOTIFY: one outstanding per dialog, and nothing that a phone was to learn gets lost.

What is said, and when, `Subscription` knows; here it is sent, and what becomes of it is passed on.
A change from elsewhere waits for the outstanding NOTIFY. The answer to a SUBSCRIBE does not: the
phone is there, and RFC 6665 §4.2.1.2 wants its NOTIFY at once.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from dfks_rules.csta.render import render
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.package import OnNotifyTimeout
from dfks_rules.presence.subscription import State, Subscription, Termination
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.sip.endpoint import Ending, Endpoint, Finished
from dfks_rules.sip.message import Response
from dfks_rules.sip.via import MAGIC_COOKIE

_ENDED = {why: f"ended_{why.value}" for why in Termination}
"""Why a subscription ended → its count."""


class Delivery:
    """Tells subscriptions what they are to be told."""

    def __init__(
        self,
        endpoint: Endpoint[Subscription],
        subscriptions: Subscriptions,
        on_timeout: OnNotifyTimeout,
        token: Callable[[], bytes],
        counts: dict[str, int],
    ) -> None:
        """Make it.

        Args:
            endpoint: what NOTIFYs go through.
            subscriptions: those that live.
            on_timeout: what becomes of a subscription that does not answer.
            token: a new unguessable token each time, for branches.
            counts: what is counted, see `counts.NAMES`.
        """
        self._endpoint = endpoint
        self._subscriptions = subscriptions
        self._on_timeout = on_timeout
        self._token = token
        self._counts = counts

    def tell_all(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Answer a phone with the states of all features, at once.

        After them nothing that it was told before matters.
        """
        self._send(subscription, documents, now)

    def answer(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Answer a phone with the states of some features, at once."""
        self._send(subscription, subscription.to_answer(documents), now)

    def change(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Tell a phone what somebody else changed, as soon as it is ready to hear it."""
        told = subscription.to_tell(documents)
        if told:
            self._send(subscription, told, now)

    def repeat(self, subscription: Subscription, now: float) -> None:
        """Tell a phone again what it did not confirm."""
        self._counts["notify_repeated"] += 1
        self._send(subscription, subscription.unconfirmed, now)
        self._subscriptions.schedule(subscription)

    def terminate(
        self, subscription: Subscription, why: Termination, documents: Documents, now: float
    ) -> None:
        """End a subscription, with a last NOTIFY."""
        self._end(subscription, why)
        self._send(subscription, documents, now)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """The outstanding NOTIFY of a subscription was answered, or was not."""
        subscription = finished.transaction.owner
        response = finished.response
        self._counts[_result(finished)] += 1
        if subscription.state is State.TERMINATED:
            subscription.forgotten()
            return
        if response is not None and response.status < 300:
            queued = subscription.confirmed()
            if queued:
                self._send(subscription, queued, now)
            return
        if response is None or response.status == 408:
            why = Termination.UNANSWERED if self._on_timeout is OnNotifyTimeout.DROP else None
        else:
            why = Termination.REFUSED if _is_final(response) else None
        if why is not None:
            self._end(subscription, why)
            return
        subscription.failed(now, now + _retry_after(response))
        self._subscriptions.schedule(subscription)

    def _end(self, subscription: Subscription, why: Termination) -> None:
        self._subscriptions.remove(subscription)
        subscription.ended(why)
        self._counts[_ENDED[why]] += 1

    def _send(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """The one place where a NOTIFY is sent."""
        if subscription.outstanding is not None:
            self._endpoint.give_up(subscription.outstanding)
        dialog = subscription.dialog
        branch = MAGIC_COOKIE + self._token()
        request = dialog.next_request(
            branch, _state(subscription, now), _content(documents, subscription.device)
        )
        self._counts["notify_sent"] += 1
        transaction = self._endpoint.request(request, subscription, now)
        subscription.sent(documents, transaction)


def _result(finished: Finished[Subscription]) -> str:
    """The name of the count of what became of a NOTIFY."""
    if finished.ending is Ending.TIMED_OUT:
        return "notify_timed_out"
    if finished.response is None:
        return "notify_unreachable"
    return "notify_answered" if finished.response.status < 300 else "notify_refused"


def _is_final(response: Response) -> bool:
    """Whether an error response ends the subscription (RFC 6665 §4.2.2)."""
    return response.status not in (401, 407) and b"retry-after" not in response.headers


_SECONDS = re.compile(rb"[0-9]{1,9}")


def _retry_after(response: Response | None) -> float:
    """For how long the phone does not want to hear from us, s."""
    value = b"" if response is None else response.headers.get(b"retry-after", b"")
    seconds = _SECONDS.match(value)
    return float(seconds[0]) if seconds else 0.0


def _state(subscription: Subscription, now: float) -> bytes:
    """The Subscription-State line (RFC 6665 §8.2.3)."""
    if subscription.termination is not None:
        reason = subscription.termination.value.encode()
        return b"Subscription-State: terminated;reason=%b\r\n" % reason
    left = max(0, round(subscription.deadline - now))
    return b"Subscription-State: active;expires=%d\r\n" % left


@lru_cache(maxsize=4096)
def _content(documents: Documents, device: str) -> bytes:
    """The end of a NOTIFY: what its body is, and the body."""
    if not documents:
        return b"Content-Length: 0\r\n\r\n"
    content_type, body = render(documents, device)
    return b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (content_type, len(body), body)
