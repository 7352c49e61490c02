"""What the small phone writes and reads."""

import pytest

from dfks_rules.cli.phone_bodies import parse_key_press, readable, request_body
from dfks_rules.csta.parse import parse
from dfks_rules.csta.render import render
from dfks_rules.model.features import Feature, FeatureState
from tests.helpers.states import agent, forwarding

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


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("AgentState=on,agentId=47&11", agent("ready", "47&11")),
        ("AgentState=off", agent("notReady")),
        ("AgentState=notReady,reason=<10>", agent("notReady", None, "<10>")),
        ("AgentState=loggedOff", agent("loggedOff")),
    ],
)
def test_an_agents_key_says_a_word(text: str, state: FeatureState) -> None:
    """What is asked and what is told are of different shape; both are ours here."""
    (asked,) = parse(TYPE, request_body(parse_key_press(text)))
    assert (asked.feature, asked.state) == (Feature.AGENT_STATE, state)


def test_an_agents_state_reads_as_a_word_and_its_values() -> None:
    """`on` and `off` first, as for every feature."""
    content_type, body = render(((Feature.AGENT_STATE, agent("notReady", "4", "10")),), "alice")
    (line,) = readable(content_type.decode(), body)
    assert line.split() == [
        *("AgentState", "off", "state", "notReady", "agentId", "4", "reason", "10"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DoNotDisturb=ready", "`DoNotDisturb` must be on or off, not `ready`"),
        (
            "AgentState=busy",
            "`AgentState` must be on, off, ready, notReady, workingAfterCall, loggedOff or "
            "loggedOn, not `busy`",
        ),
        ("AgentState=on,forwardTo=x", "`forwardTo=x` is not agentId=… or reason=…"),
        ("AgentState=on,state=ready", "`state=ready` is not agentId=… or reason=…"),
    ],
)
def test_a_key_that_the_feature_does_not_have_is_named(text: str, message: str) -> None:
    """What would not be sent must not be dropped in silence."""
    with pytest.raises(ValueError, match="`") as refused:
        parse_key_press(text)
    assert str(refused.value) == message
