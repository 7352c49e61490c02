"""How many subscriptions there may be: in all, and of each user, source and Contact."""

from typing import Final, TypeVar, final

from dfks_rules.model.identity import Aor
from dfks_rules.presence.package import SubscriptionLimits
from dfks_rules.presence.responses import RefusedError, unavailable
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.host import network_of

_Key = TypeVar("_Key", Aor, str, tuple[str, int])

LATER = 60
"""When whoever is over a limit may ask again, s: subscriptions end all the time."""


@final
class Quotas:
    """The subscriptions that count, by whom they belong to. What has no limit is not counted."""

    def __init__(self, limits: SubscriptionLimits) -> None:
        self._limits: Final = limits
        self._in_all = 0
        self._of_user: dict[Aor, int] = {}
        self._of_source: dict[str, int] = {}
        self._of_contact: dict[tuple[str, int], int] = {}

    def __len__(self) -> int:
        return self._in_all

    def check(self, subscription: Subscription) -> None:
        """Find out whether one more may count.

        A full server is 503, which has a proxy try another one; so is a full source. Whose user or
        phone has too many is told 403: no other server could help (RFC 3261 §21.4.4, §21.5.4).

        Raises:
            RefusedError: a limit is reached.
        """
        limits = self._limits
        if limits.in_all is not None and self._in_all >= limits.in_all:
            raise unavailable("Too many subscriptions", LATER, "limit_subscriptions")
        most = limits.per_source
        source = subscription.source
        if most is not None and source and self._of_source.get(network_of(source), 0) >= most:
            reason = "Too many subscriptions from this address"
            raise unavailable(reason, LATER, "limit_subscriptions_per_source")
        most = limits.per_user
        if most is not None and self._of_user.get(subscription.watcher, 0) >= most:
            reason = "Too many subscriptions of this user"
            raise RefusedError(403, reason, count="limit_subscriptions_per_user")
        most = limits.per_contact
        if most is not None and self._of_contact.get(_contact(subscription), 0) >= most:
            reason = "Too many subscriptions to this Contact"
            raise RefusedError(403, reason, count="limit_subscriptions_per_contact")

    @property
    def has_parts(self) -> bool:
        """Whether there is a limit that is not for all together."""
        limits = self._limits
        parts = (limits.per_user, limits.per_source, limits.per_contact)
        return any(most is not None for most in parts)

    def add_row(self) -> None:
        """One more counts, of which nothing else is known; there are only limits for all."""
        self._in_all += 1

    def remove_row(self) -> None:
        """One of these is gone."""
        self._in_all -= 1

    def add(self, subscription: Subscription) -> None:
        """One more counts."""
        self._in_all += 1
        self._change(subscription, 1)

    def remove(self, subscription: Subscription) -> None:
        """One that counted is gone."""
        self._in_all -= 1
        self._change(subscription, -1)

    def moved(self, before: tuple[str, int], after: tuple[str, int]) -> bool:
        """One that counts is told at another address and port; whether it may be."""
        most = self._limits.per_contact
        if most is None:
            return True
        _count(self._of_contact, before, -1)
        _count(self._of_contact, after, 1)
        return self._of_contact.get(after, 0) <= most

    def _change(self, subscription: Subscription, by: int) -> None:
        limits = self._limits
        if limits.per_source is not None and subscription.source:
            _count(self._of_source, network_of(subscription.source), by)
        if limits.per_user is not None:
            _count(self._of_user, subscription.watcher, by)
        if limits.per_contact is not None:
            _count(self._of_contact, _contact(subscription), by)


def _contact(subscription: Subscription) -> tuple[str, int]:
    return subscription.dialog.flow.remote


def _count(counts: dict[_Key, int], key: _Key, by: int) -> None:
    """Count up or down; what is 0 is not kept."""
    count = counts.get(key, 0) + by
    if count:
        counts[key] = count
    else:
        del counts[key]
