"""Nobody is hit by us, and nobody takes all the room: which subscriptions are made and told.

Knows the addresses that are proved, the dialogs that are not, and who has how many subscriptions.
"""

from typing import Final, final

from dfks_rules.model.identity import Identity
from dfks_rules.presence.admission import aor_in
from dfks_rules.presence.attempts import Points
from dfks_rules.presence.limits import Quotas
from dfks_rules.presence.package import Limits
from dfks_rules.presence.proof import Contacts, Proof, Unproved, host_of, proof_of
from dfks_rules.presence.responses import RefusedError, unavailable
from dfks_rules.presence.subscription import State, Subscription
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.incoming import Incoming

KEPT_UNPROVED = 10_000
"""Live subscriptions that are unproved, at most; beyond that the oldest is forgotten, so that
forged ones keep nobody out."""
RETRY_AFTER = 5
"""When whoever has too many unproved dialogs, or asks too often, may ask again, s: a phone answers
in less."""

_UNPROVED: Final = Proof.UNPROVED
_PROVED: Final = Proof.PROVED
_ANSWERS: Final = Proof.ANSWERS


@final
class Guard:
    """Decides which subscriptions are made, and at which addresses they are told."""

    def __init__(self, limits: Limits, counts: dict[str, int]) -> None:
        """Nothing is proved, and nobody has subscriptions.

        Args:
            limits: how many subscriptions there may be, and how often they may be asked for.
            counts: what is counted, see `counts.NAMES`.
        """
        self._counts = counts
        self._quotas = Quotas(limits.subscriptions)
        rate = limits.per_user
        self._rate = None if rate is None else Points(rate, 1 / rate)
        self.contacts = Contacts()
        """The addresses that have accepted a NOTIFY."""
        self._unproved = Unproved()
        self._kept: dict[bytes, Subscription] = {}
        """Live ones that are unproved, by our tag, the oldest first."""

    def spend(self, incoming: Incoming, identity: Identity | None, now: float) -> None:
        """Count a SUBSCRIBE of a user: who sent it, or what From says where nobody authenticates.

        Raises:
            RefusedError: there are too many.
        """
        rate = self._rate
        if rate is None:
            return
        user = aor_in(incoming.sender) if identity is None else identity.aor
        if not rate.has(user, now):
            raise unavailable("Too many requests of this user", RETRY_AFTER, "limit_per_user")
        rate.take(user, now)

    def proof_of(self, incoming: Incoming, dialog: Dialog, identity: Identity | None) -> Proof:
        """What a SUBSCRIBE shows of the address that its NOTIFYs would go to."""
        if identity is not None and dialog.is_proxied:
            # The operator has all NOTIFYs go there, and the proxy knows its phones.
            return _PROVED
        return proof_of(incoming, dialog.flow, identity, self.contacts)

    def has_room(self, subscription: Subscription, now: float) -> bool:
        """Whether its host may have one more dialog like this."""
        if subscription.proof is not _UNPROVED:
            return True
        return self.has_room_at(host_of(subscription.dialog.flow), now)

    def has_room_at(self, host: str, now: float) -> bool:
        """Whether a host may have one more dialog that is unproved."""
        return self._unproved.has_room(host, now)

    def may_reach(self, subscription: Subscription, flow: Flow, now: float) -> bool:
        """Whether its NOTIFY may go to an address that its Contact turned out to be.

        A name may lead to a victim the next moment, and so may the Contact of who subscribed over a
        stream: there its dialogs count as unproved ones until they are answered.
        """
        proof = subscription.proof
        if proof is _PROVED or (proof is _ANSWERS and self.contacts.has(flow)):
            return True
        return self._unproved.move(subscription.dialog.local_tag, host_of(flow), now)

    def admit(self, subscription: Subscription, expires: int, now: float) -> Subscription | None:
        """A subscription is to be made, or the states to be fetched.

        Args:
            subscription: what it would be; `has_room`.
            expires: its duration, s; 0 for a fetch, which the limits do not count.
            now: monotonic seconds.

        Returns:
            Another one that has to end for it.

        Raises:
            RefusedError: a limit is reached.
        """
        if expires:
            self._quotas.check(subscription)
        if subscription.proof is not _UNPROVED:
            if expires:
                self._count(subscription)
            return None
        tag, dialog = subscription.dialog.local_tag, subscription.dialog
        self._unproved.add(tag, host_of(dialog.flow), now)
        if not expires:
            return None
        self._kept[tag] = subscription
        return next(iter(self._kept.values())) if len(self._kept) > KEPT_UNPROVED else None

    def moved(
        self,
        subscription: Subscription,
        incoming: Incoming,
        identity: Identity | None,
        before: Flow,
        now: float,
    ) -> bool:
        """A SUBSCRIBE in a dialog was taken; whether NOTIFYs may go where it says.

        Args:
            subscription: that of the dialog.
            incoming: the SUBSCRIBE.
            identity: who sent it, where phones authenticate.
            before: where NOTIFYs went until now.
            now: monotonic seconds.

        Raises:
            RefusedError: it proves the address, but a limit is reached.
        """
        flow = subscription.dialog.flow
        has_moved = flow.remote != before.remote
        if not has_moved and subscription.proof is _PROVED:
            return True
        proof = self.proof_of(incoming, subscription.dialog, identity)
        if subscription.is_home(incoming.flow.remote[0]):
            proof = _PROVED
        counts_there = has_moved and subscription.is_counted
        if counts_there and not self._quotas.moved(before.remote, flow.remote):
            self._counts["limit_subscriptions_per_contact"] += 1
            return False
        if proof is _UNPROVED:
            return not has_moved or self._may_try(subscription, now)
        if proof is not subscription.proof:
            self._check(subscription)
            self._prove(subscription, proof, now)
        return True

    def may_tell(self, subscription: Subscription, now: float) -> bool:
        """Whether a NOTIFY may be sent: to an unproved address one, among the few of its host.

        It is the answer to its first SUBSCRIBE; where the rules give none, it is the first change.
        """
        if subscription.proof is not _UNPROVED:
            return True
        if subscription.is_held:
            return False
        tag, host = subscription.dialog.local_tag, host_of(subscription.dialog.flow)
        if not self._unproved.has(tag):
            if not self._unproved.has_room(host, now):
                return False
            self._unproved.add(tag, host, now)
        return True

    def accepted(self, subscription: Subscription, flow: Flow, now: float) -> None:
        """A NOTIFY got a 2xx: its address wants NOTIFYs, also those of other dialogs.

        Args:
            subscription: whose NOTIFY it was.
            flow: by which it went; that of a stream has the address in Contact, wherever it leads.
            now: monotonic seconds.
        """
        if subscription.is_proved:
            return
        if not flow.connection:
            self.contacts.add(flow)
        if subscription.proof is _UNPROVED:
            self.contacts.add(subscription.dialog.flow)
            self.wanted(subscription, now)
        else:
            self._unproved.remove(subscription.dialog.local_tag)

    def wanted(self, subscription: Subscription, now: float) -> None:
        """A NOTIFY got a 2xx, or a challenge that is going to be answered.

        Who answers with anything else has shown only that it is there: a server that knows nothing
        of the subscription does that. So does a proxy that challenges whatever it gets.
        """
        if subscription.proof is not _UNPROVED:
            return
        flow = subscription.dialog.flow
        if subscription.state is State.TERMINATED:
            self._unproved.remove(subscription.dialog.local_tag)
            return
        try:
            self._check(subscription)
        except RefusedError:
            # Others took the last place meanwhile; it is told when its next SUBSCRIBE finds one.
            return
        self._prove(subscription, Proof.ANSWERS if flow.hop is not None else _PROVED, now)

    @property
    def has_quotas(self) -> bool:
        """Whether it matters whose a subscription is."""
        return self._quotas.has_parts

    def restored(self, subscription: Subscription, *, is_counted: bool) -> None:
        """One of an earlier life of the server goes on; no limit keeps it out.

        Args:
            subscription: what goes on.
            is_counted: whether it counts for the limits; it may do so already.
        """
        if subscription.proof is _UNPROVED:
            self._kept[subscription.dialog.local_tag] = subscription
        if is_counted and not subscription.is_counted:
            self._count(subscription)

    def counted(self) -> None:
        """One that nobody looks at yet goes on; it counts for the limit of all."""
        self._quotas.add_row()

    def dropped(self) -> None:
        """One of these cannot go on after all."""
        self._quotas.remove_row()

    def forget(self, subscription: Subscription) -> None:
        """A subscription has ended, or was not made after all."""
        tag = subscription.dialog.local_tag
        if self._kept.get(tag) is subscription:
            del self._kept[tag]
        if subscription.is_counted:
            subscription.is_counted = False
            self._quotas.remove(subscription)

    def replaced(self, by: Subscription) -> None:
        """One that was admitted takes the place of another one with its tag."""
        if by.proof is _UNPROVED:
            self._kept[by.dialog.local_tag] = by

    @property
    def unproved(self) -> int:
        """How many live subscriptions are unproved."""
        return len(self._kept)

    def _may_try(self, subscription: Subscription, now: float) -> bool:
        """Whether one NOTIFY may go to a new address, as for a new dialog."""
        host = host_of(subscription.dialog.flow)
        if subscription.proof is _UNPROVED or not self._unproved.has_room(host, now):
            return False
        tag = subscription.dialog.local_tag
        self._unproved.remove(tag)
        self._unproved.add(tag, host, now)
        subscription.moved()
        return True

    def _check(self, subscription: Subscription) -> None:
        """Find out whether it may count; one that does has its place."""
        if not subscription.is_counted:
            self._quotas.check(subscription)

    def _prove(self, subscription: Subscription, proof: Proof, now: float) -> None:
        if subscription.proof is _UNPROVED:
            self._counts["contacts_proved"] += 1
            tag = subscription.dialog.local_tag
            self._unproved.remove(tag)
            self._kept.pop(tag, None)
        if not subscription.is_counted:
            self._count(subscription)
        subscription.proved(proof, now)

    def _count(self, subscription: Subscription) -> None:
        self._quotas.add(subscription)
        subscription.is_counted = True


def too_many_unproved() -> RefusedError:
    """The refusal of one more unproved dialog to a host."""
    reason = "Too many unproved subscriptions at this address"
    return unavailable(reason, RETRY_AFTER, "limit_unproved")
