"""How many subscriptions each may have."""

import pytest

from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.presence.limits import LATER, Quotas
from dfks_rules.presence.package import SubscriptionLimits
from dfks_rules.presence.responses import RefusedError
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.incoming import Incoming
from tests.helpers.playbook import FLOW, message
from tests.helpers.policy import ALICE, BOB


def _subscription(
    watcher: Aor = ALICE,
    source: str = "192.0.2.7",
    contact: bytes = b"<sip:alice@192.0.2.7:5062>",
    identity: Identity | None = None,
) -> Subscription:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    incoming = endpoint.receive(message(contact=contact), FLOW, 0.0)
    assert isinstance(incoming, Incoming)
    requester = Requester(
        Origin.WATCHER, watcher, source_ip=source, transport="udp", identity=identity
    )
    return Subscription(Dialog(incoming, b"t", b""), ALICE, requester)


def _refused(quotas: Quotas, one: Subscription) -> tuple[int, bytes | None, bytes, str | None]:
    with pytest.raises(RefusedError) as refused:
        quotas.check(one)
    error = refused.value
    return error.status, error.reason, error.headers, error.count


_RETRY = b"Retry-After: %d\r\n" % LATER


@pytest.mark.parametrize(
    ("limits", "other", "answer"),
    [
        (
            SubscriptionLimits(in_all=2),
            _subscription(BOB, "192.0.2.8"),
            (503, b"Too many subscriptions", _RETRY, "limit_subscriptions"),
        ),
        (
            SubscriptionLimits(per_source=2),
            _subscription(BOB),
            (
                503,
                b"Too many subscriptions from this address",
                _RETRY,
                "limit_subscriptions_per_source",
            ),
        ),
        (
            SubscriptionLimits(per_user=2),
            _subscription(source="192.0.2.8"),
            (403, b"Too many subscriptions of this user", b"", "limit_subscriptions_per_user"),
        ),
        (
            SubscriptionLimits(per_contact=2),
            _subscription(BOB, "192.0.2.8", b"<sip:another@192.0.2.7:5062;x=1>"),
            (
                403,
                b"Too many subscriptions to this Contact",
                b"",
                "limit_subscriptions_per_contact",
            ),
        ),
    ],
)
def test_each_limit_has_its_own_refusal_and_there_is_room_again_when_one_ends(
    limits: SubscriptionLimits,
    other: Subscription,
    answer: tuple[int, bytes | None, bytes, str | None],
) -> None:
    """503 has a proxy try another server; 403 is for what none could help."""
    quotas = Quotas(limits)
    one = _subscription()
    for _ in range(2):
        quotas.check(one)
        quotas.add(one)
    assert _refused(quotas, other) == answer
    quotas.remove(one)
    quotas.check(other)
    quotas.remove(one)
    assert len(quotas) == 0
    assert not any((quotas._of_user, quotas._of_source, quotas._of_contact)), "no zeros are kept"


def test_others_are_not_refused() -> None:
    """Another user from another address with another Contact."""
    quotas = Quotas(SubscriptionLimits(100, 1, 1, 1))
    quotas.add(_subscription())
    quotas.check(_subscription(BOB, "192.0.2.8", b"<sip:bob@192.0.2.8>"))


def test_subscriptions_of_a_trusted_peer_do_not_count_for_its_address() -> None:
    """A proxy stands for all its phones; their users are limited."""
    quotas = Quotas(SubscriptionLimits(per_user=2, per_source=1))
    for watcher in (ALICE, BOB):
        one = _subscription(watcher, identity=Identity(watcher, AuthMethod.TRUSTED, "x"))
        quotas.check(one)
        quotas.add(one)
    quotas.check(_subscription())


def test_a_network_of_ipv6_is_one_source() -> None:
    """One peer has at least a /64."""
    quotas = Quotas(SubscriptionLimits(per_source=1))
    quotas.add(_subscription(source="2001:db8::1"))
    assert _refused(quotas, _subscription(source="2001:db8::2"))[0] == 503
    quotas.check(_subscription(source="2001:db8:0:1::1"))


def test_a_subscription_that_moves_counts_at_its_new_address() -> None:
    """And leaves room at the old one."""
    quotas = Quotas(SubscriptionLimits(per_contact=1))
    quotas.add(_subscription())
    there = _subscription(contact=b"<sip:alice@192.0.2.7:5099>")
    quotas.moved(("192.0.2.7", 5062), ("192.0.2.7", 5099))
    assert _refused(quotas, there)[0] == 403
    quotas.check(_subscription())
    quotas.remove(there)
    quotas.moved(("192.0.2.7", 1), ("192.0.2.7", 1))


def test_what_has_no_limit_is_not_counted() -> None:
    """Each entry takes about 100 bytes."""
    quotas = Quotas(SubscriptionLimits(None))
    quotas.add(_subscription())
    quotas.check(_subscription())
    quotas.moved(("a", 1), ("b", 1))
    assert not any((quotas._of_user, quotas._of_source, quotas._of_contact))
