"""Where subscriptions are found, and when they end."""

from dfks_rules.presence.subscription import SPARE, Subscription, Subscriptions
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint, Incoming
from tests.helpers.playbook import FLOW, message
from tests.helpers.policy import ALICE, BOB


def _subscription(tag: bytes, deadline: float = 10.0) -> Subscription:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    incoming = endpoint.receive(message(), FLOW, 0.0)
    assert isinstance(incoming, Incoming)
    subscription = Subscription(Dialog(incoming, tag, b""), ALICE, ALICE)
    subscription.deadline = deadline
    return subscription


def test_subscription_is_found_by_all_three_parts_of_its_dialog() -> None:
    """RFC 3261 §12: whoever knows only one of them is a stranger."""
    subscriptions = Subscriptions()
    one = _subscription(b"t")
    subscriptions.add(one)
    assert subscriptions.find(b"call-1", b"t", b"phone") is one
    for stranger in (
        (b"call-2", b"t", b"phone"),
        (b"call-1", b"u", b"phone"),
        (b"call-1", b"t", b"x"),
    ):
        assert subscriptions.find(*stranger) is None


def test_subscriptions_of_a_presentity_are_those_that_live() -> None:
    """Each change is told to them; removing twice is harmless."""
    subscriptions = Subscriptions()
    one, two = _subscription(b"1"), _subscription(b"2")
    subscriptions.add(one)
    subscriptions.add(two)
    assert subscriptions.of(ALICE) == (one, two)
    assert subscriptions.of(BOB) == ()
    for _ in range(2):
        subscriptions.remove(one)
    assert (subscriptions.of(ALICE), list(subscriptions), len(subscriptions)) == ((two,), [two], 1)
    subscriptions.remove(two)
    assert subscriptions.of(ALICE) == ()


def test_iteration_survives_removals() -> None:
    """Ending all of them removes each while they are gone through."""
    subscriptions = Subscriptions()
    for number in range(3):
        subscriptions.add(_subscription(b"%d" % number))
    for subscription in subscriptions:
        subscriptions.remove(subscription)
    assert len(subscriptions) == 0


def test_expiry_follows_refreshes_and_forgets_what_was_removed() -> None:
    """A refresh costs nothing: the entry is moved when it comes up."""
    subscriptions = Subscriptions()
    short, refreshed, gone = (_subscription(tag) for tag in (b"1", b"2", b"3"))
    for subscription in (short, refreshed, gone):
        subscriptions.add(subscription)
    refreshed.deadline = 20.0
    subscriptions.remove(gone)
    assert subscriptions.expired(9.9) == []
    assert subscriptions.expired(10.0) == [short]
    assert subscriptions.next_deadline() == 20.0
    assert subscriptions.expired(20.0) == [refreshed]
    assert subscriptions.next_deadline() is None


def test_what_phones_unsubscribed_is_not_remembered_until_its_deadline() -> None:
    """A phone that subscribes and unsubscribes all day would fill the memory for an hour."""
    subscriptions = Subscriptions()
    lasting = _subscription(b"lasting", 7.0)
    subscriptions.add(lasting)
    for number in range(3 * SPARE):
        brief = _subscription(b"%d" % number, 3600.0)
        subscriptions.add(brief)
        subscriptions.remove(brief)
    assert len(subscriptions._deadlines) < 2 * SPARE
    assert subscriptions.next_deadline() == 7.0
    assert subscriptions.expired(7.0) == [lasting]
