"""HEPv3 packets, read by a decoder of our own; tests/e2e has Debian's sngrep read them."""

import json

from dfks_rules.tracing.entries import Decided, Direction
from dfks_rules.tracing.hep import NOWHERE, Agent, Way, packet_of_decided, packet_of_message
from tests.helpers.hep import decode
from tests.helpers.traced import BEGAN, message_at

_AGENT = Agent(2001, b"")
_DECIDED = Decided(BEGAN + 0.25, "call-1", "sip:a@h", None, "operator", ({"id": "abc-1"},))


def test_a_message_is_told_with_its_way_and_time() -> None:
    """From the phone to us."""
    message = message_at(BEGAN + 0.000_001, b"SUBSCRIBE sip:a@h SIP/2.0\r\n\r\n")
    packet = decode(packet_of_message(message, _AGENT))
    assert (packet.family, packet.protocol, packet.kind, packet.agent) == (2, 17, 1, 2001)
    assert (packet.source, packet.target) == (("192.0.2.7", 5062), ("192.0.2.1", 5060))
    assert abs(packet.at - message.at) < 2e-6
    assert packet.payload == message.data
    assert packet.key is None


def test_what_we_send_goes_the_other_way() -> None:
    """Over TLS it is TCP for the collector."""
    message = message_at(direction=Direction.SENT, transport="tls")
    packet = decode(packet_of_message(message, _AGENT))
    assert (packet.source, packet.target) == (("192.0.2.1", 5060), ("192.0.2.7", 5062))
    assert packet.protocol == 6


def test_ipv6_is_told_as_such() -> None:
    """Family 10."""
    message = message_at(local=("2001:db8::1", 5060), remote=("2001:db8::7", 5062))
    packet = decode(packet_of_message(message, _AGENT))
    assert (packet.family, packet.source[0]) == (10, "2001:db8::7")


def test_a_decision_is_a_log_record_with_the_call_id() -> None:
    """Homer shows it in the flow of the call."""
    way = Way("tcp", ("192.0.2.7", 5062), ("192.0.2.1", 5060))
    packet = decode(packet_of_decided(_DECIDED, way, _AGENT))
    assert (packet.kind, packet.call_id, packet.protocol) == (100, "call-1", 6)
    assert packet.source == ("192.0.2.7", 5062)
    told = json.loads(packet.payload)
    assert told["decisions"] == [{"id": "abc-1"}]
    assert told["callId"] == "call-1"


def test_a_decision_without_a_call_id_has_no_correlation() -> None:
    """An operator's."""
    packet = decode(packet_of_decided(_DECIDED._replace(call_id=""), NOWHERE, _AGENT))
    assert packet.call_id is None
    assert packet.source == ("127.0.0.1", 0)


def test_the_key_is_told_where_there_is_one() -> None:
    """The collector may ask for it; the largest id fits."""
    packet = decode(packet_of_message(message_at(), Agent(2**32 - 1, b"s3cret")))
    assert (packet.key, packet.agent) == (b"s3cret", 2**32 - 1)


def test_an_endless_call_id_is_cut() -> None:
    """It is the peer who chooses it."""
    packet = decode(packet_of_message(message_at(call_id="x" * 9_000), _AGENT))
    assert packet.call_id == "x" * 255
