"""What the endpoint answers by itself, and what it hands up."""

import pytest

from dfks_rules.sip.client_transaction import Outgoing
from dfks_rules.sip.counts import OTHER
from dfks_rules.sip.endpoint import Ending, Endpoint, Finished
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.stun import binding_answer
from dfks_rules.sip.timers import T1, TIMEOUT
from dfks_rules.sip.trying import TRYING_AFTER
from tests.helpers.playbook import FLOW, Sent, message, read, tag_of

_TLS = Flow(Listener("tls", "192.0.2.1", 5061), ("192.0.2.7", 40000), 3)


class _Line:
    """An endpoint, and what it sends."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.refused: list[tuple[Incoming, int, bytes]] = []
        self.endpoint: Endpoint[str] = Endpoint(
            lambda flow, data: self.sent.append(read(flow, data)),
            lambda text: b"tag-" + text.strip(),
            refused=lambda *refusal: self.refused.append(refusal),
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


def test_request_whose_answer_takes_long_is_told_100_and_its_repeats_too() -> None:
    """RFC 4320 §4.1, RFC 3261 §17.2.2: so its peer knows that we are there."""
    line = _Line()
    incoming = line.incoming(message())
    transaction = line.endpoint.begin(incoming, 0.0)
    line.endpoint.expect_delay(incoming, transaction, 0.0)
    assert line.endpoint.next_deadline() == TRYING_AFTER
    line.endpoint.expire(TRYING_AFTER)
    assert line.receive(message()) is None
    line.endpoint.expire(TIMEOUT + 1)
    assert line.receive(message()) is None
    assert [sent.start for sent in line.sent] == [b"SIP/2.0 100 Trying"] * 3
    line.endpoint.respond(incoming, 200, tag=b"t", transaction=transaction)
    assert line.receive(message()) is None
    assert [sent.status for sent in line.sent[3:]] == [200, 200]
    assert line.endpoint.counts["responses_100"] == 1


_NOTIFY = Outgoing(
    b"z9hG4bKn",
    b"NOTIFY sip:a@192.0.2.7 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKn\r\n"
    b"Content-Length: 0\r\n\r\n",
    FLOW,
)


def test_request_of_ours_is_repeated_and_its_answer_handed_up_once() -> None:
    """RFC 3261 §17.1.2."""
    line = _Line()
    line.endpoint.request(_NOTIFY, "owner", 0.0)
    assert line.endpoint.next_deadline() == T1
    assert line.endpoint.expire(T1) == []
    assert line.sent == [read(FLOW, _NOTIFY.message)] * 2
    ok = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKn\r\nCSeq: 1 NOTIFY\r\n\r\n"
    finished = line.receive(ok)
    assert isinstance(finished, Finished)
    assert finished.response is not None
    assert finished.ending is Ending.ANSWERED
    assert (finished.transaction.owner, finished.response.status) == ("owner", 200)
    assert line.receive(ok) is None


def test_request_of_ours_that_nobody_answers_times_out() -> None:
    """Its owner decides what that means."""
    line = _Line()
    line.endpoint.request(_NOTIFY, "owner", 0.0)
    while (now := line.endpoint.next_deadline()) is not None and now < TIMEOUT:
        assert line.endpoint.expire(now) == []
    (finished,) = line.endpoint.expire(TIMEOUT)
    assert (finished.transaction.owner, finished.response) == ("owner", None)
    assert finished.ending is Ending.TIMED_OUT


def test_request_of_ours_that_cannot_be_delivered_ends_at_once() -> None:
    """RFC 3261 §17.1.4: nobody waits 32 s for what the transport knows."""
    line = _Line()
    line.endpoint.request(_NOTIFY, "owner", 0.0)
    finished = line.endpoint.undelivered(_NOTIFY.message, 0.1)
    assert finished is not None
    assert (finished.transaction.owner, finished.ending) == ("owner", Ending.UNREACHABLE)
    assert line.endpoint.undelivered(_NOTIFY.message, 0.1) is None
    assert line.endpoint.expire(TIMEOUT) == []
    assert len(line.sent) == 1


def test_request_of_ours_that_a_stream_cannot_deliver_goes_as_a_datagram_once() -> None:
    """RFC 3261 §18.1.1; a late word of the first attempt does not count against the second."""
    line = _Line()
    over_tcp = _NOTIFY.message.replace(b"/UDP", b"/TCP")
    line.endpoint.request(Outgoing(_NOTIFY.branch, over_tcp, _STREAM, (FLOW,)), "owner", 0.0)
    assert line.endpoint.undelivered(over_tcp, 0.1) is None
    over_udp = _NOTIFY.message.replace(b"=z9hG4bKn", b"=z9hG4bKn.1tag-z9hG4bKn")
    assert line.sent == [read(_STREAM, over_tcp), read(FLOW, over_udp)]
    assert line.endpoint.undelivered(over_tcp, 0.2) is None
    finished = line.endpoint.undelivered(over_udp, 0.3)
    assert finished is not None
    assert finished.ending is Ending.UNREACHABLE


def test_response_that_cannot_be_delivered_is_only_counted() -> None:
    """The peer asks again."""
    line = _Line()
    line.endpoint.request(_NOTIFY, "owner", 0.0)
    response = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKn\r\n\r\n"
    assert line.endpoint.undelivered(response, 0.0) is None
    assert (len(line.endpoint.clients), line.endpoint.counts["undelivered"]) == (1, 1)


_STREAM = Flow(Listener("tcp", "192.0.2.1", 5060), ("192.0.2.7", 40000), 3)
_ELSEWHERE = b"SIP/2.0/UDP 192.0.2.50;rport;branch=z9hG4bK2"


def test_request_that_comes_another_way_is_answered_482() -> None:
    """RFC 3261 §8.2.2.2: a fork on the way must not make two subscriptions."""
    line = _Line()
    incoming = line.incoming(message())
    assert isinstance(line.receive(message(via=_ELSEWHERE)), Incoming)
    line.endpoint.begin(incoming, 0.0)
    assert line.receive(message(via=_ELSEWHERE)) is None
    assert [sent.start for sent in line.sent] == [b"SIP/2.0 482 Loop Detected"]


def test_request_in_a_dialog_is_never_merged() -> None:
    """Its CSeq says whether it is old."""
    line = _Line()
    to = b"<sip:alice@example.com>;tag=ours"
    line.endpoint.begin(line.incoming(message(to=to)), 0.0)
    assert isinstance(line.receive(message(to=to, via=_ELSEWHERE)), Incoming)


@pytest.mark.parametrize("answered", [True, False])
def test_cancel_of_a_request_is_answered_200_and_has_no_effect(*, answered: bool) -> None:
    """RFC 3261 §9.2: with the To tag of the answer to the request, where there is one."""
    line = _Line()
    incoming = line.incoming(message())
    transaction = line.endpoint.begin(incoming, 0.0)
    if answered:
        line.endpoint.respond(incoming, 200, tag=b"ours", transaction=transaction)
    assert line.receive(message(b"CANCEL")) is None
    cancelled = line.sent[-1]
    assert cancelled.start == b"SIP/2.0 200 OK"
    assert cancelled.headers[b"CSeq"] == b"1 CANCEL"
    assert tag_of(cancelled) == (b"ours" if answered else b"tag-call-1")
    found = line.endpoint.servers.find(incoming.key)
    assert found is not None
    assert (found.key, found.response) == (transaction.key, transaction.response)


def test_cancel_of_nothing_is_answered_481() -> None:
    """RFC 3261 §9.2."""
    line = _Line()
    assert line.receive(message(b"CANCEL")) is None
    assert [sent.start for sent in line.sent] == [b"SIP/2.0 481 Call/Transaction Does Not Exist"]


def test_sips_is_refused_on_a_way_that_others_can_read() -> None:
    """RFC 3261 §8.1.1.8, §12.1.1; 480 and not 416, after which the peer would try `sip`."""
    line = _Line()
    assert line.receive(message(uri=b"sips:alice@example.com")) is None
    (response,) = line.sent
    assert response.start == b"SIP/2.0 480 sips needs a secure transport"
    assert response.headers[b"Warning"] == b'380 - "SIPS Not Allowed"'


def test_stun_on_the_port_of_sip_is_answered() -> None:
    """RFC 5626 §4.4.2: how phones keep NAT open over UDP. Streams have CRLF for that."""
    sent: list[tuple[Flow, bytes]] = []
    endpoint: Endpoint[str] = Endpoint(lambda *one: sent.append(one), lambda text: text)
    request = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
    assert endpoint.receive(request, FLOW, 0.0) is None
    assert sent == [(FLOW, binding_answer(request, FLOW.remote))]
    assert endpoint.receive(request, _TLS, 0.0) is None
    assert len(sent) == 1
    assert endpoint.counts == {"stun_requests": 1, "malformed": 1}


def test_what_comes_and_goes_is_counted() -> None:
    """Names are bounded: a peer cannot fill the memory with methods of its own."""
    line = _Line()
    incoming = line.incoming(message())
    transaction = line.endpoint.begin(incoming, 0.0)
    line.endpoint.respond(incoming, 200, transaction=transaction)
    line.receive(message())
    for name in (b"X", b"Y"):
        line.receive(message(name, via=b"SIP/2.0/UDP a;branch=z9hG4bK" + name))
    line.receive(message(to=None))
    line.receive(b"noise")
    line.receive(b"\r\n\r\n")
    line.endpoint.request(_NOTIFY, "owner", 0.0)
    line.endpoint.expire(T1)
    assert line.endpoint.counts == {
        "requests_subscribe": 3,
        "requests_other": 3,
        "responses_200": 1,
        "responses_400": 1,
        "retransmissions_received": 1,
        "retransmissions_sent": 1,
        "malformed": 2,
    }


def test_whoever_asked_is_told_of_refusals() -> None:
    """An operator wants to see why phones are turned away."""
    line = _Line()
    incoming = line.incoming(message())
    line.endpoint.respond(incoming, 200)
    line.endpoint.respond(incoming, 489)
    line.receive(message(uri=b"sip:@"))
    (first, second) = line.refused
    assert first == (incoming, 489, b"Bad Event")
    assert (second[0].flow, *second[1:]) == (FLOW, 400, b"malformed SIP URI")


_BUSY = (503, b"Server overloaded", b"Retry-After: 7\r\n")


def test_message_that_there_is_no_time_for_is_refused_without_a_transaction() -> None:
    """RFC 3261 §21.5.4: with a time to come again, and the same To tag for its repeats."""
    line = _Line()
    for _ in range(2):
        line.endpoint.refuse(message(), FLOW, *_BUSY)
    first, second = line.sent
    assert first.start == b"SIP/2.0 503 Server overloaded"
    assert first.headers[b"Retry-After"] == b"7"
    assert tag_of(first) == tag_of(second) != b""
    assert len(line.endpoint.servers) == 0
    assert line.endpoint.counts["responses_503"] == 2


def test_repeat_of_what_was_served_is_not_refused_afterwards() -> None:
    """Its phone would take its set for failed."""
    line = _Line()
    incoming = line.incoming(message())
    transaction = line.endpoint.begin(incoming, 0.0)
    line.endpoint.refuse(message(), FLOW, *_BUSY)
    assert line.sent == []
    line.endpoint.respond(incoming, 200, tag=b"x", transaction=transaction)
    line.endpoint.refuse(message(), FLOW, *_BUSY)
    assert [sent.status for sent in line.sent] == [200, 200]


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", b"SIP/2.0 200 OK\r\n\r\n", message(b"ACK"), message(via=None), message(to=None)],
)
def test_what_cannot_be_refused_gets_nothing(data: bytes) -> None:
    """There is no time to say what is wrong with it."""
    line = _Line()
    line.endpoint.refuse(data, FLOW, *_BUSY)
    assert line.sent == []


def test_requests_are_counted_by_method_and_transport() -> None:
    """Retransmissions, too: they are what comes in. In the statistics they are one number."""
    line = _Line()
    for flow in (FLOW, FLOW, _TLS):
        line.receive(message(), flow)
    line.receive(message(b"FROBNICATE", via=b"SIP/2.0/UDP a;branch=z9hG4bKf"))
    udp, tcp, tls = line.endpoint.counted.requests
    assert (udp, tcp, tls) == ({b"SUBSCRIBE": 2, OTHER: 1}, {}, {b"SUBSCRIBE": 1})
    assert line.endpoint.counts["requests_subscribe"] == 3
    assert line.endpoint.counts["requests_other"] == 1
