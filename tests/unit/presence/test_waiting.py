"""SUBSCRIBEs that wait for half a second."""

from dfks_rules.presence.waiting import Waiting, WaitingRequests
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.incoming import Incoming
from tests.helpers.playbook import FLOW, message
from tests.helpers.policy import NOON


def _waiting(number: int, host: str = "here", now: float = 0.0) -> Waiting:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    via = b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK%d" % number
    incoming = endpoint.receive(message(via=via), FLOW, now)
    assert isinstance(incoming, Incoming)
    return Waiting(incoming, None, host, NOON, now)


def test_those_of_a_host_come_out_in_the_order_in_which_they_came() -> None:
    """Each host has its own queue."""
    requests = WaitingRequests()
    one, two, other = _waiting(1), _waiting(2), _waiting(3, "there")
    assert [requests.add(each) for each in (one, other, two)] == [True] * 3
    assert [requests.next_of("here") for _ in range(3)] == [one, two, None]
    assert len(requests) == 1
    assert requests.next_of("there") is other
    assert (len(requests), requests.next_deadline()) == (0, None)


def test_one_that_comes_again_waits_once() -> None:
    """Its phone repeats it after half a second."""
    requests = WaitingRequests()
    first = _waiting(1)
    assert requests.add(first)
    assert requests.add(_waiting(1, now=0.4))
    assert (len(requests), requests.next_deadline()) == (1, 0.5)
    assert requests.next_of("here") is first


def test_whoever_has_waited_for_half_a_second_is_to_be_refused() -> None:
    """The timer of the driver is never shorter than that."""
    requests = WaitingRequests()
    one, two = _waiting(1, now=0.0), _waiting(2, now=0.2)
    requests.add(one)
    requests.add(two)
    assert requests.overdue(0.4) == []
    assert requests.overdue(0.5) == [one]
    assert requests.next_deadline() == 0.7
    assert requests.overdue(9.0) == [two]
    assert requests.next_of("here") is None


def test_only_so_many_wait() -> None:
    """A flood of forged requests is refused at once."""
    requests = WaitingRequests(at_most=1)
    assert [requests.add(_waiting(number)) for number in (1, 2)] == [True, False]
