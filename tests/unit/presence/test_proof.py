"""Which addresses have shown that they want our NOTIFYs."""

import pytest

from dfks_rules.model.identity import AuthMethod, Identity
from dfks_rules.presence.proof import (
    DIALOGS_PER_HOST,
    REMEMBERED,
    Contacts,
    Proof,
    Unproved,
    host_of,
    proof_of,
)
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Hop, Listener
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.timers import TIMEOUT
from tests.helpers.playbook import FLOW, LISTENER, message
from tests.helpers.policy import ALICE

_VICTIM = Flow(LISTENER, ("198.51.100.9", 5060))
_NAME = Flow(LISTENER, ("phone.example.com", 5060), 0, Hop("phone.example.com", None, None))
_STREAM = Flow(Listener("tcp", "192.0.2.1", 5060), ("192.0.2.7", 5062), 1)


def _incoming(flow: Flow = FLOW) -> Incoming:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    incoming = endpoint.receive(message(), flow, 0.0)
    assert isinstance(incoming, Incoming)
    return incoming


def _identity(method: AuthMethod) -> Identity:
    return Identity(ALICE, method, "alice")


_DIGEST, _TRUSTED = _identity(AuthMethod.DIGEST), _identity(AuthMethod.TRUSTED)


@pytest.mark.parametrize(
    ("source", "flow", "identity", "proof"),
    [
        (FLOW, FLOW, None, Proof.UNPROVED),
        (FLOW, _VICTIM, None, Proof.UNPROVED),
        (FLOW, FLOW, _DIGEST, Proof.PROVED),
        (FLOW, FLOW._replace(remote=("192.0.2.7", 5099)), _DIGEST, Proof.PROVED),
        (FLOW, _VICTIM, _DIGEST, Proof.UNPROVED),
        (FLOW, _NAME, _DIGEST, Proof.UNPROVED),
        (FLOW, _VICTIM, _TRUSTED, Proof.PROVED),
        (_STREAM, _STREAM, None, Proof.PROVED),
        (_STREAM, _STREAM._replace(remote=("198.51.100.9", 80)), None, Proof.ANSWERS),
    ],
)
def test_an_address_is_proved_by_a_round_trip_to_it_or_by_who_is_trusted(
    source: Flow, flow: Flow, identity: Identity | None, proof: Proof
) -> None:
    """A digest proves where it came from: its nonce was read there. UDP alone proves nothing."""
    assert proof_of(_incoming(source), flow, identity, Contacts()) is proof


def test_an_address_that_has_accepted_a_notify_is_proved_for_all() -> None:
    """A proxy, or a phone that subscribes anew after a power cut."""
    contacts = Contacts()
    contacts.add(FLOW)
    assert proof_of(_incoming(), FLOW, None, contacts) is Proof.PROVED
    other_port = FLOW._replace(remote=("192.0.2.7", 5099))
    assert proof_of(_incoming(), other_port, None, contacts) is Proof.UNPROVED


def test_a_name_is_never_remembered() -> None:
    """It may belong to a victim the next moment."""
    contacts = Contacts()
    contacts.add(_NAME)
    assert (len(contacts), contacts.has(_NAME)) == (0, False)


def test_the_address_that_was_not_used_for_longest_is_forgotten() -> None:
    """The memory is bounded; who subscribes again and again stays in it."""
    contacts = Contacts(at_most=2)
    one, two, three = (FLOW._replace(remote=("192.0.2.7", port)) for port in (1, 2, 3))
    contacts.add(one)
    contacts.add(two)
    contacts.add(one)
    contacts.add(three)
    assert [contacts.has(flow) for flow in (one, two, three)] == [True, False, True]
    contacts.has(one)
    contacts.add(two)
    assert [contacts.has(flow) for flow in (one, two, three)] == [True, True, False]
    assert REMEMBERED < 100_000


def test_a_host_is_an_address_a_network_of_ipv6_or_a_name_that_is_not_looked_up_yet() -> None:
    """Who owns a /64 has any number of addresses."""
    flows = [FLOW, _NAME, FLOW._replace(remote=("2001:db8::7", 5060))]
    assert [host_of(flow) for flow in flows] == ["192.0.2.7", "phone.example.com", "2001:db8::/64"]


def test_a_host_has_room_until_it_has_ten_and_again_when_one_is_proved() -> None:
    """Others do not notice."""
    unproved = Unproved()
    for number in range(DIALOGS_PER_HOST):
        assert unproved.has_room("victim", 0.0)
        unproved.add(b"%d" % number, "victim", 0.0)
    assert (unproved.has_room("victim", 0.0), unproved.has_room("other", 0.0)) == (False, True)
    unproved.remove(b"3")
    unproved.remove(b"3")
    assert unproved.has_room("victim", 0.0)
    assert len(unproved) == DIALOGS_PER_HOST - 1


def test_a_dialog_counts_for_as_long_as_its_notify_may_be_answered() -> None:
    """Whoever forges dialogs keeps a victim's own phone out for that long, unless it goes on."""
    unproved = Unproved(per_host=1)
    unproved.add(b"t", "victim", 1.0)
    assert not unproved.has_room("victim", TIMEOUT + 0.9)
    assert unproved.has_room("victim", TIMEOUT + 1.0)
    assert len(unproved) == 0


def test_a_dialog_that_moved_counts_anew() -> None:
    """The end of its first count is not that of its second."""
    unproved = Unproved(per_host=1)
    unproved.add(b"t", "one", 0.0)
    unproved.remove(b"t")
    unproved.add(b"t", "two", 10.0)
    assert unproved.has_room("one", 10.0)
    assert not unproved.has_room("two", TIMEOUT + 5.0)
    assert unproved.has_room("two", TIMEOUT + 10.0)


def test_more_than_can_be_counted_are_forgotten_from_the_oldest() -> None:
    """A flood over many hosts must not fill the memory."""
    unproved = Unproved(per_host=1, at_most=2)
    for name in ("one", "two", "three"):
        unproved.add(name.encode(), name, 0.0)
    assert [unproved.has_room(name, 0.0) for name in ("one", "two", "three")] == [
        True,
        False,
        False,
    ]


def test_a_name_that_was_looked_up_counts_for_its_host() -> None:
    """Who owns a domain can make any number of names of one victim."""
    unproved = Unproved(per_host=1)
    for name in ("one", "two"):
        unproved.add(name.encode(), name, 0.0)
    assert unproved.move(b"one", "192.0.2.7", 1.0)
    assert unproved.has_room("one", 1.0)
    assert unproved.move(b"one", "192.0.2.7", 2.0)
    assert not unproved.move(b"two", "192.0.2.7", 2.0)
    assert not unproved.has_room("two", 2.0)
    assert unproved.move(b"two", "192.0.2.7", 1.0 + TIMEOUT)
