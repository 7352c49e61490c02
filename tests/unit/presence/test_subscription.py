"""The life of one subscription, and what its phone is still to be told."""

from math import inf

from dfks_rules.model.identity import AuthMethod, Identity
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.subscription import (
    State,
    Subscription,
    Termination,
)
from dfks_rules.sip.client_transaction import ClientTransaction, Outgoing
from tests.helpers.playbook import FLOW
from tests.helpers.policy import ALICE, CFA, DND, ON, PHONE
from tests.helpers.states import forwarding
from tests.helpers.subscription import active, admitted

_DND: Documents = ((DND, ON),)
_ONE, _TWO, _THREE = (((CFA, forwarding(True, to)),) for to in ("1", "2", "3"))


def _send(subscription: Subscription, documents: Documents) -> None:
    transaction = ClientTransaction(Outgoing(b"b", b"NOTIFY", FLOW), subscription, 0.0)
    subscription.sent(documents, transaction)


def test_it_lives_from_its_first_grant_to_its_deadline() -> None:
    """Before the grant there is no deadline."""
    subscription = admitted()
    assert (subscription.state, subscription.next_deadline()) == (State.ADMITTED, inf)
    subscription.refreshed(PHONE, 10.0)
    assert (subscription.state, subscription.next_deadline()) == (State.ACTIVE, 10.0)
    assert [subscription.has_expired(now) for now in (9.9, 10.0)] == [False, True]


def test_a_refresh_that_waits_keeps_it_from_expiring() -> None:
    """The disk may take longer than the rest of its time."""
    subscription = active()
    subscription.refreshing()
    assert subscription.state is State.REFRESHING
    assert (subscription.has_expired(11.0), subscription.next_deadline()) == (
        False,
        inf,
    )
    subscription.refreshed(PHONE, 70.0)
    assert (subscription.state, subscription.next_deadline()) == (State.ACTIVE, 70.0)


def test_the_old_deadline_holds_again_after_the_last_refresh_that_came_to_nothing() -> None:
    """Two SUBSCRIBEs may wait at once."""
    subscription = active()
    subscription.refreshing()
    subscription.refreshing()
    subscription.refused(PHONE)
    assert subscription.state is State.REFRESHING
    subscription.refused(PHONE)
    assert (subscription.state, subscription.has_expired(11.0)) == (State.ACTIVE, True)


def test_its_requester_is_that_of_the_last_subscribe_whose_outcome_is_known() -> None:
    """The very object: by it the phone that asked for a change is known."""
    subscription = active()
    later = Requester(Origin.WATCHER, ALICE, "desk")
    subscription.refreshing()
    assert (subscription.requester, subscription.device) == (PHONE, "alice")
    subscription.refreshed(later, 20.0)
    assert subscription.requester is later
    assert (subscription.watcher, subscription.device) == (ALICE, "desk")
    subscription.refreshing()
    subscription.refused(PHONE)
    assert subscription.device == "desk", "a refresh names no device"


def test_an_end_leaves_nothing_to_be_told() -> None:
    """What was not confirmed is not said after the last word."""
    subscription = active()
    _send(subscription, _ONE)
    subscription.to_tell(_TWO, inf)
    subscription.failed(0.0)
    subscription.ended(Termination.TIMEOUT)
    assert (subscription.state, subscription.termination) == (
        State.TERMINATED,
        Termination.TIMEOUT,
    )
    assert (subscription.unconfirmed, subscription.queued) == ((), ())
    assert (subscription.has_expired(11.0), subscription.next_deadline()) == (
        False,
        inf,
    )


def test_only_the_host_that_our_tag_and_our_notifies_go_to_is_its_home() -> None:
    """Whoever else made it knows the tag, too."""
    phone = Requester(Origin.WATCHER, ALICE, source_ip="192.0.2.7")
    for source, is_home in (("192.0.2.7", True), ("198.51.100.9", False), ("", False)):
        assert admitted(requester=phone).is_home(source) is is_home
    other = Requester(Origin.WATCHER, ALICE, source_ip="198.51.100.9")
    assert not admitted(requester=other).is_home("198.51.100.9")
    identity = Identity(ALICE, AuthMethod.TRUSTED, "alice")
    trusted = Requester(Origin.WATCHER, ALICE, source_ip="192.0.2.7", identity=identity)
    assert not admitted(requester=trusted).is_home("")
