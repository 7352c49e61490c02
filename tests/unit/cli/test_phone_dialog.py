"""The subscriber's side of a dialog."""

import pytest

from dfks_rules.cli.phone_dialog import Dialog, answer
from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip import header
from dfks_rules.sip.message import Request, Response, parse_message


def _request(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    assert message.fault is None
    return message


def _response(*lines: str, status: int = 200, cseq: int = 1) -> Response:
    head = [
        f"SIP/2.0 {status} OK",
        "Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1",
        "From: <sip:alice@example.com>;tag=phone",
        'To: "a;tag=wrong" <sip:alice@example.com>;tag=server',
        "Call-ID: 1",
        f"CSeq: {cseq} SUBSCRIBE",
        "Contact: <sip:192.0.2.1:5060>",
        *lines,
        "Content-Length: 0",
    ]
    message = parse_message("\r\n".join([*head, "", ""]).encode())
    assert isinstance(message, Response)
    return message


def _answered(*lines: bytes) -> Response:
    """A 200 with these header lines and hardly any others."""
    head = [b"SIP/2.0 200 OK", b"Via: SIP/2.0/UDP a;branch=z9hG4bK1", b"CSeq: 1 SUBSCRIBE", *lines]
    message = parse_message(b"\r\n".join([*head, b"", b""]))
    assert isinstance(message, Response)
    return message


def _dialog(*lines: str) -> Dialog:
    """A dialog whose first SUBSCRIBE was answered with these header lines, too."""
    dialog = Dialog("sip:alice@example.com", "192.0.2.7:5062")
    dialog.subscribe(3600)
    dialog.accepted(_response(*lines))
    return dialog


def test_first_subscribe_is_well_formed_and_outside_of_a_dialog() -> None:
    """By the server's own reader."""
    dialog = Dialog("sip:alice@example.com", "192.0.2.7:5062")
    request = _request(dialog.subscribe(60, b"<x/>"))
    assert (request.uri, request.cseq, request.body) == (b"sip:alice@example.com", 1, b"<x/>")
    assert request.address(header.TO).tag == b""
    assert b"route" not in request.headers
    assert not dialog.is_established


def test_later_subscribes_go_to_the_contact_in_the_same_dialog() -> None:
    """RFC 3261 §12.2.1.1."""
    dialog = _dialog()
    first, second = (_request(dialog.subscribe(3600)) for _ in range(2))
    assert (first.uri, first.cseq, second.cseq) == (b"sip:192.0.2.1:5060", 2, 3)
    assert first.address(header.TO).tag == b"server"
    assert dialog.is_established


def test_proxies_that_recorded_themselves_are_passed_again_the_nearest_first() -> None:
    """Without Route a proxy on the way drops out, and a phone behind it is cut off (§12.1.2)."""
    dialog = _dialog("Record-Route: <sip:far.example;lr>", "Record-Route: <sip:near.example;lr>")
    request = _request(dialog.subscribe(3600))
    assert request.headers[b"route"] == b"<sip:near.example;lr>, <sip:far.example;lr>"
    assert request.uri == b"sip:192.0.2.1:5060"
    # The route set is that of the first answer, for good.
    dialog.accepted(_response(cseq=2))
    assert _request(dialog.subscribe(3600)).headers[b"route"].count(b"lr") == 2


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    """A test phone shows what is wrong with a server; it must not end in a traceback."""
    dialog = Dialog("sip:alice@example.com", "192.0.2.7:5062")
    dialog.subscribe(3600)
    route, contact = b"<sip:192.0.2.2;lr;x=\xff>", b"<sip:\xfe@192.0.2.1>"
    dialog.accepted(_answered(b"To: <sip:a@b>;tag=1", b"Record-Route: " + route, b"m: " + contact))
    data = dialog.subscribe(3600)
    assert data.startswith(b"SUBSCRIBE sip:\xfe@192.0.2.1 SIP/2.0\r\n")
    assert b"\r\nRoute: <sip:192.0.2.2;lr;x=\xff>\r\n" in data


def test_a_response_without_to_is_malformed() -> None:
    """It makes no dialog."""
    dialog = Dialog("sip:alice@example.com", "192.0.2.7:5062")
    dialog.subscribe(3600)
    with pytest.raises(MalformedMessageError, match="To"):
        dialog.accepted(_answered())


def test_strict_router_finds_itself_in_the_request_uri() -> None:
    """RFC 3261 §16.12.1.2."""
    dialog = _dialog("Record-Route: <sip:far.example;lr>, <sip:strict.example>")
    request = _request(dialog.subscribe(3600))
    assert request.uri == b"sip:strict.example"
    assert request.headers[b"route"] == b"<sip:far.example;lr>, <sip:192.0.2.1:5060>"


def test_only_a_final_answer_to_the_last_subscribe_counts() -> None:
    """A late answer is to another question."""
    dialog = _dialog()
    dialog.subscribe(3600)
    assert dialog.is_answer(_response(cseq=2))
    assert not dialog.is_answer(_response(cseq=1))
    assert not dialog.is_answer(_response(cseq=2, status=100))


_NOTIFY = (
    b"NOTIFY sip:phone@192.0.2.7:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKn\r\n"
    b"From: <sip:alice@example.com>;tag=server\r\nTo: <sip:alice@example.com>;tag=phone\r\n"
    b"Call-ID: 1\r\nCSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\n%bContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        (b"terminated;reason=deactivated", True),
        (b"Terminated", True),
        (b"active;expires=60", False),
        (b"pending", False),
    ],
)
def test_subscription_is_over_when_a_notify_says_so(state: bytes, ended: bool) -> None:
    """A refresh after that would be answered 481."""
    notify = _request(_NOTIFY % (b"Subscription-State: %b\r\n" % state))
    assert _dialog().is_ended_by(notify) is ended


def test_answer_to_a_notify_has_what_ties_it_to_its_request() -> None:
    """Proxies that record themselves want to stay on the way (RFC 6665 §4.4.1)."""
    notify = _request(_NOTIFY % b"Record-Route: <sip:near.example;lr>\r\n")
    response = parse_message(answer(notify))
    assert isinstance(response, Response)
    assert (response.status, response.branch, response.method) == (200, b"z9hG4bKn", b"NOTIFY")
    assert response.headers[b"record-route"] == b"<sip:near.example;lr>"


def test_notify_that_is_older_than_another_is_refused() -> None:
    """It comes of a node that does not know yet that another one has the dialog."""
    dialog = _dialog()
    notifies = [_notify(dialog.call_id, cseq) for cseq in (1, 2049, 2, 2049, 2050)]
    assert [dialog.is_late(one) for one in notifies] == [False, False, True, False, False]
    assert not dialog.is_late(_notify("another", 1))
    refusal = parse_message(answer(notifies[2], b"500 CSeq Out Of Order"))
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.reason) == (500, "CSeq Out Of Order")


def _notify(call_id: str, cseq: int) -> Request:
    head = [
        "NOTIFY sip:phone@192.0.2.7:5062 SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2",
        "Max-Forwards: 70",
        "From: <sip:alice@example.com>;tag=server",
        "To: <sip:alice@example.com>;tag=phone",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} NOTIFY",
        "Content-Length: 0",
    ]
    return _request("\r\n".join([*head, "", ""]).encode())
