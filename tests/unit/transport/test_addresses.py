"""Local addresses."""

import socket

import pytest

from dfks_rules.sip.flow import Listener, TransportName
from dfks_rules.transport.addresses import MAX_LOCAL, Listeners, bound_socket, reachable, source_to


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "2001:db8::1"])
def test_bound_address_is_the_one_to_name(host: str) -> None:
    """The operator chose it."""
    assert reachable(host) == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_wildcard_is_never_named(host: str) -> None:
    """A phone that reads it in Contact would send to itself."""
    assert reachable(host) not in ("0.0.0.0", "::", "")


def test_wildcard_has_one_listener_for_each_address() -> None:
    """Listeners are compared by identity, and a dialog keeps its own."""
    listeners = Listeners(TransportName.UDP, ("0.0.0.0", 5060), "sip.example.com")
    assert listeners.is_wildcard
    one = listeners.at("127.0.0.2")
    assert one is listeners.at("127.0.0.2")
    assert one is not listeners.at("127.0.0.3")
    assert (one.host, one.port, one.sent_by) == ("127.0.0.2", 5060, b"sip.example.com:5060")
    assert one in listeners
    assert Listener("udp", "127.0.0.2", 5060) not in listeners
    assert listeners.at("") is listeners.primary


def test_local_addresses_are_bounded() -> None:
    """All 16 million of 127.0.0.0/8 are local, and who sends chooses."""
    listeners = Listeners(TransportName.UDP, ("0.0.0.0", 5060), None)
    made = {listeners.at(f"127.0.{n // 256}.{n % 256}") for n in range(1, MAX_LOCAL + 9)}
    assert len(made) <= MAX_LOCAL
    assert listeners.at("127.9.9.9") is listeners.primary


def test_ipv4_and_ipv6_wildcards_stand_side_by_side() -> None:
    """And no IPv4 peer looks like `::ffff:192.0.2.7` to a policy."""
    with bound_socket("0.0.0.0", 0, socket.SOCK_DGRAM) as four:
        port = four.getsockname()[1]
        with bound_socket("::", port, socket.SOCK_DGRAM) as six:
            assert six.getsockname()[1] == port


def test_kernel_says_from_which_address_it_would_send() -> None:
    """Nothing is sent for that; where there is no route, there is none."""
    assert source_to("127.0.0.1") == "127.0.0.1"
    assert source_to("::1") == "::1"
    assert source_to("255.255.255.255") is None
