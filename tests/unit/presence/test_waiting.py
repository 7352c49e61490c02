"""SUBSCRIBEs that wait for half a second."""

from dfks_rules.presence.waiting import Guest, WaitingRoom
from dfks_rules.sip.endpoint import Endpoint, Incoming
from tests.helpers.playbook import FLOW, message
from tests.helpers.policy import NOON


def _guest(number: int, host: str = "here", now: float = 0.0) -> Guest:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    via = b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK%d" % number
    incoming = endpoint.receive(message(via=via), FLOW, now)
    assert isinstance(incoming, Incoming)
    return Guest(incoming, None, host, NOON, now)


def test_those_of_a_host_come_out_in_the_order_in_which_they_came() -> None:
    """Each host has its own queue."""
    room = WaitingRoom()
    one, two, other = _guest(1), _guest(2), _guest(3, "there")
    assert [room.add(guest) for guest in (one, other, two)] == [True] * 3
    assert [room.next_of("here") for _ in range(3)] == [one, two, None]
    assert len(room) == 1
    assert room.next_of("there") is other
    assert (len(room), room.next_deadline()) == (0, None)


def test_one_that_comes_again_waits_once() -> None:
    """Its phone repeats it after half a second."""
    room = WaitingRoom()
    first = _guest(1)
    assert room.add(first)
    assert room.add(_guest(1, now=0.4))
    assert (len(room), room.next_deadline()) == (1, 0.5)
    assert room.next_of("here") is first


def test_whoever_has_waited_for_half_a_second_is_to_be_refused() -> None:
    """The timer of the driver is never shorter than that."""
    room = WaitingRoom()
    one, two = _guest(1, now=0.0), _guest(2, now=0.2)
    room.add(one)
    room.add(two)
    assert room.overdue(0.4) == []
    assert room.overdue(0.5) == [one]
    assert room.next_deadline() == 0.7
    assert room.overdue(9.0) == [two]
    assert room.next_of("here") is None


def test_a_full_room_takes_nobody() -> None:
    """A flood of forged requests is refused at once."""
    room = WaitingRoom(at_most=1)
    assert [room.add(_guest(number)) for number in (1, 2)] == [True, False]
