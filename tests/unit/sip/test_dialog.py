"""Dialogs: where NOTIFY goes, and what it looks like."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.dialog import MAX_DATAGRAM, MAX_ROUTES, Dialog
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Hop
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.ports import Ways
from tests.helpers.playbook import FLOW, LISTENER, Sent, message, read
from tests.helpers.ways import TCP, TLS, FakeWays

_SEEN = Flow(LISTENER, ("198.51.100.9", 40000))
_STREAM = Flow(TCP, ("198.51.100.9", 40000), 3)


def _incoming(flow: Flow = FLOW, **changes: bytes | None) -> Incoming:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    event = endpoint.receive(message(b"SUBSCRIBE", b"", **changes), flow, 0.0)
    assert isinstance(event, Incoming)
    return event


def _dialog(flow: Flow = FLOW, ways: Ways | None = None, **changes: bytes | None) -> Dialog:
    return Dialog(_incoming(flow, **changes), b"ours", b"Event: x\r\n", ways)


def _with_stream(remote: tuple[str, int] = FLOW.remote) -> FakeWays:
    """A server that has one connection."""
    return FakeWays(Flow(TCP, remote, 7))


def _notify(dialog: Dialog) -> Sent:
    outgoing = dialog.next_request(b"z9hG4bKn", b"Content-Length: 0\r\n\r\n")
    return read(outgoing.flow, outgoing.message)


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
    data = dialog.next_request(b"b", b"\r\n").message
    assert data.startswith(b"NOTIFY %b SIP/2.0\r\n%bVia: " % (request_uri, routes))
    assert dialog.flow == Flow(LISTENER, remote)


def test_refresh_moves_the_target_and_keeps_the_routes() -> None:
    """RFC 3261 §12.2.2: a phone may change its address, never the route set."""
    dialog = _dialog(record_route=b"<sip:192.0.2.50;lr>")
    moved = _incoming(contact=b"<sip:alice@192.0.2.8>", record_route=b"<sip:192.0.2.99;lr>")
    dialog.take(moved)
    notify = _notify(dialog)
    assert notify.start == b"NOTIFY sip:alice@192.0.2.8 SIP/2.0"
    assert notify.headers[b"Route"] == b"<sip:192.0.2.50;lr>"


def test_refresh_over_a_new_connection_moves_the_flow() -> None:
    """The old connection of a phone that restarted leads nowhere."""
    dialog = _dialog(_STREAM)
    dialog.take(_incoming(_STREAM._replace(connection=4)))
    assert dialog.flow.connection == 4


def test_refresh_without_a_contact_changes_nothing() -> None:
    """RFC 6665 wants one; a phone that leaves it out has not moved."""
    dialog = _dialog()
    dialog.take(_incoming(_SEEN, contact=None))
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
        dialog.take(_incoming(contact=contact))
    assert _notify(dialog).start == b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0"


def test_record_route_that_cannot_be_used_is_refused() -> None:
    """Before anything is stored for it."""
    with pytest.raises(MalformedMessageError):
        _dialog(record_route=b"nonsense")


@pytest.mark.parametrize("host", [b"a..b", b"x" * 64, b"a." * 127 + b"bb", b"[::1::1]"])
def test_host_that_cannot_be_is_refused_in_contact_and_route(host: bytes) -> None:
    """Looking such a name up raises what is no OSError; here it is the peer's mistake."""
    with pytest.raises(MalformedMessageError, match="invalid host"):
        _dialog(contact=b"<sip:a@%b>" % host)
    with pytest.raises(MalformedMessageError, match="invalid host"):
        _dialog(record_route=b"<sip:%b;lr>" % host)


def test_route_set_is_bounded() -> None:
    """Each NOTIFY repeats it: 16 KB of short routes would make requests that no datagram holds."""
    routes = [b"<sip:192.0.2.50;lr>"] * MAX_ROUTES
    assert len(_dialog(record_route=b", ".join(routes)).route_set) == MAX_ROUTES
    with pytest.raises(MalformedMessageError, match="too many routes"):
        _dialog(record_route=b", ".join([*routes, routes[0]]))


