"""Sending NOTIFY: one outstanding per dialog, and nothing that a phone was to learn gets lost.

What is said, and when, `Subscription` knows; here it is sent, and what becomes of it is passed on.
A change from elsewhere waits for the outstanding NOTIFY. The answer to a SUBSCRIBE does not: the
phone is there, and RFC 6665 §4.2.1.2 wants its NOTIFY at once.
"""

from collections.abc import Callable
from typing import Final

from dfks_rules.presence.conditional import without
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.failures import Verdict, count_of, verdict_of
from dfks_rules.presence.live import Live
from dfks_rules.presence.notify import content_of, state_of
from dfks_rules.presence.pacing import Pacing
from dfks_rules.presence.package import OnNotifyTimeout
from dfks_rules.presence.parts import first_part
from dfks_rules.presence.profile import Profile
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.standing import is_silent
from dfks_rules.presence.subscription import State, Subscription, Termination
from dfks_rules.presence.visit import Visit
from dfks_rules.sip.endpoint import Endpoint, Finished
from dfks_rules.sip.message import Response
from dfks_rules.sip.retry_after import retry_after
from dfks_rules.sip.via import MAGIC_COOKIE

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_TERMINATED: Final = State.TERMINATED
_MOVED: Final = Termination.MOVED

MAX_UNPROVED = 2_048
"""Longest content for an address that is not proved, bytes: whoever forges a SUBSCRIBE must not
have us send many times as much. The states of all features take 1,400 to 1,600."""

SLOW = 1.0
"""An answer that takes longer, s, leaves too little of `restoring.UNSURE` for the next NOTIFY."""

_UNPROVED: Final = Proof.UNPROVED

_ENDED = {why: f"ended_{why.value}" for why in Termination}
"""Why a subscription ended → its count."""


