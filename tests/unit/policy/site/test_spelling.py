"""How targets are written, and what their parts are."""

import pytest

from dfks_rules.model.values import MAX_TEXT
from dfks_rules.policy.site.spelling import Spelling, read_spelling


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("201", Spelling("201")),
        ("sip:bob@acme.example", Spelling("bob", "acme.example")),
        ("bob@acme.example", Spelling("bob", "acme.example")),
        ("SIPS:bob@ACME.Example.:5061;transport=tls?X=y", Spelling("bob", "acme.example")),
        ("sip:bob:secret@acme.example", Spelling("bob", "acme.example")),
        ("sip:201@[2001:db8::1]:5060", Spelling("201", "[2001:db8::1]")),
        ("sip:201", Spelling("201")),
        ("sip:201:5060;user=phone", Spelling("201")),
        ("sip:+1.900.555.0100", Spelling("+1.900.555.0100")),
        ('"Bob, <b>" <sip:bob@a.example>', None),
        ('"Bob \\" <b>" <sip:bob@a.example>;tag=1', Spelling("bob", "a.example")),
        ("Bob <tel:+49-30-1>", Spelling("+49-30-1", tel=True)),
        ("tel:1234;phone-context=+49-30", Spelling("1234", None, "+4930", tel=True)),
        ("tel:1234;phone-context=acme.example", Spelling("1234", tel=True)),
        ("sip:1234;phone-context=+4930@gw.example", Spelling("1234", "gw.example", "+4930")),
        ("sip:1234@gw.example;Phone-Context=+4930", Spelling("1234", "gw.example", "+4930")),
        ("sip:bob@acme.example;maddr=203.0.113.9", Spelling("bob", "203.0.113.9")),
        ("urn:service:sos.fire", Spelling("", emergency=True)),
        ("sip:%2B4930@a.example", Spelling("+4930", "a.example")),
        ("%252B4930", Spelling("+4930")),
        ("+1900;5550100", Spelling("+19005550100")),
        ("\uff0b\uff14\uff19", Spelling("+49")),
        ("+\u0664\u0669\u200e\u0663", Spelling("+493")),
        ("49\u201330\u22121\u00a02", Spelling("49-30-1 2")),
    ],
)
def test_parts_of_a_target_are_told_apart(text: str, spelling: Spelling | None) -> None:
    """RFC 3261 §19.1, RFC 3966, and what phones make of them."""
    if spelling is None:
        assert read_spelling(text) == Spelling("bob", "a.example")
    else:
        assert read_spelling(text) == spelling


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\x00", "sip:", "tel:", "sip:@a.example", "sip:bob@", "sip:10.0.0.1"),
        *("sip:a.example", "http://a.example", "mailto:bob@a.example", "sip:sip:1@a.example"),
        *("sip:1@2@a.example", "bob%40b@a.example", "<sip:1@a><sip:2@a>", "<sip:1@a", "1>"),
        *("tel:1;phone-context=+1;phone-context=+2", "%2525252B49", "sip:1@a b.example"),
        *(
            "sip:1@a.example;maddr=",
            "urn:service:counseling",
            "<sip:1@a.example?Route=%3Csip:gw%3E>",
        ),
        *(
            "sip:1@a.example?Route=%3Csip:gw%3E",
            "sip:1@a.example?Route=sip:1@gw",
            "1" * (MAX_TEXT + 1),
        ),
    ],
)
def test_what_is_no_target_or_has_two_meanings_is_refused(text: str) -> None:
    """A guess would be somebody's way around a policy."""
    assert read_spelling(text) is None or read_spelling(text) == Spelling("1", "?")
