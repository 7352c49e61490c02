"""What the endpoint answers by itself, and what it hands up."""

import pytest

from dfks_rules.sip.endpoint import Endpoint, Finished, Incoming, response_flow
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.transaction import T1, TIMEOUT
from tests.helpers.playbook import FLOW, LISTENER, Sent, message, read, tag_of


class _Line:
    """An endpoint, and what it sends."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.endpoint: Endpoint[str] = Endpoint(
            lambda flow, data: self.sent.append(read(flow, data)), lambda text: b"tag-" + text
        )

    def receive(self, data: bytes, flow: Flow = FLOW) -> Incoming | Finished[str] | None:
        return self.endpoint.receive(data, flow, 0.0)

    def incoming(self, data: bytes, flow: Flow = FLOW) -> Incoming:
        event = self.receive(data, flow)
        assert isinstance(event, Incoming)
        return event


def test_well_formed_request_is_handed_up_with_what_was_read() -> None:
    """Nobody parses it twice."""
    line = _Line()
    incoming = line.incoming(message())
    assert (incoming.uri.user, incoming.sender.tag, incoming.recipient.tag) == (
        *(b"alice", b"phone", b""),
    )
    assert (incoming.flow, line.sent) == (FLOW, [])


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (message(to=b"<sip:a@b>" + b"\r\nX-Many: 1" * 200), 400, b"Too many headers"),
        (message(cseq=b"1 INVITE"), 400, b"CSeq method does not match"),
        (message(**{"from": b"<sip:a"}), 400, b"malformed From"),
        (message(uri=b"sip:@"), 400, b"malformed SIP URI"),
        (message(uri=b"sip:a@b?X=1"), 400, b"headers in the Request-URI"),
        (message(uri=b"tel:+1555"), 416, b"URI scheme is not sip or sips"),
        (message().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), 505, b"Version Not Supported"),
    ],
)
def test_malformed_request_is_answered_and_not_handed_up(
    data: bytes, status: int, reason: bytes
) -> None:
    """With the reason in words: the only thing that an installer sees in a trace."""
    line = _Line()
    assert line.receive(data) is None
    (response,) = line.sent
    assert response.start == b"SIP/2.0 %d %b" % (status, reason)
    assert (response.flow, len(line.endpoint.servers)) == (FLOW, 0)


def test_unreadable_via_is_echoed_to_the_source() -> None:
    """There is no other way back, and silence helps nobody."""
    line = _Line()
    line.receive(message(via=b"SIP/2.0/UDP a b c"))
    (response,) = line.sent
    assert response.start == b"SIP/2.0 400 Malformed Via"
    assert response.headers[b"Via"] == b"SIP/2.0/UDP a b c"
    assert response.flow == FLOW


@pytest.mark.parametrize("data", [message(via=None), message(b"ACK"), b"\r\n\r\n", b"noise"])
def test_what_cannot_or_must_not_be_answered_is_dropped(data: bytes) -> None:
    """RFC 3261 §17: never an answer to ACK; none without a Via."""
    line = _Line()
    assert line.receive(data) is None
    assert line.sent == []


def test_response_echoes_the_request_and_adds_a_tag() -> None:
    """RFC 3261 §8.2.6.2: the tag is the same for a repeat."""
    line = _Line()
    incoming = line.incoming(message())
    line.endpoint.respond(incoming, 489, headers=b"Allow-Events: x\r\n")
    line.endpoint.respond(incoming, 489, headers=b"Allow-Events: x\r\n")
    first, second = line.sent
    assert first == second
    assert (first.start, tag_of(first)) == (b"SIP/2.0 489 Bad Event", b"tag-call-1")
    headers = incoming.request.headers
    for name in (b"From", b"Call-ID", b"CSeq"):
        assert first.headers[name] == headers[name.lower()]
    assert first.headers[b"Allow-Events"] == b"x"


def test_tag_of_a_dialog_stays_as_it_is() -> None:
    """RFC 3261 §12.2.2: a second one would be another dialog."""
    line = _Line()
    to = b"<sip:alice@example.com>;tag=ours"
    line.endpoint.respond(line.incoming(message(to=to)), 200, tag=b"new")
    assert line.sent[0].headers[b"To"] == to


def test_repeat_gets_the_response_again_and_nothing_before_there_is_one() -> None:
    """RFC 3261 §17.2.2: served once, whatever the network does."""
    line = _Line()
    incoming = line.incoming(message())
    transaction = line.endpoint.begin(incoming, 0.0)
    assert line.receive(message()) is None
    assert line.sent == []
    line.endpoint.respond(incoming, 200, tag=b"t", transaction=transaction)
    assert line.receive(message()) is None
    first, again = line.sent
    assert first == again
    line.endpoint.expire(TIMEOUT)
    assert isinstance(line.receive(message()), Incoming)


_NOTIFY = b"NOTIFY sip:a@192.0.2.7 SIP/2.0\r\nContent-Length: 0\r\n\r\n"


def test_request_of_ours_is_repeated_and_its_answer_handed_up_once() -> None:
    """RFC 3261 §17.1.2."""
    line = _Line()
    line.endpoint.request(b"z9hG4bKn", _NOTIFY, FLOW, "owner", 0.0)
    assert line.endpoint.next_deadline() == T1
    assert line.endpoint.expire(T1) == []
    assert line.sent == [read(FLOW, _NOTIFY)] * 2
    ok = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKn\r\nCSeq: 1 NOTIFY\r\n\r\n"
    finished = line.receive(ok)
    assert isinstance(finished, Finished)
    assert finished.response is not None
    assert (finished.transaction.owner, finished.response.status) == ("owner", 200)
    assert line.receive(ok) is None


def test_request_of_ours_that_nobody_answers_times_out() -> None:
    """Its owner decides what that means."""
    line = _Line()
    line.endpoint.request(b"z", _NOTIFY, FLOW, "owner", 0.0)
    while (now := line.endpoint.next_deadline()) is not None and now < TIMEOUT:
        assert line.endpoint.expire(now) == []
    (finished,) = line.endpoint.expire(TIMEOUT)
    assert (finished.transaction.owner, finished.response) == ("owner", None)


_HOST = b"SIP/2.0/UDP 10.0.0.1"
_STREAM = Flow(Listener("tcp", "192.0.2.1", 5060), ("192.0.2.7", 40000), 3)
_SEEN = Flow(LISTENER, ("192.0.2.7", 40000))


@pytest.mark.parametrize(
    ("via", "flow", "target"),
    [
        (_HOST + b":5062;rport", _SEEN, _SEEN),
        (_HOST + b":5062", _SEEN, Flow(LISTENER, ("192.0.2.7", 5062))),
        (_HOST, _SEEN, Flow(LISTENER, ("192.0.2.7", 5060))),
        (_HOST + b":40000", _SEEN, _SEEN),
        (_HOST + b":5062;maddr=203.0.113.9", _SEEN, Flow(LISTENER, ("192.0.2.7", 5062))),
        (_HOST + b":5062", _STREAM, _STREAM),
    ],
)
def test_response_goes_to_the_source_address_and_with_rport_to_its_port(
    via: bytes, flow: Flow, target: Flow
) -> None:
    """RFC 3261 §18.2.2, RFC 3581 §4; never to an address that a stranger wrote."""
    assert response_flow(_Line().incoming(message(via=via), flow)) == target
