"""Dialogs: where NOTIFY goes, and what it looks like."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.endpoint import Endpoint, Incoming
from dfks_rules.sip.flow import Flow, Listener
from tests.helpers.playbook import FLOW, LISTENER, Sent, message, read

_SEEN = Flow(LISTENER, ("198.51.100.9", 40000))
_STREAM = Flow(Listener("tcp", "192.0.2.1", 5060), ("198.51.100.9", 40000), 3)


def _incoming(flow: Flow = FLOW, **changes: bytes | None) -> Incoming:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    event = endpoint.receive(message(b"SUBSCRIBE", b"", **changes), flow, 0.0)
    assert isinstance(event, Incoming)
    return event


def _dialog(flow: Flow = FLOW, **changes: bytes | None) -> Dialog:
    return Dialog(_incoming(flow, **changes), b"ours", b"Event: x\r\n")


def _notify(dialog: Dialog) -> Sent:
    return read(dialog.flow, dialog.next_request(b"z9hG4bKn", b"Content-Length: 0\r\n\r\n"))


def test_requests_mirror_the_request_that_made_the_dialog() -> None:
    """RFC 3261 §12.2.1.1: From and To change places, CSeq counts up."""
    dialog = _dialog()
    notify = _notify(dialog)
    assert notify.start == b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0"
    assert notify.headers == {
        b"Via": b"SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKn",
        b"Max-Forwards": b"70",
        b"From": b"<sip:alice@example.com>;tag=ours",
        b"To": b"<sip:alice@example.com>;tag=phone",
        b"Call-ID": b"call-1",
        b"Event": b"x",
        b"CSeq": b"1 NOTIFY",
        b"Content-Length": b"0",
    }
    assert _notify(dialog).cseq == 2


@pytest.mark.parametrize(
    ("record_route", "request_uri", "routes", "remote"),
    [
        (
            b"<sip:192.0.2.50;lr>, <sip:192.0.2.51:5080;lr>",
            b"sip:alice@192.0.2.7:5062",
            b"Route: <sip:192.0.2.50;lr>\r\nRoute: <sip:192.0.2.51:5080;lr>\r\n",
            ("192.0.2.50", 5060),
        ),
        (
            b"<sip:192.0.2.50:5070>, <sip:192.0.2.51;lr>",
            b"sip:192.0.2.50:5070",
            b"Route: <sip:192.0.2.51;lr>\r\nRoute: <sip:alice@192.0.2.7:5062>\r\n",
            ("192.0.2.50", 5070),
        ),
    ],
    ids=["loose", "strict"],
)
def test_requests_follow_loose_and_strict_routes(
    record_route: bytes, request_uri: bytes, routes: bytes, remote: tuple[str, int]
) -> None:
    """RFC 3261 §12.2.1.1: a strict router finds itself in the Request-URI, the phone comes last."""
    dialog = _dialog(record_route=record_route)
    data = dialog.next_request(b"b", b"\r\n")
    assert data.startswith(b"NOTIFY %b SIP/2.0\r\n%bVia: " % (request_uri, routes))
    assert dialog.flow == Flow(LISTENER, remote)


@pytest.mark.parametrize(
    ("via", "contact", "flow", "target"),
    [
        # Behind NAT: Via and Contact name one private address, the packet came from another.
        (b"10.0.0.5:5062", b"<sip:a@10.0.0.5:5062>", _SEEN, _SEEN),
        # A phone whose Contact is elsewhere says so on purpose.
        (b"10.0.0.5:5062", b"<sip:a@192.0.2.9>", _SEEN, Flow(LISTENER, ("192.0.2.9", 5060))),
        # Not behind NAT, only a port of its own for sending.
        (
            b"198.51.100.9",
            b"<sip:a@198.51.100.9>",
            _SEEN,
            Flow(LISTENER, ("198.51.100.9", 5060)),
        ),
        (
            b"10.0.0.5",
            b"<sip:a@Phone.example:5070>",
            _SEEN,
            Flow(LISTENER, ("phone.example", 5070), 0, resolve=True),
        ),
        (b"p", b"<sip:a@[2001:db8::5]>", _SEEN, Flow(LISTENER, ("2001:db8::5", 5060))),
        (b"10.0.0.5", b"<sip:a@10.0.0.5>", _STREAM, _STREAM),
    ],
)
def test_phone_behind_nat_is_reached_where_it_is_seen_others_at_their_contact(
    via: bytes, contact: bytes, flow: Flow, target: Flow
) -> None:
    """Most phones are behind NAT, and write addresses that lead nowhere."""
    dialog = _dialog(flow, via=b"SIP/2.0/UDP %b;branch=z9hG4bK1" % via, contact=contact)
    assert dialog.flow == target


def test_route_comes_before_the_nat_rule() -> None:
    """The proxy on the way knows how to reach the phone."""
    via = b"SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1"
    route, contact = b"<sip:10.0.0.5;lr>", b"<sip:a@10.0.0.5>"
    dialog = _dialog(_SEEN, via=via, contact=contact, record_route=route)
    assert dialog.flow == Flow(LISTENER, ("10.0.0.5", 5060))


def test_refresh_moves_the_target_and_keeps_the_routes() -> None:
    """RFC 3261 §12.2.2: a phone may change its address, never the route set."""
    dialog = _dialog(record_route=b"<sip:192.0.2.50;lr>")
    moved = _incoming(contact=b"<sip:alice@192.0.2.8>", record_route=b"<sip:192.0.2.99;lr>")
    dialog.refresh_target(moved)
    notify = _notify(dialog)
    assert notify.start == b"NOTIFY sip:alice@192.0.2.8 SIP/2.0"
    assert notify.headers[b"Route"] == b"<sip:192.0.2.50;lr>"


def test_refresh_over_a_new_connection_moves_the_flow() -> None:
    """The old connection of a phone that restarted leads nowhere."""
    dialog = _dialog(_STREAM)
    dialog.refresh_target(_incoming(_STREAM._replace(connection=4)))
    assert dialog.flow.connection == 4


def test_refresh_without_a_contact_changes_nothing() -> None:
    """RFC 6665 wants one; a phone that leaves it out has not moved."""
    dialog = _dialog()
    dialog.refresh_target(_incoming(_SEEN, contact=None))
    assert dialog.flow == FLOW


@pytest.mark.parametrize("contact", [b"<sip:a", b"<tel:+1555>", b"*", b"<sip:a>, <sip:b>"])
def test_contact_that_cannot_be_used_is_refused_and_leaves_the_dialog_alone(
    contact: bytes,
) -> None:
    """A broken refresh must not cut a phone off."""
    with pytest.raises(MalformedMessageError):
        _dialog(contact=contact)
    dialog = _dialog()
    with pytest.raises(MalformedMessageError):
        dialog.refresh_target(_incoming(contact=contact))
    assert _notify(dialog).start == b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0"


def test_record_route_that_cannot_be_used_is_refused() -> None:
    """Before anything is stored for it."""
    with pytest.raises(MalformedMessageError):
        _dialog(record_route=b"nonsense")


@pytest.mark.parametrize(
    ("contact", "resolve"),
    [
        (b"<sip:alice@198.51.100.77>", False),
        (b"<sip:alice@[2001:db8::7]>", False),
        (b"<sip:alice@999.1.1.1>", True),
        (b"<sip:alice@1.2.3>", True),
        (b"<sip:alice@phone.example.com>", True),
    ],
)
def test_only_real_addresses_are_given_to_a_socket(contact: bytes, *, resolve: bool) -> None:
    """A socket looks everything else up in DNS, and the whole server would wait for that."""
    assert _dialog(contact=contact).flow.resolve is resolve
