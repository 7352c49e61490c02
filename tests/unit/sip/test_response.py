"""Responses: what they say, and where they go."""

import pytest

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.message import Request, parse_message
from dfks_rules.sip.response import REASONS, render_response, response_flow
from tests.helpers.playbook import LISTENER, message, read


def _request(via: bytes) -> Request:
    request = parse_message(message(via=via))
    assert isinstance(request, Request)
    return request


_HOST = b"SIP/2.0/UDP 10.0.0.1"
_TCP = Listener("tcp", "192.0.2.1", 5060)
_TLS = Listener("tls", "192.0.2.1", 5061)
_STREAM = Flow(_TCP, ("192.0.2.7", 40000), 3)
_SEEN = Flow(LISTENER, ("192.0.2.7", 40000))


@pytest.mark.parametrize(
    ("via", "flow", "target"),
    [
        (_HOST + b":5062;rport", _SEEN, _SEEN),
        (_HOST + b":5062", _SEEN, Flow(LISTENER, ("192.0.2.7", 5062))),
        (_HOST, _SEEN, Flow(LISTENER, ("192.0.2.7", 5060))),
        (_HOST + b":40000", _SEEN, _SEEN),
        (_HOST + b":5062;maddr=203.0.113.9", _SEEN, Flow(LISTENER, ("192.0.2.7", 5062))),
        (_HOST + b":5062", _STREAM, Flow(_TCP, ("192.0.2.7", 5062), 3)),
        (_HOST + b";rport", _STREAM, Flow(_TCP, ("192.0.2.7", 5060), 3)),
        (_HOST, Flow(_TLS, ("192.0.2.7", 40000), 4), Flow(_TLS, ("192.0.2.7", 5061), 4)),
    ],
)
def test_response_goes_to_the_source_address_and_with_rport_to_its_port(
    via: bytes, flow: Flow, target: Flow
) -> None:
    """RFC 3261 §18.2.2, RFC 3581 §4; never to an address that a stranger wrote.

    On a stream, the connection counts while it lives; the rest says where a new one goes.
    """
    assert response_flow(_request(via), flow) == target


def test_response_repeats_what_it_is_an_answer_to() -> None:
    """RFC 3261 §8.2.6: what the request lacks is empty."""
    request = _request(_HOST + b";rport")
    sent = read(_SEEN, render_response(request, _SEEN.remote, 200, b"OK", b"ours", b"X: y\r\n"))
    assert sent.start == b"SIP/2.0 200 OK"
    assert sent.headers == {
        b"Via": _HOST + b";rport=40000;received=192.0.2.7",
        b"From": b"<sip:alice@example.com>;tag=phone",
        b"To": b"<sip:alice@example.com>;tag=ours",
        b"Call-ID": b"call-1",
        b"CSeq": b"1 SUBSCRIBE",
        b"X": b"y",
        b"Content-Length": b"0",
    }


def test_statuses_that_must_not_be_sent_are_not_known() -> None:
    """RFC 6665 §8.3.1: no 202. RFC 4320 §4: no 408, and of the provisional ones only 100.

    RFC 3261 §21.4.16: no 421, which helps no phone.
    """
    assert not {202, 408, 421} & set(REASONS)
    assert [status for status in REASONS if status < 200] == [100]


def test_alias_in_via_is_echoed_and_means_nothing() -> None:
    """RFC 5923 §8.2: a server that does not share connections goes on as without it."""
    plain, alias = (
        _request(_HOST + b":5062;branch=z9hG4bK1"),
        _request(_HOST + b":5062;alias;branch=z9hG4bK1"),
    )
    sent = read(_STREAM, render_response(alias, _STREAM.remote, 200, b"OK", b"ours", b""))
    assert b";alias;" in sent.headers[b"Via"]
    assert response_flow(alias, _STREAM) == response_flow(plain, _STREAM)
