"""Addresses as bytes."""

import socket

from dfks_rules.tracing.addresses import packed_pair


def test_addresses_of_one_family_are_packed() -> None:
    """IPv4, IPv6, and IPv6 with a zone."""
    assert packed_pair("192.0.2.7", "10.0.0.1") == (b"\xc0\0\2\7", b"\x0a\0\0\1")
    six = socket.inet_pton(socket.AF_INET6, "fe80::1")
    assert packed_pair("fe80::1%eth0", "fe80::1") == (six, six)


def test_a_name_becomes_nobodys_address() -> None:
    """A message goes to a name where a stream of it is open."""
    assert packed_pair("192.0.2.7", "pbx.example.com") == (b"\xc0\0\2\7", bytes(4))
    six = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    assert packed_pair("pbx.example.com", "2001:db8::1") == (bytes(16), six)
    assert packed_pair("a", "b") == (bytes(4), bytes(4))


def test_a_pair_is_of_the_family_of_the_first() -> None:
    """A packet has one family."""
    assert packed_pair("192.0.2.7", "2001:db8::1") == (b"\xc0\0\2\7", bytes(4))
