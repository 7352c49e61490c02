"""Hosts in URIs."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.host import (
    address_of,
    check_name,
    is_loopback,
    is_one_host,
    is_private,
    network_of,
)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("1.2.3", None),
        ("999.1.1.1", None),
        ("phone.example", None),
        ("", None),
    ],
)
def test_address_has_one_form_and_a_name_is_none(host: str, address: str | None) -> None:
    """Two spellings of an address are one peer; a socket would ask DNS for what looks like one."""
    assert address_of(host) == address


@pytest.mark.parametrize("name", ["a", "a.", "x" * 63 + ".example", "a." * 126 + "b"])
def test_name_that_dns_can_have_passes(name: str) -> None:
    """RFC 1035 §2.3.4."""
    check_name(name)


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64, "a." * 127 + "b"])
def test_name_that_cannot_be_is_refused(name: str) -> None:
    """RFC 1035 §2.3.4."""
    with pytest.raises(MalformedMessageError, match="invalid host"):
        check_name(name)


@pytest.mark.parametrize(
    "address", ["224.0.0.1", "ff02::1", "255.255.255.255", "0.0.0.0", "::", "::ffff:224.0.0.1"]
)
def test_group_is_not_one_host(address: str) -> None:
    """One request would reach many, or this machine."""
    assert not is_one_host(address)
    assert is_one_host("192.0.2.1")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("192.168.0.1", True),
        ("100.127.255.255", True),
        ("169.254.0.1", True),
        ("127.0.0.1", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("::1", True),
        ("::ffff:192.168.0.1", True),
        ("172.15.0.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_private_address_means_something_only_nearby(address: str, *, expected: bool) -> None:
    """RFC 1918, 6598, 3927, 4193, 4291. Documentation addresses stand for public ones in tests."""
    assert is_private(address) is expected


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::6", "2001:db8:0:1::/64"),
        ("phone.example", "phone.example"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::not", "::not"),
    ],
)
def test_one_peer_has_a_whole_ipv6_network(host: str, network: str) -> None:
    """It would count as 2^64 peers."""
    assert network_of(host) == network


@pytest.mark.parametrize(
    ("address", "is_of_this_machine"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:7f00:1", True),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("::2", False),
    ],
)
def test_loopback_addresses_are_those_of_any_machine(
    address: str, is_of_this_machine: bool
) -> None:
    """In each form in which they can be written."""
    assert is_loopback(address) is is_of_this_machine
