"""Listeners and flows."""

import pytest

from dfks_rules.sip.flow import Listener


@pytest.mark.parametrize(
    ("host", "sent_by"),
    [("192.0.2.1", b"192.0.2.1:5060"), ("2001:db8::1", b"[2001:db8::1]:5060")],
)
def test_ipv6_stands_in_brackets_on_the_wire(host: str, sent_by: bytes) -> None:
    """Without them the port cannot be told from the address."""
    assert Listener("udp", host, 5060).sent_by == sent_by


def test_only_udp_loses_messages() -> None:
    """What is sent again over TCP is a second request."""
    assert [Listener(name, "::1", 1).reliable for name in ("udp", "tcp")] == [False, True]