def test_long_request_goes_over_the_stream_that_its_peer_has() -> None:
    """RFC 3261 §18.1.1: over 1,300 bytes, with the Via of the stream, and back when that fails."""
    dialog = _dialog(ways=_with_stream())
    fixed = len(dialog.next_request(b"b", b"").message)
    fits = dialog.next_request(b"b", b"x" * (MAX_DATAGRAM - fixed))
    assert (fits.flow, fits.further, len(fits.message)) == (FLOW, (), MAX_DATAGRAM)
    long = dialog.next_request(b"b", b"x" * (MAX_DATAGRAM - fixed + 1))
    assert (long.flow, long.further) == (Flow(TCP, FLOW.remote, 7), (FLOW,))
    assert b"\r\nVia: SIP/2.0/TCP 192.0.2.1:5061;rport;branch=b\r\n" in long.message
    assert long.message.startswith(b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0\r\nVia: ")


@pytest.mark.parametrize("ways", [None, _with_stream(("192.0.2.7", 5063))])
def test_long_request_to_a_peer_without_a_stream_is_a_datagram(ways: Ways | None) -> None:
    """Phones that named no TCP mostly do not listen on it."""
    outgoing = _dialog(ways=ways).next_request(b"b", b"x" * 2_000)
    assert (outgoing.flow, outgoing.further) == (FLOW, ())
    assert b"\r\nVia: SIP/2.0/UDP " in outgoing.message


def test_request_to_a_contact_that_names_tcp_goes_back_to_datagrams_when_that_fails() -> None:
    """The phone was heard by datagram, whatever its Contact says."""
    contact = b"<sip:alice@192.0.2.7:5062;transport=tcp>"
    outgoing = _dialog(ways=_with_stream(), contact=contact).next_request(b"b", b"\r\n")
    assert (outgoing.flow, outgoing.further) == (Flow(TCP, ("192.0.2.7", 5062)), (FLOW,))
    assert b"\r\nVia: SIP/2.0/TCP " in outgoing.message


def test_request_to_a_contact_that_names_tls_does_not_go_back_to_datagrams() -> None:
    """Whoever asked for TLS is not told where others can read it."""
    contact = b"<sip:alice@192.0.2.7;transport=tls>"
    outgoing = _dialog(ways=_with_stream(), contact=contact).next_request(b"b", b"\r\n")
    assert (outgoing.flow, outgoing.further) == (Flow(TLS, ("192.0.2.7", 5061)), ())
    assert b"\r\nVia: SIP/2.0/TLS " in outgoing.message


def test_request_on_the_stream_of_its_phone_has_no_other_way() -> None:
    """A phone that connects is often reached in no other."""
    outgoing = _dialog(_STREAM, ways=_with_stream()).next_request(b"b", b"x" * 2_000)
    assert outgoing.further == ()


def test_headers_in_a_contact_have_no_place_in_a_request_uri() -> None:
    """RFC 3261 §19.1.1; a question mark in the user part is none of them."""
    contact = b"<sip:a?b@192.0.2.7:5062;x=y?Subject=hi>"
    notify = _notify(_dialog(contact=contact))
    assert notify.start == b"NOTIFY sip:a?b@192.0.2.7:5062;x=y SIP/2.0"


_ROUTED = b"<sip:192.0.2.50;lr>, <sip:192.0.2.51>"


def test_path_of_a_trusted_peer_is_the_route_where_there_is_no_record_route() -> None:
    """RFC 3327 has it for REGISTER: read nearest first, as Record-Route is."""
    dialog = Dialog(_incoming(path=_ROUTED), b"ours", b"", trusted=True)
    assert _notify(dialog).headers[b"Route"] == b"<sip:192.0.2.51>"  # The last of two lines.
    assert (dialog.route_set, dialog.flow.remote[0]) == (
        (b"<sip:192.0.2.50;lr>", b"<sip:192.0.2.51>"),
        "192.0.2.50",
    )
    both = _incoming(path=_ROUTED, record_route=b"<sip:192.0.2.60;lr>")
    dialog = Dialog(both, b"ours", b"", trusted=True)
    assert dialog.route_set == (b"<sip:192.0.2.60;lr>",)


def test_path_of_a_stranger_is_ignored() -> None:
    """It would only be another way to aim our requests."""
    assert _dialog(path=_ROUTED).route_set == ()


def test_phone_may_be_reached_where_it_is_seen_by_its_profile() -> None:
    """Also after a refresh."""
    dialog = Dialog(_incoming(_SEEN, via=_VIA), b"ours", b"", seen=True)
    assert dialog.flow == _SEEN
    moved = _SEEN._replace(remote=("198.51.100.10", 40000))
    dialog.take(_incoming(moved, via=_VIA))
    assert dialog.flow == moved
    assert _dialog(_SEEN, via=_VIA).flow == FLOW


_VIA = b"SIP/2.0/UDP pbx.example;branch=z9hG4bK1"
_PROXY = b"sip:203.0.113.5;lr"


def test_outbound_proxy_is_passed_where_nobody_recorded_a_route() -> None:
    """RFC 3261 §8.1.2: a pre-loaded Route; what a dialog knows comes before it."""
    notify = _notify(_dialog(ways=FakeWays(proxy=_PROXY)))
    assert notify.start == b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0"
    assert notify.headers[b"Route"] == b"<sip:203.0.113.5;lr>"
    assert notify.flow == Flow(LISTENER, ("203.0.113.5", 5060))
    routed = _notify(_dialog(ways=FakeWays(proxy=_PROXY), record_route=b"<sip:192.0.2.50;lr>"))
    assert routed.headers[b"Route"] == b"<sip:192.0.2.50;lr>"
    assert routed.flow.remote == ("192.0.2.50", 5060)


def test_phone_with_a_connection_is_told_there_and_by_the_outbound_proxy_once_it_is_gone() -> None:
    """The connection of a phone behind NAT is the only way to it; after that the proxy may help."""
    ways = FakeWays(proxy=_PROXY)
    ways.open.add(3)
    dialog = _dialog(_STREAM, ways)
    first = _notify(dialog)
    assert (first.flow, b"Route" in first.headers) == (_STREAM, False)
    ways.open.clear()
    second = _notify(dialog)
    assert second.start == first.start
    assert second.headers[b"Route"] == b"<sip:203.0.113.5;lr>"
    assert second.headers[b"Via"].startswith(b"SIP/2.0/UDP ")
    assert second.flow == Flow(LISTENER, ("203.0.113.5", 5060))
    ways.open.add(4)
    dialog.take(_incoming(_STREAM._replace(connection=4)))
    assert _notify(dialog).flow.connection == 4


def test_sips_does_not_pass_an_outbound_proxy_that_others_can_hear() -> None:
    """RFC 3261 §26.2.2."""
    stream = Flow(TLS, ("198.51.100.9", 40000), 3)
    contact = b"<sips:alice@192.0.2.7>"
    told = _notify(_dialog(stream, FakeWays(proxy=_PROXY), contact=contact))
    assert (told.flow.listener, b"Route" in told.headers) == (TLS, False)
    proxy = b"sip:203.0.113.5;transport=tls;lr"
    told = _notify(_dialog(stream, FakeWays(proxy=proxy), contact=contact + b";x=y"))
    assert (told.flow.listener, told.flow.remote) == (TLS, ("203.0.113.5", 5061))


def test_headers_in_a_contact_do_not_reach_an_outbound_proxy() -> None:
    """RFC 3261 §19.1.1."""
    notify = _notify(_dialog(ways=FakeWays(proxy=_PROXY), contact=b"<sip:a@192.0.2.7?Subject=x>"))
    assert notify.start == b"NOTIFY sip:a@192.0.2.7 SIP/2.0"


def test_request_to_a_name_is_told_what_to_look_up_and_what_else_there_is() -> None:
    """A phone that sent a datagram and named TCP is heard by datagram, if nothing else works."""
    contact = b"<sip:alice@p.example;transport=tcp>"
    outgoing = _dialog(ways=FakeWays(), contact=contact).next_request(b"b", b"x" * 2_000)
    hops = [flow.hop for flow in (outgoing.flow, *outgoing.further)]
    assert hops == [
        Hop("p.example", None, TCP.transport),
        Hop("p.example", None, LISTENER.transport),
    ]


@pytest.mark.parametrize("route", [b"<sip:p1.example;lr>", b"<sip:p1.example>"])
def test_several_proxies_are_passed_in_their_order(route: bytes) -> None:
    """RFC 3261 §12.1.1, §16.12.1.1: loose and strict routers may be mixed."""
    recorded = b"%b, <sip:192.0.2.51;lr>, <sip:192.0.2.52;lr;ftag=1>" % route
    data = _dialog(record_route=recorded).next_request(b"b", b"\r\n").message
    routes = [line[7:] for line in data.split(b"\r\n") if line.startswith(b"Route: ")]
    rest = [b"<sip:192.0.2.51;lr>", b"<sip:192.0.2.52;lr;ftag=1>"]
    if b";lr" in route:
        assert (data.split()[1], routes) == (b"sip:alice@192.0.2.7:5062", [route, *rest])
    else:
        phone = b"<sip:alice@192.0.2.7:5062>"
        assert (data.split()[1], routes) == (b"sip:p1.example", [*rest, phone])


def test_what_was_taken_follows_from_the_first_request_and_the_last_that_was_looked_at_anew() -> (
    None
):
    """So a dialog is kept as two messages; `take` says which one is the second."""
    requests = [
        _incoming(contact=b"<sip:alice@192.0.2.8>", cseq=b"2 SUBSCRIBE"),
        _incoming(contact=b"<sip:alice@192.0.2.8>", cseq=b"3 SUBSCRIBE"),
        _incoming(contact=None, cseq=b"4 SUBSCRIBE"),
    ]
    dialog = _dialog()
    assert [dialog.take(one) for one in requests] == [True, False, False]
    restored = _dialog()
    assert restored.take(requests[0], anew=True)
    restored.resumed(4, 0)
    assert (restored.flow, restored.contact) == (dialog.flow, dialog.contact)
    assert (restored.remote_cseq, _notify(restored)) == (dialog.remote_cseq, _notify(dialog))


def test_a_dialog_that_goes_on_counts_above_what_it_may_have_used() -> None:
    """An earlier life of the server may have sent NOTIFYs in it."""
    dialog = _dialog()
    dialog.resumed(7, 4_096)
    assert _notify(dialog).cseq == 4_097
    assert dialog.is_late(_incoming(cseq=b"7 SUBSCRIBE").request)
    assert not dialog.is_late(_incoming(cseq=b"8 SUBSCRIBE").request)