class Delivery:
    """Tells subscriptions what they are to be told."""

    def __init__(self, endpoint: Endpoint[Subscription], setup: Setup, live: Live) -> None:
        """Make it.

        Args:
            endpoint: what NOTIFYs go through.
            setup: what is the same for all subscriptions.
            live: the subscriptions that live.
        """
        self._endpoint = endpoint
        self._on_timeout = setup.limits.on_notify_timeout
        self._token = setup.token
        self._logins = setup.logins
        self._profiles = setup.profiles
        self._subscriptions = live.subscriptions
        self._guard = live.guard
        self._counts = live.counts
        self._answered = live.answered
        self._kept = live.kept
        self._restoring = live.restoring
        self._pacing: Pacing | None = None
        self._stands = setup.standing
        self.disputed: Callable[[Subscription, float], None] | None = None
        """Told that a phone has refused a NOTIFY by 500; None where there are no other nodes."""

    def paced_by(self, pacing: Pacing) -> None:
        """Those who wait there are still to be told something."""
        self._pacing = pacing

    def _profile_of(self, subscription: Subscription) -> Profile:
        return self._profiles.of(subscription.requester.user_agent)

    def device_of(self, subscription: Subscription, said: str | None = None) -> str:
        """Text of `<device>` in what a phone is told; `said`: what it has just sent itself."""
        profile = self._profile_of(subscription)
        return profile.device_for(said or subscription.device, subscription.presentity.user)

    def tell_all(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Answer a phone with the states of all features, at once.

        After them nothing that it was told before matters.
        """
        self._is_told(subscription)
        self._send(subscription, documents, b"", now)

    def suppress(self, visit: Visit, documents: Documents, knowledge: bytes, now: float) -> None:
        """Answer a phone that knows all states, or wants none (RFC 5839 §6.2, §6.3).

        In a new dialog there is a NOTIFY without a body; otherwise there is none.

        Args:
            visit: a SUBSCRIBE that was granted.
            documents: all states.
            knowledge: of them.
            now: monotonic seconds.
        """
        subscription = visit.subscription
        subscription.knows_all(documents, knowledge)
        if visit.expires == 0:
            if subscription.outstanding is not None:
                self._endpoint.give_up(subscription.outstanding)
            self._end(subscription, Termination.TIMEOUT, now)
        self._is_told(subscription)
        if visit.is_new:
            self._send(subscription, (), knowledge, now)
        elif visit.expires == 0:
            self._forget(subscription)

    def answer(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Answer a phone with the states of some features: at once, or when it may be told them."""
        if self._is_quiet(subscription, now):
            self._postpone(subscription, documents)
            if subscription.outstanding is None:
                # RFC 6665 §4.2.1.2 wants a NOTIFY now.
                waiting = subscription.to_answer(())
                profile = self._profile_of(subscription)
                knowledge = subscription.knowledge
                self._send_part(subscription, profile, (), waiting, knowledge, now)
            return
        self._send(subscription, subscription.to_answer(documents), subscription.knowledge, now)

    def change(self, subscription: Subscription, documents: Documents, now: float) -> None:
        """Tell a phone what somebody else changed, as soon as it is ready to hear it."""
        stands, restoring = self._stands, self._restoring
        if stands is not None and restoring is not None and is_silent(stands(now)):
            restoring.owe(subscription, now)
            return
        if subscription.display is not None and self._is_quiet(subscription, now):
            self._postpone(subscription, documents)
            return
        told = subscription.to_tell(documents, now)
        if told:
            self._send(subscription, told, subscription.knowledge, now)
            return
        if subscription.proof is _UNPROVED:
            self._counts["notify_held"] += 1
        if self._kept is not None and subscription.outstanding is None:
            # It waits for a proof, or as long as its phone has asked for: perhaps long.
            self._kept.failed(subscription, now)
            if subscription.is_owed:
                self.settle(subscription, now)
        self._subscriptions.schedule(subscription)

    def repeat(self, subscription: Subscription, now: float) -> None:
        """Tell a phone again what it did not confirm, or for the first time what had to wait."""
        if subscription.unconfirmed:
            self._counts["notify_repeated"] += 1
        self._send(subscription, subscription.to_answer(()), subscription.knowledge, now)
        self._subscriptions.schedule(subscription)

    def terminate(
        self, subscription: Subscription, why: Termination, documents: Documents, now: float
    ) -> None:
        """End a subscription, with a last NOTIFY."""
        # A phone that comes back must not say that it knows what it may have missed.
        known = without(subscription.knowledge, subscription.to_answer(()))
        self._end(subscription, why, now)
        self._send(subscription, documents, known, now)

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """The outstanding NOTIFY of a subscription was answered, or was not."""
        subscription = finished.transaction.owner
        response = finished.response
        if response is not None:
            self._answered.observe(now - finished.transaction.started)
        if response is not None and response.status < 300:
            if not subscription.is_proved:
                self._guard.accepted(subscription, finished.transaction.flow, now)
                self._keep(subscription, now)
            self._counts["notify_answered"] += 1
            self._confirmed(subscription, finished.transaction.started, now)
            return
        verdict = verdict_of(response)
        if verdict is Verdict.CHALLENGED and self._may_answer(subscription, response):
            self._guard.wanted(subscription, now)
            self._keep(subscription, now)
            self._counts["notify_challenged"] += 1
            subscription.forgotten()
            self._send(subscription, subscription.to_answer(()), subscription.knowledge, now)
            return
        self._counts[count_of(finished)] += 1
        if subscription.state is _TERMINATED:
            self._forget(subscription)
            return
        why = self._why_over(subscription, verdict)
        if why is not None:
            self._end(subscription, why, now)
            self._forget(subscription)
            return
        if subscription.display is not None:
            subscription.display.failed()
        wait = None if response is None else retry_after(response)
        subscription.failed(now, now + (wait or 0.0))
        if self._kept is not None:
            self._kept.failed(subscription, now)
        self._subscriptions.schedule(subscription)
        if self.disputed is not None and response is not None and response.status == 500:
            self.disputed(subscription, now)

    def _gives_up(self, subscription: Subscription) -> bool:
        """Whether a subscription ends because one more NOTIFY was not answered."""
        profile = self._profile_of(subscription)
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

    def settle(self, subscription: Subscription, now: float) -> None:
        """A phone is to be told nothing more, unless its turn comes yet: to be told all states, or
        a change that many watch.
        """
        restoring, pacing = self._restoring, self._pacing
        if restoring is not None and restoring.is_untold(subscription):
            return
        if pacing is not None and pacing.is_waiting(subscription):
            return
        if self._kept is not None:
            self._kept.confirmed(subscription, now)

    def drop(
        self, subscription: Subscription, now: float, why: Termination = Termination.UNANSWERED
    ) -> None:
        """End a subscription without a last NOTIFY, which nobody is known to want from us."""
        self._end(subscription, why, now)
        self._forget(subscription)

    def _confirmed(self, subscription: Subscription, started: float, now: float) -> None:
        """A NOTIFY, which was sent first at the moment `started`, was answered 2xx."""
        if subscription.state is _TERMINATED:
            self._forget(subscription)
            return
        if self._logins is not None:
            self._logins.accepted(subscription.dialog)
        if subscription.display is not None:
            subscription.display.confirmed(subscription.unconfirmed, now)
        queued = subscription.confirmed()
        if subscription.is_owed and not queued:
            self.settle(subscription, now)
        if queued:
            if now - started > SLOW:
                # After a crash, what has changed long ago passes for told, unless the row is new.
                self._keep(subscription, now)
            self.change(subscription, queued, now)

    def _may_answer(self, subscription: Subscription, response: Response | None) -> bool:
        """Whether there is a password with which a challenged NOTIFY may be accepted."""
        if self._logins is None or response is None:
            return False
        return self._logins.take(subscription.dialog, response)

    def _why_over(self, subscription: Subscription, verdict: Verdict) -> Termination | None:
        """Why a NOTIFY that was not accepted ends its subscription; None where it does not."""
        if verdict is Verdict.ENDS:
            return Termination.REFUSED
        if verdict is not Verdict.UNHEARD:
            return None
        is_over = self._gives_up(subscription) or subscription.lives_by_answers
        return Termination.UNANSWERED if is_over else None

    def _keep(self, subscription: Subscription, now: float) -> None:
        """Something about a subscription has changed, perhaps."""
        if self._kept is not None:
            self._kept.mark(subscription, now)

    def _is_told(self, subscription: Subscription) -> None:
        """A phone is told all states, or never will be."""
        restoring = self._restoring
        if restoring is not None and restoring.untold:
            restoring.told(subscription)

    def _forget(self, subscription: Subscription) -> None:
        """An ended subscription has had its last NOTIFY."""
        subscription.forgotten()
        if self._logins is not None:
            self._logins.forget(subscription.dialog)

    def _end(self, subscription: Subscription, why: Termination, now: float) -> None:
        self._subscriptions.remove(subscription)
        self._guard.forget(subscription)
        self._is_told(subscription)
        if self._kept is not None:
            left = self._kept.ended(subscription, now)
            if left is not None and self._restoring is not None:
                self._restoring.has_ended(left, now)
        told = self._subscriptions.told
        if told is not None and why is not _MOVED:
            told(subscription, why)
        subscription.ended(why)
        self._counts[_ENDED[why]] += 1

    def _send(
        self, subscription: Subscription, documents: Documents, before: bytes, now: float
    ) -> None:
        """Tell a phone something now; where it needs several NOTIFYs, the first one.

        Nothing can follow the last NOTIFY of a subscription, so that it is not split.

        Args:
            subscription: whose phone is told.
            documents: what it is told.
            before: what it knows besides; empty where it is told all.
            now: monotonic seconds.
        """
        profile = self._profile_of(subscription)
        rest: Documents = ()
        is_last = subscription.state is _TERMINATED
        if len(documents) > 1 and profile.splits and not is_last:
            documents, rest = first_part(documents, self.device_of(subscription), profile)
        self._send_part(subscription, profile, documents, rest, before, now)

    def _send_part(
        self,
        subscription: Subscription,
        profile: Profile,
        documents: Documents,
        rest: Documents,
        before: bytes,
        now: float,
    ) -> None:
        """The one place where a NOTIFY is sent, or held back.

        Args:
            subscription: whose phone is told.
            profile: that of the phone.
            documents: what the NOTIFY says.
            rest: what waits until it is confirmed.
            before: what the phone knows besides; empty where it is told all.
            now: monotonic seconds.
        """
        if not self._guard.may_tell(subscription, now):
            self._counts["notify_held"] += 1
            subscription.hold(documents + rest)
            return
        if subscription.outstanding is not None:
            self._endpoint.give_up(subscription.outstanding)
        kept, is_last = self._kept, subscription.state is _TERMINATED
        if kept is not None and not is_last and not kept.may_go_on(subscription):
            self._end(subscription, Termination.DEACTIVATED, now)
        dialog = subscription.dialog
        branch = MAGIC_COOKIE + self._token()
        device = profile.device_for(subscription.device, subscription.presentity.user)
        event_id, style = subscription.event_id, profile.style
        if rest:
            before = without(before, rest)
        knowledge, content = content_of(documents, device, event_id, before, style)
        if len(content) > MAX_UNPROVED and subscription.proof is _UNPROVED:
            rest, documents = documents + rest, ()
            knowledge, content = content_of((), device, event_id, before, style)
        state = state_of(subscription, now)
        if self._logins is not None:
            state += self._logins.lines(dialog)
        request = dialog.next_request(branch, state, content)
        request.sendings = subscription.sendings
        self._counts["notify_sent"] += 1
        transaction = self._endpoint.request(request, subscription, now)
        subscription.sent(documents, transaction, knowledge, rest)
        if kept is not None:
            kept.sent(subscription, now)
        if subscription.display is not None:
            subscription.display.sent(documents, now)
