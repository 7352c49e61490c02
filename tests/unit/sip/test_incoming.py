"""What is read of each request."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.incoming import Incoming, read_again, unread
from dfks_rules.sip.message import Request, parse_message
from tests.helpers.playbook import FLOW, message

_TLS = Flow(Listener("tls", "192.0.2.1", 5061), ("192.0.2.7", 40000), 3)


def _incoming(data: bytes, flow: Flow = FLOW) -> Incoming:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    incoming = endpoint.receive(data, flow, 0.0)
    assert isinstance(incoming, Incoming)
    return incoming


def test_of_what_is_only_to_be_refused_the_tag_is_read() -> None:
    """However malformed the rest is."""
    request = parse_message(message(uri=b"sip:@", to=b"<sip:a>;tag=7", **{"from": b"<"}))
    assert isinstance(request, Request)
    assert unread(request, FLOW).recipient.tag == b"7"


@pytest.mark.parametrize(
    "change",
    [
        {"uri": b"sips:alice@example.com"},
        {"contact": b"<sips:alice@192.0.2.7>"},
        {"contact": b"<SIPS:alice@192.0.2.7>;q=1"},
        {"contact": b'"Smith, Alice" <sips:alice@192.0.2.7>'},
        {"contact": b"sips:alice@192.0.2.7"},
        {"record_route": b"<sips:proxy.example.com;lr>, <sip:b.example.com;lr>"},
    ],
    ids=str,
)
def test_who_writes_sips_over_tls_gets_a_sips_contact(change: dict[str, bytes]) -> None:
    """RFC 3261 §12.1.1."""
    incoming = _incoming(message(**change), _TLS)
    assert incoming.contact() == b"Contact: <sips:192.0.2.1:5061>\r\n"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"contact": None},
        {"contact": b'"<sips:x>" <sip:alice@192.0.2.7;transport=tls>'},
        {
            "record_route": b"<sip:proxy.example.com;lr>, <sips:b.example.com;lr>",
            "contact": b"<sips:alice@192.0.2.7>",
        },
    ],
    ids=str,
)
def test_who_writes_sip_over_tls_gets_a_sip_contact(change: dict[str, bytes | None]) -> None:
    """Of the routes, the nearest counts."""
    incoming = _incoming(message(b"SUBSCRIBE", b"", **change), _TLS)
    assert incoming.contact() == b"Contact: <sip:192.0.2.1:5061;transport=tls>\r\n"


def test_a_request_is_read_again_from_its_head_alone() -> None:
    """A restart has no body to look at; what it counted does not matter."""
    first = _incoming(message(body=b"<x/>"))
    again = read_again(first.request.head, FLOW)
    assert again.uri == first.uri
    assert (again.sender.uri, again.sender.tag) == (first.sender.uri, first.sender.tag)
    assert (again.recipient.uri, again.flow) == (first.recipient.uri, first.flow)
    assert (again.request.headers, again.request.cseq) == (first.request.headers, 1)
    assert again.contact() == first.contact()


@pytest.mark.parametrize(
    "head", [b"", b"SIP/2.0 200 OK", b"SUBSCRIBE sip:a@b SIP/2.0", message(cseq=b"x")[:-4]]
)
def test_what_is_no_request_any_more_is_said_to_be(head: bytes) -> None:
    """A newer release may be stricter, or somebody has edited the file."""
    with pytest.raises(MalformedMessageError):
        read_again(head, FLOW)
