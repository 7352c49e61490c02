"""Sending NOTIFY: one outstanding per dialog, and nothing that a phone was to learn gets lost.

What is said, and when, `Subscription` knows; here it is sent, and what becomes of it is passed on.
A change from elsewhere waits for the outstanding NOTIFY. The answer to a SUBSCRIBE does not: the
phone is there, and RFC 6665 §4.2.1.2 wants its NOTIFY at once.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from dfks_rules.csta.render import render
from dfks_rules.csta.style import BodyStyle
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.guard import Guard
from dfks_rules.presence.package import OnNotifyTimeout
from dfks_rules.presence.parts import first_part
from dfks_rules.presence.profile import Profile, Profiles
from dfks_rules.presence.subscription import Proof, State, Subscription, Termination
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.sip.endpoint import Ending, Endpoint, Finished
from dfks_rules.sip.message import Response
from dfks_rules.sip.via import MAGIC_COOKIE

MAX_UNPROVED = 2_048
"""Longest content for an address that is not proved, bytes: whoever forges a SUBSCRIBE must not
have us send many times as much. The states of all features take 1,400 to 1,600."""

_ENDED = {why: f"ended_{why.value}" for why in Termination}
"""Why a subscription ended → its count."""


class Delivery:
    """Tells subscriptions what they are to be told."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        endpoint: Endpoint[Subscription],
        subscriptions: Subscriptions,
        guard: Guard,
        on_timeout: OnNotifyTimeout,
        token: Callable[[], bytes],
        counts: dict[str, int],
        profiles: Profiles,
    ) -> None:
        """Make it.

        Args:
            endpoint: what NOTIFYs go through.
            subscriptions: those that live.
            guard: who knows whose addresses are proved.
            on_timeout: what becomes of a subscription that does not answer.
            token: a new unguessable token each time, for branches.
            counts: what is counted, see `counts.NAMES`.
            profiles: how phones want to be told.
        """
        self._endpoint = endpoint
        self._subscriptions = subscriptions
        self._guard = guard
        self._on_timeout = on_timeout
        self._token = token
        self._counts = counts
        self._profiles = profiles

    def tell_all(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Answer a phone with the states of all features, at once.

        After them nothing that it was told before matters.
        """
        self._send(subscription, documents, now)

    def answer(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Answer a phone with the states of some features: at once, or when it may be told them."""
        if self._is_quiet(subscription, now):
            self._postpone(subscription, documents)
            if subscription.outstanding is None:
                # RFC 6665 §4.2.1.2 wants a NOTIFY now.
                profile = self._profiles.of(subscription.requester.user_agent)
                self._send_part(subscription, profile, (), subscription.queued, now)
            return
        self._send(subscription, subscription.to_answer(documents), now)

    def change(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Tell a phone what somebody else changed, as soon as it is ready to hear it."""
        if self._is_quiet(subscription, now):
            self._postpone(subscription, documents)
            return
        told = subscription.to_tell(documents)
        if told:
            self._send(subscription, told, now)
        elif subscription.proof is Proof.UNPROVED:
            self._counts["notify_held"] += 1

    def repeat(self, subscription: Subscription, now: float) -> None:
        """Tell a phone again what it did not confirm, or for the first time what had to wait."""
        if subscription.unconfirmed:
            self._counts["notify_repeated"] += 1
        self._send(subscription, subscription.to_answer(()), now)
        self._subscriptions.schedule(subscription)

    def terminate(
        self, subscription: Subscription, why: Termination, documents: Documents, now: float
    ) -> None:
        """End a subscription, with a last NOTIFY."""
        self._end(subscription, why)
        # Nothing can follow the last NOTIFY, so that it is not split.
        profile = self._profiles.of(subscription.requester.user_agent)
        self._send_part(subscription, profile, documents, (), now)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """The outstanding NOTIFY of a subscription was answered, or was not."""
        subscription = finished.transaction.owner
        response = finished.response
        self._counts[_result(finished)] += 1
        if response is not None:
            self._guard.answered(subscription, response.status, now)
        if subscription.state is State.TERMINATED:
            return
        display = subscription.display
        if response is not None and response.status < 300:
            if display is not None:
                display.confirmed(subscription.unconfirmed, now)
            queued = subscription.confirmed()
            if queued:
                self.change(subscription, queued, now)
            return
        if display is not None:
            display.failed()
        if response is None or response.status == 408:
            is_over = self._gives_up(subscription) or subscription.lives_by_answers
            why = Termination.UNANSWERED if is_over else None
        else:
            why = Termination.REFUSED if _is_final(response) else None
        if why is not None:
            self._end(subscription, why)
            return
        subscription.failed(now, now + _retry_after(response))
        self._subscriptions.schedule(subscription)

    def _gives_up(self, subscription: Subscription) -> bool:
        """Whether a subscription ends because one more NOTIFY was not answered."""
        profile = self._profiles.of(subscription.requester.user_agent)
        choice = profile.on_notify_timeout or self._on_timeout
        return (
            choice is OnNotifyTimeout.DROP and subscription.failures + 1 >= profile.notify_timeouts
        )

    def _is_quiet(self, subscription: Subscription, now: float) -> bool:
        display = subscription.display
        return display is not None and now < display.quiet_until

    def _postpone(self, subscription: Subscription, documents: Documents) -> None:
        """Tell a phone something once it is no longer quiet."""
        display = subscription.display
        if documents and display is not None:
            subscription.postpone(documents, display.quiet_until)
            self._subscriptions.schedule(subscription)

    def drop(self, subscription: Subscription) -> None:
        """End a subscription without a last NOTIFY: nobody has shown that it wants one."""
        self._end(subscription, Termination.UNANSWERED)

    def _end(self, subscription: Subscription, why: Termination) -> None:
        self._subscriptions.remove(subscription)
        self._guard.forget(subscription)
        subscription.ended(why)
        self._counts[_ENDED[why]] += 1

    def _send(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Tell a phone something now; where it needs several NOTIFYs, the first one."""
        profile = self._profiles.of(subscription.requester.user_agent)
        rest: Documents = ()
        if profile.splits and len(documents) > 1:
            documents, rest = first_part(documents, _device(subscription, profile), profile)
        self._send_part(subscription, profile, documents, rest, now)

    def _send_part(
        self,
        subscription: Subscription,
        profile: Profile,
        documents: Documents,
        rest: Documents,
        now: float,
    ) -> None:
        """The one place where a NOTIFY is sent, or held back.

        Args:
            subscription: whose phone is told.
            profile: how.
            documents: what the NOTIFY says.
            rest: what waits until it is confirmed.
            now: monotonic seconds.
        """
        if subscription.is_held:
            self._counts["notify_held"] += 1
            subscription.hold(documents + rest)
            return
        if subscription.outstanding is not None:
            self._endpoint.give_up(subscription.outstanding)
        dialog = subscription.dialog
        branch = MAGIC_COOKIE + self._token()
        content = _content(documents, _device(subscription, profile), profile.style)
        if subscription.proof is Proof.UNPROVED and len(content) > MAX_UNPROVED:
            rest, documents, content = documents + rest, (), _content((), "", profile.style)
        request = dialog.next_request(branch, _state(subscription, now), content)
        request.sendings = subscription.sendings
        self._counts["notify_sent"] += 1
        transaction = self._endpoint.request(request, subscription, now)
        subscription.sent(documents, transaction, rest)
        if subscription.display is not None:
            subscription.display.sent(documents, now)


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


def _device(subscription: Subscription, profile: Profile) -> str:
    """Text of `<device>` in what a phone is told."""
    if profile.device is not None:
        return profile.device
    return subscription.presentity.user if profile.device_is_user else subscription.device


@lru_cache(maxsize=4096)
def _content(documents: Documents, device: str, style: BodyStyle) -> bytes:
    """The end of a NOTIFY: what its body is, and the body."""
    if not documents:
        return b"Content-Length: 0\r\n\r\n"
    content_type, body = render(documents, device, style)
    return b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (content_type, len(body), body)
