"""What the small phone writes and reads."""

import pytest

from dfks_rules.cli.phone_bodies import parse_key_press, readable, request_body
from dfks_rules.csta.parse import parse
from dfks_rules.csta.render import render
from dfks_rules.model.features import Feature, FeatureState
from tests.helpers.states import forwarding

TYPE = "application/x-as-feature-event+xml"
CFNA = Feature.CALL_FORWARDING_NO_ANSWER


def test_server_understands_what_the_phone_asks() -> None:
    """Both sides of the wire are ours here."""
    wish = parse_key_press("CallForwardingNoAnswer=on,forwardTo=sip:a&b@host,ringCount=4")
    (asked,) = parse(TYPE, request_body(wish))
    assert (asked.feature, asked.state) == (CFNA, forwarding(True, "sip:a&b@host", 4))


@pytest.mark.parametrize("text", ["Dnd=on", "DoNotDisturb", "DoNotDisturb=on,x=1"])
def test_wish_that_makes_no_sense_is_refused(text: str) -> None:
    """The message is what the shell prints."""
    with pytest.raises(ValueError, match="`"):
        parse_key_press(text)


def test_notify_of_several_documents_reads_as_one_line_each() -> None:
    """What `dfks phone` prints."""
    states = ((Feature.DO_NOT_DISTURB, FeatureState()), (CFNA, forwarding(True, "sip:b@h", 3)))
    content_type, body = render(states, "alice")
    first, second = readable(content_type.decode(), body)
    assert first.split() == ["DoNotDisturb", "off"]
    assert second.split() == [CFNA.value, "on", "forwardTo", "sip:b@h", "ringCount", "3"]
    assert readable("", b"") == ["(no body)"]


@pytest.mark.parametrize(
    ("content_type", "body", "line"),
    [
        (TYPE, b"<x", "(a part that is not XML)"),
        (TYPE, b"<x/>", "(a part that tells no feature: x)"),
        ("multipart/mixed", b"--a", "(a part that is not XML)"),
        (TYPE, b"<DoNotDisturbEvent><!-- c --></DoNotDisturbEvent>", "DoNotDisturb           off"),
        (
            TYPE,
            "<ForwardingEvent><forwardingType>forwardImmediate</forwardingType>"
            "<forwardTo>\x9b31m\n\u202e</forwardTo></ForwardingEvent>".encode(),
            "CallForwardingAlways   off  forwardTo \ufffd31m\ufffd\ufffd",
        ),
    ],
)
def test_what_no_server_should_send_reads_as_one_line(
    content_type: str, body: bytes, line: str
) -> None:
    """It is what one tests a server for, and nothing that a terminal obeys."""
    assert readable(content_type, body) == [line]
