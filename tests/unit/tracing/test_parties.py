"""Whom a message is about."""

import time

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.tracing.parties import MAX_KNOWN, MAX_URIS, Parties, _user_of, parties_of
from tests.helpers.playbook import message

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uri", b"sip:bob@example.com"),
        ("uri", b"sips:bob@EXAMPLE.com:5061;transport=tcp"),
        ("from", b'"Bob, \\" <sip:eve@example.com>" <sip:bob@example.com>;tag=1'),
        ("from", b"sip:bob@example.com;tag=1"),
        ("to", b"<sip:%62ob:secret@example.com>"),
        ("p_asserted_identity", b"<tel:+49301>, <sip:bob@example.com>"),
        ("P_ASSERTED_identity", b"\r\n <sip:bob@example.com>"),
    ],
)
def test_each_place_that_names_a_user_is_looked_at(name: str, value: bytes) -> None:
    """A proxy's requests are about a user whom only one of them names."""
    changes = {"from": b"<sip:alice@example.com>;tag=1", "to": b"<sip:alice@example.com>"}
    parties = parties_of(message(**{**changes, name: value}))
    assert BOB in parties.users
    assert parties.users <= {ALICE, BOB}


def test_compact_names_are_read() -> None:
    """RFC 3261 §7.3.3."""
    data = (
        b"SIP/2.0 200 OK\r\nf: <sip:alice@example.com>\r\nt : sip:bob@example.com\r\ni:c1\r\n\r\n"
    )
    assert parties_of(data) == Parties(
        b"c1", frozenset({ALICE, BOB}), b"", frozenset({"example.com"})
    )


def test_a_body_names_nobody() -> None:
    """A forward to Bob is not Bob's."""
    data = message() + b"\r\nFrom: <sip:bob@example.com>\r\n"
    assert parties_of(data).users == {ALICE}


def test_the_other_headers_name_nobody() -> None:
    """Nor does the reason phrase of a response."""
    data = b"SIP/2.0 200 sip:bob@example.com\r\nContact: <sip:bob@example.com>\r\n\r\n"
    assert parties_of(data).users == frozenset()


def test_the_domains_are_those_of_from_and_to() -> None:
    """A Request-URI in a dialog is the address of a phone."""
    changes = {"from": b"<sip:a@h1>;tag=1", "to": b"<sip:b@h2>", "p_asserted_identity": b"sip:c@h3"}
    parties = parties_of(message(uri=b"sip:phone@192.0.2.7", **changes))
    assert parties.domains == {"h1", "h2"}
    assert Aor("phone", "192.0.2.7") in parties.users


def test_call_id_and_user_agent_are_told() -> None:
    """Decisions are found by them."""
    parties = parties_of(message(user_agent=b"Yealink SIP-T54W 96.86"))
    assert (parties.call_id, parties.user_agent) == (b"call-1", b"Yealink SIP-T54W 96.86")


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0\xff", b"SUBSCRIBE", b"From:\r\nTo: sip:"])
def test_what_is_no_message_is_about_nobody(data: bytes) -> None:
    """Anything comes in."""
    assert parties_of(data) == Parties(b"", frozenset(), b"")


def test_a_hostile_message_takes_no_longer() -> None:
    """16 KB of addresses are not all read."""
    uris = b", ".join(b"<sip:u%d@h>" % number for number in range(1_000))
    began = time.process_time()
    parties = parties_of(b"\n".join([b"X y SIP/2.0\r"] + [b"From: " + uris] * 20))
    assert len(parties.users) == MAX_URIS
    assert time.process_time() - began < 0.5


def test_only_short_uris_are_remembered() -> None:
    """Else strangers could fill 100 MB of memory with them."""
    parties_of(message())
    before = _user_of.cache_info().currsize
    name = b"u" * MAX_KNOWN
    assert Aor(name.decode(), "h") in parties_of(message(**{"from": b"sip:%b@h" % name})).users
    assert _user_of.cache_info().currsize == before
