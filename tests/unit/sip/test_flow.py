"""Listeners and flows."""

import json

import pytest

from dfks_rules.sip.flow import Listener, TransportName


@pytest.mark.parametrize(
    ("host", "sent_by"),
    [("192.0.2.1", b"192.0.2.1:5060"), ("2001:db8::1", b"[2001:db8::1]:5060")],
)
def test_ipv6_stands_in_brackets_on_the_wire(host: str, sent_by: bytes) -> None:
    """Without them the port cannot be told from the address."""
    assert Listener("udp", host, 5060).sent_by == sent_by


def test_only_udp_loses_messages() -> None:
    """What is sent again over TCP is a second request."""
    assert [Listener(name, "::1", 1).reliable for name in ("udp", "tcp", "tls")] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("advertise", "where"),
    [
        ("sip.example.com", b"sip.example.com:5060"),
        ("203.0.113.9:5070", b"203.0.113.9:5070"),
        ("[2001:db8::9]", b"[2001:db8::9]:5060"),
        ("[2001:db8::9]:5070", b"[2001:db8::9]:5070"),
    ],
)
def test_advertised_host_stands_in_via_and_contact(advertise: str, where: bytes) -> None:
    """And nowhere else: what is sent comes from the address that was asked, as operators see."""
    listener = Listener("tcp", "10.0.0.1", 5060, advertise)
    assert listener.sent_by == where
    assert listener.contact == b"Contact: <sip:" + where + b";transport=tcp>\r\n"
    assert (listener.host, str(listener)) == ("10.0.0.1", "tcp:10.0.0.1:5060")


def test_transport_is_a_word_that_policies_can_ask_for() -> None:
    """It is a fact as it is."""
    assert Listener("udp", "::1", 1).transport is TransportName.UDP
    assert json.dumps(TransportName.TCP) == '"tcp"'
    assert {"udp": 1}[TransportName.UDP] == 1


def test_only_tls_is_secure() -> None:
    """Nothing of a `sips` URI may go by the others. A port left out is 5061 (RFC 3261 §19.1.2)."""
    listeners = [Listener(name, "::1", 1) for name in ("udp", "tcp", "tls")]
    assert [one.secure for one in listeners] == [False, False, True]
    assert [one.default_port for one in listeners] == [5060, 5060, 5061]


def test_contact_of_tls_is_a_sips_uri_for_who_wrote_one() -> None:
    """RFC 3261 §12.1.1; others get the URI that every phone understands."""
    listener = Listener("tls", "192.0.2.1", 5061)
    assert listener.contact == b"Contact: <sip:192.0.2.1:5061;transport=tls>\r\n"
    assert listener.secure_contact == b"Contact: <sips:192.0.2.1:5061>\r\n"
    assert Listener("tcp", "192.0.2.1", 5060).secure_contact == b""
